"""A convolutional pair with max pooling, mirrored by upsampling.

Karimi et al. 2017, "JADE: Joint Autoencoders for Dis-Entanglement",
https://arxiv.org/abs/1711.09163, section 3: 3 x 3 convolutions of 64, 96, 64
and 8 channels on SVHN, the first three followed by 2 x 2 max pooling; 32, 32
and 16 channels on MNIST, all of them pooled. The code's heads stand on the flat
output of the last convolution. ReLU after every hidden layer.

The decoder mirrors the encoder: a dense layer to the last convolution's shape,
then its layers in reverse, each doubled by repetition where the encoder pooled.
A side that two does not divide is pooled with padding (28, 14, 7, 4), and the
decoder's image (32) loses its last rows and columns.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from disentangle_jax import errors
from disentangle_jax.nn import activations, conv, mlp
from disentangle_jax.ops import maxima


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and pooling; the defaults are the paper's for SVHN.

  Attributes:
    channels: of the encoder's convolutions.
    pooled: how many of them, from the first, are followed by pooling.
    conv_form: 'auto', 'blocks', 'lax' or 'fused' (`nn.conv`).
  """

  channels: tuple[int, ...] = (64, 96, 64, 8)
  pooled: int = 3
  conv_form: str = 'auto'
  name: str = 'pooled_conv'

  def __post_init__(self):
    conv.check_form('config.net.conv_form', self.conv_form)


def check(config: Config, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the net cannot take such observations."""
  if not 1 <= config.pooled <= len(config.channels):
    rule = f'must lie between 1 and the convolutions, {len(config.channels)}'
    raise errors.value('config.net.pooled_conv.pooled', config.pooled, rule)
  if len(observation_shape) != 3:
    rule = f'needs images, got {observation_shape}'
    raise errors.value('config.net.name', 'pooled_conv', rule)


def max_pool(x: jax.Array) -> jax.Array:
  """2 x 2 max pooling of stride 2, padded at the end (TensorFlow's SAME).

  Args:
    x: float [B, H, W, C].

  Returns:
    float [B, ceil(H / 2), ceil(W / 2), C].
  """
  _, height, width, _ = x.shape
  room = ((0, 0), (0, height % 2), (0, width % 2), (0, 0))
  x = jnp.pad(x, room, constant_values=-jnp.inf)
  return maxima.of_blocks(x)


def _upsample(x: jax.Array) -> jax.Array:
  """Every pixel four times: float [B, H, W, C] -> [B, 2 H, 2 W, C]."""
  return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths and pooling.
    x: float [B, H, W, C].

  Returns:
    float [B, F], the last convolution's output.
  """
  for number, channels in enumerate(config.channels):
    x = activations.relu(conv.Conv(channels, 3, 1, form=config.conv_form)(x))
    if number < config.pooled:
      x = max_pool(x)
  return x.reshape(len(x), -1)


def decode(
  config: Config, observation_shape: tuple[int, ...], z: jax.Array
) -> jax.Array:
  """The decoder's raw output; called inside a compact module.

  Args:
    config: widths and pooling.
    observation_shape: (H, W, C).
    z: float [B, D].

  Returns:
    float [B, H, W, C].
  """
  height, width, colours = observation_shape
  factor = 2**config.pooled
  base = (-(-height // factor), -(-width // factor), config.channels[-1])
  x = mlp.MLP((math.prod(base),))(z).reshape(-1, *base)
  outputs = (colours, *config.channels[:-1])
  for number in reversed(range(len(outputs))):
    if number < config.pooled:
      x = _upsample(x)
    x = conv.Conv(outputs[number], 3, 1, form=config.conv_form)(x)
    x = activations.relu(x) if number else x
  return x[:, :height, :width]
