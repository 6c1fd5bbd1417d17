"""Fully connected pair with free widths.

Chen et al. 2018, "Isolating Sources of Disentanglement in Variational
Autoencoders", https://arxiv.org/abs/1802.04942, and Higgins et al. 2017,
"beta-VAE", https://openreview.net/forum?id=Sy2fzU9gl, table 1, row 1: encoder
1200-1200 ReLU, decoder three layers of 1200, tanh. Without hidden layers both
nets are affine.
"""

import dataclasses
import math

from flax import linen as nn
import jax

from disentangle_jax import errors
from disentangle_jax.nn import mlp

ACTIVATIONS = {'relu': nn.relu, 'tanh': nn.tanh, 'leaky_relu': nn.leaky_relu}


@dataclasses.dataclass(frozen=True)
class Config:
  """Widths and activations.

  Attributes:
    encoder_hidden: widths below the heads.
    decoder_hidden: widths between code and output.
    encoder_activation: 'relu', 'tanh' or 'leaky_relu', after every layer.
    decoder_activation: the same for the decoder; the output has none.
  """

  encoder_hidden: tuple[int, ...] = (1200, 1200)
  decoder_hidden: tuple[int, ...] = (1200, 1200, 1200)
  encoder_activation: str = 'relu'
  decoder_activation: str = 'tanh'
  name: str = 'mlp'

  def __post_init__(self):
    for field in ('encoder_activation', 'decoder_activation'):
      activation = getattr(self, field)
      if activation not in ACTIVATIONS:
        raise errors.choices(f'config.net.{field}', activation, ACTIVATIONS)


def check(config: Config, observation_shape: tuple[int, ...]) -> None:
  """Takes observations of any shape."""
  del config, observation_shape


def encode(config: Config, x: jax.Array) -> jax.Array:
  """The encoder below its heads; called inside a compact module.

  Args:
    config: widths and activations.
    x: float [B, *observation].

  Returns:
    float [B, F]; F is the observation's size where there is no hidden layer.
  """
  activation = ACTIVATIONS[config.encoder_activation]
  return mlp.MLP(config.encoder_hidden, activation)(x)


def decode(
  config: Config, observation_shape: tuple[int, ...], z: jax.Array
) -> jax.Array:
  """The decoder's raw output; called inside a compact module.

  Args:
    config: widths and activations.
    observation_shape: of one observation.
    z: float [B, D].

  Returns:
    float [B, *observation_shape].
  """
  activation = ACTIVATIONS[config.decoder_activation]
  x = mlp.MLP(config.decoder_hidden, activation)(z)
  size = math.prod(observation_shape)
  x = nn.Dense(size, kernel_init=mlp.KERNEL_INIT)(x)
  return x.reshape(-1, *observation_shape)
