"""SD-BEGAN: an autoencoder of pairs as the critic.

Donahue et al. 2018, "Semantically Decomposing the Latent Spaces of Generative
Adversarial Networks", ICLR, https://arxiv.org/abs/1705.07904, section 3.2 and
appendix, on Berthelot et al. 2017, "BEGAN", https://arxiv.org/abs/1703.10717.
Latents and pairs are those of `sd_gan`. The critic encodes both images,
h_i = D_e(x_i) in R^(dI + dO), b = A [h_1; h_2] in R^(dI + 2 dO), and decodes
[y_1; y_2] = C b, r_i = D_d(y_i); A and C are affine, weights of D_e and D_d are
shared. With l(x1, x2) the mean of |r - x| over both images and all values, as
the critic sees them (2 x - 1, a range of 2), a step minimises

  critic:  l(real) - k l(generated)
  G:       l(generated)

from the same batch, latents and old parameters, and then

  k <- clip(k + lambda_k (gamma l(real) - l(generated)), 0, 1),   k = 0 at first

l is a mean, not the sum that losses of this package are elsewhere: lambda_k
lives on that scale. Both rates halve every `decay_every` steps, not below a
quarter (8e-5 to 2e-5 in the paper's code); Adam has its default betas.
'loss' is the critic's; 'convergence' is l(real) + |gamma l(real) - l(gen.)|.

'began' has the published nets (`nn.pair_players`), 'net' the encoder and the
decoder of a net of this package, whose decoder's form serves G and D_d alike.
Nets have no activation at the end; what is read is cut to [0, 1].

`paired=False` is a control of ours: b in R^(dI + dO) of one image, each image
of the same batches alone. Deviation: real pairs of equal images are left out.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import sd_common
from disentangle_jax.nn import mlp, nets, pair_players
from disentangle_jax.ops import adversarial, axis

CITATION = (
  'Donahue et al. 2018, arXiv:1705.07904, section 3.2; '
  'Berthelot et al. 2017, arXiv:1703.10717'
)
DISPLAY = 'SD-BEGAN'
HPARAMS = {
  'learning_rate': 8e-5,
  'critic_learning_rate': 8e-5,
  'gamma': 0.5,
  'lambda_k': 1e-3,
  'decay_every': 1e5,
}
STRENGTH = 'gamma'
BOUNDS = {'gamma': (0.0, 1.0), 'decay_every': (1.0, float('inf'))}
TEST = {
  'static': {
    'architecture': 'net',
    'identity': ('position_x', 'position_y'),
    'identity_latents': 2,
    'observation_latents': 3,
  },
}
State = sd_common.State
batch = sd_common.batch
_ARCHITECTURES = {'began': 8, 'net': 0}
# Of the rates, what is left at the end.
_LEAST_RATE = 0.25


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    architecture: 'began' (the published nets) or 'net' (takes `net`).
    net: which networks, where the architecture is 'net'.
    identity: names of the factors that make an identity.
    identity_latents: dI, length of z_I.
    observation_latents: dO, length of z_O.
    paired: whether the critic sees pairs.
    width: of 'began', n.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  architecture: str = 'began'
  net: nets.NetConfig = nets.mlp.Config()
  identity: tuple[str, ...] = ('object_hue', 'shape', 'scale')
  identity_latents: int = 50
  observation_latents: int = 50
  paired: bool = True
  width: int = 128
  precision: str = 'auto'


class Networks(NamedTuple):
  """The players as pure functions; images are in [-1, 1] here.

  Attributes:
    init: `(key) -> (generator, critic)`.
    generate: `(generator, vector) -> images [B, ...]`.
    bottleneck: `(critic, images [B, n, ...]) -> float [B, width]`, of the n
      images that the critic sees at once.
    reconstruct: `(critic, images [B, n, ...]) -> [B, n, ...]`.
    error: `(critic, first, second) -> l, float [B]`.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  generate: Callable[..., jax.Array]
  bottleneck: Callable[..., jax.Array]
  reconstruct: Callable[..., jax.Array]
  error: Callable[..., jax.Array]


class _Encoder(nn.Module):
  """A net's encoder with one linear head."""

  net: nets.NetConfig
  features: int

  @nn.compact
  def __call__(self, x):
    """float [B, ...] -> [B, features]."""
    heads = mlp.Heads((('code', self.features),))
    return heads(nets.NETS[self.net.name].encode(self.net, x))['code']


def error_of(images: jax.Array, reconstructed: jax.Array) -> jax.Array:
  """l: the mean of |r - x| over all images and values of an example.

  Args:
    images: float [B, n, ...].
    reconstructed: the same shape.

  Returns:
    float [B].
  """
  difference = jnp.abs(reconstructed - images)
  return jnp.mean(difference.reshape(len(images), -1), axis=1)


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
  shape = data.observation_shape
  code = config.identity_latents + config.observation_latents
  if config.architecture == 'began':
    decoder = pair_players.BeganDecoder(shape, config.width)
    encoder = pair_players.BeganEncoder(code, config.width)
  else:
    decoder = nets.Decoder(config.net, shape)
    encoder = _Encoder(config.net, code)
  seen = 2 if config.paired else 1
  narrow = nn.Dense(
    config.identity_latents + seen * config.observation_latents,
    kernel_init=mlp.KERNEL_INIT,
  )
  wide = nn.Dense(seen * code, kernel_init=mlp.KERNEL_INIT)
  run = lambda module, params, x: nets.apply(
    module, params, x, config.precision
  )

  def init(key):
    start = lambda module, own, *size: module.init(own, jnp.zeros((1, *size)))[
      'params'
    ]
    keys = jax.random.split(key, 5)
    critic = {
      'encoder': start(encoder, keys[1], *shape),
      'narrow': start(narrow, keys[2], seen * code),
      'wide': start(wide, keys[3], narrow.features),
      'decoder': start(decoder, keys[4], code),
    }
    return start(decoder, keys[0], code), critic

  def generate(params, vector):
    return run(decoder, params, vector)

  def bottleneck(critic, images):
    flat = images.reshape(-1, *shape)
    codes = run(encoder, critic['encoder'], flat)
    return run(narrow, critic['narrow'], codes.reshape(len(images), -1))

  def reconstruct(critic, images):
    codes = run(wide, critic['wide'], bottleneck(critic, images))
    decoded = run(decoder, critic['decoder'], codes.reshape(-1, code))
    return decoded.reshape(images.shape)

  def error(critic, first, second):
    images = jnp.stack([first, second], axis=1)
    if not config.paired:
      images = images.reshape(-1, 1, *shape)
    each = error_of(images, reconstruct(critic, images))
    return jnp.mean(each.reshape(len(first), -1), axis=1)

  return Networks(init, generate, bottleneck, reconstruct, error)


def rates(hparams, step: jax.Array) -> dict[str, jax.Array]:
  """Rates of both players at a step, see the module's docstring."""
  halvings = jnp.floor(step / hparams['decay_every'])
  share = jnp.maximum(_LEAST_RATE, 0.5**halvings)
  return {
    'generator': share * hparams['learning_rate'],
    'critic': share * hparams['critic_learning_rate'],
  }


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and factors.

  Returns:
    The method, without an encoder; it also reports 'generator_loss',
    'real_error', 'convergence', 'balance' (gamma l(real) - l(generated)) and
    'k' before the step.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)

  def init(key, batch, hparams):
    del batch
    generator, critic = networks.init(key)
    start = rates(hparams, jnp.zeros(()))
    opt_state = {
      'generator': optax.adam(start['generator']).init(generator),
      'critic': optax.adam(start['critic']).init(critic),
    }
    params = {'generator': generator}
    return State(
      params, opt_state, jnp.zeros((), jnp.int32), critic, jnp.zeros(())
    )

  def update(key, state, batch, hparams):
    now = rates(hparams, state.step)
    k, generator = state.balance, state.params['generator']

    def pair(generator):
      generate = lambda vector: (networks.generate(generator, vector), ())
      index = batch['index']
      return sd_common.generated_pair(config, generate, key, index)[0]

    def critic_loss(critic):
      fake = networks.error(critic, *pair(generator))
      see = lambda name: 2 * batch[name] - 1
      each = networks.error(critic, see('observation'), see('identity_pair'))
      # The mean of the pairs that count, in the place of every pair.
      real = jnp.broadcast_to(sd_common.mean_of_pairs(each, batch), each.shape)
      return adversarial.began_critic_loss(real, fake, k), (real, fake)

    def generator_loss(own):
      fake = networks.error(state.critic, *pair(own))
      loss = adversarial.began_generator_loss(fake)
      return loss, loss

    critic, critic_opt, (real, fake) = training.descend(
      critic_loss,
      optax.adam(now['critic']),
      state.critic,
      state.opt_state['critic'],
    )
    generator, generator_opt, own = training.descend(
      generator_loss,
      optax.adam(now['generator']),
      generator,
      state.opt_state['generator'],
    )
    after, convergence = adversarial.began_balance(
      k, real, fake, hparams['gamma'], hparams['lambda_k']
    )
    mean_real = axis.mean(real)
    scalars = {
      'loss': adversarial.began_critic_loss(real, fake, k),
      'generator_loss': own,
      'real_error': mean_real,
      'convergence': convergence,
      'balance': hparams['gamma'] * mean_real - axis.mean(fake),
      'k': k,
    }
    opt_state = {'generator': generator_opt, 'critic': critic_opt}
    state = State(
      {'generator': generator}, opt_state, state.step + 1, critic, after
    )
    return state, scalars

  def images(params, vector):
    raw = networks.generate(params['generator'], vector)
    return jnp.clip((raw + 1) / 2, 0.0, 1.0)

  decode, extras, layout = sd_common.reading(config, images)
  return types.Method(init, update, None, decode, extras, layout)
