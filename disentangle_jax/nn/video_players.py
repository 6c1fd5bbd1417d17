"""Generators and critics of frames and of clips.

'dcgan' has the networks of MoCoGAN's published code (Tulyakov et al. 2018,
https://arxiv.org/abs/1707.04993; kernels of 4, stride 2 over places), for
square frames whose sides are powers of 2 from 16 on; 64 there. With h halvings
of a side to 4 (4 of 64) and w = `width`:

  frames   z -> 4 x 4 x 2^(h-1) w, then h doublings: 512-256-128-64-3 at 64.
  images   patches: h - 1 halvings, w to 2^(h-2) w, then a last one to 4 x 4
           logits; else h halvings and one kernel over the 4 x 4 places left.
  clips    3-D kernels of 4 x 4 x 4, stride (1, 2, 2), nothing padded in time: h
           of them, then one over all that is left, so that a clip of 16 frames
           at 64 x 64 shrinks to 13, 10, 7, 4, 1. On fewer frames a kernel is as
           long as what is left; on more, there are more logits.
  whole    (of VGAN's kind) z -> frames / 2^h x 4 x 4 places, then h doublings
           in time and place.

Normalised layers have no bias; neither has any other layer then. Kernels start
as those of PyTorch, U(-1, 1) / sqrt(fan in).

'mlp' has dense layers: frames and whole clips from hidden layers, a critic of
images, and a critic of clips that reads each frame by one shared layer and all
of them, in their order, by the next.

'light' has the generators and the critic of images of 'dcgan' and the critic of
clips of 'mlp': 3-D convolutions are most of what 'dcgan' costs.

Every network is called as `(x, statistics=None, train=False) -> (output,
statistics)`, see `nn.norm`, and gives raw images (before tanh) or logits
[B, ...], one or more for each example.
"""

import functools
import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import activations, conv, mlp, norm

ARCHITECTURES = ('dcgan', 'light', 'mlp')
NORMALISED = ('none', 'generator', 'both')
# Side of what the convolutions start from and end in.
BASE = 4
# Along time, of the critic of clips.
TIME_KERNEL = 4

leaky = functools.partial(activations.leaky_relu, negative_slope=0.2)
_UNIFORM = nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform')
# An output layer that starts small: all frames of a whole clip begin alike.
_SMALL = nn.initializers.normal(0.02)


def halvings(observation_shape: tuple[int, ...]) -> int:
  """How often the side of a frame halves to 4.

  Args:
    observation_shape: of a clip, (T, H, W, C), or of a frame, (H, W, C).

  Returns:
    h, at least 2; 0 for frames that 'dcgan' cannot have.
  """
  height, width = observation_shape[-3:-1]
  count = max(height // BASE, 1).bit_length() - 1
  return count if height == width == BASE << count and count >= 2 else 0


def time_kernels(frames: int, layers: int) -> list[int]:
  """Lengths of the critic's kernels, the first layer's first.

  Args:
    frames: T.
    layers: how many.

  Returns:
    4 each while as many frames are left, then what is left; at least 1.
  """
  kernels = []
  for _ in range(layers):
    kernels.append(min(TIME_KERNEL, frames))
    frames -= kernels[-1] - 1
  return kernels


class ConvFrames(nn.Module):
  """'dcgan': z -> frame.

  Attributes:
    observation_shape: of a frame, (H, W, C).
    width: channels of the last layer but one.
    normalise: whether its layers have batch normalisation.
    form: of the convolutions.
  """

  observation_shape: tuple[int, ...]
  width: int
  normalise: bool
  form: str = 'auto'

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [N, D] -> raw output [N, H, W, C], statistics."""
    count = halvings(self.observation_shape)
    layers = norm.Layers(statistics, train)
    options = {'kernel_init': _UNIFORM, 'use_bias': not self.normalise}
    after = lambda n, y: activations.relu(_normalised(self, layers, n, y))
    channels = [self.width << n for n in reversed(range(count))]
    x = nn.Dense(BASE * BASE * channels[0], **options)(x)
    x = after(0, x.reshape(-1, BASE, BASE, channels[0]))
    up = functools.partial(
      conv.Conv, kernel=4, stride=2, transpose=True, form=self.form, **options
    )
    for number, width in enumerate(channels[1:], 1):
      x = after(number, up(width)(x))
    return up(self.observation_shape[-1])(x), layers.statistics


class ConvImages(nn.Module):
  """'dcgan': the critic of images.

  Attributes:
    observation_shape: of a frame, (H, W, C).
    width: channels of the first layer.
    patch: whether there are 4 x 4 logits, one for a patch each.
    normalise: whether all hidden layers but the first have batch normalisation.
    form: of the convolutions.
  """

  observation_shape: tuple[int, ...]
  width: int
  patch: bool
  normalise: bool
  form: str = 'auto'

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [N, H, W, C] -> logits [N, h, w], statistics."""
    count = halvings(self.observation_shape)
    layers = norm.Layers(statistics, train)
    layer = functools.partial(
      conv.Conv,
      kernel=4,
      form=self.form,
      kernel_init=_UNIFORM,
      use_bias=not self.normalise,
    )
    for number in range(count - self.patch):
      x = layer(self.width << number, stride=2)(x)
      x = leaky(_normalised(self, layers, number, x) if number else x)
    if self.patch:
      x = layer(1, stride=2)(x)
    else:
      x = layer(1, stride=1, padding='VALID')(x)
    return x[..., 0], layers.statistics


class ConvClips(nn.Module):
  """'dcgan': the critic of clips.

  Attributes:
    observation_shape: of a clip, (T, H, W, C).
    width: channels of the first layer.
    normalise: whether all hidden layers but the first have batch normalisation.
    form: of the convolutions.
  """

  observation_shape: tuple[int, ...]
  width: int
  normalise: bool
  form: str = 'auto'

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, T, H, W, C] -> logits [B, T', 1, 1], statistics."""
    count = halvings(self.observation_shape)
    layers = norm.Layers(statistics, train)
    times = time_kernels(self.observation_shape[0], count + 1)
    layer = functools.partial(
      conv.Conv,
      rank=3,
      form=self.form,
      kernel_init=_UNIFORM,
      use_bias=not self.normalise,
    )
    for number, time in enumerate(times[:-1]):
      x = layer(
        self.width << number,
        kernel=(time, 4, 4),
        stride=(1, 2, 2),
        padding=('VALID', 'SAME', 'SAME'),
      )(x)
      x = leaky(_normalised(self, layers, number, x) if number else x)
    x = layer(1, kernel=(times[-1], BASE, BASE), stride=1, padding='VALID')(x)
    return x[..., 0], layers.statistics


class ConvWhole(nn.Module):
  """'dcgan': z -> clip, by 3-D transposed convolutions.

  Attributes:
    observation_shape: of a clip, (T, H, W, C); T is a multiple of 2^h.
    width: channels of the last layer but one.
    normalise: whether its layers have batch normalisation.
    form: of the convolutions.
  """

  observation_shape: tuple[int, ...]
  width: int
  normalise: bool
  form: str = 'auto'

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, T, H, W, C], statistics."""
    count = halvings(self.observation_shape)
    layers = norm.Layers(statistics, train)
    options = {'kernel_init': _UNIFORM, 'use_bias': not self.normalise}
    after = lambda n, y: activations.relu(_normalised(self, layers, n, y))
    channels = [self.width << n for n in reversed(range(count))]
    base = (self.observation_shape[0] >> count, BASE, BASE, channels[0])
    x = nn.Dense(math.prod(base), **options)(x)
    x = after(0, x.reshape(-1, *base))
    up = functools.partial(
      conv.Conv,
      kernel=4,
      stride=2,
      transpose=True,
      rank=3,
      form=self.form,
      use_bias=not self.normalise,
    )
    for number, width in enumerate(channels[1:], 1):
      x = after(number, up(width, kernel_init=_UNIFORM)(x))
    x = up(self.observation_shape[-1], kernel_init=_SMALL)(x)
    return x, layers.statistics


class DenseGenerator(nn.Module):
  """'mlp': z -> frame or whole clip.

  Attributes:
    observation_shape: of what is generated.
    hidden: widths.
    normalise: whether its layers have batch normalisation.
    small: whether the output's kernel starts from N(0, 0.02).
  """

  observation_shape: tuple[int, ...]
  hidden: tuple[int, ...]
  normalise: bool
  small: bool = False

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> raw output [B, *observation_shape], statistics."""
    layers = norm.Layers(statistics, train)
    for number, width in enumerate(self.hidden):
      x = _dense(width, not self.normalise)(x)
      x = activations.relu(_normalised(self, layers, number, x))
    kernel_init = _SMALL if self.small else mlp.KERNEL_INIT
    x = nn.Dense(math.prod(self.observation_shape), kernel_init=kernel_init)(x)
    return x.reshape(-1, *self.observation_shape), layers.statistics


class DenseImages(nn.Module):
  """'mlp': the critic of images.

  Attributes:
    hidden: widths.
    normalise: whether all hidden layers but the first have batch normalisation.
  """

  hidden: tuple[int, ...]
  normalise: bool

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [N, H, W, C] -> logits [N, 1], statistics."""
    layers = norm.Layers(statistics, train)
    x = _hidden(self, layers, self.hidden, x.reshape(len(x), -1), 0)
    return _dense(1)(x), layers.statistics


class DenseClips(nn.Module):
  """'mlp': the critic of clips.

  Attributes:
    frame_hidden: width of the layer that all frames share.
    hidden: widths of the layers over all frames.
    normalise: whether those layers have batch normalisation.
  """

  frame_hidden: int
  hidden: tuple[int, ...]
  normalise: bool

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, T, H, W, C] -> logits [B, 1], statistics."""
    layers = norm.Layers(statistics, train)
    x = leaky(_dense(self.frame_hidden)(x.reshape(*x.shape[:2], -1)))
    x = _hidden(self, layers, self.hidden, x.reshape(len(x), -1), 1)
    return _dense(1)(x), layers.statistics


def _dense(width: int, use_bias: bool = True) -> nn.Dense:
  return nn.Dense(width, use_bias=use_bias, kernel_init=mlp.KERNEL_INIT)


def _normalised(module, layers: norm.Layers, number: int, x: jax.Array):
  """The layer's batch normalisation, where the module has it."""
  return layers.batch_norm(f'norm_{number}', x) if module.normalise else x


def _hidden(module, layers: norm.Layers, widths, x: jax.Array, before: int):
  """Dense layers of a critic; its very first one is not normalised."""
  for number, width in enumerate(widths, before):
    bare = not (module.normalise and number)
    x = _dense(width, bare)(x)
    x = leaky(x if bare else layers.batch_norm(f'norm_{number}', x))
  return x


def logits_of(logits: jax.Array) -> jax.Array:
  """One number per example: the mean of its logits, float [B, ...] -> [B]."""
  return jnp.mean(logits.reshape(len(logits), -1), axis=1)
