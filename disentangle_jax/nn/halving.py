"""Convolutions that halve an image, dense layers, and the same way back.

The form that most published pairs share: every convolution has stride 2, the
decoder has the encoder's layers in reverse, ReLU follows every hidden layer.
The nets themselves, with their sizes and sources, are in `nn/nets`.
"""

from collections.abc import Sequence
import functools
import math

import jax

from disentangle_jax import errors
from disentangle_jax.nn import conv, mlp


def check(name: str, halvings: int, observation_shape: Sequence[int]) -> None:
  """Refuses what cannot be halved so often.

  Args:
    name: of the net, for the message.
    halvings: number of convolutions.
    observation_shape: of one observation.

  Raises:
    ConfigError: no convolution, no image, or a side that 2**halvings does not
      divide.
  """
  if not halvings:
    rule = 'needs the channels of at least one convolution'
    raise errors.value(f'config.net.{name}.channels', (), rule)
  factor = 2**halvings
  if len(observation_shape) != 3:
    rule = f'needs images, got {tuple(observation_shape)}'
    raise errors.value('config.net.name', name, rule)
  if any(size % factor for size in observation_shape[:2]):
    raise errors.value(
      'config.dataset.resolution',
      observation_shape[0],
      f'net {name!r} halves the image {halvings} times; legal: multiples of '
      f"{factor}, or net 'mlp'",
    )


def encode(
  x: jax.Array,
  channels: Sequence[int],
  kernels: Sequence[int],
  hidden: Sequence[int],
  form: str,
) -> jax.Array:
  """An encoder below its heads; called inside a compact module.

  Args:
    x: float [B, H, W, C].
    channels: of the convolutions.
    kernels: sides of their kernels.
    hidden: widths of the dense layers after them.
    form: one of `conv.FORMS`.

  Returns:
    float [B, hidden[-1]].
  """
  for width, kernel in zip(channels, kernels):
    x = conv.Conv(width, kernel, 2, form=form, relu=True)(x)
  return mlp.MLP(tuple(hidden))(x)


def decode(
  z: jax.Array,
  observation_shape: Sequence[int],
  channels: Sequence[int],
  kernel: int,
  hidden: Sequence[int],
  form: str,
) -> jax.Array:
  """A decoder's raw output; called inside a compact module.

  Args:
    z: float [B, D].
    observation_shape: (H, W, C).
    channels: of the encoder's convolutions, taken in reverse.
    kernel: side of all kernels.
    hidden: widths of the dense layers below the one that is reshaped.
    form: one of `conv.FORMS`.

  Returns:
    float [B, H, W, C].
  """
  height, width, out = observation_shape
  factor = 2 ** len(channels)
  base = (height // factor, width // factor, channels[-1])
  x = mlp.MLP((*hidden, math.prod(base)))(z).reshape(-1, *base)
  up = functools.partial(
    conv.Conv, kernel=kernel, stride=2, transpose=True, form=form
  )
  for channel in channels[-2::-1]:
    x = up(channel, relu=True)(x)
  return up(out)(x)
