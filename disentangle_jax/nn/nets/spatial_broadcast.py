"""Pair of Watters et al. 2019, whose decoder paints the code everywhere.

"Spatial Broadcast Decoder: A Simple Architecture for Learning Disentangled
Representations in VAEs", https://arxiv.org/abs/1901.07017: the code is repeated
at every pixel, two channels with the pixel's coordinates are appended, and
convolutions of stride 1 make the image from that. Positions need not be learned
from upsampling. Coordinates run from -1 to 1 along each axis, ends included.

The encoder: four convolutions of 64 channels, 4 x 4 with stride 2, a dense
layer of 256, the linear heads. The decoder: two convolutions of 64 channels and
one to the image, ReLU between them. At 64 x 64 with three channels and ten
codes the encoder has 467,476 parameters and the decoder 45,635.

Deviations: the decoder's kernels are 3 x 3. The paper's table of layers could
not be compared, and implementations differ: 3 x 3 in a public one that its
first author is thanked for and in the papers of the same group that use the
decoder, 5 x 5 in Montero et al. 2022; `kernel` is an option. Images at the
border see zeros, as everywhere here ('SAME'), and the code is not tiled over a
wider margin.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax.nn import activations, conv, halving


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and kernels.

  Attributes:
    channels: of the encoder's convolutions, all 4 x 4 with stride 2.
    hidden: width of the encoder's dense layer.
    decoder_channels: of the decoder's convolutions below the last.
    kernel: side of the decoder's kernels.
    conv_form: 'auto', 'blocks', 'lax' or 'fused' (`nn.conv`).
  """

  channels: tuple[int, ...] = (64, 64, 64, 64)
  hidden: int = 256
  decoder_channels: tuple[int, ...] = (64, 64)
  kernel: int = 3
  conv_form: str = 'auto'
  name: str = 'spatial_broadcast'

  def __post_init__(self):
    conv.check_form('config.net.conv_form', self.conv_form)


def check(config: Config, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the net cannot take such observations."""
  halving.check(config.name, len(config.channels), observation_shape)


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths.
    x: float [B, H, W, C].

  Returns:
    float [B, hidden].
  """
  kernels = (4,) * len(config.channels)
  return halving.encode(
    x, config.channels, kernels, (config.hidden,), config.conv_form
  )


def broadcast(z: jax.Array, height: int, width: int) -> jax.Array:
  """The code at every pixel, with the pixel's coordinates.

  Args:
    z: float [B, D].
    height: rows.
    width: columns.

  Returns:
    float [B, height, width, D + 2]; the last two channels are the row's and the
    column's coordinate, from -1 to 1.
  """
  count, codes = z.shape
  tiled = jnp.broadcast_to(z[:, None, None], (count, height, width, codes))
  axes = [
    jnp.linspace(-1.0, 1.0, size, dtype=z.dtype) for size in (height, width)
  ]
  coordinates = jnp.stack(jnp.meshgrid(*axes, indexing='ij'), axis=-1)
  coordinates = jnp.broadcast_to(coordinates, (count, height, width, 2))
  return jnp.concatenate([tiled, coordinates], axis=-1)


def decode(
  config: Config, observation_shape: tuple[int, ...], z: jax.Array
) -> jax.Array:
  """The decoder's raw output; called inside a compact module.

  Args:
    config: widths.
    observation_shape: (H, W, C).
    z: float [B, D].

  Returns:
    float [B, H, W, C].
  """
  height, width, out = observation_shape
  layer = lambda n: conv.Conv(n, config.kernel, 1, form=config.conv_form)
  x = broadcast(z, height, width)
  for channels in config.decoder_channels:
    x = activations.relu(layer(channels)(x))
  return layer(out)(x)
