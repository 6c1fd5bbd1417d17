"""The decomposition of the KL against loops and a Gaussian's closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.ops import elbo_decomposition

estimate = jax.jit(
  elbo_decomposition.estimate, static_argnames=('dataset_size', 'block')
)
_random = np.random.default_rng(0)
MEAN = _random.normal(size=(11, 3))
LOGVAR = _random.normal(size=(11, 3)) - 1
Z = MEAN + np.exp(LOGVAR / 2) * _random.normal(size=(11, 3))


def _log_normal(z, mean, logvar):
  squared = (z - mean) ** 2 / np.exp(logvar)
  return -0.5 * (squared + logvar + np.log(2 * np.pi))


def _by_loops(weights, codes=11):
  mi = tc = dwkl = 0.0
  for j, z in enumerate(Z[:codes]):
    density = np.exp(_log_normal(z, MEAN, LOGVAR))
    joint = np.log(np.sum(weights[j] * np.prod(density, axis=1)))
    each = np.log(np.sum(weights[j][:, None] * density, axis=0)).sum()
    mi += _log_normal(z, MEAN[j], LOGVAR[j]).sum() - joint
    tc += joint - each
    dwkl += each - _log_normal(z, 0, 0).sum()
  return {
    'index_code_mi': mi / codes,
    'total_correlation': tc / codes,
    'dimension_wise_kl': dwkl / codes,
    'kl': (mi + tc + dwkl) / codes,
  }


def _check(got, want):
  assert sorted(got) == sorted(want)
  for name, value in want.items():
    np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('block', [4, 11, 64])
def test_all_of_the_data_is_the_plain_mixture(block):
  f32 = [jnp.asarray(x, jnp.float32) for x in (Z, MEAN, LOGVAR)]
  _check(estimate(*f32, block=block), _by_loops(np.full((11, 11), 1 / 11)))


def test_fewer_codes_than_posteriors():
  f32 = [jnp.asarray(x, jnp.float32) for x in (Z[:5], MEAN, LOGVAR)]
  _check(estimate(*f32), _by_loops(np.full((11, 11), 1 / 11), codes=5))


def test_more_codes_than_posteriors_weigh_the_posteriors_equally():
  # Posterior 0 twice, the others once: the mean over posteriors, by loops.
  source = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])
  z = np.concatenate([Z, Z[:1] + 0.3])
  terms = []
  for j, k in enumerate(source):
    density = np.exp(_log_normal(z[j], MEAN, LOGVAR))
    joint = np.log(np.mean(np.prod(density, axis=1)))
    each = np.log(np.mean(density, axis=0)).sum()
    own = _log_normal(z[j], MEAN[k], LOGVAR[k]).sum()
    prior = _log_normal(z[j], 0, 0).sum()
    terms.append([own - joint, joint - each, each - prior, own - prior])
  terms = np.array(terms)
  terms[0] = (terms[0] + terms[11]) / 2
  names = ('index_code_mi', 'total_correlation', 'dimension_wise_kl', 'kl')
  f32 = [jnp.asarray(x, jnp.float32) for x in (z, MEAN, LOGVAR)]
  got = jax.jit(
    lambda *x: elbo_decomposition.estimate(*x, source=source, block=5)
  )(*f32)
  _check(got, dict(zip(names, terms[:11].mean(axis=0))))


def test_the_own_image_counts_once_however_often_it_was_drawn():
  identity = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1])
  size = 50
  weights = np.zeros((11, 11))
  for j in range(11):
    own = identity == identity[j]
    weights[j, own] = 1 / size / own.sum()
    weights[j, ~own] = (size - 1) / size / (~own).sum()
  np.testing.assert_allclose(weights.sum(1), 1)
  f32 = [jnp.asarray(x, jnp.float32) for x in (Z, MEAN, LOGVAR)]
  got = estimate(*f32, jnp.asarray(identity), dataset_size=size)
  _check(got, _by_loops(weights))


def test_gaussian_closed_form():
  # x ~ N(0, S), z | x ~ N(x, v): everything is Gaussian.
  s = np.array([[0.8, 0.5], [0.5, 0.7]])
  v = 0.2
  x = np.random.default_rng(1).multivariate_normal([0, 0], s, size=3000)
  z = x + np.sqrt(v) * np.random.default_rng(2).normal(size=x.shape)
  got = estimate(
    *(jnp.asarray(a, jnp.float32) for a in (z, x, np.full_like(x, np.log(v)))),
    dataset_size=10**6,
  )
  total = s + v * np.eye(2)
  log_det = np.log(np.linalg.det(total))
  want = {
    'index_code_mi': 0.5 * (log_det - 2 * np.log(v)),
    'total_correlation': 0.5 * (np.log(np.diag(total)).sum() - log_det),
    'dimension_wise_kl': 0.5
    * (np.diag(total) - 1 - np.log(np.diag(total))).sum(),
  }
  for name, value in want.items():
    assert abs(got[name] - value) < 0.06, name
