"""What is published is what the docs say, loads, and stays small."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
  home = published.folder('quickstart')
  shutil.copytree(home / 'results', tmp_path / 'quickstart' / 'results')
  shutil.copy(folders.study(home), tmp_path / 'quickstart')
  with pytest.raises(dj.StoreError, match=r'few_labels: .*: quickstart$'):
    dj.published('few_labels', root=tmp_path)


def test_the_page_of_what_is_published_is_fresh():
  page = (studies.CLONE.parents[1] / 'docs' / 'published.md').read_text()
  assert page == published.describe() + '\n'


def a_workdir(path, change=lambda info: None):
  """What the baselines published as a store, its study.json changed."""
  home = published.folder('baselines')
  shutil.copytree(home / 'params', path / 'params')
  shutil.copytree(home / 'results', path / 'results')
  info = store.read_json(folders.study(home))
  (variant,) = info.pop('variants').values()
  info |= variant
  change(info)
  store.write_json(folders.study(path), info)
  return path


def keep_rows(path, kept):
  """Rewrites a store's rows without those that `kept` does not hold for."""
  file = folders.results(path) / 'scores.parquet'
  table = pq.read_table(file)
  rows = table.to_pandas()
  pq.write_table(table.filter(pa.array(kept(rows).to_numpy())), file)


def test_publishing_again_replaces_what_was_there(tmp_path):
  target = tmp_path / 'baselines'
  source = a_workdir(tmp_path / 'workdir')
  (target / 'params').mkdir(parents=True)
  (target / 'params' / 'old.safetensors').write_bytes(b'')
  files = published.write([source], target)
  assert all(path.is_file() for path in files)
  assert not (target / 'params' / 'old.safetensors').exists()
  first = dj.open(target).scores()
  second = dj.published('baselines').scores()
  np.testing.assert_array_equal(first, second)


def smoke(info):
  info['study'] = 'baselines_smoke'


def steps(info):
  info['config']['steps'] = 10


def small(info):
  info['config']['dataset']['resolution'] = 8


def fewer_scores(info):
  info['config']['metrics'] = info['config']['metrics'][1:]


@pytest.mark.parametrize(
  'change, said',
  [
    (smoke, 'baselines_laptop is not among what is given'),
    (steps, r'config.steps is \d+ there and 10 here'),
    (small, r'config.dataset.resolution is \w+ there and 8 here'),
    (fewer_scores, 'config.metrics is '),
  ],
)
def test_another_variant_is_published_only_when_asked(tmp_path, change, said):
  target = tmp_path / 'baselines'
  published.write([a_workdir(tmp_path / 'first')], target)
  before = {path: path.read_bytes() for path in target.rglob('*.*')}
  other = a_workdir(tmp_path / 'other', change)
  with pytest.raises(dj.StoreError, match=said) as caught:
    published.write([other], target)
  assert '--replace' in str(caught.value)
  assert '\n' not in str(caught.value)
  assert before == {path: path.read_bytes() for path in target.rglob('*.*')}
  published.write([other], target, replace=True)
  now = store.read_json(folders.study(target))['variants']
  info = store.read_json(folders.study(other))
  assert {name: of['config'] for name, of in now.items()} == {
    info['study']: info['config']
  }


def test_fewer_runs_or_methods_are_published_only_when_asked(tmp_path):
  target = tmp_path / 'baselines'
  whole = a_workdir(tmp_path / 'whole')
  published.write([whole], target)
  one = a_workdir(tmp_path / 'one')
  keep_rows(one, lambda rows: rows['run_id'] != rows['run_id'].iloc[0])
  with pytest.raises(dj.StoreError, match=r'baselines_laptop has \d+ here'):
    published.write([one], target)
  # As many runs, of other methods.
  renamed = a_workdir(tmp_path / 'renamed')
  file = folders.results(renamed) / 'scores.parquet'
  table = pq.read_table(file)
  rows = table.to_pandas()
  rows['method'] = rows['method'].astype(str).replace('pca', 'ica')
  pq.write_table(pa.Table.from_pandas(rows, table.schema), file)
  with pytest.raises(dj.StoreError, match='pca is not among the methods'):
    published.write([renamed], target)
  published.write([one], target, replace=True)
  # More than is there needs no word.
  published.write([whole], target)


def test_more_seeds_scores_and_strengths_need_no_word(tmp_path):
  def grown(info):
    config = info['config']
    config['seeds'] = 50
    config['metrics'] = [*config['metrics'], 'another']
    config['sweep'] = [*(config['sweep'] or []), {'methods': 'another'}]
    config['dataset']['path'] = '/elsewhere'
    config['steps_of_a_later_version'] = 3

  target = tmp_path / 'baselines'
  published.write([a_workdir(tmp_path / 'first')], target)
  assert published.write([a_workdir(tmp_path / 'more', grown)], target)


def test_methods_that_are_not_drawn_record_what_others_do_not(tmp_path):
  """Of many methods the first ones have training curves, of their scalars."""
  page = dj.published('covariance_penalty').report(out=tmp_path, figures='none')
  assert page.path.is_file()
