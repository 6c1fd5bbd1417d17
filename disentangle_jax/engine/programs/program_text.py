"""What a compiled program's text says: who speaks to whom, estimated cycles."""

import collections
import math
import re

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
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_HEAD = re.compile(r'^(ENTRY )?%?([\w.\-]+) \(.*\{$')
_BODY = re.compile(r' while\(.*body=%?([\w.\-]+)')


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


def cycles_per_step(text: str) -> int:
  """Estimated cycles of one turn of a module's outermost loop, on a TPU.

  They rank programs; they are no milliseconds. Loops inside count once.

  Args:
    text: of a compiled module.

  Returns:
    Cycles; those of the whole module where it has no loop; 0 on devices whose
    compilers estimate none.
  """
  parts = computations(text)
  bodies = [
    m[1] for line in parts.get('ENTRY', ()) for m in [_BODY.search(line)] if m
  ]
  largest = max(
    bodies, key=lambda name: len(parts.get(name, ())), default='ENTRY'
  )

  def total(name: str) -> int:
    count = 0
    for line in parts.get(name, ()):
      inner = _BODY.search(line)
      count += total(inner[1]) if inner else 0
      count += sum(map(int, _CYCLES.findall(line)))
    return count

  return total(largest)
