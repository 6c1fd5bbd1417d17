"""How much arithmetic a function does, from its trace: nothing is compiled.

XLA's own count of a traced function exists on CPUs alone, and a GPU's compiler
does not count what it hands to a library. This count is the same everywhere.
"""

from collections.abc import Callable
import math
from typing import Any

import jax.numpy as jnp

from disentangle_jax.engine.programs import memory

# What moves values, or works on keys and indices, is no arithmetic.
_MOVES = frozenset(
  (
    'bitcast_convert_type',
    'broadcast_in_dim',
    'concatenate',
    'convert_element_type',
    'copy',
    'dynamic_slice',
    'dynamic_update_slice',
    'gather',
    'iota',
    'optimization_barrier',
    'pad',
    'pvary',
    'reshape',
    'rev',
    'select_n',
    'slice',
    'split',
    'squeeze',
    'transpose',
  )
)
_FOLDS = ('reduce_', 'arg', 'cum')


def flops(function: Callable, *arguments: Any) -> float:
  """Multiplications and additions of a function, roots and exponents as one.

  Products count twice their multiplications; a loop of known length as often as
  it runs, one of unknown length once; of branches the dearest. Solvers of
  linear algebra, sorting and random draws are not counted.

  Args:
    function: traced for the platform in force.
    *arguments: arrays or shapes.

  Returns:
    How many.
  """
  return count(memory.trace(function, *arguments))


def count(jaxpr: Any) -> float:
  """As `flops`, of a trace."""
  return float(_count(jaxpr))


def _size(variable: Any) -> int:
  return math.prod(getattr(variable.aval, 'shape', ()))


def _count(jaxpr: Any) -> int:
  return sum(map(_of_step, jaxpr.eqns))


def _of_step(equation: Any) -> int:
  name, called = equation.primitive.name, memory.inner(equation)
  if name == 'scan':
    return equation.params['length'] * sum(map(_count, called))
  if name == 'cond':
    return max(map(_count, called))
  if name == 'pallas_call':
    # Every tile of the grid is worked out whole.
    tiles = math.prod(equation.params['grid_mapping'].grid)
    return tiles * sum(map(_count, called))
  if called:
    return sum(map(_count, called))
  made = sum(map(_size, equation.outvars))
  if name == 'dot_general':
    (contracted, _), _ = equation.params['dimension_numbers']
    shape = equation.invars[0].aval.shape
    return 2 * made * math.prod(shape[axis] for axis in contracted)
  if name == 'conv_general_dilated':
    return 2 * made * _taps(equation)
  if name.startswith(_FOLDS):
    return _size(equation.invars[0])
  dtype = getattr(equation.outvars[0].aval, 'dtype', None)
  real = dtype is not None and jnp.issubdtype(dtype, jnp.inexact)
  return made if real and name not in _MOVES else 0


def _taps(equation: Any) -> int:
  """Values that a convolution multiplies for each value that it makes.

  Of a dilated input the zeros between are left out; those around are counted.
  """
  kernel = equation.invars[1].aval.shape
  axes = equation.params['dimension_numbers'].rhs_spec  # out, in, window
  window = math.prod(kernel[axis] for axis in axes[1:])
  return max(1, window // math.prod(equation.params['lhs_dilation']))
