"""What a training step holds beside its state, from its trace.

A compiler keeps an array where a product, a convolution, a loop, a draw or a
look-up makes it or reads it. What lies between is arithmetic on single values:
it is done inside its readers and keeps its own inputs alive until then. A new
state takes the place of the old one, on a TPU as soon as its gradient is there,
elsewhere after all gradients. Loops that do not need each other run in an order
of the compiler's own but on a GPU: what one leaves for another, its gradient,
may wait until that of all others is read, on a TPU what any leaves.
docs/performance.md has what compiled steps of every kind of system held beside
what this walk says.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from jax.extend import core

from disentangle_jax import platforms
from disentangle_jax.engine.programs import memory

# Steps that are functions of their own: their parts are walked in their place.
_CALLS = {
  'jit': 'jaxpr',
  'pjit': 'jaxpr',
  'closed_call': 'call_jaxpr',
  'core_call': 'call_jaxpr',
  'remat2': 'jaxpr',
  'checkpoint': 'jaxpr',
  'custom_jvp_call': 'call_jaxpr',
  'custom_vjp_call': 'call_jaxpr',
}


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


# Arithmetic that every reader does again for itself.
_CHEAP = _words(
  """abs add add_any and bitcast_convert_type broadcast_in_dim ceil clamp
  concatenate convert_element_type copy dynamic_slice eq expand_dims floor ge gt
  integer_pow iota is_finite le lt max min mul ne neg nextafter not or
  optimization_barrier pad population_count pvary reduce_precision reshape rev
  round select_n shift_left shift_right_arithmetic shift_right_logical sign
  slice split square squeeze stop_gradient sub transpose xor"""
)
# Arithmetic that is kept where there are several readers.
_DEAR = _words(
  """acos asin atan atan2 cbrt cos cosh digamma div erf erf_inv erfc exp exp2
  expm1 lgamma log log1p logistic pow rem rsqrt sin sinh sqrt tan tanh"""
)
_LOOPS = _words('scan while')
_SOON, _LATE = 'soon', 'late'


class _Value:
  """A value of the walk; told apart by what it is, not by its shape."""

  def __init__(self, aval: Any):
    self.aval = aval


class _Step(NamedTuple):
  """One step: name, values read, values made, functions that it calls."""

  name: str
  reads: list[Any]
  makes: list[Any]
  within: list[Any]

  @property
  def arithmetic(self) -> bool:
    return self.name in _CHEAP or self.name in _DEAR

  @property
  def fuses(self) -> bool:
    """Whether what it reads need not be in memory."""
    reduces = self.name.startswith(('reduce_', 'arg'))
    return self.arithmetic or reduces


def _steps(jaxpr: Any, known: dict[Any, Any], found: list[_Step]) -> None:
  """Appends the steps of a trace to `found`, those of calls in their place."""
  for equation in jaxpr.eqns:
    name = equation.primitive.name
    reads = [_of(v, known) for v in equation.invars]
    if name in _CALLS:
      called = equation.params[_CALLS[name]]
      called = getattr(called, 'jaxpr', called)
      inner = dict(zip(called.invars, reads, strict=True))
      _steps(called, inner, found)
      results = (_of(v, inner) for v in called.outvars)
      known.update(zip(equation.outvars, results, strict=True))
      continue
    makes = [_Value(v.aval) for v in equation.outvars]
    known.update(zip(equation.outvars, makes, strict=True))
    reads = [v for v in reads if not isinstance(v, core.Literal)]
    found.append(_Step(name, reads, makes, memory.inner(equation)))


def _of(variable: Any, known: Mapping[Any, Any]) -> Any:
  if isinstance(variable, core.Literal):
    return variable
  return known.get(variable, variable)


def _needed(steps: list[_Step], results: Iterable[Any]) -> list[_Step]:
  """The steps that lead to a result."""
  wanted, kept = set(results), []
  for step in reversed(steps):
    if wanted.intersection(step.makes):
      wanted.update(step.reads)
      kept.append(step)
  return kept[::-1]


def _rows_of(step: _Step) -> list[Any]:
  """What a look-up reads and makes row by row: no order of axes is chosen.

  A TPU pads such rows to 128 values, places in a table too.
  """
  if step.name == 'gather':
    return [*step.reads[1:], *step.makes]
  return step.reads[1:] if step.name.startswith('scatter') else []


def _shape(value: Any) -> tuple[tuple[int, ...], int]:
  """Shape and bytes of an element; keys of a random generator are 4 too."""
  itemsize = getattr(getattr(value.aval, 'dtype', None), 'itemsize', 4)
  return getattr(value.aval, 'shape', ()), itemsize


class _Ledger:
  """Arrays in memory, from the step that makes each to its last reader."""

  def __init__(self):
    self.sizes, self.made, self.last = {}, {}, {}
    self.behind = {}  # value -> the arrays that it is worked out from

  def add(self, value: Any, step: int, as_is: bool = False) -> None:
    size = memory.array_bytes if as_is else memory.least_bytes
    self.sizes[value] = size(*_shape(value))
    self.made[value] = self.last[value] = step
    self.behind[value] = frozenset((value,))

  def read(self, arrays: Iterable[Any], step: int) -> None:
    for array in arrays:
      self.last[array] = max(self.last[array], step)

  def keep_together(self, arrays: Iterable[Any]) -> None:
    """Holds arrays until the last of them is read."""
    kept = [array for array in arrays if array in self.sizes]
    end = max((self.last[array] for array in kept), default=0)
    self.read(kept, end)

  def most(self, within: list[int]) -> int:
    """Most bytes at once; `within` are those inside each step."""
    change = [0] * (len(within) + 1)
    for array, size in self.sizes.items():
      change[self.made[array]] += size
      change[min(self.last[array] + 1, len(within))] -= size
    now = most = 0
    for inside, difference in zip(within, change, strict=False):
      now += difference
      most = max(most, now + inside)
    return most


def _walk(jaxpr: Any, in_place: str = '') -> int:
  """Most bytes held at once beside the arguments.

  Args:
    jaxpr: a trace.
    in_place: whether a result takes the place of an argument of its shape:
      '' for never, `_SOON` as it is worked out, `_LATE` after all else.
  """
  known, steps = {}, []
  _steps(jaxpr, known, steps)
  results = {
    v
    for v in (_of(v, known) for v in jaxpr.outvars)
    if not isinstance(v, core.Literal)
  }
  steps = _needed(steps, results)
  readers = Counter(v for step in steps for v in step.reads)
  in_memory = {v for step in steps if not step.fuses for v in step.reads}
  rows = {v for step in steps for v in _rows_of(step)}
  places = Counter(_shape(v) for v in jaxpr.invars if in_place)
  ledger, within = _Ledger(), []
  for number, step in enumerate(steps):
    needs = frozenset().union(
      *(ledger.behind.get(v, frozenset()) for v in step.reads)
    )
    ready = max((ledger.made[array] for array in needs), default=number)
    within.append(max((_walk(j) for j in step.within), default=0))
    for value in step.makes:
      if value in results and places[_shape(value)] > 0:
        places[_shape(value)] -= 1
        ledger.behind[value] = frozenset()
        if in_place == _LATE:
          ready = len(steps) - 1
        ledger.read(needs, ready if step.arithmetic else number)
        continue
      several = step.name in _DEAR and readers[value] > 1
      if not step.arithmetic or several or value in in_memory | results:
        ledger.add(value, number, value in rows)
        ledger.read(needs, number)
        if value in results:
          ledger.read((value,), len(steps))
      else:
        ledger.behind[value] = needs
    if not step.arithmetic:
      ledger.read(needs, number)
  if platforms.current() not in platforms.GPUS:
    loops = [step for step in steps if step.name in _LOOPS]
    kept = {v for step in loops for v in step.makes} - results
    if platforms.current() != 'tpu':
      kept &= {v for step in loops for v in step.reads}
    ledger.keep_together(kept)
  return ledger.most(within)


def scratch_bytes(step: Callable, *arguments: Any) -> int:
  """What a step that gives a new state holds beside its arguments.

  Args:
    step: `(state, ...) -> (new state, anything)`; the old state is given up.
    *arguments: arrays or shapes.

  Returns:
    Bytes on the platform that is traced for.
  """
  return scratch_of(memory.trace(step, *arguments))


def scratch_of(jaxpr: Any) -> int:
  """As `scratch_bytes`, of a trace."""
  # XLA puts the updates of all parameters into a few kernels at the end of a
  # step, but on a TPU.
  order = _SOON if platforms.current() == 'tpu' else _LATE
  return _walk(jaxpr, order)
