"""Chunks that are stopped continue where they were, bit for bit."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders
from disentangle_jax.engine import progress
from disentangle_jax.engine.workdir import study

KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']


def small():
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.metrics = ()
  config.engine.keep_samples = False
  config.engine.checkpoint_minutes = 1e-9  # at the end of every segment
  return config


class Scripted(progress.Progress):
  """Does something to the sweep at a step, and keeps what the user reads."""

  def __init__(self, at=None, act=None):
    super().__init__()
    self.lines, self._at, self._act = [], at, act

  def say(self, text):
    self.lines.append(text)

  def window(self, chunk):
    tell = super().window(chunk)

    def on_window(step, alive, scalars):
      tell(step, alive, scalars)
      if step == self._at:
        self._act()

    return on_window


class Killed(Exception):
  pass


def kill():
  raise Killed


def values(rows: pd.DataFrame) -> pd.Series:
  return rows.set_index(KEY).sort_index()['value']


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """The study without interruption."""
  workdir = tmp_path_factory.mktemp('whole')
  rows = values(dj.sweep(small(), workdir))
  assert not (folders.checkpoints(workdir)).exists()
  return rows


def stopped(workdir, act, expected):
  """Runs the study until step 10 of 20 and stops it there."""
  with pytest.raises(expected):
    dj.sweep(small(), workdir, progress=Scripted(10, act))
  assert not list(workdir.glob('results/*'))
  (folder,) = (folders.checkpoints(workdir)).iterdir()
  return folder


def continued(workdir):
  heard = Scripted()
  rows = values(dj.sweep(small(), workdir, progress=heard))
  assert not (folders.checkpoints(workdir)).exists()
  return rows, [line for line in heard.lines if 'checkpoint' in line]


def test_a_killed_chunk_continues_with_the_same_bits(tmp_path, whole):
  folder = stopped(tmp_path, kill, Killed)
  # Two are kept; the host learns of step 10 while the next segment runs.
  assert sorted(int(p.stem) for p in folder.glob('*.npz')) == [5, 10]
  rows, said = continued(tmp_path)
  assert said == ['continuing from step 10 of a checkpoint']
  pd.testing.assert_series_equal(rows, whole)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signals_save_and_stop(number, tmp_path, whole):
  before = signal.getsignal(number)
  raise_it = lambda: signal.raise_signal(number)
  stopped(tmp_path, raise_it, KeyboardInterrupt)
  assert signal.getsignal(number) == before
  rows, said = continued(tmp_path)
  assert len(said) == 1 and 'continuing from step' in said[0]
  pd.testing.assert_series_equal(rows, whole)


def test_a_torn_checkpoint_falls_back_to_the_one_before(tmp_path, whole):
  folder = stopped(tmp_path, kill, Killed)
  for path in (folder / '10').rglob('*'):
    if path.is_file():
      os.truncate(path, path.stat().st_size // 2)
  rows, said = continued(tmp_path)
  assert 'cannot be read and is left out' in said[0]
  assert said[1] == 'continuing from step 5 of a checkpoint'
  pd.testing.assert_series_equal(rows, whole)


def test_without_any_readable_checkpoint_it_begins_anew(tmp_path, whole):
  folder = stopped(tmp_path, kill, Killed)
  for path in folder.glob('*.npz'):
    path.write_bytes(b'torn')
  rows, said = continued(tmp_path)
  assert len(said) == 2
  pd.testing.assert_series_equal(rows, whole)


def test_checkpoints_of_other_versions_are_not_continued(
  tmp_path, whole, monkeypatch
):
  stopped(tmp_path, kill, Killed)
  monkeypatch.setattr(study, 'versions', lambda: {'jax': 'another'})
  rows, said = continued(tmp_path)
  assert len(said) == 2
  assert all('other settings or versions' in line for line in said)
  pd.testing.assert_series_equal(rows, whole)


def test_minutes_must_be_a_number(config):
  config.engine.checkpoint_minutes = -1.0
  with pytest.raises(dj.ConfigError, match='checkpoint_minutes'):
    dj.sweep(config)


SCRIPT = """
import resource, sys
sys.path.insert(0, {here!r})
import jax
jax.config.update('jax_num_cpu_devices', 4)
import disentangle_jax as dj
from test_checkpoint import small
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
config = small()
config.engine.compile_cache = False
try:
  dj.sweep(config, {workdir!r})
except dj.StoreError as error:
  print(error)
  sys.exit(3)
"""


@pytest.mark.slow
def test_a_file_size_limit_stops_cleanly_and_the_study_completes_later(
  tmp_path, whole
):
  """As a full disk does; the limit binds root too."""
  script = SCRIPT.format(
    here=str(pathlib.Path(__file__).parent),
    limit=6000,  # below a checkpoint, above study.json
    workdir=str(tmp_path),
  )
  done = subprocess.run(
    [sys.executable, '-c', script], capture_output=True, text=True
  )
  assert done.returncode == 3, done.stderr
  assert 'cannot be written' in done.stdout
  assert len(done.stdout.strip().splitlines()) == 1
  assert not list(tmp_path.glob('results/*'))
  rows, _ = continued(tmp_path)
  np.testing.assert_array_equal(rows, whole)
