"""The decomposition as a score of codes."""

import jax
import numpy as np
import pytest

from disentangle_jax import errors, metrics, types
from disentangle_jax.data import stream
from disentangle_jax.metrics import arrays
from disentangle_jax.metrics.codes import elbo

SIZES = (4, 8, 8)


def _score(mean, variance, factors, num_train):
  metric = elbo.make(elbo.Config(num_train=num_train), arrays.dataset(SIZES))
  mean = mean.astype(np.float32)
  parts = {'mean': mean, 'logvar': np.full_like(mean, np.log(variance))}
  codes = types.Codes(mean, parts)
  scores = jax.jit(metric.score)(jax.random.key(0), codes, factors)
  return metric, {k: float(v) for k, v in scores.items()}


@pytest.fixture(scope='module')
def factors():
  """Rows from anywhere, most of them more than once."""
  draw = np.random.default_rng(0).integers
  return np.stack([draw(n, size=1500) for n in SIZES], 1).astype(np.int32)


def test_a_small_grid_is_taken_as_a_whole_and_a_large_one_is_sampled():
  whole = elbo.make(elbo.Config(num_train=1500), arrays.dataset(SIZES))
  points = np.asarray(whole.design.sample(jax.random.key(1)))
  assert sorted(map(tuple, points)) == list(np.ndindex(*SIZES))
  assert np.any(points[:-1] > points[1:])  # shuffled: the codes come first
  part = elbo.make(elbo.Config(num_train=100), arrays.dataset(SIZES))
  assert part.design.sample(jax.random.key(1)).shape == (100, 3)


def test_sharp_codes_hold_the_whole_grid_and_no_total_correlation(factors):
  # Factors are independent and codes tell all grid points apart: the mutual
  # information is log N although most points were drawn more than once.
  metric, scores = _score(factors * 1.0, 1e-4, factors, 1500)
  assert metric.constants['dataset_size'] == 256
  assert scores['elbo/index_code_mi'] == pytest.approx(np.log(256), abs=0.1)
  assert abs(scores['elbo/total_correlation']) < 0.1


def test_repeated_codes_have_the_entropy_they_share(factors):
  # The same factor of 8 values in both latents: TC is its entropy.
  mean = np.stack([factors[:, 1], factors[:, 1]], axis=1) * 1.0
  _, scores = _score(mean, 1e-4, factors, 1500)
  assert scores['elbo/total_correlation'] == pytest.approx(np.log(8), abs=0.1)
  assert scores['elbo/index_code_mi'] == pytest.approx(np.log(8), abs=0.1)


def test_the_prior_itself_scores_zero(factors):
  _, scores = _score(np.zeros((1500, 3)), 1.0, factors, 1500)
  for value in scores.values():
    assert abs(value) < 1e-3


def _scores(metric, mean, logvar, factors, key=0):
  mean = np.asarray(mean, np.float32)
  parts = {'mean': mean, 'logvar': np.full_like(mean, logvar)}
  scores = jax.jit(metric.score)(
    jax.random.key(key), types.Codes(mean, parts), factors
  )
  return {name.removeprefix('elbo/'): float(x) for name, x in scores.items()}


@pytest.mark.parametrize('num_images', [1, 5])
def test_few_images_get_all_the_draws_that_are_stored(num_images):
  # One image: the KL is |m|^2 / 2 and there is nothing else. Five that lie far
  # apart: information log 5, and the marginals have the rest.
  metric = elbo.make(elbo.Config(), arrays.dataset((num_images,)))
  assert metric.constants['num_codes'] == 256
  factors = np.arange(num_images)[:, None].astype(np.int32)
  mean = 3.0 + 100 * factors * np.array([[1.0, 0.0, 0.0]])
  kl = 0.5 * np.square(mean).sum(axis=1).mean()
  sums = []
  for key in range(5):
    scores = _scores(metric, mean, 0.0, factors, key)
    information = pytest.approx(np.log(num_images), abs=1e-3)
    assert scores['index_code_mi'] == information
    assert abs(scores['total_correlation']) < 1e-3
    sums.append(sum(scores.values()))
  # Deviation of (z^2 - e^2) / 2 about m^2 / 2: that of m e, over the draws;
  # every image has equally many of them up to their weights.
  deviation = np.sqrt(np.square(mean).sum(axis=1).mean() / 256)
  assert abs(np.mean(sums) - kl) < 4 * deviation / np.sqrt(5) + 1e-4 * kl
  assert np.std(sums) < 3 * deviation


def test_images_without_a_grid_are_counted_themselves():
  # 40 images with three labels: N is 40, and equal labels are not one image.
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
  labels = np.arange(40)[:, None] % 3
  labelled = stream.stream(images, labels, ('label',))
  plain = stream.stream(images)
  mean = 50.0 * np.arange(40)[:, None] * np.ones((1, 2))
  for data in (labelled, plain):
    metric = elbo.make(elbo.Config(), data)
    assert metric.constants['dataset_size'] == 40
    assert not metric.reads_factors
    factors = metric.design.sample(jax.random.key(0))
    assert factors.shape == (40, len(data.factor_sizes))
    scores = _scores(metric, mean, 0.0, factors)
    # Both latents tell all images apart.
    assert scores['index_code_mi'] == pytest.approx(np.log(40), abs=1e-3)
    assert scores['total_correlation'] == pytest.approx(np.log(40), abs=1e-3)
  part = elbo.make(elbo.Config(num_train=30), labelled)
  assert part.design.sample(jax.random.key(0)).shape == (30, 1)
  assert part.constants['dataset_size'] == 40


def test_given_rows_are_the_images():
  rng = np.random.default_rng(0)
  labels = rng.integers(0, 10, (300, 1))
  mean = 50.0 * np.arange(300)[:, None]
  parts = {'mean': mean, 'logvar': 0 * mean}
  scores = metrics.evaluate(mean, labels, 'elbo', parts=parts)
  assert scores['elbo/index_code_mi'] == pytest.approx(np.log(300), abs=1e-3)


def test_one_point_is_refused():
  with pytest.raises(errors.ConfigError, match='num_train'):
    elbo.make(elbo.Config(num_train=1), arrays.dataset(SIZES))
