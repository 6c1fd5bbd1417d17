"""Strided convolutions and their transposes, in more than one form.

Sequences [B, T, C], images [B, H, W, C] and videos or voxels [B, T, H, W, C]
go through the same code; a kernel [k, ..., I, O] says how many axes there are.

Under `vmap` over runs a convolution's kernels become batched, and XLA turns
that into a grouped convolution: slow on a GPU, and slower still on a CPU inside
a loop (XLA's CPU loop bodies miss the fast convolution path, jax issue 12868).
So each operation has forms that agree to rounding:

  'lax': `jax.lax.conv_general_dilated`; the transpose has a gradient of its own
    and is not differentiated forwards (`jax.jvp`).
  'blocks': matrix products over blocks of stride x stride (`nn.block_conv`),
    whose gradients and batches over runs are matrix products again.
  'fused': a GPU kernel of our own for each (`nn.fused_conv`), of sequences and
    images; clips and voxels go as blocks. Not differentiated forwards either.
    On other devices it is interpreted, for tests: thousands of times slower,
    and of batches that are not split.

`default_form` is the one place that chooses. Padding is 'SAME' unless said
otherwise, as TensorFlow defines it; a forward convolution may have 'VALID'
axes, along which nothing is padded. The transpose is the gradient of the
forward 'SAME' convolution with respect to its input, as
`tf.nn.conv2d_transpose`.
"""

from collections.abc import Sequence
import functools
import math

from flax import linen as nn
import jax

from disentangle_jax import errors, platforms
from disentangle_jax.nn import activations, block_conv, fused_conv, mlp
from disentangle_jax.ops import axis

FORMS = ('auto', 'blocks', 'lax', 'fused')
PADDINGS = ('SAME', 'VALID')


def default_form() -> str:
  """The form to use where the user says 'auto'.

  'lax' in what is traced for a TPU: of a step of 8 runs of the large study's
  nets its compiler estimates 7.6 million cycles, 21.5 with 'blocks'
  (docs/performance.md). 'blocks' elsewhere: measured on CPUs, and on an H200 at
  9 tenths of what its memory can move; 'fused', which moves half as much, and
  cuDNN's grouped convolutions, 'lax' there, have not been timed.

  Returns:
    A name in FORMS other than 'auto'.
  """
  return 'lax' if platforms.current() == 'tpu' else 'blocks'


def check_form(field: str, form: str) -> None:
  """Raises ConfigError unless `form`, the value of `field`, is in FORMS."""
  if form not in FORMS:
    raise errors.choices(field, form, FORMS)


def _per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
  """One number per spatial axis."""
  if isinstance(value, int):
    return (value,) * rank
  if len(value) != rank:
    raise ValueError(f'{tuple(value)} for {rank} axes: one number for each')
  return tuple(value)


def _paddings(padding: str | Sequence[str], rank: int) -> tuple[str, ...]:
  """One of PADDINGS per spatial axis."""
  each = (padding,) * rank if isinstance(padding, str) else tuple(padding)
  if len(each) != rank or not set(each) <= set(PADDINGS):
    raise ValueError(f'{padding!r} for {rank} axes: one of {PADDINGS} for each')
  return each


def _places(rank: int) -> str:
  return 'THW'[-rank:]


def _dimensions(rank: int) -> tuple[str, str, str]:
  places = _places(rank)
  return f'N{places}C', f'{places}IO', f'N{places}C'


def _sizes(
  size: int, kernel: int, stride: int, padding: str
) -> tuple[int, int]:
  """Output size and padding before, of a convolution along one axis."""
  if padding == 'VALID':
    if size < kernel:
      raise ValueError(f'a VALID kernel of {kernel} on {size} places')
    return (size - kernel) // stride + 1, 0
  out = -(-size // stride)
  total = max((out - 1) * stride + kernel - size, 0)
  return out, total // 2


def conv(
  x: jax.Array,
  kernel: jax.Array,
  stride: int | Sequence[int],
  form: str = 'auto',
  padding: str | Sequence[str] = 'SAME',
  bias: jax.Array | None = None,
  relu: bool = False,
) -> jax.Array:
  """Convolution (cross correlation, as everywhere in deep learning).

  Args:
    x: float [B, *sizes, I], one size per spatial axis; 1 to 3 of them.
    kernel: float [*sides, I, O].
    stride: the same along all axes, or one for each.
    form: one of FORMS.
    padding: one of PADDINGS, the same along all axes, or one for each.
    bias: float [O], added to the result.
    relu: whether negative values become 0.

  Returns:
    float [B, *sizes', O]: a size' is ceil(size / stride) along a 'SAME' axis
    and floor((size - side) / stride) + 1 along a 'VALID' one.

  Raises:
    ValueError: not one stride or padding per axis, or a kernel that is larger
      than a 'VALID' axis.
  """
  _, *sizes, c = x.shape
  *sides, _, o = kernel.shape
  rank = len(sides)
  if form == 'auto':
    form = default_form()
  strides, paddings = _per_axis(stride, rank), _paddings(padding, rank)
  outs, befores = zip(*map(_sizes, sizes, sides, strides, paddings))
  # The places that are read: a VALID stride may leave some at the end.
  reach = [(n - 1) * s + k for n, s, k in zip(outs, strides, sides)]
  sizes = [
    min(size, end) if kind == 'VALID' else size
    for size, end, kind in zip(sizes, reach, paddings)
  ]
  x = x[:, *[slice(size) for size in sizes]]
  if form == 'lax':
    room = [
      (before, max(end - size - before, 0))
      for before, end, size in zip(befores, reach, sizes)
    ]
    y = jax.lax.conv_general_dilated(
      x, kernel, strides, room, dimension_numbers=_dimensions(rank)
    )
    return _finished(y, bias, relu)
  if form == 'fused' and rank < 3:
    shapes = (sizes, outs, sides, strides, befores)
    return _fused(False, x, kernel, bias, relu, shapes)
  same = all(kind == 'SAME' for kind in paddings)
  odd = all(k % 2 for k in sides)
  if math.prod(strides) == 1 and o < c and odd and same:
    # The adjoint with the kernel turned around moves o values per tap, not c.
    turned = jax.lax.rev(kernel, range(rank))
    return conv_transpose(x, turned, 1, form, bias, relu)
  y = block_conv.conv(x, kernel, strides, outs, befores)
  return _finished(y, bias, relu)


def conv_transpose(
  x: jax.Array,
  kernel: jax.Array,
  stride: int | Sequence[int],
  form: str = 'auto',
  bias: jax.Array | None = None,
  relu: bool = False,
) -> jax.Array:
  """Gradient of a SAME convolution with respect to its input.

  y[s m + i - lo] += x[m] kernel[i], with lo = max(k - s, 0) // 2.

  Args:
    x: float [B, *sizes, I], one size per spatial axis; 1 to 3 of them.
    kernel: float [*sides, I, O].
    stride: the same along all axes, or one for each.
    form: one of FORMS.
    bias: float [O], added to the result.
    relu: whether negative values become 0.

  Returns:
    float [B, *(sizes * stride), O].

  Raises:
    ValueError: not one stride per axis.
  """
  *sides, _, _ = kernel.shape
  rank = len(sides)
  if form == 'auto':
    form = default_form()
  strides = _per_axis(stride, rank)
  befores = [max(k - s, 0) // 2 for k, s in zip(sides, strides)]
  if form == 'lax':
    precision = jax.config.jax_default_matmul_precision
    x, kernel = axis.spread((x, kernel), (x, kernel))
    y = _lax_transpose(x, kernel, strides, precision)
  elif form == 'fused' and rank < 3:
    outs = x.shape[1:-1]
    sizes = [n * s for n, s in zip(outs, strides)]
    shapes = (sizes, outs, sides, strides, befores)
    return _fused(True, x, kernel, bias, relu, shapes)
  else:
    y = block_conv.conv_transpose(x, kernel, strides, befores)
  return _finished(y, bias, relu)


def _finished(y, bias, relu):
  y = y if bias is None else y + bias
  return activations.relu(y) if relu else y


def _fused(transpose, x, kernel, bias, relu, shapes):
  """By `nn.fused_conv`; sequences are images of one row."""
  x, kernel, bias = axis.spread((x, kernel, bias), (x, kernel))
  sequence = kernel.ndim == 3
  if sequence:
    x, kernel = x[:, None], kernel[None]
    # Sizes, places of the result, sides, strides and zeros before.
    shapes = [(one, *of) for one, of in zip((1, 1, 1, 1, 0), shapes)]
  geometry = fused_conv.Geometry(*map(tuple, shapes))
  precision = jax.config.jax_default_matmul_precision
  if bias is None:
    operation = fused_conv.up if transpose else fused_conv.down
    y = _finished(operation(x, kernel, geometry, precision), None, relu)
  else:
    y = fused_conv.layer(x, kernel, bias, geometry, transpose, relu, precision)
  return y[:, 0] if sequence else y


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _lax_transpose(x, kernel, strides, precision):
  """See `conv_transpose`, form 'lax'.

  Its own gradient: the gradient of a convolution over a dilated image with
  respect to its kernel makes XLA turn image and cotangent around, which on a
  TPU took a quarter of a step of the large study's nets. As the gradient of the
  forward convolution, whose transpose this is, nothing is turned.

  The precision in force is an argument, for the gradient is traced later.
  """
  rank = len(strides)
  befores, afters = _transpose_room(kernel, strides)
  return jax.lax.conv_general_dilated(
    x,
    jax.lax.rev(kernel, range(rank)),
    (1,) * rank,
    [
      (k - 1 - lo, k - 1 - hi)
      for k, lo, hi in zip(kernel.shape, befores, afters)
    ],
    lhs_dilation=strides,
    dimension_numbers=_dimensions(rank),
    precision=precision,
  )


def _transpose_room(kernel, strides):
  """Padding of the forward convolution, before and after; crops if below 0."""
  befores = [max(k - s, 0) // 2 for k, s in zip(kernel.shape, strides)]
  afters = [k - s - lo for k, s, lo in zip(kernel.shape, strides, befores)]
  return befores, afters


def _lax_transpose_forwards(x, kernel, strides, precision):
  return _lax_transpose(x, kernel, strides, precision), (x, kernel)


def _lax_transpose_backwards(strides, precision, residuals, cotangent):
  x, kernel = residuals
  rank = len(strides)
  room = list(zip(*_transpose_room(kernel, strides)))
  of_x = jax.lax.conv_general_dilated(
    cotangent,
    kernel.swapaxes(-1, -2),
    strides,
    room,
    dimension_numbers=_dimensions(rank),
    precision=precision,
  )
  # Examples are summed over, in the place of channels.
  axes = _places(rank)
  of_kernel = jax.lax.conv_general_dilated(
    cotangent,
    x,
    (1,) * rank,
    room,
    rhs_dilation=strides,
    dimension_numbers=(f'C{axes}N', f'I{axes}O', f'{axes}NC'),
    precision=precision,
  )
  return of_x, of_kernel.swapaxes(-1, -2)


_lax_transpose.defvjp(_lax_transpose_forwards, _lax_transpose_backwards)


class Conv(nn.Module):
  """Convolution with or without bias; `transpose` for the upsampling kind.

  Attributes:
    features: output channels.
    kernel: side of the kernel, in places; the same along all axes, or one for
      each.
    stride: along all axes, or one for each.
    transpose: upsample by `stride` instead of downsampling.
    form: one of FORMS.
    rank: spatial axes: 1 for sequences, 2 for images, 3 for videos and voxels.
    kernel_init: of the kernel; Glorot's uniform one by default.
    use_bias: False below batch normalisation, which takes a bias out again.
    padding: one of PADDINGS, the same along all axes, or one for each; 'SAME'
      where upsampling.
    relu: whether ReLU follows; 'fused' has it in the same kernel.
  """

  features: int
  kernel: int | Sequence[int]
  stride: int | Sequence[int]
  transpose: bool = False
  form: str = 'auto'
  rank: int = 2
  kernel_init: nn.initializers.Initializer = mlp.KERNEL_INIT
  use_bias: bool = True
  padding: str | Sequence[str] = 'SAME'
  relu: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, *sizes, I] -> float [B, *sizes', features]."""
    sides = _per_axis(self.kernel, self.rank)
    shape = (*sides, x.shape[-1], self.features)
    kernel = self.param('kernel', self.kernel_init, shape)
    bias = None
    if self.use_bias:
      bias = self.param('bias', nn.initializers.zeros, (self.features,))
    if not self.transpose:
      return conv(
        x, kernel, self.stride, self.form, self.padding, bias, self.relu
      )
    if 'VALID' in _paddings(self.padding, self.rank):
      raise ValueError('the transpose is that of a SAME convolution')
    return conv_transpose(x, kernel, self.stride, self.form, bias, self.relu)
