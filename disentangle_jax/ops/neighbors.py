"""Mutual information of a continuous and a discrete variable by neighbours.

Ross 2014, "Mutual information between discrete and continuous data sets": with
r_i the distance of point i to its k-th nearest neighbour of the same label and
m_i the number of points of any label closer than that,
I = psi(N) + <psi(k_i)> - <psi(N_label(i))> - <psi(m_i)>.

Equal values are set apart by noise far below their differences. A number is
therefore a pair, value and noise, and so is a distance; pairs are compared by
the value and, where it is equal, by the noise. In one float32 the noise would
be lost beside any value, all points of another level would be equally far, and
none strictly nearer than the k-th.
"""

import chex
import jax
import jax.numpy as jnp

# Where points lie that are nobody's neighbour.
_FAR = 1e38


def _is_less(a, b):
  """Whether pairs (value, noise) come before others."""
  return (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))


def _where(mask, a, b):
  return jax.tree.map(lambda x, y: jnp.where(mask, x, y), a, b)


def mutual_information(
  key: jax.Array,
  x: jax.Array,
  labels: jax.Array,
  num_values: int,
  num_neighbors: int = 10,
) -> jax.Array:
  """Estimates the mutual information; scikit-learn's mutual_info_classif.

  Args:
    key: a typed PRNG key, for the noise that separates equal values.
    x: float32 [N], the continuous variable, below 1e38; its scale does not
      matter.
    labels: int32 [N] in [0, num_values).
    num_values: number of labels.
    num_neighbors: k, less where a label has fewer points.

  Returns:
    float32 scalar, nats, >= 0. Points that are alone with their label are left
    out.
  """
  chex.assert_rank([x, labels], 1)
  chex.assert_equal_shape([x, labels])
  chex.assert_type([x, labels], [float, int])
  num_points = x.shape[0]
  # A point that is alone with its label is nobody's neighbour.
  frequency = jnp.zeros(num_values, jnp.int32).at[labels].add(1)
  x = jnp.where(frequency[labels] > 1, x, _FAR)
  noise = jax.random.normal(key, x.shape)
  order = jnp.lexsort((noise, x))
  x, noise, label = x[order], noise[order], labels[order].astype(jnp.uint32)
  # From the lower rank j to the higher rank i.
  distance = lambda i, j: (x[i] - x[j], noise[i] - noise[j])

  # Ranks of the points of each label, in ascending order of x.
  bits = int(num_points).bit_length()
  rank = jnp.arange(num_points, dtype=jnp.uint32)
  packed = jnp.sort((label << bits) | rank)
  member = (packed & jnp.uint32((1 << bits) - 1)).astype(jnp.int32)
  values = jnp.arange(num_values, dtype=jnp.uint32)
  begin = jnp.searchsorted(packed, values << bits)
  count = jnp.append(begin[1:], num_points) - begin
  own = (packed >> bits).astype(jnp.int32)
  begin, count = begin[own], count[own]
  k = jnp.minimum(num_neighbors, count - 1)

  # The k nearest of a sorted row are a window of k + 1 ranks around the point.
  at = jnp.arange(num_points)
  radius = (jnp.full(num_points, jnp.inf), jnp.zeros(num_points))
  for left in range(num_neighbors + 1):
    start = at - left
    inside = (start >= begin) & (start + k < begin + count) & (left <= k)
    first = member[jnp.clip(start, 0, num_points - 1)]
    last = member[jnp.clip(start + k, 0, num_points - 1)]
    below, above = distance(member, first), distance(last, member)
    reach = _where(_is_less(below, above), above, below)
    radius = _where(inside & _is_less(reach, radius), reach, radius)

  # Points strictly closer than the radius, by two binary searches.
  steps = bits + 1

  def search(closer):
    """First rank for which `closer(rank)` holds; it holds from there on."""
    least = jnp.zeros(num_points, jnp.int32)
    greatest = jnp.full(num_points, num_points, jnp.int32)

    def halve(_, state):
      least, greatest = state
      middle = (least + greatest) // 2
      holds = closer(jnp.minimum(middle, num_points - 1))
      is_open = least < greatest
      greatest = jnp.where(is_open & holds, middle, greatest)
      least = jnp.where(is_open & ~holds, middle + 1, least)
      return least, greatest

    return jax.lax.fori_loop(0, steps, halve, (least, greatest))[0]

  lower = search(lambda rank: _is_less(distance(member, rank), radius))
  upper = search(lambda rank: ~_is_less(distance(rank, member), radius))
  within = (upper - lower).astype(jnp.float32)

  has_mate = count > 1
  total = jnp.sum(has_mate)
  digamma = jax.scipy.special.digamma
  mean = lambda y: jnp.sum(jnp.where(has_mate, y, 0)) / jnp.maximum(total, 1)
  real = lambda y: jnp.maximum(y, 1).astype(jnp.float32)
  estimate = (
    digamma(real(total))
    + mean(digamma(real(k)))
    - mean(digamma(real(count)))
    - mean(digamma(real(within)))
  )
  return jnp.where(total > 0, jnp.maximum(estimate, 0), 0)


def dense_ranks(x: jax.Array) -> jax.Array:
  """Number of the distinct value of each entry, in ascending order.

  Args:
    x: float32 [N].

  Returns:
    int32 [N].
  """
  chex.assert_rank(x, 1)
  ordered = jnp.sort(x)
  new = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] != ordered[:-1]])
  number = jnp.cumsum(new).astype(jnp.int32)
  return number[jnp.searchsorted(ordered, x)]
