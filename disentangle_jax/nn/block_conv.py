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
batched matrix products. On a CPU those of sequences and images have rules of
their own and are not differentiated forwards (`jax.jvp`).
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
from disentangle_jax.ops import axis

# Inputs per output from which on a transpose with taps one by one shifts
# outputs, which are summed twice then.
_SHIFTS_OUTPUTS = 4


def _is_cpu() -> bool:
  return platforms.current() in ('', 'cpu')


def _one_by_one(rank: int) -> int:
  """How many axes, the first ones, have their taps taken one by one."""
  return 1 if rank == 3 and _is_cpu() else 0


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


# Views of an array: moved into room around it, or windows of it.
_INTO, _OUT_OF = 'into', 'out of'
_BACK = {_INTO: _OUT_OF, _OUT_OF: _INTO}


def _view(y: jax.Array, tap: Sequence[int], taps: Sequence[int], kind, skip=0):
  """What a tap reads of y; axes as in `_window`."""
  if kind == _INTO:
    return _shifted(y, tap, taps, skip)
  begin = 1 + skip
  sizes = y.shape[begin : begin + len(taps)]
  return _window(y, tap, [n - t + 1 for n, t in zip(sizes, taps)], skip)


def _from_views(
  x: jax.Array, weights: jax.Array, taps, kind: str, precision=None
) -> jax.Array:
  """Products of all taps' views of x.

  Args:
    x: float [B, *sizes, C].
    weights: float [taps x C, N].
    taps: along each axis.
    kind: of the views.
    precision: of the products; None for that in force.

  Returns:
    float [B, *sizes', N].
  """
  views = [_view(x, tap, taps, kind) for tap in _grid(taps)]
  views = jnp.concatenate(views, axis=-1)
  return jnp.matmul(views, weights, precision=precision)


def _to_views(
  x: jax.Array, weights: jax.Array, taps, kind: str, precision=None
) -> jax.Array:
  """The sum of views of x's products with all taps.

  Args:
    x: float [B, *sizes, C].
    weights: float [C, taps x N].
    taps: along each axis.
    kind: of the views.
    precision: of the products; None for that in force.

  Returns:
    float [B, *sizes', N].
  """
  product = jnp.matmul(x, weights, precision=precision)
  parts = _apart(product, weights.shape[-1] // math.prod(taps))
  pairs = zip(_grid(taps), parts, strict=True)
  return sum(_view(part, tap, taps, kind) for tap, part in pairs)


def _of_weights(x, large, taps, kind, precision):
  """[taps x C, N]: views of x times another array, summed over all places."""
  x = jnp.moveaxis(x, -1, 0)
  rows = [_view(x, tap, taps, kind, skip=1) for tap in _grid(taps)]
  rows = jnp.concatenate(rows, axis=0)
  rows, large = rows.reshape(len(rows), -1), large.reshape(-1, large.shape[-1])
  return jnp.matmul(rows, large, precision=precision)


# Both with gradients of their own, for a CPU. Products that sum over places
# want an array with its places last, and XLA turns around there what the views
# of all taps are: several times the array that they are taken from. So that is
# turned around, and its views are taken after. The precision in force is an
# argument, for these gradients are traced later.
_turning_from = jax.custom_vjp(_from_views, nondiff_argnums=(2, 3, 4))
_turning_to = jax.custom_vjp(_to_views, nondiff_argnums=(2, 3, 4))


def _from_backwards(taps, kind, precision, residuals, cotangent):
  x, weights = residuals
  of_x = _turning_to(cotangent, weights.T, taps, _BACK[kind], precision)
  return of_x, _of_weights(x, cotangent, taps, kind, precision)


def _to_backwards(taps, kind, precision, residuals, cotangent):
  x, weights = residuals
  of_x = _turning_from(cotangent, weights.T, taps, _BACK[kind], precision)
  return of_x, _of_weights(cotangent, x, taps, _BACK[kind], precision).T


_turning_from.defvjp(
  lambda x, w, *how: (_turning_from(x, w, *how), (x, w)), _from_backwards
)
_turning_to.defvjp(
  lambda x, w, *how: (_turning_to(x, w, *how), (x, w)), _to_backwards
)


def _at_once(x, weights, taps, kind, to):
  """All taps in one product, as the platform likes it.

  Args:
    x: float [B, *sizes, C].
    weights: float [*taps, C, N].
    taps: along each axis.
    kind: of the views.
    to: views of the products, in the place of products of the views.

  Returns:
    float [B, *sizes', N].
  """
  *_, channels, outputs = weights.shape
  if to:
    weights = jnp.moveaxis(weights, -2, 0).reshape(channels, -1)
  else:
    weights = weights.reshape(-1, outputs)
  if not _is_cpu():
    return (_to_views if to else _from_views)(x, weights, taps, kind)
  x, weights = axis.spread((x, weights), (x, weights))
  precision = jax.config.jax_default_matmul_precision
  operation = _turning_to if to else _turning_from
  return operation(x, weights, taps, kind, precision)


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
  if not apart:
    return _at_once(x, weights, taps, _OUT_OF, to=o < inputs)
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
    if not apart:
      total = _at_once(x, weights, taps, _INTO, to=c >= outputs)
    elif c < outputs * _SHIFTS_OUTPUTS:
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
