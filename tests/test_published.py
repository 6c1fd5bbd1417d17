"""What is published is what the docs say, loads, and stays small."""

import shutil

import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import folders, studies
from disentangle_jax.commands import claims as kept_claims
from disentangle_jax.commands import export
from disentangle_jax.engine.workdir import exported, store
from disentangle_jax.report import claims, tables
from disentangle_jax.studies import published

KEYS = published.names()
MIB = 2**20
# Of each study in the fast suite; all of them in the slow one.
FEW = ('baselines', 'icf', 'covariance_penalty')


def as_published(key, folder):
  """variant -> a store of its rows alone."""
  path = published.folder(key)
  stores = {}
  for name in store.read_json(folders.study(path))['variants']:
    stores[name] = folder / name
    published.variant(path, name, stores[name])
  return stores


def check_claims(key, folder):
  """Every kept claim of a published variant, decided anew."""
  module = studies.page_module(key)
  checked = 0
  for variant, path in as_published(key, folder).items():
    kept = [e for e in kept_claims.kept(key) if e['variant'] == variant]
    if not kept:
      continue
    study = tables.load([path])
    fresh = claims.record(study, tuple(module.claims(study)))
    measured = {entry['statement']: entry for entry in fresh}
    for entry in kept:
      now = measured[entry['statement']]
      same = ('measured', 'verdict', 'seeds')
      assert {k: now[k] for k in same} == {k: entry[k] for k in same}
      checked += 1
  return checked


@pytest.mark.parametrize('key', FEW)
def test_published_scores_give_the_numbers_of_the_docs(key, tmp_path):
  assert check_claims(key, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('key', KEYS)
def test_all_published_scores_give_the_numbers_of_the_docs(key, tmp_path):
  assert check_claims(key, tmp_path) or not kept_claims.kept(key)


def test_sizes_are_within_their_bounds():
  assert len(KEYS) >= 38
  for key in KEYS:
    path = folders.results(published.folder(key)) / 'scores.parquet'
    assert path.stat().st_size < MIB
  assert published.size() < 40 * MIB


def test_a_published_run_represents_and_its_card_says_what_it_is():
  study = dj.published('unsupervised_study')
  run = study.best('factor_vae_score')
  images = run.sample(4)['observation']
  codes = run.represent(images)
  assert run.decode(codes.vector).shape == images.shape
  assert 'rounded to float16' in run.about['card']
  assert codes.vector.dtype == 'float32'
  ids = list(study.runs['run_id'])
  place = ids.index(study.best_id('factor_vae_score'))
  own = study.scores()['factor_vae_score'].iloc[place]
  assert f'| factor_vae_score | mean | {own:.4g} |' in run.about['card']


@pytest.mark.slow
@pytest.mark.parametrize('key', KEYS)
def test_all_published_runs_load(key):
  study = dj.published(key)
  paths = list((published.folder(key) / 'params').glob('*.safetensors'))
  assert paths
  for path in paths:
    run = dj.load_run(path)
    assert run.about['run_id'] == path.stem
    assert path.stem in set(study.rows(['run_id'])['run_id'])


def test_halving_keeps_what_does_not_fit_and_rounds_the_rest(tmp_path):
  arrays = {
    'a': np.array([1.0, 1 / 3, -2e-3], np.float32),
    'large': np.array([1e5], np.float32),
    'count': np.array([3], np.int32),
  }
  key = 'unsupervised_study'
  source = next((published.folder(key) / 'params').glob('*.safetensors'))
  rows = store.read(published.folder(key))
  path, _ = export.write_as(
    tmp_path / 'x', exported.read(source), rows, source.stem, key, half=True
  )
  halved, about = exported.read(path)
  assert {x.dtype for x in halved.values()} == {np.dtype('float16')}
  assert about['method']
  rounded = {name: export.rounded(x) for name, x in arrays.items()}
  np.testing.assert_allclose(rounded['a'], arrays['a'], rtol=5e-4)
  assert rounded['a'].dtype == np.float16
  assert rounded['large'].dtype == np.float32
  assert rounded['count'].dtype == np.int32


def test_where_none_are_it_says_so(tmp_path):
  with pytest.raises(dj.StoreError, match='no published results under'):
    dj.published('quickstart', root=tmp_path)
  with pytest.raises(dj.ConfigError, match="unknown 'quickstrt'"):
    dj.published('quickstrt')
  with pytest.raises(dj.StoreError, match='few_labels: no published results'):
    dj.published('few_labels')


def test_the_page_of_what_is_published_is_fresh():
  page = (studies.CLONE.parents[1] / 'docs' / 'published.md').read_text()
  assert page == published.describe() + '\n'


def test_publishing_again_replaces_what_was_there(tmp_path):
  target = tmp_path / 'baselines'
  source = tmp_path / 'workdir'
  shutil.copytree(published.folder('baselines') / 'params', source / 'params')
  shutil.copytree(published.folder('baselines') / 'results', source / 'results')
  shutil.copy(folders.study(published.folder('baselines')), source)
  (target / 'params').mkdir(parents=True)
  (target / 'params' / 'old.safetensors').write_bytes(b'')
  files = published.write([source], target)
  assert all(path.is_file() for path in files)
  assert not (target / 'params' / 'old.safetensors').exists()
  first = dj.open(target).scores()
  second = dj.published('baselines').scores()
  np.testing.assert_array_equal(first, second)
