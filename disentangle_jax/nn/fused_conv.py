"""Convolutions as one GPU kernel each: form 'fused' of `nn.conv`.

Three kernels (`nn.fused_kernels`): a convolution, its transpose, and the
product of both that is the gradient with respect to the taps. Each reads what
it multiplies where it lies and writes its result once, so that nothing is
copied into blocks or views: of a step of the large study's nets on an H100 less
than half of the bytes of 'blocks' move (docs/performance.md).

Images and sequences; a GPU's kernels elsewhere are interpreted, tile by tile,
which is for tests. The gradients of each of the three are the other two, so
that gradients of gradients exist.
"""

from collections.abc import Callable, Sequence
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax.nn import fused_kernels
from disentangle_jax.nn.fused_kernels import Geometry


def _tiles(examples: int, sizes: Sequence[int]) -> int:
  return -(-examples * math.prod(sizes) // fused_kernels.ROWS)


def _run(kernel, operands, taps, rows, phases, places, **static):
  """A kernel over an image, weights and, it may be, a bias.

  Args:
    kernel: `fused_kernels.down` or `up`.
    operands: the arrays.
    taps: that each place is a sum over, along both axes.
    rows: places of an example that are rows of tiles, along both axes.
    phases: further axes of the grid.
    places: of the result, along both axes.
    **static: what else the kernel is told.

  Returns:
    float [B, *places, O].
  """
  x, weights, *_ = operands
  channels = weights.shape[-1]
  inner = fused_kernels.Inner.of(taps, x.shape[-1])
  width = fused_kernels.columns_of(channels)
  told = functools.partial(kernel, inner=inner, width=width, **static)
  grid = (_tiles(x.shape[0], rows), *phases, -(-channels // width))
  shape = (x.shape[0], *places, channels)
  return fused_kernels.call(told, grid, shape, x.dtype, *operands)


def _down(operands, geometry, precision, relu=False):
  return _run(
    fused_kernels.down,
    operands,
    geometry.sides,
    geometry.outs,
    (),
    geometry.outs,
    geometry=geometry,
    precision=precision,
    relu=relu,
  )


def _up(operands, geometry, precision, relu=False):
  strides = geometry.strides
  return _run(
    fused_kernels.up,
    operands,
    [-(-k // s) for k, s in zip(geometry.sides, strides)],
    geometry.phase,
    (math.prod(strides),),
    geometry.sizes,
    geometry=geometry,
    precision=precision,
    relu=relu,
  )


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
  channels = y.shape[-1]
  inner = fused_kernels.Inner.of(geometry.sides, x.shape[-1])
  width = fused_kernels.columns_of(channels)
  tiles = _tiles(x.shape[0], geometry.outs)
  shares = -(-tiles * fused_kernels.ROWS // fused_kernels.ROWS_OF_TAPS)
  told = functools.partial(
    fused_kernels.taps,
    geometry=geometry,
    inner=inner,
    width=width,
    tiles=-(-tiles // shares),
    precision=precision,
  )
  grid = (inner.parts, -(-channels // width), shares)
  shape = (shares, *geometry.sides, x.shape[-1], channels)
  parts = fused_kernels.call(told, grid, shape, jnp.float32, x, y)
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
