"""Convolutions as one GPU kernel each: form 'fused' of `nn.conv`.

Three kernels, written with Pallas and compiled by Triton: a convolution, its
transpose, and the product of both that is the gradient with respect to the
taps. Each reads what it multiplies where it lies and writes its result once, so
that nothing is copied into blocks or views: of a step of the large study's nets
on an H100 less than half of the bytes of 'blocks' move (docs/performance.md).

A tile of the result is a matrix product: rows are places of examples, what is
summed over are taps and channels, columns are channels of the result. Rows that
a tap takes from outside the image read as 0. Sums are float32, whatever the
inputs are.

Images and sequences; a GPU's kernels elsewhere are interpreted, tile by tile,
which is for tests. The gradients of each of the three are the other two, so
that gradients of gradients exist.
"""

from collections.abc import Callable, Sequence
import functools
import math
from typing import Any, NamedTuple

import jax
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
import jax.numpy as jnp

from disentangle_jax import platforms

# Rows of a tile, and most of its columns and of what one product sums over.
_ROWS, _MOST = 64, 64
# A GPU's matrix units take no side below this.
_LEAST = 16
# Rows that one program sums for the taps; more programs write partial sums.
_ROWS_OF_TAPS = 2048
_PARAMS = triton.CompilerParams(num_warps=4, num_stages=3)


class Geometry(NamedTuple):
  """Sizes of a convolution, two numbers each: along height and width.

  Attributes:
    sizes: of the image that is read (by the transpose: made).
    outs: of the result (of the transpose: read).
    sides: of the kernel.
    strides: places between two taps' images.
    befores: zeros before the first place.
  """

  sizes: tuple[int, int]
  outs: tuple[int, int]
  sides: tuple[int, int]
  strides: tuple[int, int]
  befores: tuple[int, int]


def _divided(x: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
  """Quotient and rest of integers that are not negative."""
  if n == 1:
    return x, jnp.zeros_like(x)
  quotient = lax.div(x, jnp.full_like(x, n))
  return quotient, x - quotient * n


def _count(size: int) -> jax.Array:
  return lax.broadcasted_iota(jnp.int32, (size,), 0)


def _width(channels: int) -> int:
  """Columns of a tile for so many channels: a power of two."""
  return max(_LEAST, min(_MOST, pl.next_power_of_2(channels)))


class _Inner(NamedTuple):
  """What products sum over, in parts: taps and channels of an image.

  Attributes:
    taps: along height and width.
    channels: of the image.
    width: of a part; a part lies within one tap if it divides `channels`.
  """

  taps: tuple[int, int]
  channels: int
  width: int

  @classmethod
  def of(cls, taps: Sequence[int], channels: int) -> '_Inner':
    """As wide as the channels allow; taps share a part where these are few."""
    width = math.gcd(channels, _MOST)
    if width < _LEAST:
      width = _width(math.prod(taps) * channels)
    return cls(tuple(taps), channels, width)

  @property
  def size(self) -> int:
    return math.prod(self.taps) * self.channels

  @property
  def parts(self) -> int:
    return -(-self.size // self.width)

  def entries(
    self, part: jax.Array, axis: int
  ) -> tuple[tuple[jax.Array, jax.Array], jax.Array, jax.Array]:
    """Tap along both axes and channel of every entry of a part.

    Args:
      part: its number.
      axis: 0 to have the entries as rows, 1 as columns.

    Returns:
      Two taps, scalars where a part has one; channels; which entries exist.
    """
    entry = jnp.expand_dims(_count(self.width), 1 - axis)
    if self.channels % self.width == 0:
      tap, chunk = _divided(part, self.channels // self.width)
      channel = chunk * self.width + entry
      there = channel < self.channels
    else:
      entry = part * self.width + entry
      tap, channel = _divided(entry, self.channels)
      there = entry < self.size
    return _divided(tap, self.taps[1]), channel, there


class _Rows(NamedTuple):
  """Places of all examples as rows of a tile; int32 [rows, 1] each."""

  example: jax.Array
  place: tuple[jax.Array, jax.Array]
  there: jax.Array

  @classmethod
  def of(cls, tile: jax.Array, examples: int, sizes: Sequence[int]) -> '_Rows':
    row = (tile * _ROWS + _count(_ROWS))[:, None]
    example, rest = _divided(row, math.prod(sizes))
    place = _divided(rest, sizes[1])
    return cls(example, place, row < examples * math.prod(sizes))


def _load(ref, index, *masks):
  """What lies at an index, 0 where a mask says no; all are broadcast."""
  index = jnp.broadcast_arrays(*index)
  there = functools.reduce(jnp.logical_and, masks)
  there = jnp.broadcast_to(there, index[0].shape)
  return triton.load(ref.at[tuple(index)], mask=there, other=0.0)


def _store(ref, index, value, *masks):
  """Writes where all masks say yes; all are broadcast."""
  index = jnp.broadcast_arrays(*index)
  there = functools.reduce(jnp.logical_and, masks)
  there = jnp.broadcast_to(there, index[0].shape)
  triton.store(ref.at[tuple(index)], value.astype(ref.dtype), mask=there)


def _inside(place, sizes):
  """Whether places lie in an image, along both axes."""
  first, second = ((p >= 0) & (p < n) for p, n in zip(place, sizes))
  return first & second


def _columns(number: jax.Array, width: int, channels: int):
  column = (number * width + _count(width))[None, :]
  return column, column < channels


def _patch(x_ref, rows: _Rows, inner: _Inner, part, geometry: Geometry):
  """[rows, width]: what the taps of a part read of the image."""
  taps, channel, there = inner.entries(part, 1)
  place = [
    p * s + tap - before
    for p, s, tap, before in zip(
      rows.place, geometry.strides, taps, geometry.befores
    )
  ]
  index = (rows.example, *place, channel)
  inside = _inside(place, geometry.sizes)
  return _load(x_ref, index, inside, rows.there, there)


def _finished(total, refs, column, wanted, relu):
  """With a bias, if there is one among the references, and ReLU."""
  for bias_ref in refs:
    total = total + _load(bias_ref, (column,), wanted).astype(jnp.float32)
  return jnp.maximum(total, 0.0) if relu else total


def _down_kernel(x_ref, k_ref, *refs, geometry, inner, width, precision, relu):
  """A tile of a convolution."""
  *rest, y_ref = refs
  rows = _Rows.of(pl.program_id(0), x_ref.shape[0], geometry.outs)
  column, wanted = _columns(pl.program_id(1), width, y_ref.shape[-1])

  def add(part, total):
    taps, channel, there = inner.entries(part, 0)
    weights = _load(k_ref, (*taps, channel, column), there, wanted)
    patch = _patch(x_ref, rows, inner, part, geometry)
    return total + triton.dot(patch, weights, precision=precision)

  total = jnp.zeros((_ROWS, width), jnp.float32)
  total = lax.fori_loop(0, inner.parts, add, total)
  total = _finished(total, rest, column, wanted, relu)
  _store(y_ref, (rows.example, *rows.place, column), total, rows.there, wanted)


def _up_kernel(x_ref, k_ref, *refs, geometry, inner, width, precision, relu):
  """A tile of a transpose: places of one phase, a stride apart."""
  *rest, y_ref = refs
  strides, befores = geometry.strides, geometry.befores
  many = [-(-n // s) for n, s in zip(geometry.sizes, strides)]
  rows = _Rows.of(pl.program_id(0), x_ref.shape[0], many)
  phases = _divided(pl.program_id(1), strides[1])
  column, wanted = _columns(pl.program_id(2), width, y_ref.shape[-1])
  # Of the taps that fall on a phase the first one, and the place it comes from.
  moved = [p + before for p, before in zip(phases, befores)]
  ahead, firsts = zip(*map(_divided, moved, strides))

  def add(part, total):
    taps, channel, there = inner.entries(part, 0)
    taps = [first + s * tap for first, s, tap in zip(firsts, strides, taps)]
    in_kernel = _inside(taps, geometry.sides)
    index = (*taps, channel, column)
    weights = _load(k_ref, index, there, wanted, in_kernel)
    taps, channel, there = inner.entries(part, 1)
    place = [p + a - tap for p, a, tap in zip(rows.place, ahead, taps)]
    inside = _inside(place, geometry.outs)
    index = (rows.example, *place, channel)
    values = _load(x_ref, index, inside, rows.there, there)
    return total + triton.dot(values, weights, precision=precision)

  total = jnp.zeros((_ROWS, width), jnp.float32)
  total = lax.fori_loop(0, inner.parts, add, total)
  total = _finished(total, rest, column, wanted, relu)
  place = [p * s + phase for p, s, phase in zip(rows.place, strides, phases)]
  inside = _inside(place, geometry.sizes) & rows.there
  _store(y_ref, (rows.example, *place, column), total, inside, wanted)


def _taps_kernel(
  x_ref, y_ref, k_ref, *, geometry, inner, width, tiles, precision
):
  """Of one part of the taps the sum over a share of the rows."""
  part, share = pl.program_id(0), pl.program_id(2)
  column, wanted = _columns(pl.program_id(1), width, y_ref.shape[-1])

  def add(tile, total):
    tile = share * tiles + tile
    rows = _Rows.of(tile, x_ref.shape[0], geometry.outs)
    index = (rows.example, *rows.place, column)
    values = _load(y_ref, index, rows.there, wanted)
    patch = _patch(x_ref, rows, inner, part, geometry)
    return total + triton.dot(patch, values, trans_a=True, precision=precision)

  total = jnp.zeros((inner.width, width), jnp.float32)
  total = lax.fori_loop(0, tiles, add, total)
  taps, channel, there = inner.entries(part, 0)
  _store(k_ref, (share, *taps, channel, column), total, there, wanted)


def _call(kernel, grid, shape, dtype, *operands):
  """A kernel over whole arrays, compiled for a GPU, interpreted elsewhere."""
  whole = lambda shape: pl.BlockSpec(shape, lambda *_: (0,) * len(shape))
  like = jax.typeof(operands[0])

  def call(interpret):
    return pl.pallas_call(
      kernel,
      grid=grid,
      in_specs=[whole(x.shape) for x in operands],
      out_specs=whole(shape),
      out_shape=jax.ShapeDtypeStruct(
        shape, dtype, manual_axis_type=like.manual_axis_type
      ),
      compiler_params=_PARAMS,
      interpret=interpret,
    )

  platform = platforms.current()
  if platform:
    return call(platform not in platforms.GPUS)(*operands)
  # Outside of the engine nobody has said.
  return lax.platform_dependent(*operands, cuda=call(False), default=call(True))


def _tiles(examples: int, sizes: Sequence[int]) -> int:
  return -(-examples * math.prod(sizes) // _ROWS)


def _down(operands, geometry, precision, relu=False):
  """Of an image, a kernel and, it may be, a bias."""
  x, kernel, *_ = operands
  channels = kernel.shape[-1]
  inner, width = _Inner.of(geometry.sides, x.shape[-1]), _width(channels)
  call = functools.partial(
    _down_kernel,
    geometry=geometry,
    inner=inner,
    width=width,
    precision=precision,
    relu=relu,
  )
  grid = (_tiles(x.shape[0], geometry.outs), -(-channels // width))
  shape = (x.shape[0], *geometry.outs, channels)
  return _call(call, grid, shape, x.dtype, *operands)


def _up(operands, geometry, precision, relu=False):
  """As `_down`, of the transpose."""
  x, kernel, *_ = operands
  channels = kernel.shape[-1]
  taps = [-(-k // s) for k, s in zip(geometry.sides, geometry.strides)]
  inner, width = _Inner.of(taps, x.shape[-1]), _width(channels)
  call = functools.partial(
    _up_kernel,
    geometry=geometry,
    inner=inner,
    width=width,
    precision=precision,
    relu=relu,
  )
  many = [-(-n // s) for n, s in zip(geometry.sizes, geometry.strides)]
  grid = (
    _tiles(x.shape[0], many),
    math.prod(geometry.strides),
    -(-channels // width),
  )
  shape = (x.shape[0], *geometry.sizes, channels)
  return _call(call, grid, shape, x.dtype, *operands)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def down(
  x: jax.Array, kernel: jax.Array, geometry: Geometry, precision: Any = None
) -> jax.Array:
  """Convolution of images.

  Args:
    x: float [B, *sizes, I].
    kernel: float [*sides, I, O].
    geometry: sizes of both.
    precision: of the products, as `jax.lax.dot_general` takes it.

  Returns:
    float [B, *outs, O].
  """
  return _down((x, kernel), geometry, precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def up(
  x: jax.Array, kernel: jax.Array, geometry: Geometry, precision: Any = None
) -> jax.Array:
  """The transpose: the gradient of `down` with respect to its image.

  Args:
    x: float [B, *outs, I].
    kernel: float [*sides, I, O].
    geometry: of the convolution.
    precision: as in `down`.

  Returns:
    float [B, *sizes, O].
  """
  return _up((x, kernel), geometry, precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def taps(
  x: jax.Array, y: jax.Array, geometry: Geometry, precision: Any = None
) -> jax.Array:
  """The gradient of `down` with respect to its kernel.

  Args:
    x: float [B, *sizes, I], its image.
    y: float [B, *outs, O], the cotangent of its result.
    geometry: of the convolution.
    precision: as in `down`.

  Returns:
    float [*sides, I, O].
  """
  inner, channels = _Inner.of(geometry.sides, x.shape[-1]), y.shape[-1]
  width = _width(channels)
  tiles = _tiles(x.shape[0], geometry.outs)
  shares = -(-tiles * _ROWS // _ROWS_OF_TAPS)
  call = functools.partial(
    _taps_kernel,
    geometry=geometry,
    inner=inner,
    width=width,
    tiles=-(-tiles // shares),
    precision=precision,
  )
  grid = (inner.parts, -(-channels // width), shares)
  shape = (shares, *geometry.sides, x.shape[-1], channels)
  parts = _call(call, grid, shape, jnp.float32, x, y)
  return jnp.sum(parts, axis=0).astype(y.dtype)


def _turned(kernel: jax.Array) -> jax.Array:
  """Channels in and out exchanged."""
  return kernel.swapaxes(-1, -2)


def _forwards(operation: Callable) -> Callable:
  def forwards(first, second, geometry, precision):
    return operation(first, second, geometry, precision), (first, second)

  return forwards


def _down_backwards(geometry, precision, residuals, cotangent):
  x, kernel = residuals
  of_x = up(cotangent, _turned(kernel), geometry, precision)
  return of_x, taps(x, cotangent, geometry, precision)


def _up_backwards(geometry, precision, residuals, cotangent):
  x, kernel = residuals
  of_x = down(cotangent, _turned(kernel), geometry, precision)
  return of_x, _turned(taps(cotangent, x, geometry, precision))


def _taps_backwards(geometry, precision, residuals, cotangent):
  x, y = residuals
  of_x = up(y, _turned(cotangent), geometry, precision)
  return of_x, down(x, cotangent, geometry, precision)


down.defvjp(_forwards(down), _down_backwards)
up.defvjp(_forwards(up), _up_backwards)
taps.defvjp(_forwards(taps), _taps_backwards)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5, 6))
def layer(
  x: jax.Array,
  kernel: jax.Array,
  bias: jax.Array,
  geometry: Geometry,
  transpose: bool,
  relu: bool,
  precision: Any = None,
) -> jax.Array:
  """`down` or `up`, bias and ReLU in one kernel.

  Args:
    x: float [B, *sizes, I]; of a transpose [B, *outs, I].
    kernel: float [*sides, I, O].
    bias: float [O].
    geometry: of the convolution.
    transpose: `up` in the place of `down`.
    relu: whether negative values become 0.
    precision: as in `down`.

  Returns:
    As `down` or `up`.
  """
  operation = _up if transpose else _down
  return operation((x, kernel, bias), geometry, precision, relu)


def _layer_forwards(x, kernel, bias, geometry, transpose, relu, precision):
  y = layer(x, kernel, bias, geometry, transpose, relu, precision)
  return y, (x, kernel, y if relu else None)


def _layer_backwards(
  geometry, transpose, relu, precision, residuals, cotangent
):
  x, kernel, y = residuals
  if relu:
    cotangent = jnp.where(y > 0, cotangent, 0)
  backwards = _up_backwards if transpose else _down_backwards
  gradients = backwards(geometry, precision, (x, kernel), cotangent)
  return *gradients, jnp.sum(cotangent, axis=(0, 1, 2))


layer.defvjp(_layer_forwards, _layer_backwards)
