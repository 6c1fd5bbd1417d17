"""The larger pair of Montero et al. 2021: that of Burgess with more channels.

"The role of Disentanglement in Generalisation", ICLR 2021,
https://openreview.net/forum?id=qbH974jKUVy: 32, 32, 64 and 64 channels instead
of four times 32, everything else as in `burgess`. At 64 x 64 with one channel
and ten codes the encoder has 448,724 parameters and the decoder 447,105.

The sizes are those of the code that the authors published with the paper
(github.com/mmrl/disent-and-gen, there `burgess_v2`, which its scripts run on
2D Shapes; 3D Shapes had the pair of Kim & Mnih, `conv` here with 4 x 4
kernels); the paper's own table could not be compared. Their next paper
(https://arxiv.org/abs/2204.02283) has a wider one, which the options give:
`channels=(64, 64, 128, 128, 256)` and `hidden=(256,)`.
"""

import dataclasses

import jax

from disentangle_jax.nn import conv, halving

_KERNEL = 4


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths; the defaults are those of the published code.

  Attributes:
    channels: of the encoder's convolutions, all 4 x 4 with stride 2; the
      decoder has them in reverse.
    hidden: widths of the dense layers between the convolutions and the code;
      the decoder has them in reverse.
    conv_form: one of `conv.FORMS`.
  """

  channels: tuple[int, ...] = (32, 32, 64, 64)
  hidden: tuple[int, ...] = (256, 256)
  conv_form: str = 'auto'
  name: str = 'montero'

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
    float [B, hidden[-1]].
  """
  kernels = (_KERNEL,) * len(config.channels)
  return halving.encode(
    x, config.channels, kernels, config.hidden, config.conv_form
  )


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
  return halving.decode(
    z,
    observation_shape,
    config.channels,
    _KERNEL,
    config.hidden[::-1],
    config.conv_form,
  )
