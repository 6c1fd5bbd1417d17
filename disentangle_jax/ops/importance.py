"""Scores of a matrix that says how much each code matters for each factor."""

import chex
import jax
import jax.numpy as jnp

# Added to every importance, as in the reference.
_OFFSET = 1e-11


def _peakedness(matrix):
  """One minus the entropy of each row, in units of the largest entropy."""
  width = matrix.shape[1]
  if width == 1:
    return jnp.where(matrix[:, 0] > 0, 1.0, 0.0)
  p = matrix + _OFFSET
  p = p / jnp.sum(p, axis=1, keepdims=True)
  entropy = -jnp.sum(jax.scipy.special.xlogy(p, p), axis=1)
  return jnp.maximum(1 - entropy / jnp.log(width), 0)


def _weights(importance):
  total = jnp.sum(importance)
  uniform = jnp.full_like(importance, 1 / importance.shape[0])
  return jnp.where(
    total > 0, importance / jnp.where(total > 0, total, 1), uniform
  )


def disentanglement(matrix: jax.Array) -> jax.Array:
  """Disentanglement of Eastwood & Williams 2018, section 2.

  sum_i (sum_j R_ij / sum R) (1 - H_K(R_i / sum_j R_ij)).

  Args:
    matrix: float [D, K], importances R >= 0.

  Returns:
    float scalar in [0, 1]; 0 where the matrix is 0.
  """
  chex.assert_rank(matrix, 2)
  chex.assert_type(matrix, float)
  return jnp.sum(_weights(jnp.sum(matrix, axis=1)) * _peakedness(matrix))


def completeness(matrix: jax.Array) -> jax.Array:
  """Completeness of Eastwood & Williams 2018: the same for columns, base D."""
  chex.assert_rank(matrix, 2)
  chex.assert_type(matrix, float)
  return disentanglement(matrix.T)
