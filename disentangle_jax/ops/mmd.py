"""Maximum mean discrepancy between two samples, with a Gaussian kernel.

Gretton et al. 2012, "A kernel two-sample test",
https://jmlr.org/papers/v13/gretton12a.html. For laws P and Q and the kernel
k(a, b) = exp(-|a - b|^2 / width), with a "width" of 2 l^2,

  MMD^2(P, Q) = E k(a, a') + E k(b, b') - 2 E k(a, b),  a, a' ~ P, b, b' ~ Q

It is estimated by the V-statistic, the mean over all pairs, those of a row with
itself included: never negative, 0 for two equal samples, and for independent
samples of one law about (2 / B) (1 - E k(a, a')). Beyond a few widths the
kernel is flat, so that its gradient says nothing to codes far out.
"""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis


def kernel(a: jax.Array, b: jax.Array, width: float | jax.Array) -> jax.Array:
  """exp(-|a - b|^2 / width) of every pair of rows.

  Args:
    a: float [I, D].
    b: float [J, D].
    width: 2 l^2 > 0, in squares of the rows' unit.

  Returns:
    float [I, J] in [0, 1].
  """
  chex.assert_rank([a, b], 2)
  chex.assert_equal_shape_suffix([a, b], 1)
  chex.assert_type([a, b], float)
  # Differences, and not the expanded square: equal rows are at 0 exactly.
  squared = jnp.sum(jnp.square(a[:, None] - b[None]), axis=-1)
  return jnp.exp(-squared / width)


def squared(x: jax.Array, y: jax.Array, width: float | jax.Array) -> jax.Array:
  """MMD^2 of two samples of equal size, as a V-statistic.

  Args:
    x: float [B, D], this shard's rows.
    y: float [B, D], this shard's rows.
    width: 2 l^2 > 0.

  Returns:
    float scalar in [0, 2], over all rows of the batch.
  """
  chex.assert_equal_shape([x, y])

  def mean(a, b):
    return axis.mean(jnp.mean(kernel(a, axis.gather(b), width), axis=1))

  return mean(x, x) + mean(y, y) - 2 * mean(x, y)
