"""Estimators of total correlation against brute force and closed forms."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
import optax
import pytest

from disentangle_jax.nn import critics
from disentangle_jax.ops import gaussian, total_correlation

# A data set of N images: their posteriors, and one code under test.
N, D = 6, 2
_random = np.random.default_rng(0)
MEAN = _random.normal(size=(N, D))
LOGVAR = _random.normal(size=(N, D)) - 1
Z = MEAN + np.exp(LOGVAR / 2) * _random.normal(size=(N, D))


def _density(z, mean, logvar):
  variance = np.exp(logvar)
  return np.exp(-((z - mean) ** 2) / (2 * variance)) / np.sqrt(
    2 * np.pi * variance
  )


def _aggregate(rows, log_weights):
  f32 = lambda x: jnp.asarray(x, jnp.float32)
  pairs = total_correlation.pairwise_log_density(
    f32(Z[rows]), f32(MEAN[rows]), f32(LOGVAR[rows])
  )
  return total_correlation.aggregate(pairs, log_weights)


def test_mss_is_unbiased_over_all_batches():
  # Every ordered batch of three images that starts with image 0: the mean of
  # the estimated densities is the mixture over the whole data set, exactly.
  batch = 3
  estimates = []
  weights = total_correlation.mss_log_weights(jnp.arange(batch), batch, N)
  aggregate = jax.jit(
    lambda z, m, v: total_correlation.aggregate(
      total_correlation.pairwise_log_density(z, m, v), weights
    )
  )
  for others in itertools.permutations(range(1, N), batch - 1):
    rows = np.array([0, *others])
    f32 = lambda x, rows=rows: jnp.asarray(x[rows], jnp.float32)
    joint, each = aggregate(f32(Z), f32(MEAN), f32(LOGVAR))
    estimates.append([np.exp(joint[0]), *np.exp(each[0])])
  density = _density(Z[0], MEAN, LOGVAR)
  want = [np.prod(density, axis=1).mean(), *density.mean(0)]
  np.testing.assert_allclose(np.mean(estimates, axis=0), want, rtol=1e-5)


@pytest.mark.parametrize('batch', [2, 3, 64])
def test_mss_rows_sum_to_one_with_the_own_image_at_one_in_n(batch):
  size = 100
  weights = np.exp(
    total_correlation.mss_log_weights(jnp.arange(batch), batch, size)
  )
  np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
  np.testing.assert_allclose(np.diag(weights), 1 / size, rtol=1e-5)


def test_mss_of_a_batch_larger_than_the_data_is_refused():
  weights = total_correlation.mss_log_weights(jnp.arange(5), 5, 4)
  np.testing.assert_allclose(np.exp(weights).sum(1), 1, rtol=1e-5)
  with pytest.raises(ValueError, match='batch of 6 of 4'):
    total_correlation.mss_log_weights(jnp.arange(6), 6, 4)


def test_mws_is_its_sum_and_misses_log_n_on_the_whole_data_set():
  weights = total_correlation.mws_log_weights(N, N, N)
  joint, each = _aggregate(np.arange(N), weights)
  for j in range(N):
    density = _density(Z[j], MEAN, LOGVAR)
    exact = np.log(np.prod(density, axis=1).mean())
    np.testing.assert_allclose(joint[j], exact - math.log(N), rtol=1e-4)
    marginal = np.log(density.mean(0)) - math.log(N)
    np.testing.assert_allclose(each[j], marginal, rtol=1e-4)


@functools.partial(jax.jit, static_argnums=4)
def _decompose(z, mean, logvar, index, estimator):
  size = 1000
  if estimator == 'mss':
    w = total_correlation.mss_log_weights(index, z.shape[0], size)
  else:
    w = total_correlation.mws_log_weights(z.shape[0], z.shape[0], size)
  return total_correlation.decompose(z, mean, logvar, w)


@pytest.mark.parametrize('estimator', ['mws', 'mss'])
def test_the_parts_add_up_to_the_kl_in_expectation(estimator):
  # At alpha = beta = gamma = 1 the sampled loss is the VAE's.
  random = np.random.default_rng(1)
  mean = random.normal(size=(16, 3)).astype(np.float32)
  logvar = (random.normal(size=(16, 3)) - 1).astype(np.float32)
  noise = random.normal(size=(400, 16, 3)).astype(np.float32)
  z = mean + np.exp(logvar / 2) * noise
  terms = jax.vmap(
    lambda z: _decompose(z, mean, logvar, jnp.arange(16), estimator)
  )(z)
  sums = np.sum(np.asarray(terms), axis=0)
  want = np.sum(gaussian.kl_to_standard(mean, logvar), axis=-1).mean()
  error = np.std(sums) / np.sqrt(len(sums))
  assert error < 0.02
  assert abs(sums.mean() - want) < 4 * error


def test_permute_dims_shuffles_every_dimension_apart_and_by_example():
  z = jnp.arange(32.0)[:, None] + jnp.array([0.0, 100.0, 200.0])
  index = jnp.arange(32)
  shuffled = total_correlation.permute_dims(jax.random.key(0), z, index)
  order = np.asarray(shuffled) - np.array([0.0, 100.0, 200.0])
  np.testing.assert_array_equal(
    np.sort(order, axis=0), np.arange(32.0)[:, None].repeat(3, 1)
  )
  for a, b in itertools.combinations(range(3), 2):
    assert np.any(order[:, a] != order[:, b])
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ('data',))
  rows = P('data')
  split = jax.jit(
    jax.shard_map(
      lambda z, i: total_correlation.permute_dims(jax.random.key(0), z, i),
      mesh=mesh,
      in_specs=(rows, rows),
      out_specs=rows,
    )
  )
  np.testing.assert_array_equal(split(z, index), shuffled)


def test_discriminator_has_the_published_size():
  shapes = jax.eval_shape(
    critics.Discriminator().init, jax.random.key(0), jnp.zeros((1, 10))
  )
  count = sum(math.prod(x.shape) for x in jax.tree.leaves(shapes))
  assert count == 5_018_002


def test_density_ratio_approaches_the_true_total_correlation():
  rho = 0.8
  true = -0.5 * math.log(1 - rho**2)  # 0.511 nats
  critic = critics.Discriminator(width=64, depth=2)
  adam = optax.adam(2e-3)
  root = jnp.linalg.cholesky(jnp.array([[1.0, rho], [rho, 1.0]]))
  draw = lambda key, n: jax.random.normal(key, (n, 2)) @ root.T

  def loss(params, z, z_perm):
    log_p = jax.nn.log_softmax(critic.apply(params, z))[:, 0]
    log_q = jax.nn.log_softmax(critic.apply(params, z_perm))[:, 1]
    return -0.5 * jnp.mean(log_p + log_q)

  def step(carry, key):
    params, state = carry
    z_key, other_key, order_key = jax.random.split(key, 3)
    z, other = draw(z_key, 256), draw(other_key, 256)
    z_perm = total_correlation.permute_dims(order_key, other, jnp.arange(256))
    grads = jax.grad(loss)(params, z, z_perm)
    updates, state = adam.update(grads, state)
    return (optax.apply_updates(params, updates), state), ()

  @jax.jit
  def run(key):
    key, init_key, test_key = jax.random.split(key, 3)
    params = critic.init(init_key, jnp.zeros((1, 2)))
    carry = (params, adam.init(params))
    (params, _), _ = jax.lax.scan(step, carry, jax.random.split(key, 600))
    test = draw(test_key, 20_000)
    guess = lambda p: total_correlation.density_ratio(critic.apply(p, test))
    return guess(carry[0]), guess(params)

  before, after = run(jax.random.key(0))
  assert abs(after - true) < 0.08
  assert abs(before - true) > 0.2
