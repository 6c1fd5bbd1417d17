"""Four CPU devices, for the meshes, and programs that compile fast."""

import gc
import os
import pathlib
import re
import subprocess
import sys

import jax
import jaxlib
import pytest

jax.config.update('jax_num_cpu_devices', 4)
_cache = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
jax.config.update(
  'jax_compilation_cache_dir', str(pathlib.Path(_cache, 'disentangle_jax'))
)
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)

# The older way to compile fused operations: half the time to compile, code that
# runs two thirds as fast.
_OLDER = '--xla_cpu_use_fusion_emitters=false'


# A process may have 65,530 memory maps on Linux; each compiled program takes
# some, and one too many is a segmentation fault.
_MOST_MAPS = 20_000

# Files in which whole sweeps or other processes run: they start first, so that
# no core waits for one of them at the end.
_LONG = (
  'tests/test_command_line.py',
  'tests/test_studies.py',
  'tests/engine/test_hosts.py',
  'tests/engine/test_session.py',
  'tests/engine/test_sweep.py',
  'tests/engine/test_extend.py',
  'tests/engine/test_every_kind.py',
)
# Of these the tests of one method share its compiled programs (`harness`).
_BY_METHOD = ('tests/methods/test_contract.py', 'tests/methods/test_losses.py')


@pytest.fixture(autouse=True, scope='module')
def few_memory_maps():
  """Drops compiled programs after a file of tests, when there are many."""
  yield
  maps = pathlib.Path('/proc/self/maps')
  if maps.exists() and len(maps.read_bytes().splitlines()) > _MOST_MAPS:
    jax.clear_caches()
    gc.collect()


def pytest_configure(config):
  """Fast tests are tiny programs: compiling them is what takes the time.

  Commands that they start inherit both settings. Tests marked slow run with all
  of XLA's optimisations.
  """
  # Tracing makes many objects and few cycles: by default a tenth of the time
  # would go into looking for them.
  gc.set_threshold(100_000, 20, 20)
  if config.option.markexpr != 'not slow':
    return
  jax.config.update('jax_disable_most_optimizations', True)
  os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'
  # Workers inherit the flag from the process that starts them.
  if not hasattr(config, 'workerinput') and _is_known(_OLDER, config):
    given = os.environ.get('XLA_FLAGS', '')
    os.environ['XLA_FLAGS'] = f'{given} {_OLDER}'.strip()


def pytest_collection_modifyitems(items):
  """Long files first; all else as it was."""
  rank = {name: number for number, name in enumerate(_LONG)}
  items.sort(key=lambda item: rank.get(item.nodeid.split('::')[0], len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
  """What a worker gets at once: a file, or all tests of one method."""
  if config.option.dist != 'loadfile':
    return None
  from xdist.scheduler import LoadFileScheduling

  config.option.loadscopereorder = False  # the order is that of collection

  class Scheduling(LoadFileScheduling):
    def _split_scope(self, nodeid):
      path, _, test = nodeid.partition('::')
      if path not in _BY_METHOD or '[' not in test:
        return path
      return re.split(r'[\[\]-]', test)[1]

  return Scheduling(config, log)


def _is_known(flag: str, config: pytest.Config) -> bool:
  """Whether this XLA reads a flag; it ends a process that gives others.

  Asking takes a process of seconds: the answer is kept with pytest's own notes.
  """
  notes = getattr(config, 'cache', None)
  place = f'xla/{jaxlib.__version__}/{flag.strip("-")}'
  known = None if notes is None else notes.get(place, None)
  if known is None:
    asked = subprocess.run(
      [sys.executable, '-c', 'import jax; jax.devices()'],
      env={**os.environ, 'XLA_FLAGS': flag, 'JAX_PLATFORMS': 'cpu'},
      capture_output=True,
    )
    known = asked.returncode == 0
    if notes is not None:
      notes.set(place, known)
  return known
