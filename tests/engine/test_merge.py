"""Stores of slices, made in several places, as one store and one report."""

import json
import shutil

import pandas as pd
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import merge, store
from disentangle_jax.report import tables

KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']


def small(share='', *metrics):
  """One setting, four seeds."""
  config = tiny_config()
  config.methods, config.sweep, config.seeds = ('beta_vae',), None, 4
  config.metrics = ('reconstruction', *metrics)
  config.metric_options.udr.num_train = 64
  config.engine.keep_samples = False
  config.steps, config.slice = 5, share
  return config


@pytest.fixture(scope='module')
def places(tmp_path_factory):
  """Two halves in folders of their own."""
  root = tmp_path_factory.mktemp('places')
  dj.sweep(small('1/2'), root / 'a', command='sweep --slice=1/2 --workdir=a')
  dj.sweep(small('2/2'), root / 'b')
  return root


@pytest.fixture
def copies(places, tmp_path):
  """The halves, to be changed."""
  for name in ('a', 'b'):
    shutil.copytree(places / name, tmp_path / name)
  return tmp_path


def contents_of(workdir):
  return json.loads(folders.study(workdir).read_text())


def change(workdir, **fields):
  """Another study.json."""
  contents = {**contents_of(workdir), **fields}
  folders.study(workdir).write_text(json.dumps(contents))


def change_rows(workdir, **columns):
  """Other values in every row of the store."""
  for path in folders.parts(workdir):
    rows = pd.read_parquet(path).assign(**columns)
    store.append(
      workdir, path.stem.removeprefix('part-'), rows.to_dict('records')
    )


def refused(root, *names, into='all'):
  """What is said; nothing may have been written."""
  before = set(root.rglob('*'))
  with pytest.raises(dj.StoreError) as caught:
    merge.merge([root / name for name in names], root / into)
  assert set(root.rglob('*')) == before
  assert '\n' not in str(caught.value)
  return str(caught.value)


def test_merged_halves_are_one_study(places, tmp_path, monkeypatch):
  lines, into = [], tmp_path / 'all'
  sources = [places / 'a', places / 'b']
  assert merge.merge(sources, into, lines.append) == 4
  assert not lines
  rows, halves = store.read(into), [store.read(path) for path in sources]
  pd.testing.assert_frame_equal(rows, pd.concat(halves, ignore_index=True))
  planned = planning.make(small()).runs
  assert dict(zip(rows['run_id'], rows['run_number'])) == {
    run.run_id: run.number for run in planned
  }
  study = tables.load([into])
  assert len(study.runs) == 4 and study.cells['runs'].tolist() == [4]
  contents = contents_of(into)
  assert [m['slice'] for m in contents['merged']] == ['1/2', '2/2']
  assert contents['command'] == f'sweep --workdir={into}'
  # Again: nothing is new. The whole study goes on in it and trains nothing.
  assert merge.merge(sources, into) == 4
  monkeypatch.setattr(train, 'compile_group', None)
  pd.testing.assert_frame_equal(dj.sweep(small(), into), rows)


@pytest.mark.slow
def test_merged_halves_are_the_whole_study(tmp_path):
  """Bit for bit, and with scores over all seeds."""
  dj.sweep(small('1/2', 'udr'), tmp_path / 'a')
  dj.sweep(small('2/2', 'udr'), tmp_path / 'b')
  dj.sweep(small('', 'udr'), tmp_path / 'whole')
  lines = []
  merge.merge([tmp_path / 'a', tmp_path / 'b'], tmp_path / 'all', lines.append)
  assert len(lines) == 1 and 'compare seeds are left out' in lines[0]
  dj.sweep(small('', 'udr'), tmp_path / 'all')
  rows = [store.read(tmp_path / name) for name in ('all', 'whole')]
  values = [of.set_index(KEY).sort_index()['value'] for of in rows]
  assert any('udr' in name for name in rows[0]['name'])
  # Programs of four devices have four runs: the same bits.
  pd.testing.assert_series_equal(*values)


def test_what_finished_later_is_added(copies):
  into = copies / 'all'
  assert merge.merge([copies / 'a'], into) == 2
  assert merge.merge([copies / 'a', copies / 'b'], into) == 4
  assert len(list((into / 'params').iterdir())) == 4


def test_slices_that_overlap_are_refused(copies):
  shutil.copytree(copies / 'a', copies / 'again')
  said = refused(copies, 'a', 'b', 'again')
  assert 'overlap: both have 2 runs (0, 2)' in said and '(slice 1/2)' in said
  assert 'is named twice' in refused(copies, 'a', 'a')
  assert 'is named twice' in refused(copies, 'a', 'b', into='b')


def test_other_values_of_a_merged_run_are_refused(copies):
  merge.merge([copies / 'a'], copies / 'all')
  change_rows(copies / 'a', value=0.5)
  before = store.read(copies / 'all')
  with pytest.raises(dj.StoreError, match='are in both with other'):
    merge.merge([copies / 'a', copies / 'b'], copies / 'all')
  pd.testing.assert_frame_equal(store.read(copies / 'all'), before)


@pytest.mark.parametrize('package', ['jax', 'disentangle_jax'])
def test_other_versions_of_code_are_refused(package, copies):
  versions = {**contents_of(copies / 'b')['versions'], package: '0.0.1'}
  change_rows(copies / 'b', versions=json.dumps(versions))
  said = refused(copies, 'a', 'b')
  assert f'{package} is ' in said and '0.0.1: different code' in said


def test_another_python_is_a_note(copies):
  versions = {**contents_of(copies / 'b')['versions'], 'python': '3.99'}
  change_rows(copies / 'b', versions=json.dumps(versions))
  lines = []
  merge.merge([copies / 'a', copies / 'b'], copies / 'all', lines.append)
  assert 'python is' in lines[0] and '3.99' in lines[0]


def test_another_source_is_refused(copies):
  change(copies / 'b', code=['0123456789ab'])
  assert 'different code: source' in refused(copies, 'a', 'b')
  change(copies / 'b', code=[])  # of a version that did not say
  merge.merge([copies / 'a', copies / 'b'], copies / 'all')


def test_another_source_of_an_own_method_is_refused(copies):
  change_rows(copies / 'b', setting='another')
  assert 'the source of method beta_vae differs' in refused(copies, 'a', 'b')


def test_another_config_is_refused(copies):
  config = {**contents_of(copies / 'b')['config'], 'steps': 6}
  change(copies / 'b', config=config)
  assert 'config.steps is 5 and 6' in refused(copies, 'a', 'b')
  change(copies / 'b', study='another')
  assert "hold studies 'tiny' and 'another'" in refused(copies, 'a', 'b')


def test_other_data_are_refused_and_other_places_of_equal_ones_are_not(copies):
  for name, content in (('a', 'd1'), ('b', 'd2')):
    specs = contents_of(copies / name)['specs']
    for spec in specs:
      spec['dataset'] |= {'path': f'/{name}/sprites.npz', 'content': content}
    change(copies / name, specs=specs)
  said = refused(copies, 'a', 'b')
  assert "other data: dataset.content is 'd1' and 'd2'" in said
  specs[0]['dataset']['content'] = 'd1'
  change(copies / 'b', specs=specs)
  assert merge.merge([copies / 'a', copies / 'b'], copies / 'all') == 4


def test_a_folder_without_a_study_is_refused(copies):
  (copies / 'empty').mkdir()
  assert 'holds no study.json' in refused(copies, 'a', 'empty')
  merge.merge([copies / 'a'], copies / 'all')
  folders.study(copies / 'all').unlink()
  assert 'all: holds no study.json' in refused(copies, 'a', 'b')
