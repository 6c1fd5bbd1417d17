"""The nearest of a few values, and what its gradient is."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import quantise

LATTICE = jnp.asarray([[-0.5, 0.0, 0.5], [0.0, 1.0, 10.0]])


def test_values_of_a_lattice_stay_and_others_go_to_the_nearest():
  y = jnp.stack([LATTICE[0], LATTICE[1]], axis=1)
  q, index = quantise.nearest(y, LATTICE)
  np.testing.assert_array_equal(q, y)
  np.testing.assert_array_equal(index, [[0, 0], [1, 1], [2, 2]])
  assert index.dtype == jnp.int32
  q, index = quantise.nearest(jnp.asarray([[0.3, 5.4], [-9.0, 5.6]]), LATTICE)
  np.testing.assert_array_equal(q, [[0.5, 1.0], [-0.5, 10.0]])
  # Half way: the lower place.
  tie, _ = quantise.nearest(jnp.asarray([[0.25, 0.5]]), LATTICE)
  np.testing.assert_array_equal(tie, [[0.0, 0.0]])


def test_gradients_pass_as_if_nothing_was_quantised():
  y = jnp.asarray([[0.3, 5.4], [0.1, -2.0]])

  def shown(y, values):
    q, _ = quantise.nearest(y, values)
    return jnp.sum(jnp.asarray([[1.0, 2.0]]) * quantise.straight_through(y, q))

  to_y, to_values = jax.grad(shown, (0, 1))(y, LATTICE)
  np.testing.assert_array_equal(to_y, [[1.0, 2.0]] * 2)
  np.testing.assert_array_equal(to_values, 0)
  # The values themselves learn where they are taken.
  of_values = lambda values: jnp.sum(quantise.nearest(y, values)[0])
  np.testing.assert_array_equal(
    jax.grad(of_values)(LATTICE), [[0, 1, 1], [1, 1, 0]]
  )


def test_a_single_value_is_a_constant_code():
  y = jnp.asarray(np.random.default_rng(0).normal(size=(6, 2)), jnp.float32)
  q, index = quantise.nearest(y, jnp.asarray([[0.25], [-1.0]]))
  np.testing.assert_array_equal(q, [[0.25, -1.0]] * 6)
  np.testing.assert_array_equal(index, 0)


def test_used_values_are_counted_over_the_batch():
  index = jnp.asarray([[0, 2], [0, 1], [0, 0], [0, 2]], jnp.int32)
  np.testing.assert_array_equal(quantise.used(index, 4), [1, 3])
