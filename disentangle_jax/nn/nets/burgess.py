"""Convolutional pair of Burgess et al. 2018.

"Understanding disentangling in beta-VAE", https://arxiv.org/abs/1804.03599,
appendix A.1: four convolutions of 32 channels, 4 x 4 with stride 2, two dense
layers of 256, the linear heads; the decoder is the transpose, ReLU throughout.
At 64 x 64 with one channel and five codes the encoder has 249,482 parameters,
2 * 5 outputs included, and the decoder 248,673.

Other sides are ours to allow: multiples of 16, which four halvings divide.
"""

import dataclasses

import jax

from disentangle_jax.nn import conv, halving

_KERNEL = 4


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths; the defaults are the paper's.

  Attributes:
    channels: of the encoder's convolutions, all 4 x 4 with stride 2; the
      decoder has them in reverse.
    hidden: widths of the dense layers between the convolutions and the code;
      the decoder has them in reverse.
    conv_form: 'auto', 'blocks', 'lax' or 'fused' (`nn.conv`).
  """

  channels: tuple[int, ...] = (32, 32, 32, 32)
  hidden: tuple[int, ...] = (256, 256)
  conv_form: str = 'auto'
  name: str = 'burgess'

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
