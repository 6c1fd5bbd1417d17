"""Covariance of codes over a batch, and its distance from the identity."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis


def of_batch(x: jax.Array) -> jax.Array:
  """Covariance over the whole batch, divided by its size.

  Args:
    x: float [B, D], this shard's rows.

  Returns:
    float [D, D], E[x x^T] - E[x] E[x]^T.
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, float)
  # Centring first loses less precision than the difference of moments.
  centred = x - axis.mean(x)
  product = jnp.matmul(centred.T, centred, precision='highest') / len(x)
  return axis.mean(product[None])


def of_samples(mean: jax.Array, logvar: jax.Array) -> jax.Array:
  """Covariance of z ~ q(z|x) over the batch, by the law of total covariance.

  Kumar et al. 2018 (DIP-VAE), eq. 4: Cov(mean) + E[diag(variance)].

  Args:
    mean: float [B, D].
    logvar: float [B, D].

  Returns:
    float [D, D].
  """
  chex.assert_rank(mean, 2)
  chex.assert_equal_shape([mean, logvar])
  chex.assert_type([mean, logvar], float)
  return of_batch(mean) + jnp.diag(axis.mean(jnp.exp(logvar)))


def distance_from_identity(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Squared distances, Kumar et al. 2018, eq. 5.

  Args:
    matrix: float [D, D], symmetric.

  Returns:
    Off-diagonal part, sum over ordered pairs i != j of M_ij^2 (every pair
    counts twice), and diagonal part, sum_i (M_ii - 1)^2; float scalars.
  """
  chex.assert_shape(matrix, (len(matrix), len(matrix)))
  chex.assert_type(matrix, float)
  diagonal = jnp.diag(matrix)
  off_diagonal = matrix - jnp.diag(diagonal)
  return jnp.sum(jnp.square(off_diagonal)), jnp.sum(jnp.square(diagonal - 1.0))
