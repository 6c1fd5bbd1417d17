"""Reductions of a split batch against NumPy on the whole one."""

import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax.ops import axis

SHAPES = [(1, 1), (1, 2), (2, 2)]
RUNS = np.float32([1.0, 2.0])


def _normal(*shape):
  return np.random.default_rng(0).normal(2.0, size=shape).astype(np.float32)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('tail', [(), (3,)])
def test_masked_mean_is_that_of_the_kept_entries(shape, tail):
  x = _normal(4, 5, *tail)
  # Shards and rows keep different numbers, so that a mean of means is wrong.
  mask = np.arange(5) < np.array([5, 1, 0, 2])[:, None]
  x[~mask] = np.nan
  scaled = lambda r, x, mask: axis.masked_mean(r * x, mask)
  got = meshes.run(scaled, shape, RUNS, x, mask)
  np.testing.assert_allclose(got[0], x[mask].mean(0), rtol=1e-6)
  np.testing.assert_allclose(got[1], 2 * x[mask].mean(0), rtol=1e-6)


@pytest.mark.parametrize('shape', [(1, 1), (1, 2)])
def test_masked_mean_of_nothing_is_zero_with_its_gradient(shape):
  x, mask = _normal(4, 5), np.zeros((4, 5), bool)
  loss = lambda r, x, mask: axis.masked_mean(r * x, mask)
  got = meshes.run(jax.value_and_grad(loss), shape, RUNS, x, mask)
  np.testing.assert_array_equal(got, np.zeros((2, 2)))


def test_masked_mean_takes_whole_rows():
  x, mask = _normal(4, 2), np.array([True, False, True, True])
  got = axis.masked_mean(x, mask)
  np.testing.assert_allclose(got, x[mask].mean(0), rtol=1e-6)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('places', [(), (3,), (2, 3)])
def test_moments_are_those_of_the_whole_batch(shape, places):
  x = _normal(4, *places, 2) + 100.0
  got = meshes.run(lambda r, x: axis.moments(r * x), shape, RUNS, x)
  flat = x.astype(np.float64).reshape(-1, 2)
  for r in (0, 1):
    np.testing.assert_allclose(got[0][r], RUNS[r] * flat.mean(0), rtol=1e-6)
    want = RUNS[r] ** 2 * flat.var(0)
    np.testing.assert_allclose(got[1][r], want, rtol=1e-4)


def test_like_is_zeros_of_the_same_shapes_and_dtypes():
  tree = {'a': jnp.ones((2, 3)), 'b': (jnp.ones(4, jnp.int32),)}
  got = axis.like(tree, jnp.full((5,), jnp.nan))
  assert jax.tree.map(jnp.shape, got) == jax.tree.map(jnp.shape, tree)
  for zero, leaf in zip(jax.tree.leaves(got), jax.tree.leaves(tree)):
    assert zero.dtype == leaf.dtype
    assert not np.any(zero)


@pytest.mark.parametrize('start', ['like', 'zeros'])
def test_a_loop_that_starts_from_like_is_accepted(start):
  x = _normal(4, 3)

  def total(scale, x):
    begin = jnp.zeros(4 // 2)
    if start == 'like':
      begin = begin + axis.like(begin, (scale, x))
    add = lambda carry, column: (carry + scale * column, None)
    return jax.lax.scan(add, begin, x.T)[0]

  run = lambda: meshes.run(total, (1, 2), RUNS, x, out='rows')
  if start == 'zeros':
    with pytest.raises(TypeError, match='carry'):
      run()
  else:
    np.testing.assert_allclose(run()[1], 2 * x.sum(1), rtol=1e-6)
