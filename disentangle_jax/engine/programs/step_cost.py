"""What one step of a compiled program costs, read from its text.

A TPU's compiler estimates cycles of every fusion; a GPU's says which kernels it
launches, and what each of them reads and writes. All of it ranks programs:
nothing was run.
"""

import collections
import re
from typing import NamedTuple

from disentangle_jax.engine.programs import program_text

_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
# No work of their own: names of values, and ends of what was started before.
_FREE = frozenset((
  'after-all',
  'bitcast',
  'call',
  'conditional',
  'constant',
  'domain',
  'get-tuple-element',
  'parameter',
  'partition-id',
  'replica-id',
  'tuple',
  'while',
))  # fmt: skip
_PRODUCTS = frozenset(('convolution', 'dot'))
# Libraries that a GPU's compiler calls for products; Triton's kernels are those
# of `nn.fused_conv`.
_LIBRARY = re.compile(r'cublas|cudnn|gemm|conv|triton', re.IGNORECASE)
# A TPU's compiler writes notes to itself as custom calls.
_NOTES = frozenset((
  'AllocateBuffer',
  'AssumeGatherIndicesInBound',
  'ConcatBitcast',
))  # fmt: skip
# What these read of their first operand is no more than they give.
_SLICES = frozenset(('dynamic-slice', 'gather', 'slice'))


class StepCost(NamedTuple):
  """Of one turn of a program's outermost loop, loops inside counted once.

  Attributes:
    cycles: as a TPU's compiler estimates them; 0 on other devices.
    kernels: instructions that are launched.
    bytes: that these read from main memory and write to it.
    products: share of matrix products and convolutions: of the cycles, where
      these are estimated, else of the bytes; 0 to 1.
    custom_calls: target -> number.
  """

  cycles: int
  kernels: int
  bytes: int
  products: float
  custom_calls: dict[str, int]


class _Reader:
  """Adds up the instructions of computations.

  Args:
    text: of a compiled module.
  """

  def __init__(self, text: str):
    lines = program_text.computations(text)
    self.computations = {
      name: list(program_text.instructions(body))
      for name, body in lines.items()
    }
    self.totals = collections.Counter()
    self.calls = collections.Counter()

  def loop_of(self, name: str) -> str:
    """The body of a computation's largest loop; itself without one."""
    loops = [
      one.called['body']
      for one in self.computations.get(name, ())
      if one.opcode == 'while' and 'body' in one.called
    ]
    size = lambda body: len(self.computations.get(body, ()))
    return max(loops, key=size, default=name)

  def _inner(self, one: program_text.Instruction) -> list:
    return self.computations.get(one.called.get('calls', ''), [])

  def _is_product(self, one: program_text.Instruction) -> bool:
    """Whether a kernel is a product, or has one inside, at any depth."""
    if one.opcode in _PRODUCTS:
      return True
    target = _TARGET.search(one.line)
    if one.opcode == 'custom-call' and target:
      return bool(_LIBRARY.search(target[1]))
    return any(self._is_product(inner) for inner in self._inner(one))

  def _traffic(self, one, defined) -> int:
    """Bytes of main memory that a kernel reads and writes."""
    if one.opcode in ('dynamic-update-slice', 'scatter'):
      # In place: the update is read, and as much is written.
      return 2 * sum(
        defined[name].main_bytes
        for name in one.operands[1:2]
        if name in defined
      )
    if one.opcode in _SLICES:
      return 2 * one.main_bytes
    if one.opcode == 'copy-start':
      # Its result names both ends.
      return one.main_bytes
    inner = self._inner(one)
    reads = self._reads(one, inner, defined)
    root = next((step for step in inner if step.root), None)
    if root is not None and root.opcode == 'dynamic-update-slice':
      of = {step.name: step for step in inner}
      update = sum(of[n].bytes for n in root.operands[1:2] if n in of)
      whole = [defined[n].main_bytes for n in one.operands if n in defined]
      # The array that is updated is passed through, not read.
      return reads - max(whole, default=0) + 2 * update
    return reads + one.main_bytes

  def _reads(self, one, inner, defined) -> int:
    parameters = {}
    for step in inner:
      number = re.search(r'parameter\((\d+)\)', step.line)
      if step.opcode == 'parameter' and number:
        parameters[int(number[1])] = step.name
    reads = 0
    for number, name in enumerate(one.operands):
      if name not in defined:
        continue
      whole = defined[name].main_bytes
      uses = [step for step in inner if parameters.get(number) in step.operands]
      if whole and uses and all(step.opcode in _SLICES for step in uses):
        whole = min(whole, sum(step.bytes for step in uses))
      reads += whole
    return reads

  def add(self, name: str) -> None:
    """Adds a computation, and what its loops and calls hold."""
    steps = self.computations.get(name, [])
    defined = {step.name: step for step in steps}
    for one in steps:
      for kind in ('body', 'to_apply'):
        if one.opcode in ('while', 'call') and kind in one.called:
          self.add(one.called[kind])
      if one.opcode in _FREE or one.opcode.endswith('-done'):
        continue
      cycles = sum(map(int, _CYCLES.findall(one.line)))
      traffic = self._traffic(one, defined)
      self.totals.update(kernels=1, cycles=cycles, bytes=traffic)
      if self._is_product(one):
        self.totals.update(product_cycles=cycles, product_bytes=traffic)
      for step in (one, *self._inner(one)):
        target = _TARGET.search(step.line)
        if target and target[1] not in _NOTES:
          self.calls[target[1]] += 1


def of(text: str, parts: int = 1) -> StepCost:
  """Reads a compiled module.

  Args:
    text: of the module.
    parts: in which runs take their steps, one part after the other; the loop
      over steps is then inside that over parts.

  Returns:
    What a step of all parts costs: a turn of the loop over steps, times parts;
    all of the module where it has no loop.
  """
  reader = _Reader(text)
  steps = reader.loop_of('ENTRY')
  reader.add(reader.loop_of(steps) if parts > 1 else steps)
  totals = reader.totals
  share = 0.0
  if totals['cycles']:
    share = totals['product_cycles'] / totals['cycles']
  elif totals['bytes']:
    share = totals['product_bytes'] / totals['bytes']
  return StepCost(
    parts * totals['cycles'],
    parts * totals['kernels'],
    parts * totals['bytes'],
    share,
    dict(sorted(reader.calls.items())),
  )
