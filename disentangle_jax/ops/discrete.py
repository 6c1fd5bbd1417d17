"""Binning of codes and information between discrete variables."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax import errors

# Bins up to which products of their number and half a float32 are exact.
_MOST_BINS = 4096


def _halves(x):
  """A float32 as a sum of two with 12 significant bits each."""
  bits = jax.lax.bitcast_convert_type(x, jnp.uint32)
  upper = jax.lax.bitcast_convert_type(
    bits & jnp.uint32(0xFFFFF000), jnp.float32
  )
  return upper, x - upper


def _exact_sum(terms):
  """The sum of float32 numbers: its sign exact, its size to rounding.

  Shewchuk 1997, "Adaptive precision floating-point arithmetic", grow-expansion:
  the sum is kept as floats that do not overlap, in ascending order.
  """
  expansion = []
  for term in terms:
    rest = []
    for part in expansion:
      total = term + part
      virtual = total - term
      rest.append((term - (total - virtual)) + (part - virtual))
      term = total
    expansion = [*rest, term]
  total = expansion[0]
  for part in expansion[1:]:
    total = total + part
  return total


def bin_edges(x: jax.Array, num_bins: int) -> jax.Array:
  """Left edges of equal-width bins over the range of each column.

  The edge k is low + k (high - low) / num_bins in real numbers; its float32 is
  the least one that does not lie below it, so that `x >= edge` is the real
  comparison. Values on a lattice (quantised, saturated codes) sit on edges, and
  a rounded edge would put them in another bin.

  Args:
    x: float32 [N, D], finite; neither below 1e-30 in range nor above 1e34.
    num_bins: number of bins, at most 4096.

  Returns:
    float32 [num_bins, D]; edge 0 is the column's minimum.
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, jnp.float32)
  if num_bins > _MOST_BINS:
    raise errors.value('num_bins', num_bins, f'must be at most {_MOST_BINS}')
  low, high = jnp.min(x, axis=0), jnp.max(x, axis=0)
  k = jnp.arange(num_bins, dtype=x.dtype)[:, None]
  shares = [
    -weight * half
    for weight, end in ((num_bins - k, low), (k, high))
    for half in _halves(end)
  ]

  def above(edge):
    """num_bins times how far a number lies above the edge."""
    return _exact_sum([num_bins * half for half in _halves(edge)] + shares)

  edge = low + k * ((high - low) / num_bins)
  # Each step leaves a ten millionth of the error, until it is rounding.
  edge = jax.lax.fori_loop(0, 5, lambda _, e: e - above(e) / num_bins, edge)
  near = jnp.stack(
    [jnp.nextafter(edge, -jnp.inf), edge, jnp.nextafter(edge, jnp.inf)]
  )
  first = jnp.argmax(jax.vmap(above)(near) >= 0, axis=0)
  return jnp.take_along_axis(near, first[None], axis=0)[0]


def histogram_bins(x: jax.Array, num_bins: int) -> jax.Array:
  """Number of the equal-width bin that every value falls in.

  Bins are closed on the left and open on the right, the maximum belongs to the
  last one (the histogram discretiser of Locatello et al. 2019). All values of a
  constant column fall in one bin. Exact: see `bin_edges`.

  Args:
    x: float32 [N, D], finite, as `bin_edges` takes it.
    num_bins: number of bins, at most 4096.

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
