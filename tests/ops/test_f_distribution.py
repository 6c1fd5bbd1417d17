"""The F distribution's probability against SciPy and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from disentangle_jax import errors
from disentangle_jax.ops import f_distribution

X = np.array([1e-6, 1e-3, 0.1, 0.35, 0.5, 0.8, 0.99, 0.9999])


def logs(x, degrees):
  x = jnp.asarray(x, jnp.float32)
  return np.asarray(f_distribution.log_probability(x, 1 - x, degrees))


@pytest.mark.parametrize('b', [1, 2, 4, 9, 40])
def test_probability_is_scipys(b):
  expected = scipy.special.betainc(0.5, b, X)
  np.testing.assert_allclose(np.exp(logs(X, 2 * b)), expected, rtol=2e-5)
  # s = nu B / W is an F variable; its root is Student's.
  s = 2 * b * X / (1 - X)
  np.testing.assert_allclose(scipy.stats.f.cdf(s, 1, 2 * b), expected)
  two_sided = 2 * scipy.stats.t.cdf(np.sqrt(s), 2 * b) - 1
  np.testing.assert_allclose(np.exp(logs(X, 2 * b)), two_sided, rtol=2e-5)


@pytest.mark.parametrize('b', [1, 2, 4, 9])
def test_finite_sum_in_double_precision(b):
  """The coefficients themselves, without float32."""
  series = np.polyval(f_distribution.coefficients(b)[::-1], 1 - X)
  expected = scipy.special.betainc(0.5, b, X)
  np.testing.assert_allclose(np.sqrt(X) * series, expected, rtol=1e-12)


def test_two_and_four_degrees_in_closed_form():
  np.testing.assert_allclose(logs(X, 2), 0.5 * np.log(X), atol=1e-6)
  expected = np.log(np.sqrt(X) * (3 - X) / 2)
  np.testing.assert_allclose(logs(X, 4), expected, atol=2e-6)


@pytest.mark.parametrize('degrees', [2, 8, 18])
def test_gradient_against_differences(degrees):
  """With respect to B and W, at W = 2; differences of SciPy in float64."""
  between = np.array([1e-3, 0.1, 0.7, 3.0, 20.0])

  def exact(b, w):
    return np.log(scipy.special.betainc(0.5, degrees / 2, b / (b + w)))

  def total(b, w):
    return jnp.sum(f_distribution.log_probability(b, w, degrees))

  grads = jax.grad(total, (0, 1))(
    jnp.asarray(between, jnp.float32), jnp.full(5, 2.0)
  )
  step = 1e-6
  up = (exact(between * (1 + step), 2) - exact(between * (1 - step), 2)) / (
    2 * step * between
  )
  down = (exact(between, 2 * (1 + step)) - exact(between, 2 * (1 - step))) / (
    4 * step
  )
  np.testing.assert_allclose(grads[0], up, rtol=2e-3, atol=1e-6)
  np.testing.assert_allclose(grads[1], down, rtol=2e-3, atol=1e-6)


def test_equal_means_and_no_spread_are_finite():
  between, within = jnp.array([0.0, 0.0, 1.0]), jnp.array([1.0, 0.0, 0.0])
  total = lambda b, w: jnp.sum(f_distribution.log_probability(b, w, 8))
  assert np.isfinite(total(between, within))
  for grad in jax.grad(total, (0, 1))(between, within):
    assert np.all(np.isfinite(grad)) and np.max(np.abs(grad)) <= 1
  # log 1e-15 and the series at 1: 1 + 1/2 + 3/8 + 5/16 = 35/16.
  expected = np.log(1e-15 * 35 / 16)
  got = f_distribution.log_probability(between, within, 8)
  np.testing.assert_allclose(got[:1], expected, rtol=1e-5)


@pytest.mark.parametrize('degrees', [0, 3])
def test_odd_degrees_are_refused(degrees):
  with pytest.raises(errors.ConfigError, match='must be even and at least 2'):
    f_distribution.log_probability(jnp.ones(2), jnp.ones(2), degrees)
