"""Chunks on a Ray cluster: workers killed and paused, the driver killed.

Three workers on this machine. The rows must be those of one machine, bit for
bit, none lost and none twice.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import disentangle_jax as dj
from disentangle_jax.engine import ray_crew

ROOT = pathlib.Path(__file__).parents[2]
STUDY = (
  '--config=tests/engine/long_study.py',
  '--config.steps=150000',
  '--config.seeds=12',
)


def sweep(workdir, *more):
  command = [sys.executable, '-m', 'experiments.sweep', *STUDY]
  return subprocess.Popen(
    [*command, f'--workdir={workdir}', *more],
    cwd=ROOT,
    env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def training() -> list[int]:
  """Processes that train a chunk now."""
  parents = {}
  for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
    try:
      if path.read_bytes().startswith(b'ray::_train'):
        status = (path.parent / 'status').read_text()
        parent = re.search(r'^PPid:\s*(\d+)', status, re.MULTILINE)[1]
        parents[int(path.parent.name)] = int(parent)
    except OSError:
      continue
  # What such a process has started itself bears its name for a moment.
  return sorted(pid for pid, own in parents.items() if own not in parents)


def wait_for(condition, seconds, what):
  until = time.monotonic() + seconds
  while time.monotonic() < until:
    if condition():
      return
    time.sleep(0.5)
  pytest.fail(f'waited {seconds} s for {what}')


def values(workdir):
  rows = pd.read_parquet(workdir / 'results')
  keys = ['run_id', 'name', 'representation', 'metric_seed', 'step']
  assert not rows.duplicated(keys).any()
  return rows.set_index(keys)['value'].sort_index()


@pytest.fixture
def cluster():
  pytest.importorskip('ray')
  from ray import cluster_utils

  own = cluster_utils.Cluster(
    initialize_head=True, head_node_args={'num_cpus': 0}
  )
  for _ in range(3):
    own.add_node(num_cpus=1)
  yield own
  own.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_rows_are_those_of_one_machine_whatever_is_killed(tmp_path, cluster):
  alone = sweep(tmp_path / 'alone')
  assert alone.wait() == 0, alone.stdout.read()
  fleet = tmp_path / 'fleet'
  crew = (f'--ray={cluster.address}', '--ray_options=num_cpus=1')
  driver = sweep(fleet, *crew)
  live = lambda: len(list((fleet / 'live').glob('*.jsonl')))
  checkpoints = lambda: len(list((fleet / 'checkpoints').glob('*/*.npz')))
  wait_for(lambda: live() == 3 and checkpoints(), 120, 'three workers to train')
  first, second, third = training()
  os.kill(first, signal.SIGKILL)
  os.kill(second, signal.SIGKILL)
  os.kill(third, signal.SIGSTOP)
  time.sleep(10)
  os.kill(third, signal.SIGCONT)
  wait_for(lambda: len(training()) == 3, 120, 'the lost workers to be replaced')
  wait_for(
    lambda: len(list((fleet / 'results').glob('*.parquet'))) >= 2,
    600,
    'two chunks',
  )
  driver.kill()
  said = driver.communicate()[0]
  # Ray may give a free worker the next chunk before one that was lost.
  assert 'was lost with its worker' in said, said
  again = sweep(fleet, *crew)
  said, _ = again.communicate()
  assert again.returncode == 0, said
  assert 'runs are finished already' in said
  one, many = values(tmp_path / 'alone'), values(fleet)
  pd.testing.assert_series_equal(one, many, check_exact=True)
  assert not (fleet / 'live').exists()


def test_an_address_where_no_ray_is_is_one_line():
  pytest.importorskip('ray')
  with pytest.raises(dj.ConfigError, match='no Ray cluster answers') as raised:
    ray_crew.Crew('127.0.0.1:1', {})
  assert '\n' not in str(raised.value)


def test_without_ray_the_line_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, 'ray', None)
  with pytest.raises(dj.ConfigError, match='needs Ray; pip install ray'):
    ray_crew.Crew('local', {})
