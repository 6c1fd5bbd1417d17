"""Convolutional pair of Locatello et al. 2019, whose layers halve the image.

"Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, https://arxiv.org/abs/1811.12359, appendix. Kim &
Mnih 2018 differ in the first dense layer of the decoder: 128 units on 2D
Shapes, 256 elsewhere, as here. At 64 x 64 the encoder has 309,204 parameters
for one channel and 310,228 for three, the decoder 381,313 and 382,339, at 10
latents.
"""

import dataclasses

import jax

from disentangle_jax.nn import conv, halving


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and kernels; the defaults are the paper's.

  Attributes:
    channels: of the encoder's convolutions, each of stride 2; the decoder has
      them in reverse.
    kernels: sides of the encoder's kernels; the decoder's are 4.
    hidden: width of the dense layer beside the code, in both nets.
    conv_form: 'auto', 'blocks', 'lax' or 'fused' (`nn.conv`).
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
  halving.check(config.name, len(config.channels), observation_shape)


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths and kernels.
    x: float [B, H, W, C].

  Returns:
    float [B, hidden].
  """
  return halving.encode(
    x, config.channels, config.kernels, (config.hidden,), config.conv_form
  )


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
  return halving.decode(
    z,
    observation_shape,
    config.channels,
    4,
    (config.hidden,),
    config.conv_form,
  )
