"""Scoring programs that are compiled before training and keep to a budget.

A walk over the trace (`memory.py`) chooses how many runs and rows a program
takes at once; the compiler has the last word. Where it counts more scratch than
the budget, the program is built again with less, until it fits or nothing is
left to cut.
"""

from collections.abc import Callable
import functools
import threading
from typing import Any, NamedTuple

import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from disentangle_jax import errors, platforms
from disentangle_jax.engine.programs import program_text

# A program whose scratch is this much above the budget is built again.
_SLACK = 1.1
_TRIES = 4
# One that its compiler refused gets so much less.
_CUT = 8


class Prepared(NamedTuple):
  """A program that was compiled before it is needed.

  Attributes:
    name: what it is for.
    bytes: that a device holds meanwhile.
    scratch: those of them that are free again afterwards.
    text: `() -> text` of the compiled program.
  """

  name: str
  bytes: int
  scratch: int
  text: Callable[[], str]


class Task(NamedTuple):
  """A program that is to be compiled, which calling it does.

  Attributes:
    name: what it is for.
    program: of this module.
    arguments: arrays or shapes that it will be called with.
  """

  name: str
  program: 'ScoreProgram'
  arguments: tuple[Any, ...]

  def memory(self) -> program_text.Memory:
    """What it holds; compiled only if that was not done before."""
    return self.program.prepare(*self.arguments)

  def __call__(self) -> Prepared:
    """Compiles it."""
    used = self.memory()
    text = functools.partial(self.program.text, *self.arguments)
    return Prepared(self.name, used.total, used.scratch, text)


class ScoreProgram:
  """A function of all runs of a device, compiled once per set of shapes.

  Nothing passes between devices here, so that JAX need not track what varies
  over them; solvers may then start their loops from plain zeros.

  Args:
    build: `(budget, bytes) -> function`, pure.
    mesh: ('runs', 'data').
    in_specs: of the function's arguments, over the mesh.
    out_spec: of all its results.
    budget: bytes of scratch that it may hold on a device.
  """

  def __init__(
    self,
    build: Callable[[int], Callable],
    mesh: jax.sharding.Mesh,
    in_specs: tuple[P, ...],
    out_spec: P,
    budget: int,
  ):
    self._build, self._budget = build, budget
    self._mesh, self._in_specs, self._out_spec = mesh, in_specs, out_spec
    self._compiled, self._compiling = {}, threading.Lock()

  def prepare(self, *arguments: Any) -> program_text.Memory:
    """Compiles for some shapes, if that was not done before.

    Args:
      *arguments: arrays, or their shapes.

    Returns:
      What the program holds.
    """
    return program_text.memory_of(self._of(arguments))

  def text(self, *arguments: Any) -> str:
    """The compiled program's text for some shapes."""
    return self._of(arguments).as_text()

  def shapes(self, *arguments: Any) -> Any:
    """Shapes of the results [R]; nothing is compiled."""
    return jax.eval_shape(self._mapped(self._budget), *arguments)

  def __call__(self, *arguments: Any) -> Any:
    """The results; compiles first for shapes that are new."""
    program = self._of(arguments)
    # Slices of runs may lie anywhere; the program wants them spread out.
    placed = [
      argument
      if spec == P()
      else jax.device_put(argument, NamedSharding(self._mesh, spec))
      for argument, spec in zip(arguments, self._in_specs)
    ]
    return program(*placed)

  def _of(self, arguments):
    leaves, structure = jax.tree.flatten(arguments)
    cached = structure, tuple((x.shape, x.dtype) for x in leaves)
    with self._compiling:
      if cached not in self._compiled:
        self._compiled[cached] = self.fitted(arguments)
      return self._compiled[cached]

  def traced(
    self, arguments: tuple[Any, ...], budget: int = 0, platform: str = ''
  ) -> Any:
    """Traced, neither lowered nor compiled.

    Args:
      arguments: arrays, or their shapes.
      budget: bytes; 0 for the program's own.
      platform: to trace for; that of the mesh by default.

    Returns:
      A `jax.stages.Traced`.
    """
    shapes = [self._spread(*pair) for pair in zip(arguments, self._in_specs)]
    mapped = self._mapped(budget or self._budget)
    with platforms.traced_for(platform or self._mesh.devices.flat[0].platform):
      return jax.jit(mapped).trace(*shapes)

  def fitted(self, arguments):
    """Compiled with as much budget as keeps its scratch within it."""
    compile_with = lambda least: self.traced(arguments, least).lower().compile()
    budget, best, least = self._budget, None, 0
    for number in range(_TRIES):
      try:
        compiled = compile_with(budget)
      except jax.errors.JaxRuntimeError as error:
        # Some compilers refuse what is larger than the device.
        if not errors.out_of_memory(error) or number + 1 == _TRIES or best:
          raise
        budget = max(1, budget // _CUT)
        continue
      scratch = program_text.memory_of(compiled).scratch
      if best is not None and scratch >= least:
        break  # nothing is left to cut
      best, least = compiled, scratch
      if scratch <= _SLACK * self._budget:
        break
      budget = max(1, int(0.9 * budget * self._budget / scratch))
    return best

  def _mapped(self, budget):
    return jax.shard_map(
      self._build(budget),
      mesh=self._mesh,
      in_specs=self._in_specs,
      out_specs=self._out_spec,
      check_vma=False,
    )

  def _spread(self, argument, spec):
    """Shapes of an argument, runs spread over the mesh as training leaves them.

    What all devices read may lie where it is.
    """
    spread = NamedSharding(self._mesh, spec) if spec != P() else None
    shape = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=spread)
    return jax.tree.map(shape, argument)
