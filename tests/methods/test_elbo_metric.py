"""The decomposition as a score of codes."""

import jax
import numpy as np
import pytest

from disentangle_jax import errors, types
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


def test_one_point_is_refused():
  with pytest.raises(errors.ConfigError, match='num_train'):
    elbo.make(elbo.Config(num_train=1), arrays.dataset(SIZES))
