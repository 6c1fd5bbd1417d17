"""Convolutions as matrix products over blocks: form 'blocks' of `nn.conv`.

Cut the image into stride x stride blocks (space to depth), so that a k x k
convolution of stride s is a ceil(k/s) x ceil(k/s) convolution of stride one
over blocks: a few shifted views and one matrix product. The transpose is its
adjoint. Shifts copy every value once per tap, so that they are done on that
side of the product which has fewer values. A stride that does not divide the
kernel would fill blocks with zeros (3 x 3 at stride 2: 16 places for 9
weights); those take the places that have weights one by one.

With three axes a CPU takes the taps of the first, time, one by one, a product
each, and sums them. All at once, 4 x 2 x 2 taps of 128 channels are 2,048
values per place, which leave every cache: a layer of 64 to 128 channels of the
published critic of clips took 16 times as long (docs/performance.md).

Both gradients are again matrix products and shifts, and `vmap` makes them
batched matrix products.
"""

from collections.abc import Sequence
import functools
import itertools
import math
import operator
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import platforms

# Inputs per output from which on a transpose shifts outputs; with taps one by
# one these are summed twice.
_SHIFTS_OUTPUTS, _SHIFTS_OUTPUTS_ONE_BY_ONE = 1, 4


def _one_by_one(rank: int) -> int:
  """How many axes, the first ones, have their taps taken one by one."""
  return 1 if rank == 3 and platforms.current() in ('', 'cpu') else 0


def _grid(sizes: Sequence[int]) -> list[tuple[int, ...]]:
  """All index tuples below `sizes`, the last axis fastest."""
  return list(itertools.product(*map(range, sizes)))


def _zipped(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
  """Two sequences in turns: first[0], second[0], first[1], ..."""
  return [n for pair in zip(first, second, strict=True) for n in pair]


def _window(y: jax.Array, tap: Sequence[int], sizes: Sequence[int], skip=0):
  """`sizes` places from `tap` on, behind the batch and `skip` more axes."""
  whole = [slice(None)] * (1 + skip)
  ranges = (slice(i, i + size) for i, size in zip(tap, sizes, strict=True))
  return y[*whole, *ranges]


def _shifted(y: jax.Array, tap: Sequence[int], taps: Sequence[int], skip=0):
  """Room of `taps` - 1 places, `tap` of them before; axes as in `_window`."""
  room = [(i, t - 1 - i) for i, t in zip(tap, taps, strict=True)]
  rest = y.ndim - 1 - skip - len(room)
  return jnp.pad(y, ((0, 0),) * (1 + skip) + (*room, *((0, 0),) * rest))


def _apart(y: jax.Array, size: int) -> list[jax.Array]:
  """The last axis cut into parts of `size`.

  The gradient of a split is one concatenation; that of slices is a sum of as
  many arrays of zeros, which took a GPU three times as long.
  """
  return jax.lax.split(y, (size,) * (y.shape[-1] // size), axis=y.ndim - 1)


def _block_kernel(
  kernel: jax.Array, strides: tuple[int, ...]
) -> tuple[jax.Array, tuple[int, ...]]:
  """[k, ..., I, O] -> [taps, ..., s, ..., I, O], zero padded; the taps."""
  *sides, i, o = kernel.shape
  rank = len(sides)
  taps = tuple(math.ceil(k / s) for k, s in zip(sides, strides))
  room = [(0, t * s - k) for t, s, k in zip(taps, strides, sides)]
  kernel = jnp.pad(kernel, (*room, (0, 0), (0, 0)))
  kernel = kernel.reshape(*_zipped(taps, strides), i, o)
  outer, inner = range(0, 2 * rank, 2), range(1, 2 * rank, 2)
  return kernel.transpose(*outer, *inner, 2 * rank, 2 * rank + 1), taps


def conv(
  x: jax.Array,
  kernel: jax.Array,
  strides: tuple[int, ...],
  outs: tuple[int, ...],
  befores: tuple[int, ...],
) -> jax.Array:
  """Convolution.

  Args:
    x: float [B, *sizes, I], without places at the end that no tap reads.
    kernel: float [*sides, I, O].
    strides: one per axis.
    outs: places of the output, one number per axis.
    befores: zeros before the first place, one number per axis.

  Returns:
    float [B, *outs, O].
  """
  b, *sizes, c = x.shape
  *sides, _, o = kernel.shape
  rank = len(sides)
  weights, taps = _block_kernel(kernel, strides)
  blocks = [out - 1 + t for out, t in zip(outs, taps)]  # along each axis
  room = [
    (before, n * s - size - before)
    for before, n, s, size in zip(befores, blocks, strides, sizes)
  ]
  x = jnp.pad(x, ((0, 0), *room, (0, 0)))
  x = x.reshape(b, *_zipped(blocks, strides), c)
  if any(k % s for k, s in zip(sides, strides)):

    def place(offset):
      begins = [slice(i // s, None) for i, s in zip(offset, strides)]
      inside = [i % s for i, s in zip(offset, strides)]
      return _window(x[:, *_zipped(begins, inside)], [0] * rank, outs)

    views = [place(offset) for offset in _grid(sides)]
    return jnp.concatenate(views, axis=-1) @ kernel.reshape(-1, o)
  outer, inner = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
  x = x.transpose(0, *outer, *inner, 2 * rank + 1)
  inputs = math.prod(strides) * c
  x = x.reshape(b, *blocks, inputs)
  weights = weights.reshape(*taps, inputs, o)
  apart = _one_by_one(rank)
  at_once = taps[apart:]
  if o < inputs:

    def parts(tap):
      those = jnp.moveaxis(weights[*tap], -2, 0).reshape(inputs, -1)
      y = _window(x, tap, outs[:apart]) @ those
      for other, of_tap in zip(_grid(at_once), _apart(y, o), strict=True):
        yield _window(of_tap, other, outs[apart:], apart)

    return sum(part for tap in _grid(taps[:apart]) for part in parts(tap))
  views = [_window(x, tap, outs[apart:], apart) for tap in _grid(at_once)]
  x = jnp.concatenate(views, axis=-1)
  products = (
    _window(x, tap, outs[:apart]) @ weights[*tap].reshape(-1, o)
    for tap in _grid(taps[:apart])
  )
  return functools.reduce(operator.add, products)


def conv_transpose(
  x: jax.Array,
  kernel: jax.Array,
  strides: tuple[int, ...],
  befores: tuple[int, ...],
) -> jax.Array:
  """The transpose of a 'SAME' convolution.

  Args:
    x: float [B, *sizes, I].
    kernel: float [*sides, I, O].
    strides: one per axis.
    befores: places cut away before the first, one number per axis.

  Returns:
    float [B, *(sizes * strides), O].
  """
  b, *sizes, c = x.shape
  *sides, _, o = kernel.shape
  rank = len(sides)
  weights, taps = _block_kernel(kernel, strides)
  blocks = [size + t - 1 for size, t in zip(sizes, taps)]
  if any(k % s for k, s in zip(sides, strides)):
    weights = kernel.transpose(rank, *range(rank), rank + 1).reshape(c, -1)
    product = x @ weights
    y = dict(zip(_grid(sides), _apart(product, o), strict=True))
    # What no tap falls on, of a kernel below the stride.
    nothing = jnp.zeros((b, *blocks, o), product.dtype)

    def stacked(inside):
      axis = len(inside)
      if axis < rank:
        parts = [stacked((*inside, p)) for p in range(strides[axis])]
        return jnp.stack(parts, axis=axis + 2)
      # What falls on the same place of a block, over the taps that do.
      offsets = itertools.product(*map(range, inside, sides, strides))
      return nothing + sum(
        _shifted(y[at], [i // s for i, s in zip(at, strides)], taps)
        for at in offsets
      )

    total = stacked(())
  else:
    outputs = math.prod(strides) * o
    outer, inner = range(rank), range(rank, 2 * rank)
    channels_in, channels_out = 2 * rank, 2 * rank + 1
    weights = weights.transpose(*outer, channels_in, *inner, channels_out)
    weights = weights.reshape(*taps, c, outputs)
    apart = _one_by_one(rank)
    at_once = taps[apart:]
    most = _SHIFTS_OUTPUTS_ONE_BY_ONE if apart else _SHIFTS_OUTPUTS
    if c < outputs * most:
      views = [_shifted(x, tap, at_once, apart) for tap in _grid(at_once)]
      x = jnp.concatenate(views, axis=-1)
      products = (
        _shifted(x @ weights[*tap].reshape(-1, outputs), tap, taps[:apart])
        for tap in _grid(taps[:apart])
      )
      total = functools.reduce(operator.add, products)
    else:

      def parts(tap):
        those = jnp.moveaxis(weights[*tap], -2, 0).reshape(c, -1)
        shares = _apart(x @ those, outputs)
        for other, of_tap in zip(_grid(at_once), shares, strict=True):
          yield _shifted(of_tap, (*tap, *other), taps)

      total = sum(part for tap in _grid(taps[:apart]) for part in parts(tap))
    total = total.reshape(b, *blocks, *strides, o)
    turns = _zipped(range(1, rank + 1), range(rank + 1, 2 * rank + 1))
    total = total.transpose(0, *turns, 2 * rank + 1)
  total = total.reshape(b, *[n * s for n, s in zip(blocks, strides)], o)
  wanted = [size * s for size, s in zip(sizes, strides)]
  return _window(total, befores, wanted)
