"""Many devices and several hosts: the numbers of one device, nothing lost."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import long_study
import numpy as np
import pandas as pd
import pytest

import disentangle_jax as dj
from disentangle_jax.engine.programs import hosts
from disentangle_jax.engine.workdir import store

ROOT = pathlib.Path(__file__).parents[2]


TINY = (
  '--config=tests/engine/tiny_study.py',
  "--config.metrics=('mig_binned', 'kl')",
)


def start(workdir, devices, *more, **environment):
  """The sweep command on a tiny study, in a process of its own."""
  command = [
    sys.executable,
    '-m',
    'experiments.sweep',
    *(() if any(m.startswith('--config=') for m in more) else TINY),
    '--config.engine.keep_samples=False',
    f'--config.engine.cpu_devices={devices}',
    f'--workdir={workdir}',
    *more,
  ]
  environment = {
    **os.environ,
    **environment,
    'JAX_PLATFORMS': 'cpu',
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',  # compiling is what takes the time
  }
  return subprocess.Popen(
    command,
    cwd=ROOT,
    env=environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def end(process):
  said, _ = process.communicate(timeout=400)
  assert process.returncode == 0, said
  return said


def free_port():
  with socket.socket() as held:
    held.bind(('127.0.0.1', 0))
    return held.getsockname()[1]


def values(workdir):
  rows = store.read(workdir)
  key = ['run_id', 'step', 'representation', 'name', 'metric_seed']
  assert not rows.duplicated(key).any()
  return rows.set_index(key)['value'].sort_index()


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
  workdir = tmp_path_factory.mktemp('alone')
  end(start(workdir, 1))
  return values(workdir)


def agree(found, wanted):
  assert found.index.equals(wanted.index)
  scores = found.index.get_level_values('name').str.startswith('mig')
  np.testing.assert_allclose(found[~scores], wanted[~scores], rtol=1e-5)
  # Binned codes: a bin edge may be crossed by rounding.
  np.testing.assert_allclose(found[scores], wanted[scores], atol=0.01)


def test_eight_devices_give_the_numbers_of_one(alone, tmp_path):
  end(start(tmp_path, 8))
  agree(values(tmp_path), alone)
  assert set(store.read(tmp_path, ['device'])['device']) == {'8 x cpu'}


def test_two_hosts_of_four_devices_give_the_numbers_of_one(alone, tmp_path):
  address = f'--coordinator=127.0.0.1:{free_port()}'
  both = [
    start(tmp_path, 4, address, '--num_processes=2', f'--process_id={i}')
    for i in range(2)
  ]
  said = [end(process) for process in both]
  agree(values(tmp_path), alone)
  # Each trained one of the two groups; the first one wrote the report.
  assert all('4 runs are trained by other hosts' in text for text in said)
  assert 'report:' in said[0] and 'host 1 is done' in said[1]
  assert (tmp_path / 'report' / 'index.html').exists()
  parts = sorted((tmp_path / 'results').glob('part-*.parquet'))
  assert len(parts) == 2


@pytest.mark.parametrize(
  ('given', 'complaint'),
  [
    (('127.0.0.1:1', 2, -1), 'belong together'),
    (('', 2, 0), 'belong together'),
    (('127.0.0.1:1', 2, 2), '--process_id = 2'),
  ],
)
def test_half_a_cluster_is_refused(given, complaint):
  with pytest.raises(dj.ConfigError, match=complaint):
    hosts.join(*given)


def test_alone_there_is_nothing_to_share():
  assert hosts.share([1, 2, 3]) == [1, 2, 3]
  assert (hosts.number(), hosts.index()) == (1, 0)
  hosts.wait('never waits')


LONG = ('--config=tests/engine/long_study.py', '--config.seeds=4')
STEPS = '--config.steps=200000'


def host(workdir, index, port, *more, **environment):
  """One of two hosts of a study that takes a while."""
  return start(
    workdir,
    1,
    *LONG,
    *more,
    f'--coordinator=127.0.0.1:{port}',
    '--num_processes=2',
    f'--process_id={index}',
    **environment,
  )


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_host_without_memory_waits_and_a_late_one_is_waited_for(tmp_path):
  short, port = '--config.steps=40000', free_port()
  first = host(tmp_path, 0, port, short)
  time.sleep(10)
  second = host(tmp_path, 1, port, short, **{long_study.STARVED: '1'})
  said = [process.communicate(timeout=400)[0] for process in (first, second)]
  assert first.returncode == second.returncode == 2, said
  assert 'waiting for the other hosts at 127.0.0.1' in said[0]
  # The one tells at once and again in the end; the other does all it can.
  assert said[1].count('the device ran out of memory') == 2
  assert 'host 1 of 2' in said[1]
  assert '2 runs were not done by other hosts' in said[0]
  assert not any('Fatal' in text or 'Traceback' in text for text in said)
  assert len(store.finished(tmp_path)) == 2
  port = free_port()
  for process in [host(tmp_path, index, port, short) for index in (0, 1)]:
    end(process)
  assert len(store.finished(tmp_path)) == 4


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_killed_host_ends_the_others_and_the_same_command_goes_on(tmp_path):
  end(start(tmp_path / 'one', 1, *LONG, STEPS))
  workdir = tmp_path / 'two'

  def both():
    port = free_port()
    return [host(workdir, index, port, STEPS) for index in (0, 1)]

  first, second = both()
  until = time.monotonic() + 240
  saved = lambda: {p.parent.name for p in workdir.glob('checkpoints/*/*.npz')}
  while len(saved()) < 2:
    assert time.monotonic() < until and first.poll() is None, (
      first.stdout.read()
    )
    time.sleep(0.5)
  # One that is slow for a while costs nothing.
  second.send_signal(signal.SIGSTOP)
  time.sleep(10)
  second.send_signal(signal.SIGCONT)
  assert first.poll() is None
  second.kill()
  # JAX ends the others when the heartbeat of one has been missing.
  assert first.wait(300)
  said = [end(process) for process in both()]
  # The other one had its own chunk done, or goes on as well.
  assert any('continuing from step' in text for text in said), said
  found = values(workdir)
  pd.testing.assert_series_equal(found, values(tmp_path / 'one'))
