"""InfoWGAN-GP: InfoGAN on a Wasserstein critic with a gradient penalty.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of
Disentangled Representations", ICLR 2018,
https://openreview.net/forum?id=By-7dz-AZ, appendix A.2, on Gulrajani et al.
2017, https://arxiv.org/abs/1704.00028, eq. 3. Q reads codes off the critic's
trunk; D is the critic's output, CE the codes' cross entropies as in `infogan`:

  critic, Q:  E D(G) - E D(x) + gradient_penalty E (|grad_v D(v)| - 1)^2
                + lambda_k CE_k + lambda_u CE_u,   v between x and G
  G:          -E D(G) + generator_information (lambda_k CE_k + lambda_u CE_u)

A step is `critic_updates` updates of the critic, each on images and latents of
its own, then one of G; Adam 1e-4 with betas 0 and 0.9 for both. The penalty is
on D's own output with respect to what the critic sees, 2 x - 1; no batch
normalisation in the critic, for it mixes the rows.

Defaults: the paper's 6 continuous codes, 128 noise and weight 8. Q's deviation
is 1, as in the released code: with a learned one all effort goes into codes and
the images stay noise. Codes are U(-1, 1) (the text says normal, its figure and
its code uniform). 'wasserstein' is E D(x) - E D(G), in the critic's units;
'penalty' the mean of (|grad D| - 1)^2, without its weight.
"""

import dataclasses

import jax
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import common, infogan, reading
from disentangle_jax.nn import image_players
from disentangle_jax.ops import adversarial

CITATION = (
  'Eastwood & Williams 2018, appendix A.2; Gulrajani et al. 2017, eq. 3'
)
DISPLAY = 'InfoWGAN'
HPARAMS = {
  'learning_rate': 1e-4,
  'critic_learning_rate': 1e-4,
  'lambda_categorical': 1.0,
  'lambda_continuous': 8.0,
  'gradient_penalty': 10.0,
  'generator_information': 1.0,
}
STRENGTH = 'lambda_continuous'
MIN_BATCH = 2
MAY_BE_ZERO = common.MAY_BE_ZERO
TEST = {
  'static': {
    'architecture': 'net',
    'categories': (3,),
    'num_noise': 4,
    'critic_updates': 1,
  }
}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    critic_updates: per step.
  """

  architecture: str = 'resnet'
  categories: tuple[int, ...] = ()
  num_continuous: int = 6
  num_noise: int = 128
  code_sigma: str = 'fixed'
  critic_updates: int = 5


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Images for every update of the critic."""
  own = (requests.Observation(),)
  if config.critic_updates > 1:
    own += (requests.MoreObservations(config.critic_updates - 1),)
  return own


def adam(rate: jax.Array) -> optax.GradientTransformation:
  """Adam with the betas of Gulrajani et al. 2017."""
  return optax.adam(rate, b1=0.0, b2=0.9)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'wasserstein', 'slope', 'generator_loss' and the
    bounds on the information, of the last critic's update.

  Raises:
    ConfigError: see `common.build`; a critic with batch normalisation.
  """
  checks.integer('config.static.critic_updates', config.critic_updates, 1)
  if config.architecture in image_players.NORMALISED_CRITICS:
    legal = [
      pair
      for pair in image_players.PAIRS
      if pair not in image_players.NORMALISED_CRITICS
    ]
    rule = (
      'normalises the critic by batches, which leaves no slope per image; '
      f'legal: {", ".join(map(repr, legal))}'
    )
    raise errors.value('config.static.architecture', config.architecture, rule)
  networks = common.build(config, data, centred=True)

  def critic_turn(key, images, index, statistics, hparams):
    latents_key, between_key = jax.random.split(key)

    def loss_of(players, told):
      del told
      critic = players['critic']
      latents = networks.draw(latents_key, index)
      generated, _ = networks.generate(
        players['generator'], statistics['generator'], latents, True
      )
      generated = jax.lax.stop_gradient(generated)
      real = networks.judge(critic, statistics, images, True)
      fake = networks.judge(critic, statistics, generated, True)
      distance = -adversarial.wasserstein_critic_loss(real.logits, fake.logits)
      penalty = adversarial.gradient_penalty(
        lambda v: networks.score(critic, statistics, v),
        between_key,
        index,
        networks.see(images),
        networks.see(generated),
      )
      codes, bounds = infogan.code_terms(config, hparams, fake.heads, latents)
      loss = -distance + hparams['gradient_penalty'] * penalty + codes
      scalars = {'loss': loss, 'wasserstein': distance, 'penalty': penalty}
      return loss, {**scalars, **bounds}

    rate = hparams['critic_learning_rate']
    return training.Turn('critic', adam(rate), loss_of)

  def init(key, batch, hparams):
    optimisers = {
      'generator': adam(hparams['learning_rate']),
      'critic': adam(hparams['critic_learning_rate']),
    }
    return infogan.init_of(networks, key, batch, optimisers)

  def update(key, state, batch, hparams):
    index, statistics = batch['index'], state.params['statistics']
    turns = []
    for number in range(config.critic_updates):
      images = batch['observation']
      if number:
        images = batch['more_observations'][:, number - 1]
      own_key = jax.random.fold_in(key, number)
      turns.append(critic_turn(own_key, images, index, statistics, hparams))
    own_key = jax.random.fold_in(key, config.critic_updates)
    turns.append(
      infogan.generator_turn(
        config,
        networks,
        hparams,
        own_key,
        index,
        statistics,
        game=adversarial.wasserstein_generator_loss,
        optimiser=adam,
      )
    )
    players, opt_states, told = training.alternate(
      infogan.players_of(state),
      state.opt_state,
      turns,
    )
    own, generator_after = told[-1]
    statistics = {**statistics, 'generator': generator_after}
    state = infogan.state_after(state, players, opt_states, statistics)
    return state, {**told[-2], 'generator_loss': own}

  decode, extras = reading.decode_and_extras(config, networks, data.kind)
  represent = reading.represent(config, networks)
  layout = common.layout(config)
  return types.Method(init, update, represent, decode, extras, layout)
