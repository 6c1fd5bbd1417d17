"""Imports point one way: a walk over the syntax trees of the package.

A room may import what stands before it in FLOORS and is named for it, nothing
else. Inside a room no two modules import each other in a circle.
"""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1] / 'disentangle_jax'
PACKAGE = 'disentangle_jax'
BASE = {
  'types',
  'errors',
  'version',
  'requests',
  'layouts',
  'folders',
  'storage',
  'packs',
  'handles',
  'invocation',
  'stored_rows',
  'checks',
  'platforms',
}
# Room -> rooms that it may import, beside itself and BASE.
FLOORS = {
  'ops': set(),
  'nn': {'ops'},
  'data': {'ops'},
  'methods': {'ops', 'nn'},
  'metrics': {'ops', 'nn', 'data'},
  'engine.plan': {'ops', 'nn', 'data', 'methods', 'metrics'},
  'engine.programs': {'engine.plan', 'ops', 'data', 'methods', 'metrics'},
  'engine.workdir': {'engine.plan', 'engine.programs', 'nn', 'data'},
  'engine': {
    'engine.plan',
    'engine.programs',
    'engine.workdir',
    'data',
    'metrics',
    'methods',
  },
  # The page reads the store alone.
  'report': {'ops', 'data', 'metrics', 'methods'},
  'runs': {
    'engine.plan',
    'engine.workdir',
    'report',
    'data',
    'methods',
    'metrics',
    'ops',
  },
  # Plans and events; nothing is trained.
  'fleet': {
    'engine',
    'engine.plan',
    'engine.programs',
    'engine.workdir',
    'report',
  },
}
# What users start; whatever they need.
TOP = {'', 'benchmark', 'commands', 'studies'}
ROOMS = [*FLOORS, *TOP]


def room_of(name: str) -> str:
  """'engine.plan' of 'engine.plan.parse'; a module at the top is its own."""
  parts = name.split('.')
  for length in (2, 1):
    room = '.'.join(parts[:length])
    if room in FLOORS or room in TOP or room in BASE:
      return room
  return ''


def modules() -> dict[str, pathlib.Path]:
  """Dotted name, without the package's -> file."""
  found = {}
  for path in sorted(ROOT.rglob('*.py')):
    parts = path.relative_to(ROOT).with_suffix('').parts
    if parts[-1] == '__init__':
      parts = parts[:-1]
    found['.'.join(parts)] = path
  return found


MODULES = modules()


def imports(path: pathlib.Path) -> set[str]:
  """Modules of the package that a file imports, inside functions too."""
  found = set()
  for node in ast.walk(ast.parse(path.read_text())):
    names = []
    if isinstance(node, ast.ImportFrom) and node.module:
      names = [f'{node.module}.{alias.name}' for alias in node.names]
    elif isinstance(node, ast.Import):
      names = [alias.name for alias in node.names]
    for name in names:
      if not name.startswith(f'{PACKAGE}.'):
        continue
      name = name.removeprefix(f'{PACKAGE}.')
      # A name in a module is that module's; so are packages' own names.
      while name and name not in MODULES:
        name = name.rpartition('.')[0]
      found.add(name)
  return found


EDGES = {name: imports(path) for name, path in MODULES.items()}


def test_every_module_stands_in_a_room():
  homeless = [n for n in MODULES if n and not room_of(n)]
  assert homeless == ['__main__'] or not homeless


@pytest.mark.parametrize('room', FLOORS)
def test_a_room_imports_what_stands_below_it(room):
  legal = {room, *FLOORS[room], *BASE}
  above = [
    (name, other)
    for name, others in EDGES.items()
    if room_of(name) == room
    for other in others
    if room_of(other) not in legal
  ]
  assert not above


def test_no_module_is_in_a_circle():
  done, path = set(), []

  def walk(name):
    assert name not in path, [*path[path.index(name) :], name]
    if name in done:
      return
    path.append(name)
    for other in sorted(EDGES[name] - {''}):
      # A package's own file lists its members, which import their siblings.
      if other != name and not name.startswith(f'{other}.'):
        walk(other)
    path.pop()
    done.add(name)

  for name in MODULES:
    walk(name)


def test_no_module_reads_the_private_names_of_another():
  private = []
  for name, path in MODULES.items():
    tree = ast.parse(path.read_text())
    aliases = set()
    for node in ast.walk(tree):
      if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(
        PACKAGE
      ):
        private += [
          (name, alias.name)
          for alias in node.names
          if alias.name.startswith('_') and not alias.name.startswith('__')
        ]
        aliases |= {alias.asname or alias.name for alias in node.names}
    private += [
      (name, f'{node.value.id}.{node.attr}')
      for node in ast.walk(tree)
      if isinstance(node, ast.Attribute)
      and isinstance(node.value, ast.Name)
      and node.value.id in aliases
      and node.attr.startswith('_')
      and node.value.id[0].islower()
      and not node.attr.startswith('__')
      and node.attr not in ('_asdict', '_replace', '_fields')
    ]
  assert not private


SELVES = {'self', 'cls', 'np', 'jax', 'sys', 'os', 'ast'}
NAMED_TUPLES = {'_asdict', '_replace', '_fields', '_make'}
# What notebooks call: public, whatever its first letter.
NOTEBOOKS = {'_repr_html_'}


def private_reads(path: pathlib.Path) -> list[str]:
  """'object._name' that a file reads of anything but its own classes."""
  reads = []
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom) and node.module != '__future__':
      reads += [a.name for a in node.names if a.name.startswith('_')]
    if not isinstance(node, ast.Attribute) or not node.attr.startswith('_'):
      continue
    if node.attr.startswith('__') or node.attr in NAMED_TUPLES | NOTEBOOKS:
      continue
    if isinstance(node.value, ast.Name) and node.value.id in SELVES:
      continue
    reads.append(ast.unparse(node))
  return reads


@pytest.mark.parametrize('folder', ['tests', 'experiments'])
def test_no_private_name_is_read_from_outside(folder):
  """Where a test needs one, the seam is in the wrong place."""
  private = {
    str(path.relative_to(ROOT.parent)): reads
    for path in sorted((ROOT.parent / folder).rglob('*.py'))
    if (reads := private_reads(path))
  }
  assert not private
