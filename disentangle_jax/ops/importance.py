"""Scores of a matrix that says how much each code matters for each factor."""

import chex
import jax
import jax.numpy as jnp

# Added to every importance, as in the reference.
_OFFSET = 1e-11


def _peakedness(matrix, counts):
  """One minus the entropy of each row, in units of the largest entropy."""
  width = jnp.sum(counts)
  p = jnp.where(counts, matrix + _OFFSET, 0)
  p = p / jnp.maximum(jnp.sum(p, axis=1, keepdims=True), _OFFSET)
  entropy = -jnp.sum(jax.scipy.special.xlogy(p, p), axis=1)
  largest = jnp.log(jnp.maximum(width, 2))
  alone = jnp.where(jnp.sum(matrix, axis=1) > 0, 1.0, 0.0)
  return jnp.where(width > 1, jnp.maximum(1 - entropy / largest, 0), alone)


def _weights(importance):
  total = jnp.sum(importance)
  uniform = jnp.full_like(importance, 1 / importance.shape[0])
  return jnp.where(
    total > 0, importance / jnp.where(total > 0, total, 1), uniform
  )


def disentanglement(
  matrix: jax.Array, varies: jax.Array | None = None
) -> jax.Array:
  """Disentanglement of Eastwood & Williams 2018, section 2.

  sum_i (sum_j R_ij / sum R) (1 - H_K(R_i / sum_j R_ij)).

  Args:
    matrix: float [D, K], importances R >= 0.
    varies: bool [K], the factors that count, also in K; all by default.

  Returns:
    float scalar in [0, 1]; 0 where the matrix is 0.
  """
  chex.assert_rank(matrix, 2)
  chex.assert_type(matrix, float)
  if varies is None:
    varies = jnp.ones(matrix.shape[1], bool)
  chex.assert_shape(varies, matrix.shape[1:])
  chex.assert_type(varies, bool)
  matrix = jnp.where(varies, matrix, 0)
  weights = _weights(jnp.sum(matrix, axis=1))
  return jnp.sum(weights * _peakedness(matrix, varies))


def completeness(matrix: jax.Array) -> jax.Array:
  """Completeness of Eastwood & Williams 2018: the same for columns, base D."""
  chex.assert_rank(matrix, 2)
  chex.assert_type(matrix, float)
  return disentanglement(matrix.T)


def mean_completeness(matrix: jax.Array) -> jax.Array:
  """Completeness as a plain mean over factors, whatever their importance.

  The row "Avg." of Eastwood & Williams 2018, table 1.

  Args:
    matrix: float [D, K], importances >= 0.

  Returns:
    float scalar in [0, 1].
  """
  chex.assert_rank(matrix, 2)
  chex.assert_type(matrix, float)
  codes = jnp.ones(matrix.shape[0], bool)
  return jnp.mean(_peakedness(matrix.T, codes))
