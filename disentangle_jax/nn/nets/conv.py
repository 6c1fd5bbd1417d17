"""Convolutional pair of Locatello et al. 2019, whose layers halve the image.

"Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, https://arxiv.org/abs/1811.12359, appendix. Kim &
Mnih 2018 differ in the first dense layer of the decoder: 128 units on 2D
Shapes, 256 elsewhere, as here. At 64 x 64 the encoder has 309,204 parameters
for one channel and 310,228 for three, the decoder 381,313 and 382,339, at 10
latents.
"""

import dataclasses
import math

from flax import linen as nn
import jax

from disentangle_jax import errors
from disentangle_jax.nn import conv, mlp


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and kernels; the defaults are the paper's.

  Attributes:
    channels: of the encoder's convolutions, each of stride 2; the decoder has
      them in reverse.
    kernels: sides of the encoder's kernels; the decoder's are 4.
    hidden: width of the dense layer beside the code, in both nets.
    conv_form: one of `conv.FORMS`.
  """

  channels: tuple[int, ...] = (32, 32, 64, 64)
  kernels: tuple[int, ...] = (4, 4, 2, 2)
  hidden: int = 256
  conv_form: str = 'auto'
  name: str = 'conv'

  def __post_init__(self):
    conv.check_form('config.net.conv_form', self.conv_form)


def check(config: Config, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the net cannot take such observations."""
  halvings = len(config.channels)
  factor = 2**halvings
  if len(observation_shape) != 3:
    rule = f'needs images, got {observation_shape}'
    raise errors.value('config.net.name', 'conv', rule)
  if any(size % factor for size in observation_shape[:2]):
    raise errors.value(
      'config.dataset.resolution',
      observation_shape[0],
      f"net 'conv' halves the image {halvings} times; legal: multiples of "
      f"{factor}, or net 'mlp'",
    )


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths and kernels.
    x: float [B, H, W, C].

  Returns:
    float [B, hidden].
  """
  for channels, kernel in zip(config.channels, config.kernels):
    x = nn.relu(conv.Conv(channels, kernel, 2, form=config.conv_form)(x))
  return mlp.MLP((config.hidden,))(x)


def decode(
  config: Config, observation_shape: tuple[int, ...], z: jax.Array
) -> jax.Array:
  """The decoder's raw output; called inside a compact module.

  Args:
    config: widths and kernels.
    observation_shape: (H, W, C).
    z: float [B, D].

  Returns:
    float [B, H, W, C].
  """
  height, width, out = observation_shape
  factor = 2 ** len(config.channels)
  base = (height // factor, width // factor, config.channels[-1])
  x = mlp.MLP((config.hidden, math.prod(base)))(z).reshape(-1, *base)
  up = lambda n: conv.Conv(n, 4, 2, transpose=True, form=config.conv_form)
  for channels in config.channels[-2::-1]:
    x = nn.relu(up(channels)(x))
  return up(out)(x)
