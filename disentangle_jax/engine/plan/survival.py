"""Whether what a method reads after training is what a run leaves behind.

Only `state.params` is written to disk. A running scale, batch statistics or a
frozen encoder in another field would be there while a run is scored the first
time and zeros ever after, in scores that are added later and in `load_run`. The
trace of `represent`, `decode` and the extras says which fields they read.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core
import jax.numpy as jnp

from disentangle_jax import errors, types


def _inner(equation: Any) -> Any:
  """The function that a step calls with its own arguments, or None."""
  for name in ('jaxpr', 'call_jaxpr', 'fun_jaxpr'):
    inner = equation.params.get(name)
    inner = getattr(inner, 'jaxpr', inner)
    if hasattr(inner, 'invars') and (
      len(inner.invars) == len(equation.invars)
      and len(inner.outvars) == len(equation.outvars)
    ):
      return inner
  return None


def _read(jaxpr: Any, wanted: Sequence[bool]) -> list[bool]:
  """Which arguments of a traced function its wanted results depend on."""
  variable = lambda x: not isinstance(x, core.Literal)
  needed = {v for v, want in zip(jaxpr.outvars, wanted) if want and variable(v)}
  for equation in reversed(jaxpr.eqns):
    results = [v in needed for v in equation.outvars]
    if not any(results):
      continue
    inner = _inner(equation)
    # Loops feed results back into arguments: there all of them count.
    plain = inner is not None and equation.primitive.name not in (
      'scan',
      'while',
    )
    read = _read(inner, results) if plain else [True] * len(equation.invars)
    needed |= {v for v, r in zip(equation.invars, read) if r and variable(v)}
  return [v in needed for v in jaxpr.invars]


def lost(function: Callable, state: Any, *arguments: Any) -> list[str]:
  """Leaves of a state outside of `params` that a function reads.

  Args:
    function: `(state, *arguments) -> anything`.
    state: shapes of a state with a field `params`.
    *arguments: arrays or shapes.

  Returns:
    Their names, e.g. 'memory/scale'.
  """
  paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
  traced = jax.make_jaxpr(function)(state, *arguments).jaxpr
  read = _read(traced, [True] * len(traced.outvars))
  name_of = lambda path: jax.tree_util.keystr(path, simple=True, separator='/')
  names = list(map(name_of, paths))
  return [
    name
    for name, used in zip(names, read)
    if used and name.split('/')[0] != 'params'
  ]


def check(
  name: str,
  method: types.Method,
  state: Any,
  observation: Any,
  layout: types.Layout | None,
) -> None:
  """Refuses a method that reads what does not survive a run.

  Args:
    name: of the method.
    method: the pure functions.
    state: shapes of one run's state.
    observation: zeros [B, ...].
    layout: what stands in a code vector, or None.

  Raises:
    ConfigError: names the ability and the field.
  """
  key, few = jax.random.key(0), observation[:2]
  for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      where = jax.tree_util.keystr(path, simple=True, separator='/')
      rule = 'is a typed PRNG key, which no file keeps; use jax.random.key_data'
      raise errors.value(f'state of method {name}', where, rule)
  if not hasattr(state, 'params'):
    return
  calls = {'represent': (method.represent, (few,))}
  of_key = lambda function: lambda state, *more: function(key, state, *more)
  for extra in ('classify', 'pictures', 'texts'):
    function = method.extras.get(extra)
    if function is not None and extra != 'classify':
      function = of_key(function)
    calls[extra] = (function, (few,))
  generate = method.extras.get('generate')
  if generate is not None:
    calls['generate'] = (lambda state: generate(key, state, 2), ())
  if layout is not None:
    vector = jnp.zeros((len(few), layout.width))
    calls['decode'] = (method.decode, (vector,))
    calls['log_likelihood'] = (
      method.extras.get('log_likelihood'),
      (vector, few),
    )
  for ability, (function, arguments) in calls.items():
    if function is None:
      continue
    for field in lost(function, state, *arguments):
      rule = (
        f'is read by {ability!r} and does not survive the run; keep it in '
        '`state.params` (no optimiser need see it)'
      )
      raise errors.value(f'state of method {name}', field, rule)
