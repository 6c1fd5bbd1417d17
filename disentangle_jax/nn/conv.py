"""Strided convolutions and their transposes, in more than one form.

Under `vmap` over runs a convolution's kernels become batched, and XLA turns
that into a grouped convolution: slow on a GPU, and slower still on a CPU inside
a loop (XLA's CPU loop bodies miss the fast convolution path, jax issue 12868).
So each operation has two forms that agree to rounding:

  'lax': `jax.lax.conv_general_dilated`.
  'blocks': cut the image into stride x stride blocks (space to depth), so that
    a k x k convolution of stride s is a ceil(k/s) x ceil(k/s) convolution of
    stride one over blocks: a few shifted views and one matrix product. The
    transpose is its adjoint. Shifts copy every value once per tap, so that they
    are done on that side of the product which has fewer values. Both gradients
    are again matrix products and shifts, and `vmap` makes them batched matrix
    products. A stride that does not divide the kernel would fill blocks with
    zeros (3 x 3 at stride 2: 16 places for 9 weights); those take the places
    that have weights one by one.

`default_form` is the one place that chooses. Padding is 'SAME' everywhere, as
TensorFlow defines it; the transpose is the gradient of the forward convolution
with respect to its input, as `tf.nn.conv2d_transpose`.
"""

import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import mlp

FORMS = ('auto', 'blocks', 'lax')
_DIMENSIONS = ('NHWC', 'HWIO', 'NHWC')


def default_form(backend: str | None = None) -> str:
  """The form to use where the user says 'auto'.

  BUILD_NOTES.md has the figures this rests on for a CPU. On GPU and TPU nobody
  has measured yet, and 'blocks' is a guess there: batched matrix products do
  not depend on how a backend treats grouped convolutions.

  Args:
    backend: 'cpu', 'gpu' or 'tpu'; None for the one in use.

  Returns:
    A name in FORMS other than 'auto'.
  """
  del backend  # one answer so far; the parameter is where a measurement goes
  return 'blocks'


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
  """Output size and padding before, of a SAME convolution along one axis."""
  out = -(-size // stride)
  total = max((out - 1) * stride + kernel - size, 0)
  return out, total // 2


def _block_kernel(kernel: jax.Array, stride: int) -> tuple[jax.Array, int, int]:
  """[kh, kw, I, O] -> [taps_h, taps_w, s, s, I, O], zero padded."""
  kh, kw, i, o = kernel.shape
  th, tw = math.ceil(kh / stride), math.ceil(kw / stride)
  kernel = jnp.pad(
    kernel,
    ((0, th * stride - kh), (0, tw * stride - kw), (0, 0), (0, 0)),
  )
  kernel = kernel.reshape(th, stride, tw, stride, i, o)
  return kernel.transpose(0, 2, 1, 3, 4, 5), th, tw


def conv(
  x: jax.Array, kernel: jax.Array, stride: int, form: str = 'auto'
) -> jax.Array:
  """SAME convolution (cross correlation, as everywhere in deep learning).

  Args:
    x: float [B, H, W, I].
    kernel: float [kh, kw, I, O].
    stride: the same along both axes.
    form: one of FORMS.

  Returns:
    float [B, ceil(H / stride), ceil(W / stride), O].
  """
  if form == 'auto':
    form = default_form()
  if form == 'lax':
    return jax.lax.conv_general_dilated(
      x, kernel, (stride, stride), 'SAME', dimension_numbers=_DIMENSIONS
    )
  b, h, w, c = x.shape
  kh, kw, _, o = kernel.shape
  if stride == 1 and o < c and kh % 2 and kw % 2:
    # The adjoint with the kernel turned around moves o values per tap, not c.
    return conv_transpose(x, kernel[::-1, ::-1], 1, form)
  weights, th, tw = _block_kernel(kernel, stride)
  (oh, top), (ow, left) = (
    _same(h, kh, stride),
    _same(w, kw, stride),
  )
  nh, nw = oh - 1 + th, ow - 1 + tw  # blocks along each axis
  x = jnp.pad(
    x,
    (
      (0, 0),
      (top, nh * stride - h - top),
      (left, nw * stride - w - left),
      (0, 0),
    ),
  )
  x = x.reshape(b, nh, stride, nw, stride, c)
  if kh % stride or kw % stride:
    views = [
      x[:, i // stride :, i % stride, j // stride :, j % stride][:, :oh, :ow]
      for i in range(kh)
      for j in range(kw)
    ]
    return jnp.concatenate(views, axis=-1) @ kernel.reshape(-1, o)
  x = x.transpose(0, 1, 3, 2, 4, 5)
  inputs = stride * stride * c
  x = x.reshape(b, nh, nw, inputs)
  if o < inputs:
    weights = weights.reshape(th, tw, inputs, o).transpose(2, 0, 1, 3)
    y = (x @ weights.reshape(inputs, -1)).reshape(b, nh, nw, th, tw, o)
    return sum(
      y[:, i : i + oh, j : j + ow, i, j] for i in range(th) for j in range(tw)
    )
  views = [
    x[:, i : i + oh, j : j + ow, :] for i in range(th) for j in range(tw)
  ]
  patches = jnp.concatenate(views, axis=-1)
  return patches @ weights.reshape(-1, o)


def conv_transpose(
  x: jax.Array, kernel: jax.Array, stride: int, form: str = 'auto'
) -> jax.Array:
  """Gradient of a SAME convolution with respect to its input.

  y[s m + i - lo] += x[m] kernel[i], with lo = max(k - s, 0) // 2.

  Args:
    x: float [B, H, W, I].
    kernel: float [kh, kw, I, O].
    stride: the same along both axes.
    form: one of FORMS.

  Returns:
    float [B, H * stride, W * stride, O].
  """
  if form == 'auto':
    form = default_form()
  b, h, w, c = x.shape
  kh, kw, _, o = kernel.shape
  top, left = max(kh - stride, 0) // 2, max(kw - stride, 0) // 2
  if form == 'lax':
    padding = [
      (k - 1 - lo, stride - 1 + lo) for k, lo in ((kh, top), (kw, left))
    ]
    return jax.lax.conv_general_dilated(
      x,
      kernel[::-1, ::-1],
      (1, 1),
      padding,
      lhs_dilation=(stride, stride),
      dimension_numbers=_DIMENSIONS,
    )
  weights, th, tw = _block_kernel(kernel, stride)
  nh, nw = h + th - 1, w + tw - 1

  def shifted(y, i, j):
    room = ((0, 0), (i, th - 1 - i), (j, tw - 1 - j), (0, 0))
    return jnp.pad(y, room)

  if kh % stride or kw % stride:
    weights = kernel.transpose(2, 0, 1, 3).reshape(c, -1)
    y = (x @ weights).reshape(b, h, w, kh, kw, o)
    # What falls on the same place of a block, over the taps that do.
    place = lambda p, q: sum(
      shifted(y[:, :, :, i, j], i // stride, j // stride)
      for i in range(p, kh, stride)
      for j in range(q, kw, stride)
    )
    nothing = jnp.zeros((b, nh, nw, o), y.dtype)  # kernel below the stride
    row = lambda p: jnp.stack(
      [nothing + place(p, q) for q in range(stride)], axis=3
    )
    total = jnp.stack([row(p) for p in range(stride)], axis=2)
  else:
    outputs = stride * stride * o
    if c < outputs:
      weights = weights.transpose(0, 1, 4, 2, 3, 5).reshape(-1, outputs)
      views = [shifted(x, i, j) for i in range(th) for j in range(tw)]
      total = jnp.concatenate(views, axis=-1) @ weights
    else:
      weights = weights.transpose(4, 0, 1, 2, 3, 5).reshape(c, -1)
      y = (x @ weights).reshape(b, h, w, th, tw, outputs)
      total = sum(
        shifted(y[:, :, :, i, j], i, j) for i in range(th) for j in range(tw)
      )
    total = total.reshape(b, nh, nw, stride, stride, o)
    total = total.transpose(0, 1, 3, 2, 4, 5)
  total = total.reshape(b, nh * stride, nw * stride, o)
  return total[:, top : top + h * stride, left : left + w * stride, :]


class Conv(nn.Module):
  """Convolution with bias; `transpose` for the upsampling kind.

  Attributes:
    features: output channels.
    kernel: side of the square kernel, pixels.
    stride: along both axes.
    transpose: upsample by `stride` instead of downsampling.
    form: one of FORMS.
  """

  features: int
  kernel: int
  stride: int
  transpose: bool = False
  form: str = 'auto'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, H, W, I] -> float [B, H', W', features]."""
    shape = (self.kernel, self.kernel, x.shape[-1], self.features)
    kernel = self.param('kernel', mlp.KERNEL_INIT, shape)
    bias = self.param('bias', nn.initializers.zeros, (self.features,))
    op = conv_transpose if self.transpose else conv
    return op(x, kernel, self.stride, self.form) + bias
