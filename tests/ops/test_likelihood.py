"""Likelihoods against float64 and their normalisation."""

import jax
import numpy as np
import pytest

from disentangle_jax.ops import likelihood

_random = np.random.default_rng(0)
RAW = _random.normal(size=(4, 5, 5, 2)).astype(np.float32)
MEAN = (1 / (1 + np.exp(-RAW.astype(np.float64)))).astype(np.float32)
X = (_random.integers(0, 256, size=RAW.shape) / 255).astype(np.float32)


def _sum(x):
  return x.reshape(len(x), -1).sum(1)


def test_bernoulli():
  p = 1 / (1 + np.exp(-RAW.astype(np.float64)))
  want = _sum(X * np.log(p) + (1 - X) * np.log(1 - p))
  np.testing.assert_allclose(likelihood.bernoulli(RAW, X), want, rtol=1e-5)
  sure = likelihood.bernoulli(np.float32([[200.0]]), np.float32([[0.0]]))
  np.testing.assert_allclose(sure, [-200.0], rtol=1e-6)


@pytest.mark.parametrize('scale', [0.1, 1.0, 3.0])
def test_gaussian(scale):
  got = likelihood.gaussian(MEAN, X, np.float32(np.log(scale)))
  squared = (X.astype(np.float64) - MEAN) ** 2 / (2 * scale**2)
  want = _sum(-squared - np.log(scale * np.sqrt(2 * np.pi)))
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize('scale', [0.003, 0.1, 2.0])
def test_discretized_logistic(scale):
  got = likelihood.discretized_logistic(MEAN, X, np.float32(np.log(scale)))
  with np.errstate(over='ignore'):
    cdf = lambda x: 1 / (1 + np.exp(-(x - MEAN.astype(np.float64)) / scale))
    top = np.where(X == 1, 1.0, cdf(X.astype(np.float64) + 1 / 510))
    bottom = np.where(X == 0, 0.0, cdf(X.astype(np.float64) - 1 / 510))
  mass = top - bottom
  sound = mass.reshape(4, -1).min(1) > 1e-12  # where float64 has digits left
  want = _sum(np.log(np.maximum(mass, 1e-300)))
  np.testing.assert_allclose(
    np.asarray(got)[sound], want[sound], rtol=2e-4, atol=1e-3
  )
  assert np.all(np.isfinite(got)) and np.all(np.asarray(got) <= 0)


@pytest.mark.parametrize('scale', [1e-3, 0.02, 1.0])
@pytest.mark.parametrize('mean', [0.0, 0.3, 1.0])
def test_discretized_logistic_sums_to_one_over_the_levels(scale, mean):
  levels = (np.arange(256) / 255).astype(np.float32)[:, None]
  log_p = likelihood.discretized_logistic(
    np.full_like(levels, mean), levels, np.float32(np.log(scale))
  )
  total = np.exp(np.asarray(log_p, np.float64)).sum()
  np.testing.assert_allclose(total, 1, rtol=1e-3)


def test_discretized_logistic_has_a_finite_gradient_far_off():
  loss = lambda m, s: likelihood.discretized_logistic(m, X[:1], s).sum()
  for mean in (-30.0, 0.5, 30.0):
    m = np.full_like(X[:1], mean)
    grads = jax.grad(loss, (0, 1))(m, np.float32(-6.0))
    assert all(np.all(np.isfinite(g)) for g in grads)
