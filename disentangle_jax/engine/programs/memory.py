"""How much a function keeps at once, from its trace: nothing is compiled.

A walk over the steps of a traced function in order: a value is held from where
it is made to where it is read last. XLA fuses some of them away and keeps
others longer; measured on encoders and decoders the walk says 0.9 to 3 times
what the compiled program needs (`tests/engine/test_memory.py`).
"""

from collections.abc import Callable
import math
from typing import Any

import jax
from jax.extend import core

from disentangle_jax import platforms

# A tile of a TPU: so many values of the last axis, and so many rows of them.
_LANES, _ROWS = 128, 8
_LEAST = 512  # bytes


def array_bytes(shape: tuple[int, ...], itemsize: int = 4) -> int:
  """Bytes of an array on the platform that is traced for.

  A TPU pads the last axis to 128 values and the one before to 8, or to the next
  power of two below that; values of less than 4 bytes share a row's word, and
  an array takes 512 bytes at least. That is how libtpu 0.0.42 lays out a
  program's arguments, but for the order of axes, which it may choose better.

  Args:
    shape: of the array.
    itemsize: bytes of a value.

  Returns:
    Bytes, padding included.
  """
  if platforms.current() == 'tpu' and shape:
    whole = lambda count, unit: -(-count // unit) * unit
    rows = ()
    if shape[1:]:
      unit = max(4 // itemsize, 1 << max(0, shape[-2] - 1).bit_length())
      rows = (whole(shape[-2], min(_ROWS, unit)),)
    shape = (*shape[:-2], *rows, whole(shape[-1], _LANES))
    return max(_LEAST, math.prod(shape) * itemsize)
  return math.prod(shape) * itemsize


def least_bytes(
  shape: tuple[int, ...], itemsize: int = 4, outermost: int = 0
) -> int:
  """Bytes of an array in the order of axes that takes the least.

  Args:
    shape: of the array.
    itemsize: bytes of a value.
    outermost: so many first axes stay where they are.

  Returns:
    Bytes, padding included, on the platform that is traced for.
  """
  axes = range(outermost, len(shape))
  orders = (
    (*(n for k, n in enumerate(shape) if k not in (i, j)), shape[i], shape[j])
    for i in axes
    for j in axes
    if i != j
  )
  sizes = (array_bytes(order, itemsize) for order in orders)
  return min(sizes, default=array_bytes(shape, itemsize))


def _bytes(variable: Any) -> int:
  shape = getattr(variable.aval, 'shape', ())
  dtype = getattr(variable.aval, 'dtype', None)
  return array_bytes(shape, getattr(dtype, 'itemsize', 4))


def inner(equation: Any) -> list[Any]:
  """Functions that a step calls: of jit, scan, cond, while, custom rules."""
  found = []
  for value in equation.params.values():
    for item in value if isinstance(value, (tuple, list)) else (value,):
      if hasattr(item, 'jaxpr'):
        item = item.jaxpr
      if hasattr(item, 'eqns'):
        found.append(item)
  return found


def _peak(jaxpr: Any) -> int:
  """Most bytes held at once inside a traced function, arguments aside."""
  last = {}
  for step, equation in enumerate(jaxpr.eqns):
    for variable in equation.invars:
      if not isinstance(variable, core.Literal):
        last[variable] = step
  for variable in jaxpr.outvars:
    if not isinstance(variable, core.Literal):
      last[variable] = len(jaxpr.eqns)
  arguments = {*jaxpr.invars, *jaxpr.constvars}
  now = most = 0
  for step, equation in enumerate(jaxpr.eqns):
    result = sum(map(_bytes, equation.outvars))
    within = max(map(_peak, inner(equation)), default=0)
    most = max(most, now + max(result, within))
    now += sum(_bytes(v) for v in equation.outvars if last.get(v, -1) > step)
    ended = {
      v
      for v in equation.invars
      if not isinstance(v, core.Literal)
      and v not in arguments
      and last[v] == step
    }
    now -= sum(map(_bytes, ended))
  return max(most, now)


def trace(function: Callable, *arguments: Any) -> Any:
  """The trace of a function for the platform in force.

  JAX keeps traces by function, and the one that is there may be of another
  platform: a function that is new is traced anew.

  Args:
    function: of arrays.
    *arguments: arrays or shapes.

  Returns:
    Its jaxpr.
  """
  shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), arguments
  )
  return jax.make_jaxpr(lambda *given: function(*given))(*shapes).jaxpr


def held_bytes(function: Callable, *arguments: Any) -> int:
  """Most bytes that a function holds at once, its arguments aside.

  Args:
    function: of arrays.
    *arguments: arrays or shapes.

  Returns:
    Bytes; those of results count.
  """
  return _peak(trace(function, *arguments))


def divisor(count: int, most: int) -> int:
  """The largest divisor of `count` that is at most `most`; at least 1."""
  most = max(1, min(count, most))
  return next(n for n in range(most, 0, -1) if count % n == 0)


def one_run(state: Any) -> Any:
  """Shapes of one run's state, of stacked ones."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), state
  )


def rows_at_once(budget: int, *calls: tuple[Any, ...]) -> int:
  """Rows that fit a budget, from what functions hold for one row.

  Args:
    budget: bytes.
    *calls: (function, *arguments) on one row each; what they hold adds up.

  Returns:
    At least 1.
  """
  each = sum(held_bytes(function, *row) for function, *row in calls)
  return max(1, budget // max(1, each))


def at_once(function: Callable, state: Any, rows: Any, budget: int) -> int:
  """Runs that one device can put through a function in one vmap.

  Args:
    function: `(state of one run, rows) -> anything`.
    state: stacked states [R], for their shapes.
    rows: what all runs are given.
    budget: bytes.

  Returns:
    At least 1; at most the R of this device.
  """
  runs = jax.tree.leaves(state)[0].shape[0]
  each = held_bytes(function, one_run(state), rows)
  return max(1, min(runs, budget // max(1, each)))


def over_runs(function: Callable, state: Any, together: int) -> Any:
  """Maps a function over runs, as many in one vmap as memory allows.

  Args:
    function: of one run's state.
    state: stacked states [R].
    together: from `at_once`.

  Returns:
    Results with a leading run axis.
  """
  if together >= jax.tree.leaves(state)[0].shape[0]:
    return jax.vmap(function)(state)
  return jax.lax.map(function, state, batch_size=together)
