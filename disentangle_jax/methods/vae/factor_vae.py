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

from disentangle_jax import errors, types
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import critics
from disentangle_jax.ops import axis, total_correlation

HPARAMS = {
  **common.HPARAMS,
  'gamma': 30.0,
  'discriminator_learning_rate': 1e-4,
}
STRENGTH = 'gamma'
BATCH = ('observation', 'second_observation')
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


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

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
  judge = lambda params, z: critic.apply({'params': params}, z)
  critic_adam = lambda h: discriminator_optimiser(
    h['discriminator_learning_rate']
  )

  def init(key, batch, hparams):
    key, critic_key = jax.random.split(key)
    params = networks.init(key, batch['observation'])
    codes = jnp.zeros((1, config.num_latents))
    discriminator = critic.init(critic_key, codes)['params']
    return State(
      params,
      common.optimiser(hparams).init(params),
      jnp.zeros((), jnp.int32),
      discriminator,
      critic_adam(hparams).init(discriminator),
    )

  def vae_loss(params, key, state, batch, hparams):
    terms = common.terms_of(networks, params, key, batch)
    logits = judge(state.discriminator, terms.z)
    ratio = total_correlation.density_ratio(logits)
    elbo = terms.reconstruction + jnp.sum(terms.kl)
    loss = elbo + hparams['gamma'] * ratio
    scalars = common.scalars_of(loss, terms.reconstruction, terms.kl)
    return loss, ({**scalars, 'total_correlation_ratio': ratio}, terms.z)

  def shuffled(params, key, batch, z):
    index = batch['index']
    key, order_key = jax.random.split(key)
    if config.permuted == 'second_batch':
      second = batch['second_observation']
      _, _, z = common.infer(networks, params, key, second, index)
    return total_correlation.permute_dims(order_key, z, index)

  def update(key, state, batch, hparams):
    key, critic_key = jax.random.split(key)
    grads, (scalars, z) = jax.grad(vae_loss, has_aux=True)(
      state.params, key, state, batch, hparams
    )
    updates, opt_state = common.optimiser(hparams).update(
      grads, state.opt_state, state.params
    )
    params = optax.apply_updates(state.params, updates)

    critic_loss = lambda p, z_perm: discriminator_loss(
      judge(p, z), judge(p, z_perm)
    )
    discriminator = state.discriminator
    critic_state = state.discriminator_opt_state
    for n in range(config.discriminator_updates):
      z_perm = shuffled(params, jax.random.fold_in(critic_key, n), batch, z)
      loss, grads = jax.value_and_grad(critic_loss)(discriminator, z_perm)
      updates, critic_state = critic_adam(hparams).update(grads, critic_state)
      discriminator = optax.apply_updates(discriminator, updates)
    scalars = {**scalars, 'discriminator_loss': loss}
    step = state.step + 1
    return State(params, opt_state, step, discriminator, critic_state), scalars

  return types.Method(init, update, *common.inference(networks))
