"""SD-GAN: a critic of pairs makes some latents mean the identity.

Donahue et al. 2018, "Semantically Decomposing the Latent Spaces of Generative
Adversarial Networks", ICLR, https://arxiv.org/abs/1705.07904, section 3 and
eq. 2. z = [z_I; z_O], all U(-1, 1). A generated pair shares z_I, with a z_O
each; a real pair shares its identity. With l the logit of the critic of pairs
and sp the softplus a step minimises, in nats per pair,

  critic:  0.5 E sp(-l(x1, x2)) + 0.5 E sp(l(g1, g2))
  G:       E sp(-l(g1, g2))

in this order, each with latents of its own, by an Adam each (b1 0.5). The
generator's is the non-saturating form of the published code; eq. 2 prints the
saturating one. 'loss' is the critic's, log 2 with a blind critic.

The critic is Siamese: one encoder on each image, features of both stacked, then
a collating network. 'dcgan' has the published nets (`nn.pair_players`): batch
normalisation takes the moments of one call, so that real and generated, first
and second images have their own. 'net' is a net of this package, with
`collate_hidden` on the features of both images; 'net_bn_generator' normalises
its generator's layers, without which small generators collapse.

`paired=False` is a control of ours: the critic sees every image of the same
batches alone, all else is equal; nothing then makes z_I the identity.

Deviations: real pairs of equal images are left out of the critic's loss; first
and second generated images share the generator's batch moments. Observations
stay in [0, 1], the critic sees 2 x - 1.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import sd_common
from disentangle_jax.nn import image_players, mlp, nets, pair_players
from disentangle_jax.ops import adversarial

CITATION = 'Donahue et al. 2018, arXiv:1705.07904, section 3 and eq. 2'
DISPLAY = 'SD-GAN'
HPARAMS = {'learning_rate': 2e-4, 'critic_learning_rate': 2e-4}
# Moments of one image are no moments.
MIN_BATCH = 2
# The critic's loss rises again as the generator learns: it is a game.
PROGRESS = None
TEST = {
  'static': {
    'architecture': 'net',
    'identity': ('position_x', 'position_y'),
    'identity_latents': 2,
    'observation_latents': 3,
    'collate_hidden': (8,),
  },
}
State = sd_common.State
batch = sd_common.batch
_ARCHITECTURES = {'dcgan': 16, 'net': 0, 'net_bn_generator': 0}


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    architecture: 'dcgan' (the published nets), 'net' (takes `net`) or
      'net_bn_generator' (the same with a normalised generator, of net 'mlp').
    net: which networks, where the architecture is not 'dcgan': its decoder
      generates, its encoder sees one image.
    identity: names of the factors that make an identity.
    identity_latents: dI, length of z_I.
    observation_latents: dO, length of z_O.
    paired: whether the critic sees pairs.
    width: of 'dcgan', channels of the encoder's first layer.
    collate_hidden: of 'net', widths between the images' features and the logit.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  architecture: str = 'dcgan'
  net: nets.NetConfig = nets.mlp.Config()
  identity: tuple[str, ...] = ('object_hue', 'shape', 'scale')
  identity_latents: int = 50
  observation_latents: int = 50
  paired: bool = True
  width: int = 64
  collate_hidden: tuple[int, ...] = (64,)
  precision: str = 'auto'


class Networks(NamedTuple):
  """The players as pure functions of their parameters.

  Attributes:
    init: `(key) -> (params, critic)`.
    generate: `(generator, statistics, vector, train) -> (images [B, ...] in
      [0, 1], statistics)`.
    encode: `(critic, images) -> features [B, ...]` of one image.
    collate: `(critic, features) -> logits [B]`, features of all images that the
      critic sees at once, stacked on the last axis.
    judge: `(critic, first, second) -> logits [B, n]`; n is 1 where the critic
      sees pairs and 2 where it sees each image alone.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  generate: Callable[..., tuple[jax.Array, Any]]
  encode: Callable[..., jax.Array]
  collate: Callable[..., jax.Array]
  judge: Callable[..., jax.Array]


class _Collate(nn.Module):
  """Features -> logit, for nets without normalisation."""

  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, F] -> [B, 1], {}."""
    x = mlp.MLP(self.hidden, pair_players.leaky)(x)
    return nn.Dense(1, kernel_init=mlp.KERNEL_INIT)(x), {}


def build(config: Config, data: types.Dataset) -> Networks:
  """The players for a data set's images.

  Args:
    config: static choices.
    data: gives the observation shape and the factors.

  Returns:
    The functions.

  Raises:
    ConfigError: see `sd_common.check`.
  """
  sd_common.check(config, data, _ARCHITECTURES)
  for width in config.collate_hidden:
    checks.integer('config.static.collate_hidden', width, 1)
  shape = data.observation_shape
  if config.architecture == 'dcgan':
    generator = pair_players.DcganGenerator(shape, config.width)
    encoder = pair_players.DcganEncoder(config.width)
    collating = pair_players.DcganCollate(config.width)
  else:
    image_players.check(config.architecture, config.net, shape)
    generators = {
      'net': image_players.NetGenerator,
      'net_bn_generator': image_players.NormalisedNetGenerator,
    }
    generator = generators[config.architecture](config.net, shape)
    encoder = image_players.NetTrunk(config.net)
    collating = _Collate(tuple(config.collate_hidden))
  width = config.identity_latents + config.observation_latents
  run = lambda module, params, x, **options: nets.apply(
    module, params, x, config.precision, **options
  )

  def init(key):
    keys = jax.random.split(key, 3)
    start = lambda module, own, x: module.init_with_output(own, x)
    (_, statistics), made = start(generator, keys[0], jnp.zeros((1, width)))
    (features, _), seen = start(encoder, keys[1], jnp.zeros((1, *shape)))
    stacked = _stack([features] * (1 + config.paired))
    _, joined = start(collating, keys[2], stacked)
    own = lambda variables: variables.get('params', {})
    params = {'generator': own(made), 'statistics': statistics}
    return params, {'encoder': own(seen), 'collate': own(joined)}

  def generate(params, statistics, vector, train):
    raw, after = run(
      generator, params, vector, statistics=statistics, train=train
    )
    # tanh(a), moved to [0, 1], is the logistic function of 2 a.
    return jax.nn.sigmoid(2 * raw), after

  # A critic is never asked but in training: it keeps no averages.
  def encode(critic, images):
    return run(encoder, critic['encoder'], 2 * images - 1, train=True)[0]

  def collate(critic, features):
    return run(collating, critic['collate'], features, train=True)[0][:, 0]

  def judge(critic, first, second):
    seen = [encode(critic, first), encode(critic, second)]
    seen = [_stack(seen)] if config.paired else seen
    return jnp.stack([collate(critic, x) for x in seen], axis=-1)

  return Networks(init, generate, encode, collate, judge)


def _stack(features):
  return jnp.concatenate(features, axis=-1)


def _adam(rate: jax.Array) -> optax.GradientTransformation:
  return optax.adam(rate, b1=0.5, b2=0.999)


def _optimisers(hparams):
  return {
    'generator': _adam(hparams['learning_rate']),
    'critic': _adam(hparams['critic_learning_rate']),
  }


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and factors.

  Returns:
    The method, without an encoder; it also reports 'generator_loss', nats.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)

  def init(key, batch, hparams):
    del batch
    params, critic = networks.init(key)
    optimisers = _optimisers(hparams)
    opt_state = {
      'generator': optimisers['generator'].init(params['generator']),
      'critic': optimisers['critic'].init(critic),
    }
    return State(params, opt_state, jnp.zeros((), jnp.int32), critic)

  def pair(players, statistics, key, index):
    generate = lambda vector: networks.generate(
      players['generator'], statistics, vector, True
    )
    return sd_common.generated_pair(config, generate, key, index)

  def update(key, state, batch, hparams):
    critic_key, generator_key = jax.random.split(key)
    index, statistics = batch['index'], state.params['statistics']

    def critic_loss(players, told):
      del told
      images, _ = pair(players, statistics, critic_key, index)
      fake = networks.judge(players['critic'], *jax.lax.stop_gradient(images))
      real = networks.judge(
        players['critic'], batch['observation'], batch['identity_pair']
      )
      on_data = sd_common.mean_of_pairs(jax.nn.softplus(-real), batch)
      # softplus(l) on generated pairs, the same loss with the sign turned.
      other = adversarial.non_saturating_generator_loss(-fake)
      loss = 0.5 * (on_data + other)
      return loss, loss

    def generator_loss(players, told):
      del told
      images, after = pair(players, statistics, generator_key, index)
      fake = networks.judge(players['critic'], *images)
      loss = adversarial.non_saturating_generator_loss(fake)
      return loss, (loss, after)

    optimisers = _optimisers(hparams)
    players, opt_states, told = training.alternate(
      {'generator': state.params['generator'], 'critic': state.critic},
      state.opt_state,
      [
        training.Turn('critic', optimisers['critic'], critic_loss),
        training.Turn('generator', optimisers['generator'], generator_loss),
      ],
    )
    loss, (own, after) = told
    params = {'generator': players['generator'], 'statistics': after}
    state = State(params, opt_states, state.step + 1, players['critic'])
    return state, {'loss': loss, 'generator_loss': own}

  def images(params, vector):
    statistics = params['statistics']
    return networks.generate(params['generator'], statistics, vector, False)[0]

  decode, extras, layout = sd_common.reading(config, images)
  return types.Method(init, update, None, decode, extras, layout)
