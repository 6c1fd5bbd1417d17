"""One tiny study run for real: rows, continuation, isolation, equal bits."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from safetensors import numpy as safetensors
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders, methods, stored_rows
from disentangle_jax.engine.plan import planning, registry
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import store, study

KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']


def values(rows: pd.DataFrame) -> pd.Series:
  return rows.set_index(KEY).sort_index()['value']


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """The study, its workdir, and how often each method's update was traced."""
  workdir = tmp_path_factory.mktemp('study')
  traced = []

  def counting(name):
    module = methods.METHODS[name]

    class Counting:
      HPARAMS, STRENGTH = module.HPARAMS, module.STRENGTH
      Config = module.Config
      BOUNDS = getattr(module, 'BOUNDS', {})

      @staticmethod
      def make(config, data):
        method = module.make(config, data)

        def update(key, state, batch, hparams):
          traced.append(name)
          return method.update(key, state, batch, hparams)

        return method._replace(update=update)

    return Counting

  own = {name: counting(name) for name in ('beta_vae', 'annealed_vae')}
  rows = dj.sweep(tiny_config(), workdir, methods=own)
  return workdir, rows, traced, own


def test_every_run_has_every_score_once(finished):
  _, rows, _, _ = finished
  assert list(rows.columns) == list(stored_rows.COLUMNS)
  assert rows['run_id'].nunique() == 8
  assert not rows.duplicated(KEY).any()
  scores = rows[~rows['name'].str.startswith('train/')]
  per_run = scores.groupby('run_id').size()
  # Two representations of MIG, three FactorVAE keys and two reconstructions;
  # one KL in total and one per latent.
  assert set(per_run) == {2 * (1 + 3 + 2) + 4}
  assert set(scores['step']) == {20}
  training = rows[rows['name'] == 'train/loss']
  assert sorted(set(training['step'])) == [5, 10, 15, 20]
  assert (rows['status'] == 'ok').all() and rows['value'].notna().all()
  total = scores.pivot_table(index='run_id', columns='name', values='value')
  np.testing.assert_allclose(
    total['kl'], total[['kl/0', 'kl/1', 'kl/2']].sum(axis=1), rtol=1e-5
  )


def test_a_group_is_traced_once_for_all_hyper_parameters(finished):
  """Tracing happens at plan time (shapes), and once to compile each program."""
  _, _, traced, _ = finished
  assert traced.count('beta_vae') == traced.count('annealed_vae')
  assert traced.count('beta_vae') <= 4  # shapes, estimate, compile; 4 runs


def test_a_finished_study_is_not_run_again(finished, monkeypatch):
  workdir, rows, _, own = finished
  monkeypatch.setattr(
    train, 'compile_group', lambda *a, **k: pytest.fail('compiled again')
  )
  again = dj.sweep(tiny_config(), workdir, methods=own)
  pd.testing.assert_series_equal(values(again), values(rows))


def test_runs_leave_pictures_and_parameters(finished):
  workdir, rows, _, _ = finished
  for run_id in set(rows['run_id']):
    with np.load(workdir / 'samples' / f'{run_id}.npz') as pictures:
      assert pictures['traversals'].shape == (3, 9, 8, 8, 1)
      assert pictures['traversals'].dtype == np.uint8
      assert pictures['kl'].shape == (3,)
      assert set(np.unique(pictures['observations'])) == {0, 255}
    path = workdir / 'params' / f'{run_id}.safetensors'
    params = safetensors.load_file(path)
    assert params['encoder/MLP_0/Dense_0/kernel'].shape == (64, 16)


def test_more_seeds_extend_a_study_and_leave_it_as_it_was(finished):
  workdir, rows, _, own = finished
  config = tiny_config()
  config.seeds = 3
  more = dj.sweep(config, workdir, methods=own)
  assert more['run_id'].nunique() == 12
  old = more[more['run_id'].isin(set(rows['run_id']))]
  pd.testing.assert_series_equal(values(old), values(rows))
  # A number names one run, that of the extended plan, old runs included.
  said = more[['run_id', 'run_number']].drop_duplicates()
  planned = planning.make(config, registry.of(own)).runs
  assert dict(said.to_numpy().tolist()) == {r.run_id: r.number for r in planned}
  assert len(said) == 12
  loaded = [dj.load_run(workdir, r.number, methods=own) for r in planned]
  assert [run.about['seed'] for run in loaded] == [r.seed for r in planned]


def test_another_study_is_refused(finished):
  workdir, _, _, own = finished
  config = tiny_config()
  config.study = 'other'
  with pytest.raises(dj.StoreError, match=r"holds study 'tiny', not 'other'"):
    dj.sweep(config, workdir, methods=own)


def test_same_config_same_bits_and_alone_within_tolerance(tmp_path):
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  first = dj.sweep(config, tmp_path / 'a')
  second = dj.sweep(config, tmp_path / 'b')
  pd.testing.assert_series_equal(values(first), values(second))
  config.only = '2'
  alone = dj.sweep(config, tmp_path / 'a')
  assert alone['run_number'].unique().tolist() == [2]
  assert (tmp_path / 'a' / 'only' / 'results').is_dir()
  a, b = values(alone), values(first[first['run_number'] == 2])
  assert list(a.index) == list(b.index)
  # Votes of the FactorVAE score may flip on ties; everything else is smooth.
  smooth = ~a.index.get_level_values('name').str.startswith('factor')
  np.testing.assert_allclose(a[smooth], b[smooth], rtol=2e-4, atol=1e-5)


def test_a_diverging_run_is_recorded_and_leaves_its_neighbours(tmp_path):
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.seeds = 1
  config.sweep = dj.zipped(
    {'hparams.beta': [1, 1, 4], 'hparams.learning_rate': [1e-3, 1e6, 1e-3]}
  )
  rows = dj.sweep(config, tmp_path / 'with')
  bad = rows[rows['run_number'] == 1]
  assert set(bad['status']) == {'not_finite'}
  at = bad[bad['name'] == 'diverged_at']['value']
  assert len(at) == 1 and 0 < at.iloc[0] < 20
  scores = bad[bad['name'] == 'mig_binned']
  assert len(scores) == 2 and scores['value'].isna().all()
  config.sweep = dj.product(
    {'hparams.learning_rate': [1e-3], 'hparams.beta': [1, 4]}
  )
  without = dj.sweep(config, tmp_path / 'without')
  assert set(without['status']) == {'ok'}
  both = values(rows[rows['run_number'] != 1]).drop('seconds', errors='ignore')
  np.testing.assert_allclose(both, values(without), rtol=1e-5, atol=1e-5)


def begun(config, workdir, monkeypatch):
  """A sweep that was killed before its first program: its plan is written."""

  class Killed(Exception):
    pass

  def killed(*args, **kwargs):
    raise Killed

  monkeypatch.setattr(train, 'compile_group', killed)
  with pytest.raises(Killed):
    dj.sweep(config, workdir)


def test_changed_fields_of_unfinished_runs_are_refused(tmp_path, monkeypatch):
  config = tiny_config()

  begun(config, tmp_path, monkeypatch)
  config.steps = 40
  message = r'runs .* would change: steps was 20 and is now 40'
  with pytest.raises(dj.StoreError, match=message):
    dj.sweep(config, tmp_path)


def test_only_what_changed_is_named_where_two_numbers_are_swept(
  tmp_path, monkeypatch
):
  config = tiny_config()
  rates = [1e-4, 5e-4]
  config.sweep = dj.product(
    {'hparams.beta': [1, 4], 'hparams.learning_rate': rates}
  )

  begun(config, tmp_path, monkeypatch)
  config.steps = 40
  with pytest.raises(
    dj.StoreError, match='would change: steps was 20 and is now 40; legal'
  ):
    dj.sweep(config, tmp_path)


def test_workdirs_that_cannot_be_used(tmp_path, config):
  blocked = tmp_path / 'file'
  blocked.write_text('x')
  with pytest.raises(dj.StoreError, match=r'--workdir=.*cannot be written'):
    dj.sweep(config, blocked / 'dir')
  foreign = tmp_path / 'foreign'
  (foreign / 'results').mkdir(parents=True)
  with pytest.raises(dj.StoreError, match='holds results but no'):
    dj.sweep(config, foreign)
  with (
    store.lock(tmp_path / 'held'),
    pytest.raises(dj.StoreError, match='another process'),
    store.lock(tmp_path / 'held'),
  ):
    pass


def test_torn_files_are_named(tmp_path):
  (tmp_path / 'results').mkdir()
  (tmp_path / 'results' / 'part-0.parquet').write_bytes(b'PAR1 torn')
  with pytest.raises(dj.StoreError, match=r'part-0.parquet: cannot be read'):
    store.read(tmp_path)


def test_chunks_stay_what_they_were_planned_as(config):
  plan = planning.make(config)
  fresh = {'runs': {}, 'chunks': [], 'specs': []}
  first = study.chunks(fresh, plan, [2, 2])
  assert [len(c.runs) for c in first] == [2, 2, 2, 2]
  kept = [
    {'part': c.part, 'size': c.size, 'runs': [r.run_id for r in c.runs]}
    for c in first
  ]
  config.seeds = 3
  plan = planning.make(config)
  again = study.chunks({**fresh, 'chunks': kept}, plan, [64, 64])
  assert [c.part for c in again[:4]] == [c.part for c in first]
  assert [len(c.runs) for c in again[4:]] == [2, 2]


@pytest.mark.slow
def test_killed_sweeps_continue(tmp_path):
  """SIGKILL after the first chunk; the second command completes the study."""
  script = tmp_path / 'run.py'
  script.write_text(
    'import sys\n'
    'sys.path.insert(0, sys.argv[2])\n'
    'import jax\n'
    "jax.config.update('jax_num_cpu_devices', 4)\n"
    'import disentangle_jax as dj\n'
    'from tiny_study import tiny_config\n'
    'config = tiny_config()\n'
    'config.engine.runs_per_chunk = 4\n'
    'dj.sweep(config, sys.argv[1])\n'
  )
  workdir = tmp_path / 'study'
  here = os.path.dirname(__file__)
  command = [sys.executable, str(script), str(workdir), here]
  process = subprocess.Popen(command)
  deadline = time.time() + 240
  while not list(workdir.glob('results/part-*.parquet')):
    assert time.time() < deadline and process.poll() is None
    time.sleep(0.02)
  process.send_signal(signal.SIGKILL)
  process.wait()
  before = store.finished(workdir)
  assert 0 < len(before) <= 8
  subprocess.run(command, check=True)
  rows = store.read(workdir)
  assert rows['run_id'].nunique() == 8
  assert not rows.duplicated(KEY).any()
  assert not list(workdir.rglob('*.tmp'))
  planned = json.loads(folders.study(workdir).read_text())['chunks']
  assert sum(len(chunk['runs']) for chunk in planned) == 8
