"""Random regression forests on binned features (Breiman 2001).

All nodes of a level are split at once: weighted sums of the targets per node,
feature and bin, then the split of largest variance decrease per node. Trees
grow to a fixed depth; a node that cannot be split sends all its points left.
Features that split a node equally well are drawn from, as where trees visit
them in random order.
"""

import math
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import trees

# Sums over bins are rounded in another order for each feature.
_TIE = 1e-4


class Forest(NamedTuple):
  """A forest, read at every depth.

  Attributes:
    predictions: float32 [depth + 1, N], the mean prediction of the trees cut at
      each depth (0: the mean of the targets).
    splits: float32 [depth, D], splits on each feature at each level, all trees.
  """

  predictions: jax.Array
  splits: jax.Array


def _below(index, x, shape):
  """Sums of x [N] up to each bin; index [N, D] counts through `shape`."""
  values = jnp.broadcast_to(x[:, None], index.shape)
  cells = jnp.zeros(math.prod(shape)).at[index.reshape(-1)]
  return jnp.cumsum(cells.add(values.reshape(-1)).reshape(shape), axis=2)


def tree(
  key: jax.Array,
  bins: jax.Array,
  target: jax.Array,
  weights: jax.Array,
  num_bins: int,
  depth: int,
) -> tuple[jax.Array, jax.Array]:
  """Grows one regression tree.

  Args:
    key: a typed PRNG key, for ties between features.
    bins: int32 [N, D], the features' bins in [0, num_bins).
    target: float [N], of about unit variance.
    weights: float [N], how often a point counts, 0 or more.
    num_bins: bins per feature.
    depth: levels of splits.

  Returns:
    float32 [depth + 1, N], predictions of the tree cut at each depth, and
    float32 [depth, D], splits on each feature at each level.
  """
  chex.assert_rank(bins, 2)
  chex.assert_shape([target, weights], bins.shape[:1])
  chex.assert_type([bins, target, weights], [int, float, float])
  num_points, num_features = bins.shape
  node = jnp.zeros(num_points, jnp.int32)
  mean = jnp.sum(weights * target) / jnp.maximum(jnp.sum(weights), 1)
  value = mean[None]
  predictions = [jnp.broadcast_to(mean, (num_points,))]
  splits = []
  lots = jax.random.uniform(key, (2**depth - 1, num_features))
  for level in range(depth):
    num_nodes = 2**level
    feature = jnp.arange(num_features)
    index = (node[:, None] * num_features + feature) * num_bins + bins
    shape = (num_nodes, num_features, num_bins)
    below = _below(index, weights * target, shape)
    count = _below(index, weights, shape)
    # Every feature against its own total: the order of summation differs.
    sums, counts = below[:, :, -1:], count[:, :, -1:]
    rest = counts - count
    legal = (count > 0.5) & (rest > 0.5)
    # (n s_l - n_l s)^2 / (n_l n_r n), the decrease of the squared error.
    product = jnp.where(legal, count * rest * counts, 1)
    gain = jnp.square(counts * below - count * sums) / product
    gain = jnp.where(legal, gain, 0)[..., None]
    lot = lots[num_nodes - 1 : 2 * num_nodes - 1, :, None]
    gain = trees.break_ties(gain, lot, _TIE).reshape(num_nodes, -1)
    best = jnp.argmax(gain, axis=1)
    # Less than a millionth of a unit variance per point is rounding.
    usable = jnp.max(gain, axis=1) > 1e-6 * counts[:, 0, 0]
    split_on, cut = best // num_bins, best % num_bins
    splits.append(jnp.zeros(num_features).at[split_on].add(usable))
    own = jnp.take_along_axis(bins, split_on[node][:, None], axis=1)[:, 0]
    right = usable[node] & (own > cut[node])
    node = 2 * node + right
    size = jnp.zeros(2 * num_nodes).at[node].add(weights)
    amount = jnp.zeros(2 * num_nodes).at[node].add(weights * target)
    # A node that no training point reaches keeps its parent's value.
    value = jnp.where(
      size > 0, amount / jnp.where(size > 0, size, 1), jnp.repeat(value, 2)
    )
    predictions.append(value[node])
  return jnp.stack(predictions), jnp.stack(splits)


def fit(
  key: jax.Array,
  bins: jax.Array,
  target: jax.Array,
  trained: jax.Array,
  num_bins: int,
  depth: int,
  num_trees: int = 10,
) -> Forest:
  """Fits trees to bootstrap samples and reads them on all points.

  Args:
    key: a typed PRNG key, for the bootstrap and for ties between features.
    bins: int32 [N, D], the features' bins in [0, num_bins).
    target: float [N], of about unit variance.
    trained: bool [N], the points that may be drawn.
    num_bins: bins per feature.
    depth: levels of splits.
    num_trees: trees.

  Returns:
    The forest.
  """
  chex.assert_rank(bins, 2)
  chex.assert_shape([target, trained], bins.shape[:1])
  chex.assert_type([bins, target, trained], [int, float, bool])
  share = trained / jnp.maximum(jnp.sum(trained), 1)
  num_points = bins.shape[0]
  # Exactly as many draws as trained points: draws beyond them are void.
  ladder = jnp.cumsum(share)

  def one_tree(key):
    u = jax.random.uniform(key, (num_points,))
    tie_key = jax.random.fold_in(key, 1)
    draw = jnp.minimum(jnp.searchsorted(ladder, u), num_points - 1)
    counted = jnp.arange(num_points) < jnp.sum(trained)
    weights = jnp.zeros(num_points).at[draw].add(counted)
    weights = jnp.where(trained, weights, 0)
    return tree(tie_key, bins, target, weights, num_bins, depth)

  def add(sums, key):
    return jax.tree.map(jnp.add, sums, one_tree(key)), None

  shapes = jax.eval_shape(one_tree, key)
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
  sums, _ = jax.lax.scan(add, zeros, jax.random.split(key, num_trees))
  return Forest(sums[0] / num_trees, sums[1])
