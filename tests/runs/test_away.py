"""Runs whose data are elsewhere, changed or replaced; what runs take as images.

No training: parameters are drawn, written and loaded as those of a sweep are.
"""

import importlib
import json
import pathlib
import warnings

import jax
import numpy as np
import pytest
from safetensors import numpy as safetensors
from safetensors import safe_open

import disentangle_jax as dj
from disentangle_jax import data, errors, folders
from disentangle_jax.data import contact, observations
from disentangle_jax.engine.plan import group_shapes, planning, registry
from disentangle_jax.engine.workdir import exported, shells

FACTORS = np.array([(a, b) for a in range(4) for b in range(6)])
BITS = np.random.default_rng(0).random((24, 8, 8)) < 0.5
IMAGES = BITS[..., None].astype(np.float32)


def archive(path, images=BITS, factors=FACTORS + 1, **arrays):
  np.savez(path, images=images, factors=factors, **arrays)
  return path


def config_of(dataset, own=None, **fields):
  config = dj.base_config(**(own or {}))
  config.methods, config.dataset = ('beta_vae',), dataset
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (16,)
  if 'num_latents' in config.static and own is None:
    config.static.num_latents = 3
  config.steps, config.seeds, config.batch_size = 20, 1, 8
  config.metrics = ('kl',)
  config.sweep = dj.product({'hparams.beta': [1.0]})
  for field, value in fields.items():
    config[field] = value
  return config


def write(workdir, config, named=True, **own):
  """Parameters of all runs of a study; the path of the first one."""
  plan = planning.make(config, registry.of(**own))
  rng = np.random.default_rng(0)
  for group in plan.groups:
    shapes = group_shapes.stacked_shapes(group, len(group.runs))
    state = jax.tree.map(
      lambda s: (rng.normal(size=s.shape) / 4).astype(s.dtype), shapes
    )
    given = (group,) if named else ()
    exported.write_params(workdir, group.runs, state, *given)
  return folders.params(workdir, plan.runs[0].run_id)


def all_of(run):
  return [
    run.represent(IMAGES).vector,
    run.decode(np.ones((2, 3))),
    run.traverse(IMAGES[0]),
    run.traverse(),
  ]


@pytest.fixture(scope='module')
def stored(tmp_path_factory):
  """A run on an archive, the archive, and what the run gives beside it."""
  folder = tmp_path_factory.mktemp('away')
  path = archive(folder / 'd.npz')
  params = write(folder, config_of({'name': 'npz', 'path': str(path)}))
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    beside = dj.load_run(params)
  return params, path, all_of(beside)


@pytest.fixture
def gone(stored, tmp_path):
  """The same while the archive is elsewhere."""
  params, path, beside = stored
  path.rename(tmp_path / 'moved.npz')
  yield params, path, beside
  (tmp_path / 'moved.npz').replace(path)


def test_a_run_works_without_its_file(gone):
  params, path, beside = gone
  run = dj.load_run(params)
  for expected, given in zip(beside, all_of(run)):
    np.testing.assert_array_equal(given, expected)
  assert run.dataset.factor_sizes == (4, 6) and run.num_latents == 3
  np.testing.assert_array_equal(run.dataset.factor_values[0], [1, 2, 3, 4])
  assert run.dataset.num_examples == 24
  render = run.dataset.render
  for use in (lambda: run.sample(2), run.kl, lambda: render((), None, None)):
    with pytest.raises(dj.ConfigError, match='no such file') as caught:
      use()
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_another_set_may_stand_for_it(gone):
  params, _, beside = gone
  same = data.lookup.lookup(BITS, ('factor_0', 'factor_1'), (4, 6))
  run = dj.load_run(params, datasets={'npz': same})
  np.testing.assert_array_equal(run.represent(IMAGES).vector, beside[0])
  assert run.sample(2)['observation'].shape == (2, 8, 8, 1)
  other = data.lookup.lookup(BITS, ('a', 'b'), (4, 6))
  with pytest.raises(dj.ConfigError, match=r'does not fit .*factor_names'):
    dj.load_run(params, datasets={'npz': other})


def test_changed_content_is_a_warning(stored):
  params, path, beside = stored
  before = path.read_bytes()
  try:
    archive(path, ~BITS)
    with pytest.warns(UserWarning, match='has changed since') as caught:
      run = dj.load_run(params)
    assert len(caught) == 1 and '\n' not in str(caught[0].message)
    assert str(path) in str(caught[0].message)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(run.represent(IMAGES).vector, beside[0])
    assert run.sample(2)['observation'].shape == (2, 8, 8, 1)
    # Of another shape: the run's functions are still those of its own data.
    for changed, said in (
      ({'images': BITS[:, :4]}, 'observation_shape'),
      ({'factors': FACTORS[:, ::-1].copy()}, 'factor_sizes'),
    ):
      archive(path, **changed)
      with pytest.warns(UserWarning, match=said) as caught:
        run = dj.load_run(params)
      assert caught[0].filename == __file__
      np.testing.assert_array_equal(run.represent(IMAGES).vector, beside[0])
      with pytest.raises(dj.ConfigError, match=f'now has {said}'):
        run.sample(2)
    path.write_bytes(before[:200])
    with pytest.raises(dj.ConfigError, match='truncated or foreign'):
      dj.load_run(params)
  finally:
    path.write_bytes(before)


def test_files_of_older_versions_need_their_data(stored, tmp_path):
  _, path, beside = stored
  copy = archive(tmp_path / 'copy.npz')
  assert copy.read_bytes() == path.read_bytes()
  config = config_of({'name': 'npz', 'path': str(copy)})
  params = write(tmp_path, config, named=False)
  assert 'data' not in dj.load_run(params).about
  given = dj.load_run(params).represent(IMAGES).vector
  np.testing.assert_array_equal(given, beside[0])
  copy.unlink()
  with pytest.raises(dj.ConfigError, match='no such file'):
    dj.load_run(params)


def test_a_stream_and_a_joined_set_can_be_away(tmp_path):
  path = archive(tmp_path / 'd.npz')
  part = ('npz', {'path': str(path), 'grid': False})
  for dataset in (
    {'name': 'npz', 'path': str(path), 'grid': False},
    {'name': 'images', 'path': str(path)},
    {'name': 'joined', 'first': part, 'second': part, 'by': 'factor_0'},
  ):
    params = write(tmp_path / dataset['name'], config_of(dataset))
    beside = all_of(dj.load_run(params))
    path.rename(tmp_path / 'moved')
    run = dj.load_run(params)
    (tmp_path / 'moved').rename(path)
    for expected, given in zip(beside, all_of(run)):
      np.testing.assert_array_equal(given, expected)
    assert run.dataset.render is None
    if dataset['name'] == 'joined':
      assert run.dataset.extras['secondary'].factor_sizes == (4, 6)
      assert 'secondary_label' in run.dataset.fields


@pytest.mark.parametrize(
  'name, phases, score',
  [('tiny_stack', 3, 'mig_binned'), ('tiny_gan', 1, 'drawn_mean')],
)
def test_methods_of_every_kind_work_without_data(
  tmp_path, monkeypatch, name, phases, score
):
  engine = pathlib.Path(__file__).parents[1] / 'engine'
  monkeypatch.syspath_prepend(engine)
  kinds = importlib.import_module('tiny_kinds')
  methods = {'methods': kinds.METHODS}
  own = {**methods, 'metrics': kinds.METRICS}
  path = archive(tmp_path / 'd.npz')
  config = config_of(
    {'name': 'npz', 'path': str(path)},
    own,
    methods=(name,),
    metrics=(score,),
    sweep=dj.product({'hparams.learning_rate': [1e-2]}),
  )
  params = write(tmp_path, config, **own)
  use = lambda run: (
    run.represent(IMAGES).vector if phases > 1 else run.generate(3)
  )
  beside = use(dj.load_run(params, **methods))
  path.unlink()
  run = dj.load_run(params, **methods)
  assert len(run.about['batches']) == phases
  np.testing.assert_array_equal(use(run), beside)


def test_a_sweep_writes_what_a_run_needs(tmp_path):
  path = archive(tmp_path / 'd.npz')
  rows = dj.sweep(
    config_of({'name': 'npz', 'path': str(path)}), tmp_path / 'study'
  )
  path.unlink()
  run = dj.load_run(tmp_path / 'study', 0)
  assert run.decode(np.zeros((1, 3))).shape == (1, 8, 8, 1)
  params = folders.params(tmp_path / 'study', rows['run_id'].iloc[0])
  with safe_open(params, framework='numpy') as file:
    about = json.loads(file.metadata()['data'])
  assert about['observation_shape'] == [8, 8, 1]
  assert about['num_examples'] == 24 and about['kind'] == 'image'
  assert safetensors.load_file(params)


@pytest.mark.parametrize('name', ['dsprites', 'xor', 'moving_digits'])
def test_a_shell_says_what_its_set_says(name):
  dataset = data.load(name)
  described = json.loads(json.dumps(shells.describe(dataset)))
  shell = shells.shell(described, 'gone')
  data.check(shell)
  for field in shells.LASTING:
    assert getattr(shell, field) == getattr(dataset, field)
  for own, given in zip(shell.factor_values, dataset.factor_values):
    np.testing.assert_allclose(own, given)
  assert (shell.render is None) == (dataset.render is None)
  assert shells.difference(dataset, described) is None
  words = ('', 'a', 'b')
  tokens = data.stream.sentences(np.ones((3, 2), int), words)
  described = json.loads(json.dumps(shells.describe(tokens)))
  assert shells.shell(described, 'gone').extras['vocabulary'] == words


GREYS = np.random.default_rng(1).integers(2, 256, (3, 8, 8, 1))


@pytest.mark.parametrize(
  'convert',
  [
    lambda x: x.astype(np.uint8),
    lambda x: x / 255,
    lambda x: (x / 255).astype('>f4'),
    lambda x: jax.numpy.asarray(x / 255, 'float32'),
    lambda x: (x / 255 + 1e-8).tolist(),
  ],
)
def test_bytes_and_floats_give_the_same_codes(stored, convert):
  run = dj.load_run(stored[0])
  codes = run.represent(np.float32(GREYS) / np.float32(255)).vector
  given = run.represent(convert(GREYS)).vector
  np.testing.assert_allclose(given, codes, rtol=1e-5, atol=1e-6)
  moved = run.traverse(np.asarray(convert(GREYS))[0])
  assert moved.shape == (3, 9, 8, 8, 1)


def test_truth_values_are_black_and_white(stored):
  run = dj.load_run(stored[0])
  np.testing.assert_array_equal(
    run.represent(BITS[..., None]).vector, stored[2][0]
  )
  np.testing.assert_array_equal(
    run.represent(255 * BITS[..., None].astype(np.uint8)).vector, stored[2][0]
  )


@pytest.mark.parametrize(
  'given, got, cure',
  [
    (GREYS.astype(np.float32), '255.0', 'divide by 255'),
    (GREYS / 255 * 2 - 1, '1.0', 'must be finite and lie in 0 to 1'),
    (GREYS / 254, 'range = (', 'in 0 to 1'),
    (np.where(GREYS > 9, np.nan, 0.5), 'nan', 'finite'),
    (np.where(GREYS > 9, np.inf, 0.5), 'inf', 'finite'),
    (GREYS, f'{GREYS.max()})', 'int64 must be uint8 from 0 to 255'),
    (GREYS.astype(np.uint16), ')', 'uint16 must be uint8'),
    ((GREYS > 99).astype(np.uint8), '(0, 1)', 'multiply by 255'),
    (GREYS * 1j, 'complex128', 'must be uint8, or floats'),
    (GREYS.astype(str), 'str', 'must be uint8, or floats'),
    (GREYS[0] / 255, '(8, 8, 1)', 'must have shape (B, *(8, 8, 1))'),
    (np.float32(0.5), '()', 'must have shape'),
  ],
)
def test_what_is_neither_is_refused(stored, given, got, cure):
  run = dj.load_run(stored[0])
  read = lambda x: observations.read(run.dataset, x, 'image')
  for use in (run.represent, read):
    with pytest.raises(dj.ConfigError) as caught:
      use(given)
    said = str(caught.value)
    assert got in said and cure in said and '\n' not in said


def test_traversals_refuse_the_same(stored):
  run = dj.load_run(stored[0])
  with pytest.raises(dj.ConfigError, match='divide by 255'):
    run.traverse(GREYS[0].astype(np.float32))


def test_films_vectors_and_words_are_checked_too():
  film = data.load('moving_digits', frames=2, resolution=32)
  frames = np.full((1, *film.observation_shape), 51, np.uint8)
  np.testing.assert_allclose(observations.read(film, frames), 0.2, rtol=1e-6)
  with pytest.raises(errors.ConfigError, match='uint8'):
    observations.read(film, frames.astype(int))
  vectors = data.stream.rows(np.ones((3, 2)))
  assert observations.read(vectors, np.array([[7, -300]])).dtype == 'float32'
  with pytest.raises(errors.ConfigError, match='finite'):
    observations.read(vectors, np.array([[np.nan, 0]]))
  tokens = data.stream.sentences(np.ones((3, 2), int), ('', 'a', 'b'))
  for given, said in (
    (np.array([[0, 3]]), r'\(0, 3\): must lie in 0 to 2'),
    (np.array([[-1, 2]]), r'\(-1, 2\)'),
    (np.array([[2**32 + 1, 0]]), 'must lie in 0 to 2'),
    (np.array([[0.0, 1.0]]), 'must be integers'),
  ):
    with pytest.raises(errors.ConfigError, match=said):
      observations.read(tokens, given)


def test_under_a_transformation_values_are_not_looked_at(stored):
  run = dj.load_run(stored[0])
  loss = lambda x: run.represent(x).vector.sum()
  assert jax.grad(loss)(3 * IMAGES).shape == IMAGES.shape


def test_stored_bytes_stay_as_they_are():
  grey = GREYS.astype(np.uint8)
  np.testing.assert_array_equal(contact.to_uint8(grey), grey)
  np.testing.assert_array_equal(contact.to_uint8(grey / 255), grey)
