"""What a run is: its data's content included; a changed study is refused."""

import pathlib

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import data
from disentangle_jax.data import fingerprints, stream
from disentangle_jax.engine.plan import planning, registry
from disentangle_jax.engine.workdir import store

FACTORS = np.array([(a, b) for a in range(4) for b in range(6)])


def archive(path, seed):
  images = np.random.default_rng(seed).random((24, 8, 8)) < 0.5
  np.savez(path, images=images, factors=FACTORS)
  return images


def of_file(path, **fields):
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1.0]})
  config.seeds, config.metrics = 1, ('kl',)
  config.dataset = {'name': 'npz', 'path': path}
  for field, value in fields.items():
    config[field] = value
  return config


def ids(config, **own):
  plan = planning.make(config, registry.of(**own))
  return [run.run_id for run in plan.runs]


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """A study of one run on a file, and that file."""
  folder = tmp_path_factory.mktemp('identity')
  archive(folder / 'a.npz', 0)
  dj.sweep(of_file(str(folder / 'a.npz')), folder / 'study')
  return folder / 'study', folder / 'a.npz'


def test_the_content_of_a_file_is_part_of_a_run(tmp_path):
  path = tmp_path / 'a.npz'
  archive(path, 0)
  first = ids(of_file(str(path)))
  moved = path.rename(tmp_path / 'b.npz')
  assert ids(of_file(str(moved))) == first
  archive(path, 1)
  assert ids(of_file(str(path))) != first


def test_a_changed_file_is_refused_and_named(finished, tmp_path):
  workdir, path = finished
  before = path.read_bytes()
  archive(path, 1)
  try:
    with pytest.raises(dj.StoreError, match=r'dataset\.content was') as caught:
      dj.sweep(of_file(str(path), seeds=2), workdir)
  finally:
    path.write_bytes(before)
  assert '\n' not in str(caught.value)
  assert '--as_new_setting' in str(caught.value)
  copy = tmp_path / 'copy.npz'
  copy.write_bytes(before)
  rows = dj.sweep(of_file(str(copy)), workdir)
  assert rows['run_id'].nunique() == 1


@pytest.mark.parametrize(
  'change, said',
  [
    (lambda c: c.update(steps=40), 'steps was 20 and is now 40'),
    (lambda c: c.update(batch_size=4), 'batch_size was 8 and is now 4'),
    (
      lambda c: c.hparams.update(learning_rate=0.5),
      r'hparams\.learning_rate was .* and is now 0\.5',
    ),
    (
      lambda c: c.static.update(num_latents=2),
      r'config\.num_latents was 3 and is now 2',
    ),
    (
      lambda c: c.net.mlp.update(encoder_hidden=(9,)),
      r'config\.net\.encoder_hidden was .* and is now \[9\]',
    ),
    (
      lambda c: c.dataset.update(grid=False),
      r'dataset\.grid was None and is now False',
    ),
  ],
)
def test_a_finished_study_with_a_changed_field_is_refused(
  finished, change, said
):
  workdir, path = finished
  config = of_file(str(path))
  change(config)
  with pytest.raises(dj.StoreError, match=said):
    dj.sweep(config, workdir)


def test_more_strengths_seeds_and_variants_are_no_change(finished):
  workdir, path = finished
  plan = planning.make(of_file(str(path)))
  known = set(store.read(workdir)['run_id'])
  for sweep, seeds in (
    ({'hparams.beta': [1.0, 4.0]}, 2),
    ({'hparams.beta': [1.0], 'steps': [20, 40]}, 1),
  ):
    config = of_file(str(path), sweep=dj.product(sweep), seeds=seeds)
    assert known < set(ids(config))
  assert known == {run.run_id for run in plan.runs}


def test_as_new_setting_keeps_both_apart(finished):
  workdir, path = finished
  dj.sweep(of_file(str(path), steps=40), workdir, as_new_setting=True)
  rows = store.read(workdir)
  settings = rows.groupby('setting')['run_id'].nunique()
  assert len(settings) == 2 and set(settings) == {1}
  assert set(rows.groupby('setting')['step'].max()) == {20, 40}
  # Both stay: the old study goes on as well.
  assert len(dj.sweep(of_file(str(path), steps=40), workdir))


def test_settings_hold_all_but_the_seed():
  config = tiny_config()
  config.seeds = 3
  plan = planning.make(config)
  for run in plan.runs:
    alike = [r for r in plan.runs if r.setting == run.setting]
    assert sorted(r.seed for r in alike) == [0, 1, 2]
    assert {(r.method, str(r.hparams)) for r in alike} == {
      (run.method, str(run.hparams))
    }


def test_a_users_own_arrays_are_part_of_a_run():
  def made(seed):
    images = np.random.default_rng(seed).random((24, 8, 8)) < 0.5
    return stream.stream(images, FACTORS, ('a', 'b'), name='mine')

  config = tiny_config()
  config.metrics = ('kl',)
  config.dataset = {'name': 'mine'}
  one, again, other = (
    ids(config, datasets={'mine': made(s)}) for s in (0, 0, 1)
  )
  assert one == again and not set(one) & set(other)


def test_fingerprints_see_dtype_shape_and_names():
  blobs = data.load('blobs')
  of = lambda arrays, **more: fingerprints.of_arrays(
    blobs._replace(arrays=arrays, **more)
  )
  zeros = np.zeros(4, np.float32)
  prints = [
    of({'x': zeros}),
    of({'y': zeros}),
    of({'x': zeros.reshape(2, 2)}),
    of({'x': zeros.view(np.int32)}),
    of({'x': zeros}, name='other'),
    of({'x': zeros}, factor_names=('a', 'b')),
  ]
  assert len(set(prints)) == len(prints)
  assert of({'x': zeros.copy()}) == prints[0]


def test_folders_count_their_files_and_no_hidden_ones(tmp_path):
  (tmp_path / 'set').mkdir()
  (tmp_path / 'set' / 'a.bin').write_bytes(b'a')
  first = fingerprints.of_files([tmp_path / 'set'])
  (tmp_path / 'set' / '.DS_Store').write_bytes(b'x')
  assert fingerprints.of_files([tmp_path / 'set']) == first
  (tmp_path / 'set' / 'a.bin').rename(tmp_path / 'set' / 'b.bin')
  assert fingerprints.of_files([tmp_path / 'set']) != first
  assert fingerprints.of_files([]) == ''


def test_large_files_are_hashed_once(tmp_path, monkeypatch):
  monkeypatch.setenv('DISENTANGLE_JAX_CACHE', str(tmp_path / 'cache'))
  path = tmp_path / 'large.bin'
  path.write_bytes(bytes(2**24))
  first = fingerprints.of_files([path])
  (memory,) = (tmp_path / 'cache' / 'fingerprints').iterdir()
  memory.write_text('remembered')
  assert fingerprints.of_files([path]) != first
  path.write_bytes(bytes(2**24) + b'x')
  assert len(fingerprints.of_files([path])) == 16
  assert len(list(memory.parent.iterdir())) == 2


def test_paths_and_numpy_scalars_are_read_as_plain_values(tmp_path):
  path = pathlib.Path(tmp_path / 'a.npz')
  archive(path, 0)
  plain = of_file(str(path), seeds=2)
  config = of_file(path, seeds=np.int64(2))
  config.sweep = dj.product({'hparams.beta': np.arange(1, 2)})
  config.static.num_latents = 3
  assert ids(config) == ids(plain)
  config.sweep = dj.product({'hparams.beta': jnp.ones(1)})
  assert ids(config) == ids(plain)
  config.sweep = dj.product({'static.num_latents': np.array([3])})
  assert len(ids(config)) == 2


def test_sets_drawn_from_their_options_have_no_fingerprint():
  runs = planning.make(tiny_config()).runs
  assert {run.dataset.fingerprint for run in runs} == {''}
