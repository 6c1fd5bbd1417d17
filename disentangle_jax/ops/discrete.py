"""Binning of codes and information between discrete variables."""

import chex
import jax
import jax.numpy as jnp


def bin_edges(x: jax.Array, num_bins: int) -> jax.Array:
  """Left edges of equal-width bins over the range of each column.

  Args:
    x: float [N, D].
    num_bins: number of bins.

  Returns:
    float [num_bins, D]; edge 0 is the column's minimum.
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, float)
  low, high = jnp.min(x, axis=0), jnp.max(x, axis=0)
  step = (high - low) / num_bins
  return low + jnp.arange(num_bins, dtype=x.dtype)[:, None] * step


def histogram_bins(x: jax.Array, num_bins: int) -> jax.Array:
  """Number of the equal-width bin that every value falls in.

  Bins are closed on the left and open on the right, the maximum belongs to the
  last one (the histogram discretiser of Locatello et al. 2019). All values of a
  constant column fall in one bin.

  Args:
    x: float [N, D], finite.
    num_bins: number of bins.

  Returns:
    int32 [N, D] in [0, num_bins).
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, float)
  inner = bin_edges(x, num_bins)[1:]
  return jnp.sum(x[:, None, :] >= inner, axis=1, dtype=jnp.int32)


def one_hot(labels: jax.Array, num_values: int) -> jax.Array:
  """Indicator columns, side by side.

  Args:
    labels: int32 [N, D].
    num_values: number of values that a label can take.

  Returns:
    float32 [N, D * num_values].
  """
  chex.assert_rank(labels, 2)
  chex.assert_type(labels, int)
  hot = jax.nn.one_hot(labels, num_values, dtype=jnp.float32)
  return hot.reshape(labels.shape[0], -1)


def contingency(
  a: jax.Array, num_a: int, b: jax.Array, num_b: int
) -> jax.Array:
  """How often every pair of values occurs, for every pair of columns.

  Args:
    a: int32 [N, D] in [0, num_a).
    num_a: number of values of the columns of `a`.
    b: int32 [N, K] in [0, num_b).
    num_b: number of values of the columns of `b`.

  Returns:
    float32 [D, K, num_a, num_b], counts (exact up to 2^24 rows).
  """
  chex.assert_rank([a, b], 2)
  chex.assert_type([a, b], int)
  chex.assert_equal_shape_prefix([a, b], 1)
  # One matrix product instead of scattered additions: faster on every backend
  # and exact, as zeros and ones have no rounding.
  counts = one_hot(a, num_a).T @ one_hot(b, num_b)
  counts = counts.reshape(a.shape[1], num_a, b.shape[1], num_b)
  return jnp.transpose(counts, (0, 2, 1, 3))


def mutual_information(counts: jax.Array) -> jax.Array:
  """Plug-in mutual information of a contingency table.

  sum_ab p(a, b) log [p(a, b) / (p(a) p(b))] with empirical frequencies and no
  correction of its bias, about (A - 1)(B - 1) / (2 N) nats.

  Args:
    counts: float [..., A, B].

  Returns:
    float [...], nats, >= 0 and exactly 0 when either variable is constant.
  """
  chex.assert_shape(counts, (..., None, None))
  chex.assert_type(counts, float)
  total = jnp.sum(counts, axis=(-2, -1), keepdims=True)
  rows = jnp.sum(counts, axis=-1, keepdims=True)
  columns = jnp.sum(counts, axis=-2, keepdims=True)
  # (n_ab / n_a) (N / n_b) and not n_ab N / (n_a n_b): products of counts pass
  # 2^24, quotients do not, and a constant variable gives exactly 1 either way.
  ratio = (counts / jnp.maximum(rows, 1)) / (columns / total)
  occurs = counts > 0
  log_ratio = jnp.log(jnp.where(occurs, ratio, 1))
  terms = counts / total * log_ratio
  return jnp.maximum(jnp.sum(terms, axis=(-2, -1)), 0)


def entropy(counts: jax.Array) -> jax.Array:
  """Plug-in entropy of a variable.

  Args:
    counts: float [..., A].

  Returns:
    float [...], nats, >= 0.
  """
  chex.assert_shape(counts, (..., None))
  chex.assert_type(counts, float)
  p = counts / jnp.sum(counts, axis=-1, keepdims=True)
  return -jnp.sum(jax.scipy.special.xlogy(p, p), axis=-1)
