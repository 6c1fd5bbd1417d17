"""Averages of Gaussians and Gaussians under a Laplace prior."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from disentangle_jax.ops import groups, laplace


def test_averages_by_hand():
  mean = jnp.asarray([[1.0], [4.0]])
  logvar = jnp.log(jnp.asarray([[1.0], [2.0]]))
  want = {
    'gvae': (2.5, 1.5),
    # Precisions 1 and 1/2: mean (1 + 4/2) / 1.5 and variance 2/3.
    'product': (2.0, 2 / 3),
    'mlvae': (2.0, 4 / 3),
  }
  for kind, (centre, variance) in want.items():
    got = groups.average(mean, logvar, kind)
    np.testing.assert_allclose(got[0], [centre], rtol=1e-6)
    np.testing.assert_allclose(np.exp(got[1]), [variance], rtol=1e-6)
  with pytest.raises(ValueError, match='unknown average'):
    groups.average(mean, logvar, 'sum')


@pytest.mark.parametrize('count', [1, 2, 5])
def test_equal_gaussians_keep_their_mean(count):
  mean, logvar = jnp.full((3, count, 2), 0.7), jnp.full((3, count, 2), -1.3)
  variance = math.exp(-1.3)
  for kind, want in (
    ('gvae', variance),
    ('mlvae', variance),
    ('product', variance / count),
  ):
    got = groups.average(mean, logvar, kind)
    np.testing.assert_allclose(got[0], np.full((3, 2), 0.7), rtol=1e-6)
    np.testing.assert_allclose(np.exp(got[1]), np.full((3, 2), want), rtol=1e-5)


def test_a_product_is_the_normalised_product_of_densities():
  rng = np.random.default_rng(0)
  mean, logvar = rng.normal(size=(2, 4))
  x = np.linspace(-15, 15, 20001)
  density = np.prod(
    stats.norm.pdf(x[:, None], mean, np.exp(logvar / 2)), axis=1
  )
  density /= np.trapezoid(density, x)
  centre = np.trapezoid(x * density, x)
  spread = np.trapezoid((x - centre) ** 2 * density, x)
  got = groups.average(
    jnp.asarray(mean)[:, None], jnp.asarray(logvar)[:, None], 'product'
  )
  np.testing.assert_allclose(got[0], [centre], rtol=1e-4)
  np.testing.assert_allclose(np.exp(got[1]), [spread], rtol=1e-4)


def test_precisions_beyond_float32_stay_finite():
  logvar = jnp.asarray([[-150.0], [-151.0]])
  for kind in groups.AVERAGES:
    mean, spread = groups.average(jnp.asarray([[1.0], [2.0]]), logvar, kind)
    assert 1 < float(mean[0]) < 2 and np.isfinite(spread).all()


@pytest.mark.parametrize('mean', [0.0, 0.1, -2.0])
@pytest.mark.parametrize('deviation', [0.05, 0.7])
@pytest.mark.parametrize('rate', [0.5, 6.0])
def test_kl_to_laplace_against_scipy(mean, deviation, rate):
  normal, prior = stats.norm(mean, deviation), stats.laplace(0, 1 / rate)
  logvar = jnp.full((1,), 2 * math.log(deviation))
  crossed = lambda x: -normal.pdf(x) * prior.logpdf(x)
  ends = sorted({mean - 12 * deviation, mean + 12 * deviation})
  want = integrate.quad(crossed, *ends, points=[0.0, mean], limit=200)[0]
  args = jnp.full((1,), mean), logvar, rate
  np.testing.assert_allclose(laplace.cross_entropy(*args), [want], rtol=2e-5)
  np.testing.assert_allclose(
    laplace.entropy(logvar), [normal.entropy()], rtol=1e-5, atol=1e-6
  )
  np.testing.assert_allclose(
    laplace.kl(*args), [want - normal.entropy()], rtol=1e-4, atol=1e-5
  )


def test_cross_entropy_by_sampling():
  rng = np.random.default_rng(1)
  z = 0.4 + 0.3 * rng.normal(size=400_000)
  cost = -stats.laplace(0, 1 / 6).logpdf(z)
  got = laplace.cross_entropy(
    jnp.asarray([0.4]), jnp.asarray([2 * math.log(0.3)]), 6.0
  )
  error = cost.std() / math.sqrt(z.size)
  assert abs(float(got[0]) - cost.mean()) < 4 * error


@pytest.mark.parametrize('rate', [0.3, 6.0, 40.0])
def test_the_least_kl_of_what_stays_is_the_same_for_every_rate(rate):
  deviation = np.exp(np.linspace(-8, 3, 40001))
  logvar = jnp.asarray(2 * np.log(deviation), jnp.float32)
  kl = np.asarray(laplace.kl(jnp.zeros_like(logvar), logvar, rate))
  least = 0.5 + math.log(2) - math.log(math.pi)
  np.testing.assert_allclose(kl.min(), least, atol=2e-5)
  best = deviation[np.argmin(kl)]
  np.testing.assert_allclose(best, math.sqrt(math.pi / 2) / rate, rtol=0.02)


def test_the_slope_of_the_distance_in_closed_form():
  """Of E|z| in the mean it is 2 Phi(mean / s) - 1, in s 2 phi(mean / s)."""
  mean = jnp.linspace(-2.0, 2.0, 9)
  logvar, rate = jnp.linspace(-1.5, 0.5, 9), 1.7
  of = lambda m, v: jnp.sum(laplace.cross_entropy(m, v, rate))
  in_mean, in_logvar = jax.grad(of, (0, 1))(mean, logvar)
  s = np.exp(0.5 * np.asarray(logvar))
  ratio = np.asarray(mean) / s
  np.testing.assert_allclose(
    in_mean, rate * (2 * stats.norm.cdf(ratio) - 1), rtol=1e-5, atol=1e-6
  )
  # ds / dlogvar is s / 2.
  np.testing.assert_allclose(
    in_logvar, rate * s * stats.norm.pdf(ratio), rtol=1e-5
  )
