"""A compiled program's text: its instructions, and who speaks to whom."""

import collections
from collections.abc import Iterator
import math
import re
from typing import Any, NamedTuple

import numpy as np

_COLLECTIVES = (
  'all-gather',
  'all-reduce',
  'all-to-all',
  'collective-permute',
  'reduce-scatter',
)
_KINDS = '|'.join(_COLLECTIVES)
# `-start` is an asynchronous one; its `-done` is no second one.
_COLLECTIVE = re.compile(rf' ({_KINDS})(?:-start)?\(')
# Groups listed, counted off ([groups, members]<=[devices], perhaps transposed),
# or as axes of a mesh: three ways in which compilers write them.
_LISTED = re.compile(r'replica_groups=\{(\{[\d,{}]*\})\}')
_COUNTED = re.compile(
  r'replica_groups=\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?'
)
_MESH = re.compile(r'replica_groups=mesh\[([^\]]*)\] ?\{([^}]*)\}')
_HEAD = re.compile(r'^(ENTRY )?%?([\w.\-]+) \(.*\{$')
_NAME = re.compile(r'^\s*(ROOT )?%?([\w.\-]+) = ')
_OPCODE = re.compile(r'\s*([\w\-]+)\(')
_OPERAND = re.compile(r'%([\w.\-]+)')
_CALLED = re.compile(r'\b(calls|body|to_apply)=%?([\w.\-]+)')
_ARRAY = re.compile(
  r'\b([a-z]+\d*\w*)\[([\d,]*)\](?:\{([\d,]*)(?::([^}]*))?\})?'
)
_TILE = re.compile(r'T\(([\d,]+)\)')
# Layouts of a TPU name what lies in its vector memory.
_ON_CHIP = re.compile(r'S\([1-9]\d*\)')


def computations(text: str) -> dict[str, list[str]]:
  """Lines of every computation of a module's text, by name; 'ENTRY' last."""
  found, lines = {}, None
  for line in text.splitlines():
    head = _HEAD.match(line)
    if head:
      lines = found.setdefault('ENTRY' if head[1] else head[2], [])
    elif lines is not None:
      lines.append(line)
  return found


class Memory(NamedTuple):
  """What a compiled program holds on a device, bytes, as its compiler counts.

  Attributes:
    arguments: of it.
    results: of it.
    scratch: beside both.
    donated: arguments whose memory the results take.
  """

  arguments: int
  results: int
  scratch: int
  donated: int

  @property
  def total(self) -> int:
    """All of it at once."""
    return self.arguments + self.results + self.scratch - self.donated


def memory_of(compiled: Any) -> Memory:
  """What the compiler says of a program; zeros where it says nothing.

  Args:
    compiled: from `jax.stages.Lowered.compile`.
  """
  analysis = compiled.memory_analysis()
  of = lambda kind: int(getattr(analysis, f'{kind}_size_in_bytes', 0))
  return Memory(*map(of, ('argument', 'output', 'temp', 'alias')))


class Array(NamedTuple):
  """An array as an instruction's type gives it.

  Attributes:
    bytes: with the padding that its layout names.
    on_chip: whether it lies in a TPU's vector memory, no main memory moved.
  """

  bytes: int
  on_chip: bool


class Instruction(NamedTuple):
  """One line of a computation.

  Attributes:
    name: without '%'.
    opcode: 'fusion', 'dot', ...
    arrays: of its result; several of a tuple.
    operands: names of instructions of the same computation.
    called: 'calls', 'body' or 'to_apply' -> name of a computation.
    root: whether it is the computation's result.
    line: its text.
  """

  name: str
  opcode: str
  arrays: tuple[Array, ...]
  operands: tuple[str, ...]
  called: dict[str, str]
  root: bool
  line: str

  @property
  def bytes(self) -> int:
    """Of all its arrays, wherever they lie."""
    return sum(array.bytes for array in self.arrays)

  @property
  def main_bytes(self) -> int:
    """Of its arrays in the main memory."""
    return sum(array.bytes for array in self.arrays if not array.on_chip)


def _closing(text: str, start: int) -> int:
  """Where the parenthesis that opens at `start` is closed."""
  depth = 0
  for place in range(start, len(text)):
    depth += {'(': 1, ')': -1}.get(text[place], 0)
    if not depth:
      return place
  return len(text)


def _array(kind: str, sizes: str, order: str, layout: str) -> Array:
  bits = re.search(r'\d+', kind)  # 'pred' has none and takes a byte
  shape = [int(n) for n in sizes.split(',') if n]
  tile = _TILE.search(layout)
  if tile and shape:
    # The last axes in memory are padded to whole tiles.
    minor = [int(n) for n in order.split(',') if n]
    units = [int(n) for n in tile[1].split(',')]
    for axis, unit in zip(minor, reversed(units)):
      shape[axis] = -(-shape[axis] // unit) * unit
  size = math.prod(shape) * (int(bits[0]) if bits else 8)
  return Array(-(-size // 8), bool(_ON_CHIP.search(layout)))


def instruction(line: str) -> Instruction | None:
  """Reads one line of a computation; None for what is no instruction."""
  head = _NAME.match(line)
  if not head:
    return None
  start = head.end()
  if line[start : start + 1] == '(':
    end = _closing(line, start) + 1
  else:
    end = line.find(' ', start)
  opcode = _OPCODE.match(line, end)
  if not opcode:
    return None
  closed = _closing(line, opcode.end() - 1)
  arrays = _ARRAY.findall(line[start:end])
  return Instruction(
    name=head[2],
    opcode=opcode[1],
    arrays=tuple(_array(*array) for array in arrays),
    operands=tuple(_OPERAND.findall(line[opcode.end() : closed])),
    called=dict(_CALLED.findall(line[closed:])),
    root=bool(head[1]),
    line=line,
  )


def instructions(lines: list[str]) -> Iterator[Instruction]:
  """All instructions of a computation, in order."""
  for line in lines:
    one = instruction(line)
    if one:
      yield one


def groups_of(line: str) -> list[list[int]]:
  """Which devices take part together in a collective.

  Args:
    line: of a compiled module.

  Returns:
    Their numbers, a list per group; [] where all take part, or none is named.
  """
  whole = lambda text: [int(n) for n in text.split(',') if n]
  listed = _LISTED.search(line)
  if listed:
    return [whole(part) for part in re.findall(r'\{([\d,]*)\}', listed[1])]
  counted = _COUNTED.search(line)
  if counted:
    sizes = whole(counted[3])
    numbers = np.arange(math.prod(sizes)).reshape(sizes)
    if counted[4]:
      numbers = numbers.transpose(whole(counted[4]))
    return numbers.reshape(int(counted[1]), int(counted[2])).tolist()
  mesh = _MESH.search(line)
  if not mesh:
    return []
  sizes = dict(re.findall(r"'([^']*)'=(\d+)", mesh[1]))
  names, along = list(sizes), re.findall(r"'([^']*)'", mesh[2])
  shape = [int(size) for size in sizes.values()]
  numbers = np.arange(math.prod(shape)).reshape(shape)
  order = [n for n in names if n not in along] + along
  numbers = numbers.transpose([names.index(name) for name in order])
  members = math.prod(int(sizes[name]) for name in along)
  return numbers.reshape(-1, members).tolist()


def collectives(text: str) -> dict[str, int]:
  """How many collectives a module has, by kind and groups of devices.

  Those whose groups hold one device each do nothing and are left out.

  Args:
    text: of a compiled module.

  Returns:
    'all-reduce {{0,1},{2,3}}' -> number.
  """
  counted = collections.Counter()
  for line in text.splitlines():
    kind = _COLLECTIVE.search(line)
    if not kind:
      continue
    groups = groups_of(line)
    if groups and all(len(group) == 1 for group in groups):
      continue
    inner = ','.join(f'{{{",".join(map(str, group))}}}' for group in groups)
    counted[f'{kind[1]} {{{inner}}}'] += 1
  return dict(sorted(counted.items()))
