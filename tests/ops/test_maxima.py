"""Largest values: as NumPy has them, and slopes without a division."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.ops import maxima


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_values_and_slopes_are_those_of_the_largest(axis):
  x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
  np.testing.assert_array_equal(maxima.largest(x, axis), x.max(axis))
  slope = jax.grad(lambda x: jnp.sum(maxima.largest(x, axis)))(jnp.asarray(x))
  np.testing.assert_array_equal(slope, x == x.max(axis, keepdims=True))


def test_of_equals_the_first_has_the_slope():
  slope = jax.grad(lambda x: maxima.largest(x, 0))(jnp.array([0.0, 2.0, 2.0]))
  np.testing.assert_array_equal(slope, [0, 1, 0])


def test_blocks_are_those_of_numpy_and_equals_share_the_slope():
  x = np.random.default_rng(1).normal(size=(2, 4, 6, 3)).astype(np.float32)
  blocks = x.reshape(2, 2, 2, 3, 2, 3).max((2, 4))
  np.testing.assert_array_equal(maxima.of_blocks(x), blocks)
  slope = jax.grad(lambda x: jnp.sum(maxima.of_blocks(x)))(jnp.asarray(x))
  assert slope.sum() == blocks.size
  flat = jax.grad(lambda x: jnp.sum(maxima.of_blocks(x)))(
    jnp.ones((1, 2, 2, 1))
  )
  np.testing.assert_array_equal(flat, np.full((1, 2, 2, 1), 0.25))


@pytest.mark.parametrize('shown', [lambda x: maxima.largest(x, 1)])
def test_no_slope_divides(shown):
  """A division by a count of equal places is what may become 0 / 0."""
  slope = jax.grad(lambda x: jnp.sum(shown(x)))
  text = str(jax.make_jaxpr(slope)(jnp.ones((2, 3))))
  assert ' div ' not in text and ' eq ' not in text
