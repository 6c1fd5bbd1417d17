"""InfoGAN: a GAN whose images tell the codes that they were made from.

Chen et al., "InfoGAN: Interpretable Representation Learning by Information
Maximizing Generative Adversarial Nets", NIPS 2016,
https://arxiv.org/abs/1606.03657, eq. 5 and 6. Noise z, codes c = (k, u): k
uniform over K values, u ~ U(-1, 1). Q(c|x) shares the critic's trunk. With l
the critic's logit, sp the softplus, CE the cross entropies of the codes under
Q in nats per image, a step minimises

  critic, Q:  E sp(-l(x)) + E sp(l(G)) + lambda_k CE_k + lambda_u CE_u
  G:          E sp(-l(G))
                + generator_information (lambda_k CE_k + lambda_u CE_u)

in this order, each with latents of its own, by an Adam each (b1 0.5). So Q is
trained at the critic's rate and the trunk feels the codes too, as in the
published code; `generator_information` 0 is the paper's comparison, a GAN whose
Q is trained all the same. 'loss' is the critic's, 2 log 2 with blind players
and perfect codes.

Defaults are those for digits (appendix C.1): 62 noise, one code of 10 values,
2 continuous ones, rates 1e-3 (G) and 2e-4 (critic); faces took 5 continuous
codes, chairs 4 of 20 values and 1, SVHN 4 of 10 and 2, CelebA 10 of 10.
Choices: 'learned' deviations of Q (the paper's text; the published code has 1).
With deviation 1 the continuous bound is at most log 2 - 0.919 = -0.226 nats a
code; with learned ones it has no ceiling. Bounds of K values that reach log K
say nothing of the images' variety: read `sample_quality` beside them.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import common, reading
from disentangle_jax.ops import adversarial

CITATION = 'Chen et al. 2016, arXiv:1606.03657, eq. 5 and 6'
DISPLAY = 'InfoGAN'
HPARAMS = {
  'learning_rate': 1e-3,
  'critic_learning_rate': 2e-4,
  'lambda_categorical': 1.0,
  'lambda_continuous': 0.1,
  'generator_information': 1.0,
}
STRENGTH = 'generator_information'
# Moments of one image are no moments.
MIN_BATCH = 2
MAY_BE_ZERO = common.MAY_BE_ZERO
TEST = {'static': {'architecture': 'net', 'num_noise': 4}}
Config = common.Config
State = common.State


def adam(rate: jax.Array) -> optax.GradientTransformation:
  """Adam with the betas of DCGANs."""
  return optax.adam(rate, b1=0.5, b2=0.999)


def code_terms(
  config: common.Config,
  hparams: Mapping[str, jax.Array],
  heads: Mapping[str, jax.Array],
  latents: common.Latents,
) -> tuple[jax.Array, dict[str, jax.Array]]:
  """lambda_k CE_k + lambda_u CE_u, and the bounds on the information.

  Args:
    config: gives the codes.
    hparams: the two lambdas.
    heads: Q's outputs for the images of `latents`.
    latents: what the images were generated from.

  Returns:
    float32 scalar, and the scalars of `common.information`; nats.
  """
  categorical = common.categorical_cross_entropy(config, heads, latents)
  continuous = common.continuous_cross_entropy(config, heads, latents)
  weighted = (
    hparams['lambda_categorical'] * categorical
    + hparams['lambda_continuous'] * continuous
  )
  return weighted, common.information(config, categorical, continuous)


def players_of(state: State) -> dict[str, types.PyTree]:
  """Generator and critic, as `training.alternate` takes them."""
  return {
    'generator': state.params['generator'],
    'critic': common.critic_of(state),
  }


def init_of(
  networks: common.Networks,
  key: jax.Array,
  batch: Mapping[str, jax.Array],
  optimisers: Mapping[str, optax.GradientTransformation],
) -> State:
  """The state before the first step.

  Args:
    networks: of the method.
    key: a typed PRNG key.
    batch: gives the observation shape.
    optimisers: of 'generator' and 'critic'.

  Returns:
    The state.
  """
  params, head = networks.init(key, batch['observation'])
  state = State(params, (), jnp.zeros((), jnp.int32), head)
  players = players_of(state)
  opt_state = {n: optimisers[n].init(own) for n, own in players.items()}
  return state._replace(opt_state=opt_state)


def state_after(
  state: State,
  players: Mapping[str, types.PyTree],
  opt_states: Mapping[str, types.PyTree],
  statistics: Mapping[str, types.PyTree],
) -> State:
  """The state after a step's turns.

  Args:
    state: before.
    players: 'generator' and 'critic'.
    opt_states: of all optimisers.
    statistics: of 'generator', 'trunk' and 'posterior'.

  Returns:
    The new state.
  """
  critic = dict(players['critic'])
  head = critic.pop('head')
  params = {
    **state.params,
    'generator': players['generator'],
    **critic,
    'statistics': dict(statistics),
  }
  return state._replace(
    params=params, opt_state=opt_states, step=state.step + 1, head=head
  )


def critic_turn(
  config: common.Config,
  networks: common.Networks,
  hparams: Mapping[str, jax.Array],
  key: jax.Array,
  batch: Mapping[str, jax.Array],
  statistics: Mapping[str, types.PyTree],
) -> training.Turn:
  """The update of critic and Q; it tells the scalars and their statistics."""

  def loss_of(players, told):
    del told
    latents = networks.draw(key, batch['index'])
    images, _ = networks.generate(
      players['generator'], statistics['generator'], latents, True
    )
    images = jax.lax.stop_gradient(images)
    # One after the other: each batch is normalised by its own moments.
    judge = lambda x: networks.judge(players['critic'], statistics, x, True)
    real, fake = judge(batch['observation']), judge(images)
    codes, bounds = code_terms(config, hparams, fake.heads, latents)
    loss = adversarial.critic_loss(real.logits, fake.logits) + codes
    # Images are read by the trunk's averages over data; Q has only ever seen
    # generated ones.
    after = {
      'trunk': real.statistics['trunk'],
      'posterior': fake.statistics['posterior'],
    }
    return loss, ({'loss': loss, **bounds}, after)

  return training.Turn('critic', adam(hparams['critic_learning_rate']), loss_of)


def generator_turn(
  config: common.Config,
  networks: common.Networks,
  hparams: Mapping[str, jax.Array],
  key: jax.Array,
  index: jax.Array,
  statistics: Mapping[str, types.PyTree],
  further: Callable[..., jax.Array] = lambda players: jnp.zeros(()),
  game: Callable[
    [jax.Array], jax.Array
  ] = adversarial.non_saturating_generator_loss,
  optimiser: Callable[[jax.Array], optax.GradientTransformation] = adam,
) -> training.Turn:
  """The update of G; it tells its loss without codes, and its statistics.

  Args:
    config: static choices.
    networks: of the method.
    hparams: traced.
    key: of the latents.
    index: int32 [B].
    statistics: before the step.
    further: `(players) -> float32 scalar`, what G minimises besides.
    game: `(logits of generated images) -> float32 scalar`.
    optimiser: `(rate) -> optimiser`.

  Returns:
    The turn.
  """

  def loss_of(players, told):
    del told
    latents = networks.draw(key, index)
    images, after = networks.generate(
      players['generator'], statistics['generator'], latents, True
    )
    fake = networks.judge(players['critic'], statistics, images, True)
    codes, _ = code_terms(config, hparams, fake.heads, latents)
    own = game(fake.logits)
    loss = own + hparams['generator_information'] * codes + further(players)
    return loss, (own, after)

  rate = hparams['learning_rate']
  return training.Turn('generator', optimiser(rate), loss_of)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'generator_loss' (without the codes' term) and
    the bounds 'information_categorical' and 'information_continuous', nats.

  Raises:
    ConfigError: see `common.build`.
  """
  networks = common.build(config, data, centred=False)

  def init(key, batch, hparams):
    optimisers = {
      'generator': adam(hparams['learning_rate']),
      'critic': adam(hparams['critic_learning_rate']),
    }
    return init_of(networks, key, batch, optimisers)

  def update(key, state, batch, hparams):
    critic_key, generator_key = jax.random.split(key)
    index, statistics = batch['index'], state.params['statistics']
    given = (config, networks, hparams)
    players, opt_states, told = training.alternate(
      players_of(state),
      state.opt_state,
      [
        critic_turn(*given, critic_key, batch, statistics),
        generator_turn(*given, generator_key, index, statistics),
      ],
    )
    (scalars, critic_after), (own, generator_after) = told
    statistics = {'generator': generator_after, **critic_after}
    state = state_after(state, players, opt_states, statistics)
    return state, {**scalars, 'generator_loss': own}

  decode, extras = reading.decode_and_extras(config, networks, data.kind)
  represent = reading.represent(config, networks)
  layout = common.layout(config)
  return types.Method(init, update, represent, decode, extras, layout)
