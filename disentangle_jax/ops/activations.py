"""Penalties on the activations of a layer, over the whole batch."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis, covariance


def absolute_covariance(h: jax.Array) -> jax.Array:
  """Sum of absolute covariances over D^2, the diagonal included.

  Kågebäck & Mogren 2018, section 2: L_Sigma = |C|_1 / D^2, with C the sample
  covariance, divided by the number of rows less one.

  Args:
    h: float [B, D], this shard's rows; two rows or more over all shards.

  Returns:
    float scalar >= 0.
  """
  chex.assert_rank(h, 2)
  chex.assert_type(h, float)
  rows = axis.sum(jnp.ones(h.shape[0], h.dtype))
  matrix = covariance.of_batch(h) * rows / (rows - 1)
  return jnp.mean(jnp.abs(matrix))


def absolute_mean(h: jax.Array) -> jax.Array:
  """Mean of the absolute activations, the L1 penalty.

  Args:
    h: float [B, D], this shard's rows.

  Returns:
    float scalar >= 0.
  """
  chex.assert_rank(h, 2)
  chex.assert_type(h, float)
  return axis.mean(jnp.mean(jnp.abs(h), axis=1))


PENALTIES: dict[str, Callable[[jax.Array], jax.Array]] = {
  'covariance': absolute_covariance,
  'l1': absolute_mean,
}
