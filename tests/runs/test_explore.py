"""Pictures of loaded runs, on a model whose codes are known."""

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.report import films, sheets, traversals
from disentangle_jax.runs import explore, latents, trained

SHAPE = (8, 8, 1)
LOGVAR = np.log([0.01, 1.0]).astype(np.float32)


def _represent(state, observation):
  del state
  # Latent 0 is 2 (brightness of the left half) + 5; latent 1 knows nothing.
  left = observation[:, :, :4].mean((1, 2, 3))
  mean = jnp.stack([2 * left + 5, 0 * left], axis=-1)
  logvar = jnp.broadcast_to(LOGVAR, mean.shape)
  return types.Codes(mean, {'mean': mean, 'logvar': logvar})


def _decode(state, vector):
  del state
  left = (vector[:, 0] - 5) / 2
  image = jnp.zeros((len(vector), *SHAPE))
  return image.at[:, :, :4].set(left[:, None, None, None])


@pytest.fixture
def run():
  dataset = data.load(
    'dsprites', resolution=8, scales=1, orientations=1, positions=4
  )
  method = types.Method(None, None, _represent, _decode)
  return trained.TrainedRun(method, dataset, (), {'method': 'known'})


def test_values_span_the_aggregate_posterior_or_the_prior(run):
  left = np.asarray(run.sample(512)['observation'])[:, :, :4].mean((1, 2, 3))
  values = explore.latent_values(run, 5, 2.0, 'posterior')
  middle, deviation = 5 + 2 * left.mean(), np.sqrt(4 * left.var() + 0.01)
  np.testing.assert_allclose(
    values[0], middle + deviation * np.linspace(-2, 2, 5), rtol=1e-4
  )
  np.testing.assert_allclose(values[1], np.linspace(-2, 2, 5), atol=1e-5)
  prior = explore.latent_values(run, 3, 1.0, 'prior')
  np.testing.assert_array_equal(prior, [[-1, 0, 1], [-1, 0, 1]])


def test_traversals_move_one_latent_around_the_observation(run):
  observation = np.zeros(SHAPE, np.float32)
  observation[:, :4] = 0.5
  drawn = explore.samples(run, observation, steps=3, width=1.0, span='prior')
  # Latent 0 at -1, 0 and 1 decodes to below zero; latent 1 changes nothing.
  assert drawn.traversals.shape == (2, 3, *SHAPE)
  assert np.all(drawn.traversals[0] == 0)
  assert np.all(drawn.traversals[1, :, :, :4] == 128)
  assert np.all(drawn.traversals[:, :, :, 4:] == 0)
  assert drawn.kl[0] > 10 and abs(drawn.kl[1]) < 1e-6
  assert list(traversals.by_kl(drawn)) == [0, 1]


def test_interpolation_is_straight_in_the_codes(run):
  first, last = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
  last[:, :4] = 1.0
  path = explore.interpolation(run, first, last, steps=5)
  assert path.shape == (7, *SHAPE)
  np.testing.assert_array_equal(
    path[:, 0, 0, 0], [0, 0, 64, 128, 191, 255, 255]
  )


def test_films_go_there_and_back_and_can_be_read(run, tmp_path):
  drawn = explore.samples(run, None, steps=4)
  film = explore.frames(drawn, least=16)
  assert len(film) == 6
  np.testing.assert_array_equal(film[1], film[5])
  assert np.any(film[0] != film[3])
  for kind in ('gif', 'webp'):
    path = tmp_path / f'film.{kind}'
    films.save(film, path, seconds=2.0)
    with PIL.Image.open(path) as image:
      assert image.n_frames >= 4 and image.size == film.shape[2:0:-1]
      # The palette of a GIF may be off by rounding.
      shown = np.asarray(image.convert('RGB'), int)
      assert np.abs(shown - film[0]).max() <= 2


def test_sheet_of_several_runs_has_a_row_for_each(run):
  drawn = explore.seed_samples([run, run, run], np.zeros(SHAPE, np.float32))
  sheet = explore.seed_sheet(drawn)
  assert sheet.shape[0] == 1
  sheet = sheet[0]
  row = (sheet.shape[0] - 2 * 4) // 3
  np.testing.assert_array_equal(sheet[:row], sheet[row + 4 : 2 * row + 4])
  assert np.all(sheet[row : row + 4] == 255)


def test_bad_choices_are_refused(run):
  with pytest.raises(errors.ConfigError, match="unknown 'wide'"):
    explore.latent_values(run, 3, 1.0, 'wide')
  with pytest.raises(errors.ConfigError, match='at least 2'):
    explore.latent_values(run, 1, 1.0, 'prior')
  with pytest.raises(errors.ConfigError, match='must be > 0'):
    explore.latent_values(run, 3, 0.0, 'prior')
  blind = run._replace(method=run.method._replace(decode=None))
  with pytest.raises(errors.ConfigError, match="has no 'decode'"):
    explore.samples(blind)


def fake_run(dataset, represent, decode, layout=None, **extras):
  """A run whose functions need no state."""
  bare = lambda function: (
    None if function is None else lambda state, x: function(x)
  )
  method = types.Method(
    None, None, bare(represent), bare(decode), extras, layout
  )
  return trained.TrainedRun(method, dataset, (), {'method': 'fake'})


def fake_dataset(kind, shape, dtype='float32', **extras):
  """Observations drawn at random, one factor of two values."""

  def sample(key, arrays, index):
    del arrays
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
    if dtype == 'int32':
      draw = lambda k: jax.random.randint(k, shape, 0, 5)
    else:
      draw = lambda k: jax.random.uniform(k, shape)
    observation = jax.vmap(draw)(keys)
    factors = (index % 2)[:, None]
    return {'observation': observation, 'factors': factors, 'index': index}

  return types.Dataset(
    name=kind,
    factor_names=('side',),
    factor_sizes=(2,),
    factor_values=(np.arange(2.0),),
    observation_shape=shape,
    arrays=(),
    render=None,
    sample=sample,
    log_density=None,
    deterministic=True,
    kind=kind,
    dtype=dtype,
    extras=extras,
  )


def pca_run():
  """Codes without a distribution: twice and three times two pixels."""
  weights = jnp.zeros((16, 2)).at[0, 0].set(2.0).at[5, 1].set(3.0)
  project = lambda x: x.reshape(len(x), -1) @ weights
  return fake_run(
    fake_dataset('image', (4, 4, 1)),
    lambda x: types.Codes(project(x), {}),
    lambda z: (z @ weights.T / 6).reshape(-1, 4, 4, 1),
  )


def test_plain_codes_walk_over_their_own_spread():
  run = pca_run()
  assert run.layout == types.Layout(plain=2)
  vector = np.asarray(run.represent(run.sample(512)['observation']).vector)
  values = explore.latent_values(run, 3, 1.5, 'posterior')
  np.testing.assert_allclose(values[:, 1], vector.mean(0), rtol=1e-5)
  np.testing.assert_allclose(
    values[:, 2] - values[:, 1], 1.5 * vector.std(0), rtol=1e-5
  )
  drawn = explore.samples(run, run.sample(1)['observation'][0], steps=3)
  assert drawn.traversals.shape == (2, 3, 4, 4, 1)
  assert np.isnan(drawn.kl).all() and len(drawn.reconstructions) == 8
  table = latents.table_of(run, 300)
  assert table.gaussian == 0 and list(table.order) == [0, 1]
  np.testing.assert_array_equal(table.sample, table.mean)
  drawn = explore.seed_samples([run, run], run.sample(1)['observation'][0])
  assert explore.seed_sheet(drawn).shape[0] == 1


def generator_run():
  """A decoder of three Gaussian and two plain latents; nothing encodes."""
  decode = lambda z: jnp.broadcast_to(
    jnp.mean(z, axis=1)[:, None, None, None] / 9 + 0.5, (len(z), 4, 4, 1)
  )

  def generate(key, state, count):
    del state
    z = jax.random.normal(key, (count, 5))
    return decode(z), types.Codes(z, {})

  return fake_run(
    fake_dataset('image', (4, 4, 1)),
    None,
    decode,
    types.Layout(gaussian=3, plain=2),
    generate=generate,
  )


def test_a_generator_walks_the_prior_and_shows_its_draws():
  run = generator_run()
  values = explore.latent_values(run, 5, 2.0, 'posterior')
  np.testing.assert_array_equal(values, [np.linspace(-2, 2, 5)] * 5)
  drawn = explore.samples(run, steps=5)
  assert drawn.traversals.shape == (5, 5, 4, 4, 1)
  assert drawn.generated.shape == (8, 4, 4, 1)
  assert not drawn.observations.size and np.isnan(drawn.kl).all()
  assert [s.name for s in sheets.of_run(drawn)] == ['traversals', 'generated']
  # 2 of one latent of five: a fifth of it through the decoder.
  assert drawn.traversals[0, -1, 0, 0, 0] == round(255 * (0.4 / 9 + 0.5))


@pytest.mark.parametrize('what', ['path', 'sheet of several runs'])
def test_what_needs_an_encoder_is_refused_in_a_line(what):
  run, image = generator_run(), np.zeros((4, 4, 1), np.float32)
  with pytest.raises(errors.ConfigError, match=f'no encoder.*{what}') as found:
    if what == 'path':
      explore.interpolation(run, image, image)
    else:
      explore.seed_samples([run], image)
  assert len(str(found.value).splitlines()) == 1


def test_a_method_that_only_draws_is_shown_by_its_draws():
  only = lambda key, state, count: (jnp.zeros((count, 4, 4, 1)), None)
  pictures = lambda key, state, x: {'swap': jnp.ones((2, 3, 4, 4, 3))}
  run = fake_run(
    fake_dataset('image', (4, 4, 1)),
    None,
    None,
    generate=only,
    pictures=pictures,
  )
  drawn = explore.samples(run)
  names = [sheet.name for sheet in sheets.of_run(drawn)]
  assert names == ['generated', 'pictures/swap']
  assert drawn.pictures['swap'].max() == 255


def _joint():
  """One Gaussian latent and a class of three; the image shows the code."""
  onehot = lambda x: jax.nn.one_hot(
    (x[:, 0, 0, 0] * 3).astype(jnp.int32), 3, dtype=jnp.float32
  )

  def represent(x):
    mean = x[:, 1, 1]
    parts = {'mean': mean, 'logvar': jnp.zeros_like(mean) - 2.0}
    return types.Codes(jnp.concatenate([mean, onehot(x)], axis=-1), parts)

  decode = lambda z: jnp.zeros((len(z), 4, 4, 1)).at[:, 0, :, 0].set(z)
  layout = types.Layout(gaussian=1, classes=(3,))
  return fake_run(fake_dataset('image', (4, 4, 1)), represent, decode, layout)


def test_a_class_walks_from_the_observations_own_to_each():
  run = _joint()
  observation = np.zeros((4, 4, 1), np.float32)
  observation[0, 0] = 0.5  # class 1 of three
  values = explore.latent_values(run, 3, 2.0, 'posterior')
  np.testing.assert_array_equal(values[1:], [[0, 0.5, 1]] * 3)
  drawn = explore.samples(run, observation, steps=3)
  codes = np.round(drawn.traversals[:, :, 0, 1:, 0] / 255, 1)
  half = np.array([0.5, 0.5, 0])
  np.testing.assert_allclose(codes[1], [[0, 1, 0], half, [1, 0, 0]])
  np.testing.assert_allclose(codes[2], [[0, 1, 0]] * 3)
  np.testing.assert_allclose(codes[3], [[0, 1, 0], half[[2, 1, 0]], [0, 0, 1]])
  # The Gaussian latent leaves the class alone.
  np.testing.assert_allclose(codes[0], [[0, 1, 0]] * 3)
  assert np.isfinite(drawn.kl[0]) and np.isnan(drawn.kl[1:]).all()
  around_prior = explore.samples(run, None, steps=3)
  thirds = np.round(255 / 3)
  assert np.all(around_prior.traversals[0, :, 0, 1:, 0] == thirds)
  table = latents.table_of(run, 200)
  assert table.gaussian == 1 and table.order[0] == 0


def text_run():
  """The code is the second word; the rest of a sentence is fixed."""
  represent = lambda x: types.Codes(x[:, 1:2].astype(jnp.float32) - 2, {})

  def decode(z):
    word = jnp.clip(jnp.round(z[:, 0] + 2), 1, 4).astype(jnp.int32)
    fixed = jnp.full_like(word, 1)
    return jnp.stack([fixed, word, 0 * word], axis=1)

  words = ('', 'the', 'red', '<ball>', 'rolls')
  data = fake_dataset('tokens', (3,), 'int32', vocabulary=words)
  return fake_run(data, represent, decode)


def test_sentences_are_walked_through():
  run = text_run()
  observation = np.array([1, 2, 0], np.int32)
  drawn = explore.samples(run, observation, steps=3, width=2.0, span='prior')
  assert drawn.kind == 'tokens' and drawn.vocabulary[3] == '<ball>'
  assert drawn.traversals.tolist() == [[[1, 1, 0], [1, 2, 0], [1, 4, 0]]]
  path = explore.interpolation(run, observation, observation + 1, 2)
  assert path.tolist() == [[1, 2, 0], [1, 2, 0], [1, 3, 0], [2, 3, 1]]
  with pytest.raises(errors.ConfigError, match='sentences'):
    explore.seed_samples([run], observation)


@pytest.mark.parametrize(
  'kind, shape, many', [('video', (3, 4, 4, 1), 3), ('voxels', (4, 4, 4, 1), 1)]
)
def test_films_and_solids(kind, shape, many):
  first = lambda x: x.reshape(len(x), -1)[:, :2]
  decode = lambda z: jnp.broadcast_to(
    z[:, 0].reshape(-1, 1, 1, 1, 1), (len(z), *shape)
  )
  run = fake_run(
    fake_dataset(kind, shape), lambda x: types.Codes(first(x), {}), decode
  )
  observation = np.zeros(shape, np.float32)
  drawn = explore.samples(run, observation, steps=3)
  assert drawn.traversals.shape == (2, 3, *shape)
  assert [len(s.frames) for s in sheets.of_run(drawn)] == [many] * 2
  film = explore.frames(drawn)
  assert len(film) == (3 if kind == 'video' else 4)
  path = explore.interpolation(run, observation, observation + 1, 3)
  assert path.shape == (5, *shape) and path.dtype == np.uint8
  both = explore.seed_samples([run, run], observation)
  assert len(explore.seed_sheet(both)) == many


def test_vectors_become_flat_and_share_one_scale():
  data = fake_dataset('vector', (2, 3))
  represent = lambda x: types.Codes(x.reshape(-1, 6)[:, :2], {})
  decode = lambda z: jnp.tile(5 * z, 3).reshape(-1, 2, 3)
  run = fake_run(data, represent, decode)
  observation = np.zeros((2, 3), np.float32)
  drawn = explore.samples(run, observation, steps=3)
  assert drawn.traversals.shape == (2, 3, 6)
  assert drawn.observations.shape == (8, 6)
  assert drawn.traversals.dtype == np.float32
  assert len(explore.frames(drawn)) == 4
  assert explore.interpolation(run, observation, observation).shape == (11, 6)
  both = explore.seed_samples([run, run], observation)
  assert explore.seed_sheet(both).shape[0] == 1
