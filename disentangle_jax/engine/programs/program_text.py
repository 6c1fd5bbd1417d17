"""What a compiled program's text says: who speaks to whom, estimated cycles."""

import collections
import re

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
_GROUPS = re.compile(r'replica_groups=(\{\{.*?\}\}|\[[^ ]*)')
# Groups of one device: nothing passes.
_ALONE = re.compile(r'\{(\{\d+\},?)+\}|\[\d+,1\].*')
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
    if kind:
      groups = _GROUPS.search(line)
      named = groups[1].rstrip(',') if groups else ''
      if not _ALONE.fullmatch(named):
        counted[f'{kind[1]} {named}'] += 1
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
