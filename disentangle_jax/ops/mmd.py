"""Maximum mean discrepancy between two samples, with a Gaussian kernel.

Gretton et al. 2012, "A kernel two-sample test",
https://jmlr.org/papers/v13/gretton12a.html. For laws P and Q and the kernel
k(a, b) = exp(-|a - b|^2 / width), with a "width" of 2 l^2,

  MMD^2(P, Q) = E k(a, a') + E k(b, b') - 2 E k(a, b),  a, a' ~ P, b, b' ~ Q

It is estimated by the V-statistic, the mean over all pairs, those of a row with
itself included: never negative, 0 for two equal samples, and for independent
samples of one law about (2 / B) (1 - E k(a, a')). `unbiased` leaves out the
pairs of a row with itself: 0 on average for samples of one law, and so at times
below. Beyond a few widths the kernel is flat, so that its gradient says nothing
to codes far out.

The witness is the function whose means over both samples differ most, up to a
factor (their eq. 4): f*(z) = mean_i k(x_i, z) - mean_j k(y_j, z), and
mean_i f*(x_i) - mean_j f*(y_j) = MMD^2 of the V-statistic.
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


def unbiased(x: jax.Array, y: jax.Array, width: float | jax.Array) -> jax.Array:
  """MMD^2 of two samples of equal size, as a U-statistic (their eq. 3).

  Args:
    x: float [B, D], this shard's rows; at least two over all shards.
    y: float [B, D], this shard's rows.
    width: 2 l^2 > 0.

  Returns:
    float scalar in [-2 / (B - 1), 2], over all rows of the batch.
  """
  chex.assert_equal_shape([x, y])
  others = axis.gather(x), axis.gather(y)
  count = len(others[0])
  if count < 2:
    raise ValueError('needs at least two rows of each sample')

  def mean(a, b):
    return axis.mean(jnp.mean(kernel(a, b, width), axis=1))

  def without_itself(a, b):
    return (count * mean(a, b) - 1) / (count - 1)

  own = without_itself(x, others[0]) + without_itself(y, others[1])
  return own - 2 * mean(x, others[1])


def witness(
  x: jax.Array, y: jax.Array, z: jax.Array, width: float | jax.Array
) -> jax.Array:
  """Where one sample is denser than the other.

  Args:
    x: float [I, D], the sample at which it is high; the same on all shards.
    y: float [J, D], the one at which it is low; the same on all shards.
    z: float [B, D], where it is asked for.
    width: 2 l^2 > 0.

  Returns:
    float [B] in [-1, 1].
  """
  high = jnp.mean(kernel(z, x, width), axis=1)
  return high - jnp.mean(kernel(z, y, width), axis=1)
