"""Memory that runs out, disks that fill up, trackers: what a chunk meets."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax.engine import loop, progress, session
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import (
  devices,
  score_program,
  scoring,
  train,
)
from disentangle_jax.engine.workdir import store

KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']
ROOT = pathlib.Path(__file__).parents[2]


class Heard(progress.Progress):
  """Keeps what the user would read."""

  def __init__(self):
    super().__init__()
    self.lines = []

  def say(self, text):
    self.lines.append(text)


def eight():
  """Eight runs of one group in one program."""
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.seeds = 4
  config.metrics = ('kl',)
  config.engine.runs_per_chunk = 8
  config.engine.keep_samples = False
  return config


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  return dj.sweep(eight(), tmp_path_factory.mktemp('whole'))


def same(rows, wanted):
  values = lambda frame: frame.set_index(KEY).sort_index()['value']
  assert not rows.duplicated(KEY).any()
  pd.testing.assert_series_equal(values(rows), values(wanted), rtol=1e-4)


def sizes(workdir):
  held = json.loads((workdir / 'study.json').read_text())['chunks']
  return [chunk['size'] for chunk in held]


def test_a_program_that_does_not_fit_becomes_a_smaller_one(
  whole, tmp_path, monkeypatch
):
  group = planning.make(eight()).groups[0]
  mesh = devices.mesh()
  need = [train.compile_group(group, mesh, n, 5).memory.total for n in (4, 8)]
  assert 0 < need[0] < need[1]
  room = int(np.mean(need) / session.MEMORY_SHARE)
  monkeypatch.setattr(devices, 'memory_bytes', lambda: room)
  heard = Heard()
  rows = dj.sweep(eight(), tmp_path, progress=heard)
  assert sizes(tmp_path) == [4, 4]
  said = [line for line in heard.lines if 'going on with 4' in line]
  assert len(said) == 1 and 'GiB per device' in said[0]
  same(rows, whole)
  # The smaller plan is kept: nothing is left to do.
  monkeypatch.setattr(loop, 'train_chunk', None)
  assert len(dj.sweep(eight(), tmp_path)) == len(rows)


def exhausted(above):
  """`train_chunk` on a device that holds so many runs."""
  real = loop.train_chunk

  def train_chunk(program, group, runs, size, *more):
    if size > above:
      message = 'RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes'
      raise jax.errors.JaxRuntimeError(message)
    return real(program, group, runs, size, *more)

  return train_chunk


def test_running_out_of_memory_halves_the_chunk_once(
  whole, tmp_path, monkeypatch
):
  monkeypatch.setattr(loop, 'train_chunk', exhausted(4))
  heard = Heard()
  same(dj.sweep(eight(), tmp_path, progress=heard), whole)
  assert sizes(tmp_path) == [4, 4]
  assert any('ran out of memory' in line for line in heard.lines)


def test_then_it_says_what_to_lower(tmp_path, monkeypatch):
  monkeypatch.setattr(loop, 'train_chunk', exhausted(0))
  with pytest.raises(dj.ConfigError, match=r'runs_per_chunk \(below 4'):
    dj.sweep(eight(), tmp_path)
  assert store.read(tmp_path).empty


class Exhausted:
  """Scoring on a device that holds so many runs."""

  def __init__(self, above, monkeypatch):
    self.asked = []
    real = scoring.Evaluator.scores_at_once

    def whole(evaluator, group, state):
      runs = jax.tree.leaves(state)[0].shape[0]
      self.asked.append(runs)
      if runs > above:
        message = 'RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes'
        raise jax.errors.JaxRuntimeError(message)
      return real(evaluator, group, state)

    monkeypatch.setattr(scoring.Evaluator, 'scores_at_once', whole)


def test_scoring_that_runs_out_of_memory_goes_on_in_halves(
  whole, tmp_path, monkeypatch
):
  device, heard = Exhausted(4, monkeypatch), Heard()
  same(dj.sweep(eight(), tmp_path, progress=heard), whole)
  # One chunk of eight runs was trained, once.
  assert device.asked == [8, 4, 4] and sizes(tmp_path) == [8]
  (said,) = (line for line in heard.lines if 'while scoring' in line)
  assert 'scoring 8 runs; going on with 4' in said


def test_what_was_trained_is_kept_when_nothing_can_be_scored(
  whole, tmp_path, monkeypatch
):
  with monkeypatch.context() as patch:
    Exhausted(0, patch)
    with pytest.raises(dj.ConfigError, match='what was trained is kept') as e:
      dj.sweep(eight(), tmp_path)
  assert '\n' not in str(e.value)
  assert store.read(tmp_path).empty
  steps, heard = [], Heard()
  compiled = train.compile_group

  def counted(*arguments):
    program = compiled(*arguments)
    segment = lambda *a: steps.append(a) or program.segment(*a)
    return program._replace(segment=segment)

  monkeypatch.setattr(train, 'compile_group', counted)
  same(dj.sweep(eight(), tmp_path, progress=heard), whole)
  assert not steps, 'no step is repeated because of scoring'
  assert any('continuing from step 20' in line for line in heard.lines)


def test_nothing_is_trained_that_cannot_be_scored(whole, tmp_path, monkeypatch):
  room = int(devices.memory_bytes() * session.MEMORY_SHARE)
  prepare, trained = scoring.Evaluator.prepare, []
  monkeypatch.setattr(
    scoring.Evaluator,
    'prepare',
    lambda self, group, size: [
      *prepare(self, group, size),
      score_program.Prepared('a score', room * size // 5, 0, str),
    ],
  )
  train_chunk = loop.train_chunk
  monkeypatch.setattr(
    loop,
    'train_chunk',
    lambda program, group, runs, size, *more: (
      trained.append(size) or train_chunk(program, group, runs, size, *more)
    ),
  )
  heard = Heard()
  same(dj.sweep(eight(), tmp_path, progress=heard), whole)
  assert trained == sizes(tmp_path) == [4, 4]
  (said,) = (line for line in heard.lines if 'going on with 4' in line)
  assert 'scoring (a score) needs' in said


def test_other_errors_of_the_device_are_not_hidden(tmp_path, monkeypatch):
  def broken(*args):
    raise jax.errors.JaxRuntimeError('INTERNAL: something else')

  monkeypatch.setattr(loop, 'train_chunk', broken)
  with pytest.raises(jax.errors.JaxRuntimeError, match='something else'):
    dj.sweep(eight(), tmp_path)


def test_trackers_get_the_curves_and_the_scores(tmp_path):
  pytest.importorskip('tensorboardX')
  config = eight()
  config.seeds = 1
  config.engine.tensorboard = True
  rows = dj.sweep(config, tmp_path)
  folders = sorted((tmp_path / 'tensorboard').iterdir())
  assert [folder.name for folder in folders] == ['000000', '000001']
  found = _events(folders[1])
  curve = rows[(rows['run_number'] == 1) & (rows['name'] == 'train/loss')]
  assert [step for step, _ in found['train/loss']] == list(curve['step'])
  np.testing.assert_allclose(
    [value for _, value in found['train/loss']], curve['value'], rtol=1e-6
  )
  kl = rows[(rows['run_number'] == 1) & (rows['name'] == 'kl')]['value']
  np.testing.assert_allclose(found['score/kl'][0][1], kl, rtol=1e-6)
  # HParams: hyper-parameters beside the names of scores.
  about = _hparams(folders[1])
  assert about['_hparams_/session_start_info'] >= {'beta', 'seed', 'run_id'}
  assert 'score/kl' in about['_hparams_/experiment']


def _records(folder):
  from tensorboardX.proto import event_pb2

  for path in folder.glob('events.*'):
    content, place = path.read_bytes(), 0
    while place < len(content):
      # Length, its checksum, the record, its checksum.
      size = int.from_bytes(content[place : place + 8], 'little')
      yield event_pb2.Event.FromString(content[place + 12 : place + 12 + size])
      place += 16 + size


def _events(folder):
  """name -> [(step, value)], read from the file's records."""
  found = {}
  for event in _records(folder):
    for value in event.summary.value:
      if value.HasField('simple_value'):
        point = event.step, value.simple_value
        found.setdefault(value.tag, []).append(point)
  return found


def _hparams(folder):
  """Tag of TensorBoard's tab -> names in it."""
  from tensorboardX.proto import plugin_hparams_pb2

  found = {}
  for event in _records(folder):
    for value in event.summary.value:
      content = value.metadata.plugin_data.content
      if value.tag.startswith('_hparams_'):
        data = plugin_hparams_pb2.HParamsPluginData.FromString(content)
        names = {info.name.tag for info in data.experiment.metric_infos}
        found[value.tag] = names | set(data.session_start_info.hparams)
  return found


def test_weights_and_biases_writes_one_run_per_run(tmp_path, monkeypatch):
  pytest.importorskip('wandb')
  monkeypatch.setenv('WANDB_MODE', 'offline')
  monkeypatch.setenv('WANDB_DIR', str(tmp_path))
  config = eight()
  config.seeds = 1
  config.engine.wandb = 'tiny'
  rows = dj.sweep(config, tmp_path / 'study')
  written = sorted(tmp_path.glob('wandb/offline-run-*/run-*.wandb'))
  ids = {path.stem.removeprefix('run-') for path in written}
  assert ids == set(rows['run_id'])


def test_a_tracker_that_is_missing_is_named_at_once(monkeypatch):
  monkeypatch.setitem(sys.modules, 'tensorboardX', None)
  config = eight()
  config.engine.tensorboard = True
  words = r'engine\.tensorboard.*pip install tensorboardX'
  with pytest.raises(dj.ConfigError, match=words):
    dj.sweep(config)


FULL_DISK = """
set -e
mount -t tmpfs -o size=$SIZE tmpfs $DISK
$SWEEP > $OUT/first.txt 2>&1 || echo $? > $OUT/first_code
cp -r $DISK/study $OUT/stopped
mount -o remount,size=64m $DISK
$SWEEP > $OUT/second.txt 2>&1
cp -r $DISK/study $OUT/whole
"""


def test_a_full_disk_stops_cleanly_and_the_study_goes_on(tmp_path):
  """A file system of a few KiB, in a mount namespace of its own."""
  namespace = ['unshare', '--user', '--map-root-user', '--mount']
  if (
    not shutil.which('unshare')
    or subprocess.run(
      [*namespace, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], capture_output=True
    ).returncode
  ):
    pytest.skip('this machine allows no mount namespaces')
  disk = tmp_path / 'disk'
  disk.mkdir()
  sweep = (
    f'{sys.executable} -m experiments.sweep --workdir={disk}/study '
    '--config=tests/engine/tiny_study.py --config.metrics=kl '
    '--config.engine.keep_samples=False --config.engine.compile_cache=False'
  )
  environment = {
    **os.environ,
    'JAX_PLATFORMS': 'cpu',
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
    'SIZE': '120k',  # parameters of one chunk fit, those of two do not
    'DISK': str(disk),
    'OUT': str(tmp_path),
    'SWEEP': sweep,
  }
  done = subprocess.run(
    [*namespace, 'sh', '-c', FULL_DISK],
    cwd=ROOT,
    env=environment,
    capture_output=True,
    text=True,
    timeout=500,
  )
  first = (tmp_path / 'first.txt').read_text()
  assert done.returncode == 0, (done.stderr, first)
  assert (tmp_path / 'first_code').read_text() == '2\n'
  assert 'Traceback' not in first
  last = first.strip().splitlines()[-1]
  assert last.startswith('error:') and 'No space left' in last
  stopped = store.read(tmp_path / 'stopped')
  whole = store.read(tmp_path / 'whole')
  assert whole['run_id'].nunique() == 8
  assert not whole.duplicated(KEY).any()
  assert stopped['run_id'].nunique() < 8
  assert not list((tmp_path / 'whole').rglob('.*.tmp'))
