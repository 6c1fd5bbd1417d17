"""Distance of the aggregate posterior from the prior; layers' correlations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from disentangle_jax import data, metrics, types
from disentangle_jax.metrics import arrays
from disentangle_jax.metrics.codes import (
  aggregate_posterior,
  linear_correlation,
)
from disentangle_jax.metrics.models import layer_correlation


def test_distances_of_gaussians_by_definition():
  rng = np.random.default_rng(0)
  root = rng.normal(size=(3, 3))
  mean, matrix = rng.normal(size=3), root @ root.T + 0.1 * np.eye(3)
  kl, frechet = aggregate_posterior.distances(
    jnp.float32(mean), jnp.float32(matrix)
  )
  _, logdet = np.linalg.slogdet(matrix)
  want = (np.trace(matrix) + mean @ mean - 3 - logdet) / 2
  assert kl == pytest.approx(want, rel=1e-4)
  cross = np.real(scipy.linalg.sqrtm(matrix))
  want = mean @ mean + np.trace(matrix + np.eye(3) - 2 * cross)
  assert frechet == pytest.approx(want, rel=1e-4)


def test_the_prior_itself_and_a_singular_covariance():
  kl, frechet = aggregate_posterior.distances(jnp.zeros(4), jnp.eye(4))
  assert kl == frechet == 0
  kl, frechet = aggregate_posterior.distances(
    jnp.zeros(2), jnp.diag(jnp.array([1.0, 0.0]))
  )
  assert np.isinf(kl) and frechet == pytest.approx(1)


def test_score_is_that_of_many_samples():
  rng = np.random.default_rng(1)
  mean = rng.normal(size=(4000, 2)) @ np.array([[1.0, 0.5], [0, 0.4]]) + 0.3
  logvar = rng.uniform(-3, 0, size=(4000, 2))
  got = metrics.evaluate(
    mean,
    np.zeros((4000, 1), int),
    ('aggregate_posterior',),
    parts={'mean': mean, 'logvar': logvar},
  )
  noise = rng.normal(size=(50, 4000, 2))
  z = (mean + np.exp(logvar / 2) * noise).reshape(-1, 2)
  kl, frechet = aggregate_posterior.distances(
    jnp.float32(z.mean(0)), jnp.float32(np.cov(z.T))
  )
  assert got['aggregate_kl'] == pytest.approx(float(kl), rel=0.03)
  assert got['aggregate_frechet'] == pytest.approx(float(frechet), rel=0.03)


def test_layers_are_measured_one_by_one():
  xor = data.load('xor')
  probe = layer_correlation.make(layer_correlation.Config(num_points=512), xor)

  def represent(state, x):
    del state
    a, b = x[:, :1], x[:, 1:]
    first = jnp.concatenate([a, b, 0 * a, 0.02 * a], axis=1)
    second = jnp.abs(a - b)
    return types.Codes(second, {'hidden_1': first, 'hidden_2': second})

  method = types.Method(None, None, represent, None)
  key = jax.random.key(3)
  found = jax.jit(lambda: probe.score(key, (), method, (), xor.arrays, None))()
  assert found['layer_units/hidden_1'] == 2  # 0.02^2 is below one percent
  assert found['layer_units/hidden_2'] == 1
  assert found['layer_ud90/hidden_1'] == 2
  x = np.asarray(xor.sample(key, xor.arrays, jnp.arange(512))['observation'])
  units = np.asarray(represent((), x).parts['hidden_1'])
  want = np.cov(np.concatenate([units, np.abs(x[:, :1] - x[:, 1:])], 1).T)
  got = [
    [found[f'layer_covariance/{i}_{j}'] for j in range(5)] for i in range(5)
  ]
  np.testing.assert_allclose(np.array(got), want, atol=1e-5)
  cvr = np.abs(want[:4, :4]).sum() / np.trace(want[:4, :4])
  assert found['layer_cvr/hidden_1'] == pytest.approx(cvr, rel=1e-4)


def test_without_factors_and_num_top_there_is_no_tdv():
  codes = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
  codes *= np.array([3.0, 2.0, 1.0], np.float32)
  factors = np.zeros((50, 0), np.int32)
  score = lambda **options: linear_correlation.make(
    linear_correlation.Config(num_train=50, **options), arrays.dataset(())
  ).score(jax.random.key(0), types.Codes(jnp.asarray(codes), {}), factors)
  assert np.isnan(score()['tdv']) and score()['cvr'] >= 1
  variance = codes.var(axis=0)
  want = np.sort(variance)[1:].sum() / variance.sum()
  assert score(num_top=2)['tdv'] == pytest.approx(want, rel=1e-5)
