"""A study in a program's hands: runs, scores, the best, claims, the page."""

import shutil

import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax.engine.workdir import store


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.metrics = ('mig_binned', 'reconstruction')
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.seeds = 2
  path = tmp_path_factory.mktemp('opened')
  dj.sweep(config, path)
  return path


def test_runs_and_scores_are_those_of_the_store(folder):
  study = dj.open(folder)
  rows = store.read(folder)
  assert study.name == 'tiny' or study.name in set(rows['study'])
  assert list(study.runs['run_number']) == [0, 1, 2, 3]
  scores = study.scores()
  own = rows[
    (rows['name'] == 'mig_binned') & (rows['representation'] == 'mean')
  ]
  by_number = own.set_index('run_number')['value'].sort_index()
  np.testing.assert_array_equal(scores['mig_binned'], by_number)
  assert scores.index.names == ['run_number', 'method', 'strength', 'seed']
  assert len(study.rows(['run_id'])) == len(rows)


def test_the_best_run_is_best_in_the_scores_own_direction(folder):
  study = dj.open(str(folder))
  scores = study.scores()
  ids = list(study.runs['run_id'])
  highest = ids[int(np.argmax(scores['mig_binned']))]
  lowest = ids[int(np.argmin(scores['reconstruction/nats']))]
  assert study.best_id('mig_binned') == highest
  assert study.best_id('reconstruction/nats') == lowest
  run = study.best('mig_binned')
  assert run.about['run_id'] == highest
  assert len(repr(run)) < 300 and run.about['run_id'] in repr(run)
  assert 'beta=' in repr(run)


def test_runs_are_loaded_by_number_and_by_run_id(folder):
  study = dj.open(folder)
  run_id = study.runs['run_id'][3]
  for handle in (3, run_id, run_id[:6]):
    assert study.load(handle).about['run_id'] == run_id
  with pytest.raises(dj.ConfigError, match='no such finished run'):
    study.load(17)


@pytest.mark.parametrize(
  ('ask', 'words'),
  [
    (lambda s: s.best('mig_bind'), "unknown 'mig_bind'.*mig_binned"),
    (lambda s: s.best('mig_binned', 'vae'), "unknown 'vae'"),
    (lambda s: s.claims(), 'of no study of the package with claims'),
  ],
)
def test_mistakes_are_one_line(folder, ask, words):
  with pytest.raises(dj.ConfigError, match=words) as raised:
    ask(dj.open(folder))
  assert '\n' not in str(raised.value)


def test_a_folder_that_holds_no_study_is_refused(tmp_path):
  with pytest.raises(dj.StoreError, match=r'holds no study\.json'):
    dj.open(tmp_path)


def test_a_run_in_two_folders_counts_once(folder, tmp_path):
  copy = shutil.copytree(folder, tmp_path / 'copy')
  both = dj.open([folder, copy])
  assert len(both.runs) == 4
  assert str(folder) in repr(both) and str(copy) in repr(both)


def test_notebooks_see_a_table_and_the_page(folder):
  study = dj.open(folder)
  shown = study._repr_html_()
  assert 'mig_binned' in shown and '4 of 4 runs' in shown
  page = study.report(figures='none')
  inline = page._repr_html_()
  assert (
    inline.count('<iframe') == 1 and 'srcdoc="&lt;!doctype' in inline.lower()
  )
  assert '"' not in inline.split('srcdoc="')[1].split('"')[0]
  assert page.path.is_file() and str(page) == str(page.path)


def test_names_are_listed():
  assert dj.list_methods()['beta_vae'].startswith('beta-VAE')
  assert 'mig_binned' in dj.list_metrics()['mig_binned']
  assert set(dj.list_nets()) >= {'mlp', 'conv'}
  assert ':smoke' in dj.list_studies()['quickstart']
  assert 'dsprites' in dj.list_datasets()
  assert set(dj.__all__) <= set(dir(dj))
  with pytest.raises(AttributeError, match='no attribute'):
    dj.no_such_name  # noqa: B018


def test_neither_a_diverged_run_nor_one_without_parameters_is_best(
  folder, tmp_path
):
  copy = shutil.copytree(folder, tmp_path / 'copy')
  study = dj.open(copy)
  best = study.best_id('mig_binned')
  (copy / 'params' / f'{best}.safetensors').unlink()
  second = study.best_id('mig_binned')
  assert second != best
  ids = list(study.runs['run_id'])
  values = study.scores()['mig_binned'].to_numpy()
  others = [v for run_id, v in zip(ids, values) if run_id != best]
  assert values[ids.index(second)] == max(others)
  shutil.rmtree(copy / 'params')
  with pytest.raises(dj.StoreError, match='has left its parameters'):
    study.best('mig_binned')
