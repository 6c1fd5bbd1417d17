"""Networks of a state space model of films, one frame at a time.

Those that see or make frames are called as `(x, statistics=None, train=False)
-> (output, statistics)`, see `nn.norm`; without normalisation statistics are
{}. Of two architectures:

  'net': any of `nn.nets`, its encoder below the heads and its decoder, without
    normalisation.
  'dcgan': the nets of Whitney & Fergus 2019, "Disentangling Video with
    Independent Prediction", appendix A, for frames of 64 x 64: 4 x 4
    convolutions of stride 2 with 64, 128, 256, 512 channels and one more 4 x 4
    convolution over all that is left, to 32 features; back from the state
    through a linear layer and five transposed convolutions. Leaky units (0.2)
    in the encoder, ReLU in the decoder, batch normalisation before them but
    for the encoder's last layer. Other sides than 64 leave another base, which
    the layer next to it covers whole.

The text has an activation after every layer; after the last ones of transition,
posterior and decoder it would keep means and log variances from half of their
values, so that these are linear here.
"""

import functools
import math
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import errors
from disentangle_jax.nn import activations, conv, image_players, mlp, nets, norm

ARCHITECTURES = ('dcgan', 'net')
NORMALISATIONS = ('batch', 'none')
_HALVINGS = 4
# Channels next to the frame times these, from there inwards.
_TIMES = (1, 2, 4, 8)
_FEATURES = 32
_leaky = image_players.steeper


def check(
  architecture: str, normalise: str, net: Any, frame_shape: tuple[int, ...]
) -> None:
  """Raises ConfigError where an architecture cannot have such frames.

  Args:
    architecture: one of ARCHITECTURES.
    normalise: one of NORMALISATIONS.
    net: the net of 'net'.
    frame_shape: (H, W, C).
  """
  if architecture not in ARCHITECTURES:
    raise errors.choices(
      'config.static.architecture', architecture, ARCHITECTURES
    )
  if normalise not in NORMALISATIONS:
    raise errors.choices('config.static.normalise', normalise, NORMALISATIONS)
  if architecture == 'net':
    if normalise != 'none':
      rule = "architecture 'net' has no normalisation; take 'none'"
      raise errors.value('config.static.normalise', normalise, rule)
    nets.check(net, frame_shape)
  elif any(side % 2**_HALVINGS for side in frame_shape[:2]):
    rule = (
      "architecture 'dcgan' needs sides that are multiples of "
      f"{2**_HALVINGS}; or take architecture 'net'"
    )
    raise errors.value('config.dataset.resolution', frame_shape[0], rule)


class DcganTrunk(nn.Module):
  """Frames -> 32 features.

  Attributes:
    normalised: whether by batch normalisation.
    channels: of the first layer.
  """

  normalised: bool
  channels: int = 64

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> [B, 32], statistics."""
    layers = norm.Layers(statistics, train)
    for number, times in enumerate(_TIMES):
      x = conv.Conv(times * self.channels, 4, 2)(x)
      if self.normalised:
        x = layers.batch_norm(f'norm_{number}', x)
      x = _leaky(x)
    # A 4 x 4 convolution over 4 x 4 places is one product.
    dense = nn.Dense(_FEATURES, kernel_init=mlp.KERNEL_INIT)
    return _leaky(dense(x.reshape(len(x), -1))), layers.statistics


class DcganGenerator(nn.Module):
  """States -> raw output of the likelihood.

  Attributes:
    normalised: whether by batch normalisation.
    frame_shape: (H, W, C).
    channels: of the last layer but one.
  """

  normalised: bool
  frame_shape: tuple[int, ...]
  channels: int = 64

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, Z] -> [B, H, W, C], statistics."""
    layers = norm.Layers(statistics, train)
    height, width, out = self.frame_shape
    dense = functools.partial(nn.Dense, kernel_init=mlp.KERNEL_INIT)
    *outer, inmost = (times * self.channels for times in _TIMES)
    factor = 2**_HALVINGS
    base = (height // factor, width // factor, inmost)
    x = activations.relu(dense(x.shape[-1])(x))
    x = dense(math.prod(base))(x).reshape(-1, *base)
    for number, channels in enumerate((*reversed(outer), out)):
      if self.normalised:
        x = layers.batch_norm(f'norm_{number}', x)
      x = conv.Conv(channels, 4, 2, transpose=True)(activations.relu(x))
    return x, layers.statistics


def trunk(
  architecture: str, normalise: str, net: Any, channels: int
) -> nn.Module:
  """What sees one frame; see the module docstring."""
  if architecture == 'net':
    return image_players.NetTrunk(net)
  return DcganTrunk(normalise == 'batch', channels)


def generator(
  architecture: str,
  normalise: str,
  net: Any,
  frame_shape: tuple[int, ...],
  channels: int,
) -> nn.Module:
  """What makes one frame; see the module docstring."""
  if architecture == 'net':
    return image_players.NetGenerator(net, frame_shape)
  return DcganGenerator(normalise == 'batch', frame_shape, channels)


class Features(nn.Module):
  """A trunk and one layer above it, ahead of any loop over time.

  Attributes:
    below: the trunk.
    width: of the layer.
  """

  below: nn.Module
  width: int

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> [B, width], statistics."""
    x, statistics = self.below(x, statistics, train)
    dense = nn.Dense(self.width, kernel_init=mlp.KERNEL_INIT)
    return _leaky(dense(x)), statistics


class Posterior(nn.Module):
  """q(z_t | z_{t-1}, x_t) from features of x_t and what is predicted of z_t.

  Attributes:
    latents: Z.
    width: of the hidden layers.
  """

  latents: int
  width: int

  @nn.compact
  def __call__(
    self, x: tuple[jax.Array, jax.Array, jax.Array]
  ) -> tuple[jax.Array, jax.Array]:
    """Mean and log variance.

    Args:
      x: features float [B, F], and the prediction's mean and log variance,
        float [B, Z] each.

    Returns:
      float [B, Z] each.
    """
    features, *predicted = x
    layer = lambda y: _leaky(
      nn.Dense(self.width, kernel_init=mlp.KERNEL_INIT)(y)
    )
    x = jnp.concatenate([features, *map(layer, predicted)], axis=-1)
    heads = (('mean', self.latents), ('logvar', self.latents))
    heads = mlp.Heads(heads)(layer(x))
    return heads['mean'], heads['logvar']


class Transition(nn.Module):
  """p(z_t | z_{t-1}), one network of its own for each block of latents.

  SELU between the layers, which start as Klambauer et al. 2017 ask for.

  Attributes:
    blocks: number of blocks; 1 lets all latents see each other.
    hidden: widths.
  """

  blocks: int
  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and log variance; float [B, Z] -> float [B, Z] each."""
    batch, latents = z.shape
    start = nn.initializers.lecun_normal(batch_axis=(0,))
    x = z.reshape(batch, self.blocks, -1)
    widths = (*self.hidden, 2 * latents // self.blocks)
    for number, width in enumerate(widths):
      shape = (self.blocks, x.shape[-1], width)
      kernel = self.param(f'kernel_{number}', start, shape)
      bias = self.param(
        f'bias_{number}', nn.initializers.zeros, (self.blocks, width)
      )
      x = jnp.einsum('bki,kio->bko', x, kernel) + bias
      if number < len(self.hidden):
        x = nn.selu(x)
    mean, logvar = jnp.split(x, 2, axis=-1)
    return mean.reshape(batch, latents), logvar.reshape(batch, latents)
