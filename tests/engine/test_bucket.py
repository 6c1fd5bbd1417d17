"""A workdir in a bucket: the same study, told apart by its address alone."""

import json
import os
import shutil
import subprocess
import sys
import threading

import jax
import numpy as np
import pandas as pd
import pytest
from test_checkpoint import KEY, Killed, Scripted, kill
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders, packs, report, storage, stored_rows
from disentangle_jax.commands import status
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import (
  bucket_lock,
  exported,
  live,
  merge,
  store,
)
from disentangle_jax.report import tables, traversals

pytest.importorskip('upath')


def small(*metrics):
  config = tiny_config()
  config.methods, config.sweep = ('beta_vae',), None
  config.metrics = metrics or ('reconstruction',)
  config.engine.checkpoint_minutes = 1e-9  # at the end of every segment
  return config


def values(rows: pd.DataFrame) -> pd.Series:
  return rows.set_index(KEY).sort_index()['value']


def names(workdir) -> set[str]:
  """All objects below an address."""
  root = workdir.path + '/'
  return {path.removeprefix(root) for path in workdir.fs.find(workdir.path)}


@pytest.fixture
def bucket():
  """An address of an empty place in memory."""
  path = folders.workdir('memory://bucket/study')
  storage.remove(path)
  yield path
  storage.remove(path)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """The study in a folder, without interruption."""
  workdir = tmp_path_factory.mktemp('whole')
  dj.sweep(small(), workdir)
  return workdir


def test_a_study_in_a_bucket_is_the_one_in_a_folder(
  bucket, whole, monkeypatch, tmp_path
):
  monkeypatch.chdir(tmp_path)
  # Killed in the middle, and continued from its checkpoint.
  with pytest.raises(Killed):
    dj.sweep(small(), str(bucket), progress=Scripted(10, kill))
  held = {name for name in names(bucket) if name.startswith('checkpoints/')}
  assert {name.rpartition('/')[2] for name in held} == {
    '5.npz',
    '5.tar',
    '10.npz',
    '10.tar',
  }
  # Its curves are there, put when it began: an object cannot grow.
  (curves,) = stored_rows.training(bucket)
  assert len(curves.about['runs']) == 2 and f'live/{curves.part}.jsonl' in (
    names(bucket)
  )
  said = '\n'.join(status.look(bucket).lines)
  assert 'checkpoint at step 10' in said and 'no process is working' in said
  heard = Scripted()
  rows = dj.sweep(small(), str(bucket), progress=heard)
  assert 'continuing from step 10 of a checkpoint' in heard.lines
  pd.testing.assert_series_equal(values(rows), values(store.read(whole)))
  # The same files as in a folder, without the kernel's lock.
  files = {p.relative_to(whole).as_posix() for p in whole.rglob('*')}
  folded = {'.lock', 'params', 'samples', 'results'}
  assert names(bucket) == files - folded
  # A finished study is read, extended by a metric, and not trained again.
  monkeypatch.setattr(train, 'compile_group', None)
  more = dj.sweep(small('reconstruction', 'kl'), bucket)
  assert {'kl', 'reconstruction/nats'} <= set(more['name'])
  run = dj.load_run(bucket, 1)
  assert run.about['seed'] == 1
  params = folders.params(bucket, rows['run_id'].iloc[0])
  assert dj.load_run(str(params)).about['seed'] == 0
  assert len(tables.load([bucket]).runs) == 2
  assert len(dj.open(bucket).runs) == 2
  # The page in the bucket, and figures of a run beside it.
  page = report.write(bucket, figures='none')
  assert str(page) == 'memory://bucket/study/report/index.html'
  assert b'<html' in page.read_bytes() and page.with_suffix('.md').exists()
  written = report.draw_run(bucket, 0)
  assert written and all(path.exists() for path in written)
  # Out of the bucket again: one more store of the same study.
  assert merge.merge([bucket], tmp_path / 'copy') == 2
  pd.testing.assert_series_equal(
    values(store.read(tmp_path / 'copy')), values(store.read(bucket))
  )
  assert {path.name for path in tmp_path.iterdir()} == {'copy'}


def row(run_id, value):
  return {
    'run_id': run_id,
    'run_number': 0,
    'step': 1,
    'name': 'kl',
    'value': value,
    'metric_seed': 0,
  }


def test_workers_write_different_parts_of_one_store(bucket):
  """Threads; a reader meanwhile sees whole files alone."""

  def work(worker):
    for part in range(20):
      rows = [row(f'{worker}/{part}', n) for n in range(50)]
      store.append(bucket, f'{worker}-{part}', rows)

  threads = [threading.Thread(target=work, args=(w,)) for w in range(2)]
  for thread in threads:
    thread.start()
  while any(thread.is_alive() for thread in threads):
    assert len(store.read(bucket, ['run_id'])) % 50 == 0
  for thread in threads:
    thread.join()
  rows = store.read(bucket)
  assert len(rows) == 2 * 20 * 50 and rows['run_id'].nunique() == 40


def test_a_lock_is_held_by_one_and_says_by_whom(bucket):
  with store.lock(bucket):
    own = f'process {os.getpid()} of '
    assert store.worker(bucket).startswith(own)
    with pytest.raises(
      dj.StoreError, match='is running a sweep here'
    ) as caught:
      dj.sweep(small(), bucket)
    assert own in str(caught.value) and '--take_over' in str(caught.value)
    assert '\n' not in str(caught.value)
  assert store.worker(bucket) == '' and not names(bucket)


def left_by(bucket, **changed):
  """A lock as a killed process leaves it."""
  with store.lock(bucket):
    held = json.loads(folders.lock(bucket).read_bytes())
  content = json.dumps({**held, **changed}).encode()
  assert storage.create(folders.lock(bucket), content)
  assert not storage.create(folders.lock(bucket), b'')


def test_the_lock_of_a_process_that_has_gone_is_nobodys(bucket):
  done = subprocess.Popen([sys.executable, '-c', ''])
  done.wait()
  left_by(bucket, pid=done.pid)
  assert store.worker(bucket) == ''
  with store.lock(bucket):
    assert store.worker(bucket)
  assert not names(bucket)


def test_the_lock_of_another_machine_is_taken_over_when_told(bucket):
  left_by(bucket, machine=['elsewhere', '', ''], pid=1, token='theirs')
  with pytest.raises(dj.StoreError, match='process 1 of elsewhere since'):
    store.lock(bucket).__enter__()
  with store.lock(bucket, take_over=True):
    assert store.worker(bucket).startswith(f'process {os.getpid()} of ')
  assert not names(bucket)
  with store.lock(bucket):
    folders.lock(bucket).write_bytes(b'{"token": "theirs"}')
  # Who comes back to a lock that was taken over leaves it alone.
  assert names(bucket) == {'.lock'}


def test_a_server_that_creates_twice_is_noticed(bucket, monkeypatch):
  """Two that both believe they made the lock: the last one has it."""

  def overwritten(path, content):
    path.write_bytes(b'{"token": "theirs"}')
    return True

  monkeypatch.setattr(storage, 'create', overwritten)
  with pytest.raises(dj.StoreError, match='another process'):
    bucket_lock.hold(bucket).__enter__()


def test_figures_of_tensorboard_need_a_folder(bucket):
  config = small()
  config.engine.tensorboard = True
  with pytest.raises(dj.ConfigError, match='writes into folders alone'):
    dj.sweep(config, bucket)
  assert not names(bucket)


@pytest.mark.parametrize(
  ('error', 'said'),
  [
    (PermissionError('Forbidden'), 'cannot be reached: Forbidden'),
    (ValueError('two\nlines'), 'cannot be reached: two'),
    (OSError(28, 'full'), 'cannot be reached: [Errno 28] full'),
    (FileNotFoundError('x'), 'there is no such bucket'),
  ],
)
def test_what_a_bucket_says_is_one_line(error, said, bucket, monkeypatch):
  def fails(*args, **kwargs):
    raise error

  monkeypatch.setattr(type(bucket.fs), 'pipe_file', fails)
  monkeypatch.setattr(train, 'compile_group', None)
  with pytest.raises(dj.StoreError) as caught:
    dj.sweep(small(), bucket)
  assert str(caught.value) == f'{folders.lock(bucket)}: {said}'


def test_unreadable_files_in_a_bucket_are_as_in_a_folder(bucket):
  store.append(bucket, 'a', [row('a', 1.0)])
  folders.part(bucket, 'b').write_bytes(b'torn')
  with pytest.raises(dj.StoreError, match=r'part-b.parquet: cannot be read'):
    store.read(bucket)
  notes = tables.load([bucket]).notes
  assert any('part-b.parquet cannot be read' in note for note in notes)
  with pytest.raises(dj.StoreError, match='no such directory'):
    tables.load(['memory://bucket/none'])
  with pytest.raises(dj.StoreError, match=r'holds no study\.json'):
    dj.load_run('memory://bucket/none', 1)


def check_packed(workdir, whole, tmp_path):
  """A packed store is read as one of many files, and merged as it is."""
  (part,) = folders.parts(workdir)
  for kind in ('params', 'samples'):
    (file,) = storage.listed(workdir / kind)
    assert file.name == part.stem.removeprefix('part-') + '.zip'
  rows = store.read(workdir)
  ids = dict(zip(rows['run_number'], rows['run_id']))
  merge.merge([workdir], tmp_path / 'all')
  assert folders.with_params(workdir) == set(ids.values())
  for number, run_id in ids.items():
    runs = [dj.load_run(w, number) for w in (workdir, tmp_path / 'all', whole)]
    for run in runs[:2]:
      jax.tree.map(
        np.testing.assert_array_equal, run.state.params, runs[2].state.params
      )
    packed, apart = (traversals.load(w, run_id) for w in (workdir, whole))
    np.testing.assert_array_equal(packed.traversals, apart.traversals)
  # Neither here nor there, and damaged.
  assert traversals.load(workdir, 'none') is None
  with pytest.raises(dj.StoreError, match=r'none\.safetensors: cannot be'):
    exported.read(folders.params(workdir, 'none'))
  for kind in ('params', 'samples'):
    (file,) = storage.listed(workdir / kind)
    file.write_bytes(b'torn')
  assert traversals.load(workdir, run_id) is None
  with pytest.raises(dj.StoreError, match='cannot be read: File is not a zip'):
    exported.read(folders.params(workdir, run_id))


def test_files_that_were_packed_are_found(whole, tmp_path):
  workdir = tmp_path / 'packed'
  shutil.copytree(whole, workdir)
  part = folders.parts(workdir)[0].stem.removeprefix('part-')
  for path in (
    folders.params_pack(workdir, part),
    folders.samples_pack(workdir, part),
  ):
    files = storage.listed(path.parent)
    packs.write(path, [(file, file.read_bytes()) for file in files])
    for file in files:
      file.unlink()
  check_packed(workdir, whole, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('where', ['folder', 'bucket'])
def test_a_packed_study_goes_on(where, bucket, whole, tmp_path, monkeypatch):
  workdir = bucket if where == 'bucket' else tmp_path / 'packed'
  config = small()
  config.engine.pack = True
  rows = dj.sweep(config, workdir)
  pd.testing.assert_series_equal(values(rows), values(store.read(whole)))
  monkeypatch.setattr(train, 'compile_group', None)
  config.metrics = ('reconstruction', 'kl')
  assert 'kl' in set(dj.sweep(config, workdir)['name'])
  for path in folders.parts(workdir):
    if 'more-' in path.name:
      storage.remove(path)
  check_packed(workdir, whole, tmp_path)


def test_curves_in_a_bucket_are_put_anew_now_and_then(bucket, monkeypatch):
  now = 1000.0
  monkeypatch.setattr(live.time, 'monotonic', lambda: now)
  about = {'group': 'g', 'runs': ['a'], 'steps': 9, 'batch_size': 1}
  curves = live.Curves(bucket, 'p', about, print)
  curves.begin(0)
  losses = {'loss': np.ones(1, np.float32)}
  curves.window(1, 1, losses)
  assert not stored_rows.training(bucket)[0].windows
  now += 31
  curves.window(2, 1, losses)
  curves.window(3, 1, losses)
  (read,) = stored_rows.training(bucket)
  assert [window['step'] for window in read.windows] == [1, 2]
  # Goes on from a checkpoint at step 1; then its rows are in the store.
  live.Curves(bucket, 'p', about, print).begin(1)
  assert stored_rows.training(bucket)[0].step == 1
  curves.finished()
  assert not names(bucket)
