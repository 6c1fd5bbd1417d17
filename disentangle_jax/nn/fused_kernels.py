"""The three GPU kernels of `nn.fused_conv`, written with Pallas for Triton.

A tile of the result is a matrix product: rows are places of examples, what is
summed over are taps and channels, columns are channels of the result. Rows that
a tap takes from outside the image read as 0. Sums are float32, whatever the
inputs are.
"""

from collections.abc import Sequence
import functools
import math
from typing import NamedTuple

import jax
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
import jax.numpy as jnp

from disentangle_jax import platforms

# Rows of a tile, and most of its columns and of what one product sums over.
ROWS, _MOST = 64, 64
# A GPU's matrix units take no side below this.
_LEAST = 16
# Rows that one program sums for the taps; more programs write partial sums.
ROWS_OF_TAPS = 2048
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

  @property
  def phase(self) -> list[int]:
    """Places of the image that lie a stride apart, at most."""
    return [-(-n // s) for n, s in zip(self.sizes, self.strides)]


def _divided(x: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
  """Quotient and rest of integers that are not negative."""
  if n == 1:
    return x, jnp.zeros_like(x)
  quotient = lax.div(x, jnp.full_like(x, n))
  return quotient, x - quotient * n


def _count(size: int) -> jax.Array:
  return lax.broadcasted_iota(jnp.int32, (size,), 0)


def columns_of(channels: int) -> int:
  """Columns of a tile for so many channels: a power of two."""
  return max(_LEAST, min(_MOST, pl.next_power_of_2(channels)))


class Inner(NamedTuple):
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
  def of(cls, taps: Sequence[int], channels: int) -> 'Inner':
    """As wide as the channels allow; taps share a part where these are few."""
    width = math.gcd(channels, _MOST)
    if width < _LEAST:
      width = columns_of(math.prod(taps) * channels)
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
    row = (tile * ROWS + _count(ROWS))[:, None]
    example, rest = _divided(row, math.prod(sizes))
    place = _divided(rest, sizes[1])
    return cls(example, place, row < examples * math.prod(sizes))


def _placed(index, masks):
  """An index and where all masks say yes, both broadcast."""
  index = jnp.broadcast_arrays(*index)
  there = functools.reduce(jnp.logical_and, masks)
  return tuple(index), jnp.broadcast_to(there, index[0].shape)


def _load(ref, index, *masks):
  """What lies at an index, 0 where a mask says no."""
  index, there = _placed(index, masks)
  return triton.load(ref.at[index], mask=there, other=0.0)


def _store(ref, index, value, *masks):
  """Writes where all masks say yes."""
  index, there = _placed(index, masks)
  triton.store(ref.at[index], value.astype(ref.dtype), mask=there)


def _inside(place, sizes):
  """Whether places lie in an image, along both axes."""
  first, second = ((p >= 0) & (p < n) for p, n in zip(place, sizes))
  return first & second


def _columns(number: jax.Array, width: int, channels: int):
  column = (number * width + _count(width))[None, :]
  return column, column < channels


def _patch(x_ref, rows: _Rows, inner: Inner, part, geometry: Geometry):
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


def down(x_ref, k_ref, *refs, geometry, inner, width, precision, relu):
  """A tile of a convolution; between kernel and result there may be a bias."""
  *rest, y_ref = refs
  rows = _Rows.of(pl.program_id(0), x_ref.shape[0], geometry.outs)
  column, wanted = _columns(pl.program_id(1), width, y_ref.shape[-1])

  def add(part, total):
    taps, channel, there = inner.entries(part, 0)
    weights = _load(k_ref, (*taps, channel, column), there, wanted)
    patch = _patch(x_ref, rows, inner, part, geometry)
    return total + triton.dot(patch, weights, precision=precision)

  total = jnp.zeros((ROWS, width), jnp.float32)
  total = lax.fori_loop(0, inner.parts, add, total)
  total = _finished(total, rest, column, wanted, relu)
  _store(y_ref, (rows.example, *rows.place, column), total, rows.there, wanted)


def up(x_ref, k_ref, *refs, geometry, inner, width, precision, relu):
  """As `down`, of a transpose: places of one phase, a stride apart."""
  *rest, y_ref = refs
  strides, befores = geometry.strides, geometry.befores
  rows = _Rows.of(pl.program_id(0), x_ref.shape[0], geometry.phase)
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

  total = jnp.zeros((ROWS, width), jnp.float32)
  total = lax.fori_loop(0, inner.parts, add, total)
  total = _finished(total, rest, column, wanted, relu)
  place = [p * s + phase for p, s, phase in zip(rows.place, strides, phases)]
  inside = _inside(place, geometry.sizes) & rows.there
  _store(y_ref, (rows.example, *place, column), total, inside, wanted)


def taps(x_ref, y_ref, k_ref, *, geometry, inner, width, tiles, precision):
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


def call(kernel, grid, shape, dtype, *operands):
  """Runs a kernel over whole arrays; compiled for a GPU, interpreted elsewhere.

  Args:
    kernel: of references to the operands and to the result.
    grid: how many programs along each axis.
    shape: of the result.
    dtype: of the result.
    *operands: arrays.

  Returns:
    The result.
  """
  whole = lambda shape: pl.BlockSpec(shape, lambda *_: (0,) * len(shape))
  like = jax.typeof(operands[0])

  def made(interpret):
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
    return made(platform not in platforms.GPUS)(*operands)
  # Outside of the engine nobody has said.
  return lax.platform_dependent(*operands, cuda=made(False), default=made(True))
