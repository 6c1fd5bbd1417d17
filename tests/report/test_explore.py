"""Pictures of loaded runs, on a model whose codes are known."""

import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.engine import restore
from disentangle_jax.report import explore, traversals

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
  return restore.TrainedRun(method, dataset, (), {'method': 'known'})


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
    explore.save_film(film, path)
    with PIL.Image.open(path) as image:
      assert image.n_frames >= 4 and image.size == film.shape[2:0:-1]
      # The palette of a GIF may be off by rounding.
      shown = np.asarray(image.convert('RGB'), int)
      assert np.abs(shown - film[0]).max() <= 2


def test_sheet_of_several_runs_has_a_row_for_each(run):
  sheet = explore.seed_sheet([run, run, run], np.zeros(SHAPE, np.float32))
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
