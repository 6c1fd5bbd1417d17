"""Draws belong to examples: frequencies, ranges, and equality on all meshes."""

import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax.ops import per_example

KEY = jax.random.key(0)
MANY = jnp.arange(4000)
LOGITS = np.log(np.float32([0.2, 0.5, 0.3]))

DRAWS = {
  'normal': lambda k, i: per_example.normal(k, i, (2,)),
  'uniform': lambda k, i: per_example.uniform(k, i, (2,)),
  'bernoulli': lambda k, i: per_example.bernoulli(k, i, 0.3, (2,)),
  'integers': lambda k, i: per_example.integers(k, i, (2,), 3, 9),
  'categorical': lambda k, i: per_example.categorical(k, i, LOGITS),
  'permutation': lambda k, i: per_example.permutation(k, i, 5),
}


@pytest.mark.parametrize('name', DRAWS)
def test_rows_depend_on_their_index_alone(name):
  draw = DRAWS[name]
  whole = np.asarray(draw(KEY, jnp.arange(8)))
  np.testing.assert_array_equal(draw(KEY, jnp.array([5, 2])), whole[[5, 2]])
  keys = jax.random.split(KEY, 2)
  for shape in ((1, 1), (1, 2)):
    got = meshes.run(draw, shape, keys, jnp.arange(8), out='rows')
    want = [draw(key, jnp.arange(8)) for key in keys]
    np.testing.assert_array_equal(got, want)


def test_categorical_has_the_given_frequencies():
  classes = per_example.categorical(KEY, MANY, LOGITS)
  assert classes.dtype == jnp.int32
  shares = np.bincount(classes, minlength=3) / len(MANY)
  np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=0.03)
  # Logits of one's own: nothing else can be drawn.
  own = jnp.where(jnp.arange(3) == (MANY % 3)[:, None], 0.0, -jnp.inf)
  got = per_example.categorical(KEY, MANY, own)
  np.testing.assert_array_equal(got, MANY % 3)


def test_integers_are_uniform_and_below_the_end():
  drawn = np.asarray(per_example.integers(KEY, MANY, (2,), 3, 7))
  assert drawn.dtype == np.int32 and drawn.shape == (4000, 2)
  counts = np.bincount(drawn.ravel())
  assert not counts[:3].any() and len(counts) == 7
  np.testing.assert_allclose(counts[3:] / drawn.size, 0.25, atol=0.03)
  assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.05


def test_permutations_are_uniform_over_orders():
  orders = np.asarray(per_example.permutation(KEY, MANY, 3))
  np.testing.assert_array_equal(
    np.sort(orders, 1), np.tile(range(3), (4000, 1))
  )
  _, counts = np.unique(orders, axis=0, return_counts=True)
  np.testing.assert_allclose(counts / 4000, 1 / 6, atol=0.03)


def test_bernoulli_takes_one_probability_or_one_per_example():
  coins = per_example.bernoulli(KEY, MANY, 0.3, (2,))
  assert coins.dtype == bool and coins.shape == (4000, 2)
  np.testing.assert_allclose(coins.mean(0), [0.3, 0.3], atol=0.03)
  own = per_example.bernoulli(KEY, MANY, (MANY % 2).astype(jnp.float32))
  np.testing.assert_array_equal(own, MANY % 2 == 1)
