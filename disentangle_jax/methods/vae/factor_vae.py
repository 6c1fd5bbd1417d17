"""FactorVAE: total correlation by a density ratio.

Kim & Mnih, "Disentangling by Factorising", ICML 2018,
https://arxiv.org/abs/1802.05983, eq. 2 and 3 and Algorithm 2. Minimised by
encoder and decoder, in nats per image:

  E_q[-log p(x|z)] + KL + gamma E_q[log D(z) - log(1 - D(z))]

and by the discriminator -1/2 E[log D(z)] - 1/2 E[log(1 - D(z_perm))], where the
dimensions of z_perm were shuffled over a batch. As in Algorithm 2 a step is one
update of the VAE, then one of the discriminator on the same z and on codes of a
second, independent batch, encoded by the updated encoder. Discriminator: 6
layers of 1000 leaky ReLU, Adam with betas 0.5 and 0.9, both at 1e-4.

Static options: `permuted='same_batch'` shuffles z itself, as the code of the
2019 study does; `discriminator_updates` repeats the discriminator's update, on
fresh samples and shuffles of the second batch (of the same z: fresh shuffles
alone); `discriminator_width` and `_depth`. Deviations: the discriminator's log
probabilities come from the logits (the 2019 code clips probabilities at 1e-6).
Weight decay is the VAE's alone. The 2019 code counts both updates as steps, so
that its 300,000 steps are 150,000 of these.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import critics, nets
from disentangle_jax.ops import axis, total_correlation

CITATION = 'Kim & Mnih 2018, arXiv:1802.05983, eq. 2 and 3'
DISPLAY = 'FactorVAE'
HPARAMS = {
  **common.HPARAMS,
  'gamma': 30.0,
  'discriminator_learning_rate': 1e-4,
}
STRENGTH = 'gamma'
# One code cannot be shuffled.
MIN_BATCH = 2

PERMUTED = ('second_batch', 'same_batch')


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    permuted: which codes are shuffled, one of PERMUTED.
    discriminator_updates: per step.
    discriminator_width: units per layer.
    discriminator_depth: hidden layers.
  """

  permuted: str = 'second_batch'
  discriminator_updates: int = 1
  discriminator_width: int = 1000
  discriminator_depth: int = 6


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: of encoder and decoder; what an export keeps.
    opt_state: their Adam.
    step: int32 scalar.
    discriminator: its parameters.
    discriminator_opt_state: its own Adam.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  discriminator: types.PyTree
  discriminator_opt_state: types.PyTree


def batch(config: Config) -> tuple[requests.Request, ...]:
  """A second batch, unless the first one's codes are shuffled."""
  if config.permuted == 'same_batch':
    return (requests.Observation(),)
  return (requests.Observation(), requests.SecondBatch())


def discriminator_optimiser(rate: jax.Array) -> optax.GradientTransformation:
  """Adam with the paper's betas."""
  return optax.adam(rate, b1=0.5, b2=0.9)


def discriminator_loss(
  logits: jax.Array, permuted_logits: jax.Array
) -> jax.Array:
  """Cross entropy of codes (class 0) against shuffled codes (class 1).

  Args:
    logits: float [B, 2], of codes.
    permuted_logits: float [B, 2], of shuffled codes.

  Returns:
    float scalar, nats, mean of the two halves; log 2 for a blind one.
  """
  own = jax.nn.log_softmax(logits)[:, 0]
  other = jax.nn.log_softmax(permuted_logits)[:, 1]
  return -0.5 * axis.mean(own + other)


def make(
  config: Config,
  data: types.Dataset,
  addition: common.Addition | None = None,
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.
    addition: what encoder and decoder minimise beside it.

  Returns:
    The method; it also reports 'total_correlation_ratio' (nats, the
    discriminator's estimate before its update) and 'discriminator_loss'.

  Raises:
    ConfigError: an unknown option.
  """
  if config.permuted not in PERMUTED:
    raise errors.choices('config.static.permuted', config.permuted, PERMUTED)
  networks = common.build(config, data)
  critic = critics.Discriminator(
    config.discriminator_width, config.discriminator_depth
  )
  judge = lambda params, z: nets.apply(critic, params, z, config.precision)
  critic_adam = lambda h: discriminator_optimiser(
    h['discriminator_learning_rate']
  )

  def init(key, batch, hparams):
    key, critic_key = jax.random.split(key)
    params = common.initial(networks, key, batch['observation'], addition)
    codes = jnp.zeros((1, config.num_latents))
    discriminator = critic.init(critic_key, codes)['params']
    return State(
      params,
      training.adamw(hparams).init(params),
      jnp.zeros((), jnp.int32),
      discriminator,
      critic_adam(hparams).init(discriminator),
    )

  def vae_turn(key, step, batch, hparams):
    def loss(players, told):
      del told
      terms = common.terms_of(networks, players['vae'], key, batch)
      logits = judge(players['discriminator'], terms.z)
      ratio = total_correlation.density_ratio(logits)
      elbo = terms.reconstruction + jnp.sum(terms.kl)
      loss = elbo + hparams['gamma'] * ratio
      scalars = common.scalars_of(loss, terms.reconstruction, terms.kl)
      scalars['total_correlation_ratio'] = ratio
      loss, scalars = common.total(
        networks, players['vae'], batch, hparams, step, loss, scalars, addition
      )
      return loss, (scalars, terms.z)

    return training.Turn('vae', training.adamw(hparams), loss)

  def discriminator_turn(key, batch, hparams):
    index = batch['index']

    def loss(players, told):
      z = other = told[0][1]
      z_key, order_key = jax.random.split(key)
      if config.permuted == 'second_batch':
        second = batch['second_observation']
        vae = players['vae']
        _, _, other = common.infer(networks, vae, z_key, second, index)
      permuted = total_correlation.permute_dims(order_key, other, index)
      own = players['discriminator']
      loss = discriminator_loss(judge(own, z), judge(own, permuted))
      return loss, loss

    return training.Turn('discriminator', critic_adam(hparams), loss)

  def update(key, state, batch, hparams):
    key, critic_key = jax.random.split(key)
    keys = [
      jax.random.fold_in(critic_key, n)
      for n in range(config.discriminator_updates)
    ]
    players, opt_states, told = training.alternate(
      {'vae': state.params, 'discriminator': state.discriminator},
      {'vae': state.opt_state, 'discriminator': state.discriminator_opt_state},
      [
        vae_turn(key, state.step, batch, hparams),
        *[discriminator_turn(k, batch, hparams) for k in keys],
      ],
    )
    scalars = {**told[0][0], 'discriminator_loss': told[-1]}
    state = State(
      params=players['vae'],
      opt_state=opt_states['vae'],
      step=state.step + 1,
      discriminator=players['discriminator'],
      discriminator_opt_state=opt_states['discriminator'],
    )
    return state, scalars

  inference = common.inference(networks, config.num_latents)
  return types.Method(init, update, *inference)
