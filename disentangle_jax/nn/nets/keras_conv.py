"""A convolutional pair of the Keras tutorials: 3 x 3 kernels, one stride of 2.

Hassan 2022, "Understanding Variational Autoencoders and Disentanglement
Metrics", tables 4.1 and 4.2, for images of 28 x 20: four convolutions with 32,
64, 64, 64 channels, the second of stride 2, a dense layer of 32, the linear
heads; back through one dense layer, a transposed convolution of stride 2 to 32
channels and a convolution to the image. ReLU after every hidden layer. With two
latents the encoder has 379,556 parameters (66 for each head) and the decoder
45,633. The last convolution's shape in table 4.1 is a misprint: 8,960 inputs to
the dense layer are 14 x 10 x 64. The prose says that no layer subsamples; the
shapes of both tables need the stride.
"""

from collections.abc import Callable
import dataclasses
import math

import jax

from disentangle_jax import errors
from disentangle_jax.nn import activations, conv, mlp


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and strides; the defaults are the tables'.

  Attributes:
    channels: of the encoder's convolutions.
    strides: of the same; the decoder undoes their product in one layer.
    hidden: width of the encoder's dense layer.
    decoder_channels: of the transposed convolution.
    conv_form: 'auto', 'blocks', 'lax' or 'fused' (`nn.conv`).
  """

  channels: tuple[int, ...] = (32, 64, 64, 64)
  strides: tuple[int, ...] = (1, 2, 1, 1)
  hidden: int = 32
  decoder_channels: int = 32
  conv_form: str = 'auto'
  name: str = 'keras_conv'

  def __post_init__(self):
    conv.check_form('config.net.conv_form', self.conv_form)


def check(config: Config, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the net cannot take such observations."""
  if len(config.channels) != len(config.strides) or not config.channels:
    raise errors.value(
      'config.net.keras_conv.strides',
      config.strides,
      f'needs one stride per convolution, {len(config.channels)}',
    )
  if len(observation_shape) != 3:
    rule = f'needs images, got {observation_shape}'
    raise errors.value('config.net.name', 'keras_conv', rule)
  factor = math.prod(config.strides)
  if any(size % factor for size in observation_shape[:2]):
    rule = f"net 'keras_conv' takes multiples of {factor} pixels"
    raise errors.value('config.dataset', tuple(observation_shape[:2]), rule)


def _layer(config: Config) -> Callable[..., conv.Conv]:
  def make(features, stride=1, transpose=False):
    return conv.Conv(features, 3, stride, transpose, config.conv_form)

  return make


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths and strides.
    x: float [B, H, W, C].

  Returns:
    float [B, hidden].
  """
  layer = _layer(config)
  for channels, stride in zip(config.channels, config.strides):
    x = activations.relu(layer(channels, stride)(x))
  return mlp.MLP((config.hidden,))(x)


def decode(
  config: Config, observation_shape: tuple[int, ...], z: jax.Array
) -> jax.Array:
  """The decoder's raw output; called inside a compact module.

  Args:
    config: widths and strides.
    observation_shape: (H, W, C).
    z: float [B, D].

  Returns:
    float [B, H, W, C].
  """
  layer = _layer(config)
  height, width, channels = observation_shape
  factor = math.prod(config.strides)
  base = (height // factor, width // factor, config.channels[-1])
  x = mlp.MLP((math.prod(base),))(z).reshape(-1, *base)
  x = activations.relu(
    layer(config.decoder_channels, factor, transpose=True)(x)
  )
  return layer(channels)(x)
