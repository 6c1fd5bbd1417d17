"""Generators and critics' trunks for images, with their normalisation.

Every network is called as `(x, statistics=None, train=False) -> (output,
statistics)`, see `nn.norm`; those without batch normalisation give {}. Pairs:

  'net': any of `nn.nets`, its decoder and its encoder below the heads, without
    normalisation.
  'net_bn_generator': the layers of net 'mlp', the generator's with batch
    normalisation below their activation.
  'net_bn': the same, the critic's too but for its first layer (as in 'dcgan').
  'dcgan': the nets of InfoGAN on digits (Chen et al. 2016, appendix C.1), any
    image whose sides can be quartered.
  'sprites': the nets of InfoGAN-CR on 64 x 64 sprites (Lin et al. 2020,
    https://arxiv.org/abs/1906.06034, and its released code): batch
    normalisation in the generator, above the activation; none in the critic. On
    smaller images the layers nearest to the image are left out, so that at
    least 4 rows and columns remain at the bottom.
  'resnet': those of Gulrajani et al. 2017 (https://arxiv.org/abs/1704.00028,
    appendix F), sides that are multiples of 16; 64 there. Layer normalisation
    in the critic, whose gradient penalty is per example.
"""

from collections.abc import Callable
import functools
import math
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import errors
from disentangle_jax.nn import activations, conv, mlp, nets, norm

PAIRS = (
  'net',
  'net_bn_generator',
  'net_bn',
  'dcgan',
  'sprites',
  'resnet',
)
# Pairs whose critic sees a batch as one: no row has a slope of its own.
NORMALISED_CRITICS = ('net_bn', 'dcgan')
# Slope of the leaky units: 0.01 in the published code (0.1 in its paper).
leaky = functools.partial(activations.leaky_relu, negative_slope=0.01)
# That of InfoGAN-CR's code.
steeper = functools.partial(activations.leaky_relu, negative_slope=0.2)
# Of the critic of sprites, from the image on; the generator's in reverse.
SPRITE_CHANNELS = (32, 32, 64, 64)
# Rows that 'sprites' leaves at the bottom.
_LEAST_BASE = 4

_NORMAL = nn.initializers.normal(0.02)
_GAIN = lambda key, shape, dtype=jnp.float32: (
  1 + 0.02 * jax.random.normal(key, shape, dtype)
)
_HE = nn.initializers.he_normal()


def check(pair: str, net: Any, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError where a pair cannot have such observations.

  Args:
    pair: one of PAIRS.
    net: the net of 'net'.
    observation_shape: of one observation.
  """
  if pair not in PAIRS:
    raise errors.choices('config.static.architecture', pair, PAIRS)
  if pair.startswith('net'):
    nets.check(net, observation_shape)
    if pair != 'net' and net.name != 'mlp':
      rule = f"architecture {pair!r} normalises the layers of net 'mlp'"
      raise errors.value('config.net.name', net.name, rule)
    return
  divisor = {'dcgan': 4, 'sprites': 2 * _LEAST_BASE, 'resnet': 16}[pair]
  if len(observation_shape) != 3:
    rule = f'needs images, got {observation_shape}; "net" takes others'
    raise errors.value('config.static.architecture', pair, rule)
  if any(side % divisor for side in observation_shape[:2]):
    rule = (
      f'architecture {pair!r} needs sides that are multiples of {divisor}; '
      "or take architecture 'net'"
    )
    raise errors.value('config.dataset.resolution', observation_shape[0], rule)


class NetGenerator(nn.Module):
  """A net's decoder.

  Attributes:
    net: which.
    observation_shape: of one image.
  """

  net: Any
  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, *observation_shape], {}."""
    decode = nets.NETS[self.net.name].decode
    return decode(self.net, self.observation_shape, x), {}


class NetTrunk(nn.Module):
  """A net's encoder below its heads."""

  net: Any

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, *observation] -> features [B, F], {}."""
    return nets.NETS[self.net.name].encode(self.net, x), {}


class NormalisedNetGenerator(nn.Module):
  """The decoder of net 'mlp', its hidden layers with batch normalisation.

  Attributes:
    net: gives widths and activation.
    observation_shape: of one image.
  """

  net: Any
  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, *observation_shape], statistics."""
    layers = norm.Layers(statistics, train)
    dense = functools.partial(nn.Dense, kernel_init=mlp.KERNEL_INIT)
    activation = nets.mlp.ACTIVATIONS[self.net.decoder_activation]
    for number, width in enumerate(self.net.decoder_hidden):
      x = dense(width, use_bias=False)(x)
      x = activation(layers.batch_norm(f'norm_{number}', x))
    x = dense(math.prod(self.observation_shape))(x)
    return x.reshape(-1, *self.observation_shape), layers.statistics


class NormalisedNetTrunk(nn.Module):
  """The encoder of net 'mlp', all but its first layer normalised."""

  net: Any

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, *observation] -> features [B, F], statistics."""
    layers = norm.Layers(statistics, train)
    activation = nets.mlp.ACTIVATIONS[self.net.encoder_activation]
    x = x.reshape(len(x), -1)
    for number, width in enumerate(self.net.encoder_hidden):
      normalised = number > 0
      dense = nn.Dense(
        width, kernel_init=mlp.KERNEL_INIT, use_bias=not normalised
      )
      x = dense(x)
      if normalised:
        x = layers.batch_norm(f'norm_{number}', x)
      x = activation(x)
    return x, layers.statistics


class DcganGenerator(nn.Module):
  """Dense 1024, dense to a quarter of the image, two transposed convolutions.

  Attributes:
    observation_shape: (H, W, C), sides divisible by 4.
  """

  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, H, W, C], statistics."""
    height, width, channels = self.observation_shape
    layers = norm.Layers(statistics, train, gain_init=_GAIN)
    dense = functools.partial(nn.Dense, kernel_init=_NORMAL, use_bias=False)
    up = functools.partial(
      conv.Conv, kernel=4, stride=2, transpose=True, kernel_init=_NORMAL
    )
    x = activations.relu(layers.batch_norm('norm_0', dense(1024)(x)))
    base = (height // 4, width // 4, 128)
    x = activations.relu(layers.batch_norm('norm_1', dense(math.prod(base))(x)))
    x = up(64)(x.reshape(-1, *base))
    x = activations.relu(layers.batch_norm('norm_2', x))
    return up(channels)(x), layers.statistics


class DcganTrunk(nn.Module):
  """Two strided convolutions and a dense layer of 1024."""

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> features [B, 1024], statistics."""
    layers = norm.Layers(statistics, train, gain_init=_GAIN)
    down = functools.partial(conv.Conv, kernel=4, stride=2, kernel_init=_NORMAL)
    x = leaky(down(64)(x))
    x = leaky(layers.batch_norm('norm_0', down(128)(x)))
    x = x.reshape(len(x), -1)
    x = nn.Dense(1024, kernel_init=_NORMAL, use_bias=False)(x)
    return leaky(layers.batch_norm('norm_1', x)), layers.statistics


def sprite_channels(observation_shape: tuple[int, ...]) -> tuple[int, ...]:
  """Widths of the critic of sprites on such images, from the image on.

  Args:
    observation_shape: (H, W, C), sides divisible by 8.

  Returns:
    The last of SPRITE_CHANNELS, one for each halving that leaves at least 4
    rows and columns, at most four: all of them from 64 x 64 on.
  """
  count = 0
  for halvings in range(1, len(SPRITE_CHANNELS) + 1):
    sides = observation_shape[:2]
    if all(
      side % 2**halvings == 0 and side >> halvings >= _LEAST_BASE
      for side in sides
    ):
      count = halvings
  return SPRITE_CHANNELS[len(SPRITE_CHANNELS) - count :]


class SpritesGenerator(nn.Module):
  """Dense 128, dense to the base, transposed convolutions 64, 32, 32.

  Attributes:
    observation_shape: (H, W, C), sides divisible by 8.
  """

  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, H, W, C], statistics."""
    height, width, out = self.observation_shape
    channels = sprite_channels(self.observation_shape)
    layers = norm.Layers(statistics, train)
    dense = functools.partial(nn.Dense, kernel_init=_NORMAL)
    up = functools.partial(
      conv.Conv, kernel=4, stride=2, transpose=True, kernel_init=_NORMAL
    )
    x = layers.batch_norm('norm_0', activations.relu(dense(128)(x)))
    factor = 2 ** len(channels)
    base = (height // factor, width // factor, channels[-1])
    x = layers.batch_norm('norm_1', activations.relu(dense(math.prod(base))(x)))
    x = x.reshape(-1, *base)
    for number, features in enumerate(channels[-2::-1]):
      x = layers.batch_norm(f'norm_{number + 2}', steeper(up(features)(x)))
    return up(out)(x), layers.statistics


class SpritesTrunk(nn.Module):
  """Strided convolutions and a dense layer of 128, without normalisation."""

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> features [B, 128], {}."""
    for features in sprite_channels(x.shape[1:]):
      down = conv.Conv(features, 4, 2, kernel_init=_NORMAL)
      x = steeper(down(x))
    x = x.reshape(len(x), -1)
    return steeper(nn.Dense(128, kernel_init=_NORMAL)(x)), {}


def _doubled(x):
  """Nearest neighbours, float [B, H, W, C] -> [B, 2 H, 2 W, C]."""
  return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def _halved(x):
  """Means of two by two, float [B, H, W, C] -> [B, H / 2, W / 2, C]."""
  batch, height, width, channels = x.shape
  x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
  return jnp.mean(x, axis=(2, 4))


class ResnetGenerator(nn.Module):
  """Four residual blocks that double the image: 512, 256, 128, 64 channels.

  Attributes:
    observation_shape: (H, W, C), sides divisible by 16.
    channels: of the blocks.
  """

  observation_shape: tuple[int, ...]
  channels: tuple[int, ...] = (512, 256, 128, 64)

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, H, W, C], statistics."""
    height, width, out = self.observation_shape
    layers = norm.Layers(statistics, train)
    layer = functools.partial(conv.Conv, stride=1, kernel_init=_HE)
    base = (height // 16, width // 16, self.channels[0])
    x = nn.Dense(math.prod(base), kernel_init=_HE)(x).reshape(-1, *base)
    x = activations.relu(layers.batch_norm('norm', x))
    for number, channels in enumerate(self.channels):
      short = layer(channels, 1)(_doubled(x))
      if number:
        x = activations.relu(layers.batch_norm(f'norm_{number}_0', x))
      x = layer(channels, 3)(_doubled(x))
      x = activations.relu(layers.batch_norm(f'norm_{number}_1', x))
      x = short + layer(channels, 3)(x)
    x = activations.relu(layers.batch_norm('norm_out', x))
    # tanh(a), moved to [0, 1], is the logistic function of 2 a.
    return 2 * layer(out, 3)(x), layers.statistics


class ResnetTrunk(nn.Module):
  """Four residual blocks that halve the image; layer normalisation."""

  channels: tuple[int, ...] = (64, 128, 256, 512, 512)

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> features [B, F], {}."""
    layer = functools.partial(conv.Conv, stride=1, kernel_init=_HE)
    # Over all of an image, with a gain per channel.
    normed = lambda y: activations.relu(
      nn.LayerNorm(reduction_axes=(1, 2, 3), feature_axes=3)(y)
    )
    x = layer(self.channels[0], 3)(x)
    for channels in self.channels[1:]:
      short = layer(channels, 1)(_halved(x))
      x = layer(x.shape[-1], 3)(normed(x))
      x = short + _halved(layer(channels, 3)(normed(x)))
    return x.reshape(len(x), -1), {}


def generator(
  pair: str, net: Any, observation_shape: tuple[int, ...]
) -> nn.Module:
  """The generator of a pair."""
  makers: dict[str, Callable[[], nn.Module]] = {
    'net': lambda: NetGenerator(net, observation_shape),
    'net_bn_generator': lambda: NormalisedNetGenerator(net, observation_shape),
    'net_bn': lambda: NormalisedNetGenerator(net, observation_shape),
    'dcgan': lambda: DcganGenerator(observation_shape),
    'sprites': lambda: SpritesGenerator(observation_shape),
    'resnet': lambda: ResnetGenerator(observation_shape),
  }
  return makers[pair]()


def trunk(pair: str, net: Any) -> nn.Module:
  """The critic's trunk of a pair, without a head."""
  makers: dict[str, Callable[[], nn.Module]] = {
    'net': lambda: NetTrunk(net),
    'net_bn_generator': lambda: NetTrunk(net),
    'net_bn': lambda: NormalisedNetTrunk(net),
    'dcgan': DcganTrunk,
    'sprites': SpritesTrunk,
    'resnet': ResnetTrunk,
  }
  return makers[pair]()


class Posterior(nn.Module):
  """Q(c|x) on a trunk's features: class logits, means and log scales.

  Attributes:
    classes: values of each categorical code.
    continuous: number of continuous codes.
    learned: whether log scales are put out.
    hidden: width of the layer between; 0 for none.
    batch_norm: whether that layer is normalised.
  """

  classes: tuple[int, ...]
  continuous: int
  learned: bool
  hidden: int = 128
  batch_norm: bool = True

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, F] -> ({head: float [B, width]}, statistics)."""
    layers = norm.Layers(statistics, train, gain_init=_GAIN)
    init = _NORMAL if self.batch_norm else mlp.KERNEL_INIT
    if self.hidden:
      x = nn.Dense(self.hidden, kernel_init=init)(x)
      x = leaky(layers.batch_norm('norm', x) if self.batch_norm else x)
    sizes = {}
    if self.classes:
      sizes['class_logits'] = sum(self.classes)
    if self.continuous:
      sizes['mean'] = self.continuous
      if self.learned:
        sizes['log_scale'] = self.continuous
    return mlp.Heads(tuple(sizes.items()))(x), layers.statistics
