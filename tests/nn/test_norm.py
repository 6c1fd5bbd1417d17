"""Normalisation against NumPy, on one shard and on two."""

from flax import linen as nn
import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax.nn import norm
from disentangle_jax.ops import axis


def _normal(*shape):
  return np.random.default_rng(0).normal(3.0, size=shape).astype(np.float32)


class Critic(nn.Module):
  """Two normalised layers, as the module's docstring has them."""

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    layers = norm.Layers(statistics, train)
    x = layers.batch_norm('first', nn.Dense(5)(x))
    x = layers.batch_norm('second', nn.Dense(4)(nn.relu(x)))
    return x, layers.statistics


@pytest.mark.parametrize('places', [(), (3,), (2, 3)])
def test_training_normalises_by_the_moments_of_the_batch(places):
  x = _normal(4, *places, 2)
  params = {'gain': np.float32([2.0, 0.5]), 'bias': np.float32([1.0, -1.0])}
  start = norm.start(2)
  layer = norm.BatchNorm(epsilon=0.1)
  call = jax.jit(lambda p, x: layer.apply({'params': p}, x, start, True))
  y, statistics = call(params, x)
  flat = x.reshape(-1, 2).astype(np.float64)
  mean, variance = flat.mean(0), flat.var(0)
  want = (x - mean) / np.sqrt(variance + 0.1) * [2.0, 0.5] + [1.0, -1.0]
  np.testing.assert_allclose(y, want, atol=1e-5)
  np.testing.assert_allclose(statistics.mean, 0.1 * mean, rtol=1e-5)
  moved = 0.9 + 0.1 * variance
  np.testing.assert_allclose(statistics.variance, moved, rtol=1e-5)


def test_otherwise_by_the_averages_which_stay():
  x = _normal(4, 2)
  averages = norm.Statistics(np.float32([1.0, 2.0]), np.float32([4.0, 0.25]))
  params = {'gain': np.ones(2, np.float32), 'bias': np.zeros(2, np.float32)}
  layer = norm.BatchNorm(epsilon=0.0)
  y, statistics = layer.apply({'params': params}, x, averages, False)
  np.testing.assert_allclose(y, (x - [1.0, 2.0]) / [2.0, 0.5], rtol=1e-5)
  assert statistics is averages


def test_averages_over_steps():
  layer, statistics = norm.BatchNorm(decay=0.8), norm.start(2)
  params = layer.init(jax.random.key(0), jnp.ones((1, 2)), statistics, False)
  call = jax.jit(lambda x, s: layer.apply(params, x, s, True)[1])
  means, variances = np.zeros(2), np.ones(2)
  for step in range(3):
    x = np.random.default_rng(step).normal(step, size=(6, 2)).astype('f')
    statistics = call(x, statistics)
    means = 0.8 * means + 0.2 * x.mean(0)
    variances = 0.8 * variances + 0.2 * x.var(0)
  np.testing.assert_allclose(statistics.mean, means, rtol=1e-5)
  np.testing.assert_allclose(statistics.variance, variances, rtol=1e-5)


def test_two_shards_equal_one():
  net, x = Critic(), _normal(4, 3)
  keys = jax.random.split(jax.random.key(0), 2)
  params = jax.vmap(lambda k: net.init(k, x)['params'])(keys)

  def loss(params, x):
    y, statistics = net.apply({'params': params}, x, train=True)
    loss = axis.mean(jnp.sum(jnp.sin(y), 1))
    return loss, statistics

  step = jax.value_and_grad(loss, has_aux=True)
  got = [
    meshes.run(step, shape, params, x, check_vma=check)
    for shape, check in (((1, 1), False), ((1, 1), True), ((1, 2), True))
  ]
  for other in got[1:]:
    for a, b in zip(jax.tree.leaves(got[0]), jax.tree.leaves(other)):
      np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


def test_a_network_hands_its_statistics_through():
  net, x = Critic(), _normal(4, 3)
  init = jax.jit(net.init_with_output)
  (_, statistics), variables = init(jax.random.key(0), x)
  assert sorted(statistics) == ['first', 'second']
  for name, channels in (('first', 5), ('second', 4)):
    for got, want in zip(statistics[name], norm.start(channels)):
      np.testing.assert_array_equal(got, want)
  assert set(variables) == {'params'}
  apply = jax.jit(net.apply, static_argnames='train')
  _, moved = apply(variables, x, statistics, train=True)
  assert jax.tree.structure(moved) == jax.tree.structure(statistics)
  assert np.any(moved['second'].mean != 0)
  # Row by row once training is over.
  y, same = apply(variables, x, moved, train=False)
  one, _ = apply(variables, x[:1], moved, train=False)
  np.testing.assert_allclose(one, y[:1], atol=1e-6)
  for a, b in zip(jax.tree.leaves(same), jax.tree.leaves(moved)):
    np.testing.assert_array_equal(a, b)
  with pytest.raises(KeyError, match='second'):
    net.apply(variables, x, {'first': moved['first']})


def test_low_precision_keeps_float32_averages():
  layer, x = norm.BatchNorm(), _normal(4, 2).astype('bfloat16')
  variables = layer.init(jax.random.key(0), x, norm.start(2), True)
  y, statistics = layer.apply(variables, x, norm.start(2), True)
  assert y.dtype == jnp.bfloat16
  assert {leaf.dtype for leaf in statistics} == {jnp.dtype('float32')}


def _kernels():
  rng = np.random.default_rng(0)
  return {
    'Conv_0': {'kernel': rng.normal(size=(3, 3, 2, 5)), 'bias': np.ones(5)},
    'head': {'Dense_0': {'kernel': rng.normal(size=(6, 4))}},
  }


def test_spectral_norm_converges_to_the_largest_singular_value():
  params = jax.tree.map(np.float32, _kernels())
  vectors = norm.spectral_start(jax.random.key(0), params)
  assert jax.tree.map(np.shape, vectors) == {
    'Conv_0': {'kernel': (5,)},
    'head': {'Dense_0': {'kernel': (4,)}},
  }
  for leaf in jax.tree.leaves(vectors):
    assert np.linalg.norm(leaf) == pytest.approx(1.0, abs=1e-6)
  step = jax.jit(norm.spectral_normalise)
  for _ in range(100):
    divided, vectors = step(params, vectors)
  for path in (('Conv_0',), ('head', 'Dense_0')):
    leaf, got = params, divided
    for name in path:
      leaf, got = leaf[name], got[name]
    matrix = leaf['kernel'].reshape(-1, leaf['kernel'].shape[-1])
    sigma = np.linalg.norm(matrix, 2)
    np.testing.assert_allclose(got['kernel'], leaf['kernel'] / sigma, rtol=1e-4)
  np.testing.assert_array_equal(divided['Conv_0']['bias'], np.ones(5))
  # Out of training the vectors stay, and many iterations are many steps.
  _, same = norm.spectral_normalise(params, vectors, train=False)
  jax.tree.map(np.testing.assert_array_equal, same, vectors)
  start = norm.spectral_start(jax.random.key(1), params)
  _, once = step(params, step(params, start)[1])
  _, twice = norm.spectral_normalise(params, start, iterations=2)
  for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(twice)):
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_gradients_pass_through_sigma():
  # W / sigma has the gradient (G - <G, W / sigma> u v') / sigma.
  kernel = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
  weight = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
  u, s, vt = np.linalg.svd(kernel)
  vectors = {'kernel': jnp.asarray(vt[0])}

  def loss(kernel):
    params = {'kernel': kernel}
    divided, _ = norm.spectral_normalise(params, vectors, train=False)
    return jnp.sum(weight * divided['kernel'])

  along = np.sum(weight * kernel) / s[0]
  want = (weight - along * np.outer(u[:, 0], vt[0])) / s[0]
  np.testing.assert_allclose(jax.jit(jax.grad(loss))(kernel), want, atol=1e-5)


def test_a_kernel_of_zeros_stays_finite():
  params = {'kernel': jnp.zeros((3, 2))}
  vectors = norm.spectral_start(jax.random.key(0), params)
  divided, moved = norm.spectral_normalise(params, vectors)
  assert np.all(np.isfinite(divided['kernel']))
  np.testing.assert_array_equal(moved['kernel'], vectors['kernel'])
