"""Networks of scenes: image to grid, vector to object, object maps to image.

The layers of Nash et al. 2017, "The Multi-Entity Variational Autoencoder",
appendix A: ELU after every hidden layer, bilinear up-sampling between
convolutions, coordinates before the last layers of the encoder.
"""

from collections.abc import Sequence

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import conv, mlp
from disentangle_jax.ops import maxima

DOWNSAMPLINGS = ('pool', 'stride')
# Where the last layer of an object starts: the largest of several maps that are
# all negative would leave the scene to none of them.
_OBJECT_BIAS = 0.1


def pooled(x: jax.Array) -> jax.Array:
  """Largest value of every 2 x 2 block: float [B, H, W, C], H and W even."""
  return maxima.of_blocks(x)


def doubled(x: jax.Array) -> jax.Array:
  """Bilinear up-sampling to twice the height and width.

  New pixels lie at a quarter and three quarters of an old one; beyond the
  border the image goes on as it ends (`jax.image.resize`, 'bilinear').

  Args:
    x: float [B, H, W, C].

  Returns:
    float [B, 2 H, 2 W, C].
  """
  for axis in (1, 2):
    first = jax.lax.slice_in_dim(x, 0, 1, axis=axis)
    last = jax.lax.slice_in_dim(x, -1, None, axis=axis)
    rest = jax.lax.slice_in_dim(x, 0, -1, axis=axis)
    before = jnp.concatenate([first, rest], axis)
    rest = jax.lax.slice_in_dim(x, 1, None, axis=axis)
    after = jnp.concatenate([rest, last], axis)
    pair = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after])
    shape = list(x.shape)
    shape[axis] *= 2
    x = jnp.moveaxis(pair, 0, axis + 1).reshape(shape)
  return x


def with_places(x: jax.Array) -> jax.Array:
  """Two more channels: the centre of every cell, left and top -1, end 1.

  Args:
    x: float [B, h, w, C].

  Returns:
    float [B, h, w, C + 2]: x, then column and row in (-1, 1), both 0 where the
    grid is a single cell.
  """
  b, h, w, _ = x.shape
  centres = lambda n: (2 * jnp.arange(n, dtype=x.dtype) + 1) / n - 1
  columns = jnp.broadcast_to(centres(w)[None, None, :, None], (b, h, w, 1))
  rows = jnp.broadcast_to(centres(h)[None, :, None, None], (b, h, w, 1))
  return jnp.concatenate([x, columns, rows], axis=-1)


class GridEncoder(nn.Module):
  """Image -> grid of vectors.

  Attributes:
    channels: of the convolutions before the coordinates.
    kernel: side of their kernels.
    halvings: how many of them, from the first on, are followed by max pooling
      ('pool') or have stride 2 ('stride').
    downsampling: one of DOWNSAMPLINGS.
    head_channels: of the hidden convolutions after the coordinates.
    head_kernel: side of the kernels after the coordinates; at 1 every cell goes
      through dense layers of its own.
    width: of a cell's output.
  """

  channels: Sequence[int]
  kernel: int
  halvings: int
  downsampling: str
  head_channels: Sequence[int]
  head_kernel: int
  width: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, H, W, C] -> float [B, h, w, width], linear."""
    for number, width in enumerate(self.channels):
      halves = number < self.halvings
      stride = 2 if halves and self.downsampling == 'stride' else 1
      x = nn.elu(conv.Conv(width, self.kernel, stride)(x))
      if halves and self.downsampling == 'pool':
        x = pooled(x)
    x = with_places(x)
    for width in self.head_channels:
      x = nn.elu(conv.Conv(width, self.head_kernel, 1)(x))
    return conv.Conv(self.width, self.head_kernel, 1)(x)


class ObjectDecoder(nn.Module):
  """Vector -> feature map of one object.

  Attributes:
    hidden: widths of the dense layers before the map.
    base: side of the first map.
    channels: of the map.
    layers: number of convolutions.
    doublings: after how many of them, from the first on, the map is doubled.
    kernel: side of the kernels.
  """

  hidden: Sequence[int]
  base: int
  channels: int
  layers: int
  doublings: int
  kernel: int

  @nn.compact
  def __call__(self, z: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, side, side, channels]."""
    size = self.base**2 * self.channels
    x = mlp.MLP((*self.hidden, size), nn.elu)(z)
    x = x.reshape(-1, self.base, self.base, self.channels)
    for number in range(self.layers):
      layer = conv.Conv(self.channels, self.kernel, 1, use_bias=False)
      x = layer(x)
      start = _OBJECT_BIAS if number == self.layers - 1 else 0.0
      bias = nn.initializers.constant(start)
      x = nn.elu(x + self.param(f'bias_{number}', bias, (self.channels,)))
      if number < self.doublings:
        x = doubled(x)
    return x


class SceneDecoder(nn.Module):
  """Pooled feature map -> image.

  Attributes:
    channels: of the hidden convolutions.
    doublings: after how many of them, from the first on, the map is doubled.
    kernel: side of the kernels.
    outputs: channels of the image.
  """

  channels: Sequence[int]
  doublings: int
  kernel: int
  outputs: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, side, side, C] -> logits float [B, H, W, outputs]."""
    for number, width in enumerate(self.channels):
      x = nn.elu(conv.Conv(width, self.kernel, 1)(x))
      if number < self.doublings:
        x = doubled(x)
    return conv.Conv(self.outputs, self.kernel, 1)(x)
