"""Decision trees over a fixed set of split candidates, as matrix products.

Every feature has a sorted list of cuts; candidate j = (feature, cut) sends a
point left when the feature is below the cut. With the 0/1 matrix `below`
[J, N] of all candidates, the sums that judge all splits of all nodes of many
trees are one matrix product per level, and the rows of that matrix are the
splits themselves. Nothing is sorted or scattered while trees grow.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np


def _cut_values(ordered, rank):
  """Mid-points between the value of a rank in a sorted row and the one before.

  Ties move to the first of the equal values; a cut at rank 0 separates nothing.
  """
  first = jnp.searchsorted(ordered, ordered[rank])
  middle = 0.5 * (ordered[jnp.maximum(first - 1, 0)] + ordered[first])
  # The mid-point of neighbouring floats may round down to the lower one.
  middle = jnp.where(
    middle > ordered[jnp.maximum(first - 1, 0)], middle, ordered[first]
  )
  return jnp.where(first > 0, middle, ordered[0])


def class_cuts(
  x: jax.Array,
  labels: jax.Array,
  num_classes: int,
  num_quantiles: int,
  num_added: int,
  num_candidates: int = 2048,
) -> jax.Array:
  """Quantile cuts, and more of them where the classes change.

  A code that encodes a factor of many values sharply has its class borders
  between quantiles. Starting from the quantiles, the cut that lowers the Gini
  impurity of the resulting intervals most is added, `num_added` times.

  Args:
    x: float [N, D].
    labels: int32 [N].
    num_classes: number of classes.
    num_quantiles: equally spaced quantiles among the cuts.
    num_added: cuts that are added by class.
    num_candidates: quantiles that cuts are chosen from; at most N.

  Returns:
    float [D, num_quantiles + num_added], ascending.
  """
  chex.assert_rank(x, 2)
  chex.assert_shape(labels, x.shape[:1])
  chex.assert_type([x, labels], [float, int])
  num_points = x.shape[0]
  num_candidates = min(num_candidates, num_points)
  ranks = np.arange(num_candidates) * num_points // num_candidates
  at = np.arange(1, num_quantiles + 1) * num_candidates // (num_quantiles + 1)
  index = jnp.arange(num_candidates)
  hot = jax.nn.one_hot(labels, num_classes)

  def one_feature(row):
    order = jnp.argsort(row)
    ordered = row[order]
    # Class counts below every candidate, and in front of an end sentinel.
    first = jnp.searchsorted(ordered, ordered[ranks])
    interval = jnp.searchsorted(first, jnp.arange(num_points), side='right')
    pieces = jax.ops.segment_sum(hot[order], interval, num_candidates + 1)
    below = jnp.cumsum(pieces, axis=0)
    # `below[m]` counts the points in front of candidate m; m = M is the end.
    quantile = jnp.zeros(num_candidates + 1, bool).at[at].set(True)
    quantile = quantile.at[0].set(True)
    start = jax.lax.cummax(jnp.where(quantile[:-1], index, 0))
    # The cut behind a candidate: the first one strictly after it.
    later = jnp.where(quantile[1:], index + 1, num_candidates)
    end = jax.lax.cummin(later, reverse=True)

    def add(_, state):
      is_cut, start, end = state
      left = below[:-1] - below[start]
      right = below[end] - below[:-1]
      n_left, n_right = jnp.sum(left, axis=1), jnp.sum(right, axis=1)
      square = lambda counts: jnp.sum(jnp.square(counts), axis=1)
      share = lambda counts, n: square(counts) / jnp.maximum(n, 1)
      gain = share(left, n_left) + share(right, n_right)
      gain -= share(left + right, n_left + n_right)
      legal = (n_left > 0) & (n_right > 0) & ~is_cut[:-1]
      best = jnp.argmax(jnp.where(legal, gain, -1.0))
      from_here, to_here = start[best], end[best]
      start = jnp.where((index >= best) & (index < to_here), best, start)
      end = jnp.where((index < best) & (index >= from_here), best, end)
      return is_cut.at[best].set(True), start, end

    state = (quantile, start, end)
    is_cut = jax.lax.fori_loop(0, num_added, add, state)[0]
    # Missing ones (nothing left to separate) repeat the last candidate.
    cut = jnp.nonzero(
      is_cut[1:-1],
      size=num_quantiles + num_added,
      fill_value=num_candidates - 2,
    )[0]
    return _cut_values(ordered, jnp.array(ranks)[cut + 1])

  return jax.lax.map(one_feature, x.T)


def below_cuts(x: jax.Array, cuts: jax.Array) -> jax.Array:
  """Which points each candidate sends left.

  Args:
    x: float [N, D].
    cuts: float [D, B].

  Returns:
    float32 [D * B, N] of zeros and ones.
  """
  chex.assert_rank([x, cuts], 2)
  chex.assert_shape(cuts, (x.shape[1], None))
  below = x.T[:, None, :] < cuts[:, :, None]
  return below.reshape(-1, x.shape[0]).astype(jnp.float32)


# Score of a class that never occurs in training.
NEVER = -1e9


class Boosted(NamedTuple):
  """What gradient boosting leaves behind.

  Attributes:
    importances: float32 [J], impurity decrease of each candidate, summed over
      all trees.
    scores: float32 [C, N], class scores of the training points (logits).
    test_scores: float32 [C, M], of the test points.
  """

  importances: jax.Array
  scores: jax.Array
  test_scores: jax.Array


# Gains of one partition by two features differ by rounding alone: as a share,
# less than this.
TIE = 1e-5


def break_ties(gain: jax.Array, lot: jax.Array, tie: float = TIE) -> jax.Array:
  """Gains in which features that split equally well differ, by lot.

  Where trees visit features in random order, features that split the points in
  the same way share what they hold; always to take the first one would credit
  it with everything. Within a feature the first of equal cuts stays the first.

  Args:
    gain: float [..., D, B, C], >= 0, of each cut of each feature.
    lot: float [..., D, C], in [0, 1), drawn anew for every split.
    tie: share by which equal gains may differ; no gain rises by more.

  Returns:
    float [..., D, B, C]; zeros stay zeros.
  """
  chex.assert_shape(gain, (*lot.shape[:-1], None, lot.shape[-1]))
  return gain * (1 + tie * lot[..., :, None, :])


def _best_split(sums, counts, total, count, lot):
  """Best candidate of every node.

  Args:
    sums: float [..., J, C], gradient sums of the points sent left.
    counts: float, broadcastable to the same, their number.
    total: float [..., C], gradient sum of the node.
    count: float, broadcastable to [..., C], points of the node.
    lot: float [..., D, C], for ties between features.

  Returns:
    (candidate int [..., C], impurity decrease times N float [..., C], >= 0).
  """
  total, count = total[..., None, :], count[..., None, :]
  rest = count - counts
  legal = (counts > 0.5) & (rest > 0.5)
  # (n_r s_l - n_l s_r)^2 / (n_l n_r n): no difference of large squares.
  difference = count * sums - counts * total
  product = jnp.where(legal, counts * rest * count, 1)
  gain = jnp.where(legal, jnp.square(difference) / product, 0)
  apart = gain.reshape(*lot.shape[:-1], -1, lot.shape[-1])
  gain = break_ties(apart, lot).reshape(gain.shape)
  return jnp.argmax(gain, axis=-2), jnp.max(gain, axis=-2)


def boost(
  key: jax.Array,
  below: jax.Array,
  labels: jax.Array,
  num_classes: int,
  below_test: jax.Array,
  num_features: int,
  num_rounds: int = 100,
  learning_rate: float = 0.1,
) -> Boosted:
  """Gradient boosting of classification trees of depth 3.

  Friedman 2001, "Greedy function approximation", algorithm 6: each round fits
  one regression tree per class to the residuals y - p of the softmax, with
  Newton steps (C - 1) / C sum r / sum p (1 - p) in the leaves, times the
  learning rate; the first scores are the log frequencies of the classes. With
  a candidate at every distinct value this is scikit-learn's
  GradientBoostingClassifier.

  Args:
    key: a typed PRNG key, for ties between features.
    below: float32 [J, N], from `below_cuts`.
    labels: int32 [N].
    num_classes: C; classes that do not occur cost time and change nothing.
    below_test: float32 [J, M], the same candidates on test points.
    num_features: D, a divisor of J; candidates are ordered by feature.
    num_rounds: rounds.
    learning_rate: shrinkage.

  Returns:
    Importances and scores.
  """
  chex.assert_rank([below, below_test], 2)
  chex.assert_equal_shape_prefix([below, below_test], 1)
  chex.assert_is_divisible(len(below), num_features)
  chex.assert_shape(labels, below.shape[1:])
  chex.assert_type([below, labels, below_test], [float, int, float])
  num_candidates, num_points = below.shape
  hot = jax.nn.one_hot(labels, num_classes, axis=0)
  frequency = jnp.mean(hot, axis=1, keepdims=True)
  occurs = frequency > 0
  prior = jnp.where(occurs, jnp.log(jnp.where(occurs, frequency, 1)), NEVER)
  num_present = jnp.maximum(jnp.sum(occurs), 1)
  counts = jnp.sum(below, axis=1)[:, None]
  points = jnp.full(num_classes, float(num_points))

  def judge(columns):
    """Sums over the points sent left, [..., C, N] -> [..., J, C]."""
    flat = columns.reshape(-1, num_points)
    sums = jax.lax.dot_general(
      below, flat, (((1,), (1,)), ((), ())), precision='highest'
    )
    sums = sums.reshape(num_candidates, *columns.shape[:-1])
    return jnp.moveaxis(sums, 0, -2)

  def pick(sums, best):
    return jnp.take_along_axis(sums, best[..., None, :], axis=-2)[..., 0, :]

  def route(rows, splits):
    """Leaf 0 .. 7 of every point, int8 [C, points]."""
    first, second, third = splits
    right1 = rows[first] < 0.5
    right2 = jnp.where(right1, rows[second[1]], rows[second[0]]) < 0.5
    on_left = jnp.where(right2, rows[third[1]], rows[third[0]])
    on_right = jnp.where(right2, rows[third[3]], rows[third[2]])
    right3 = jnp.where(right1, on_right, on_left) < 0.5
    number = 4 * right1.astype(jnp.int8) + 2 * right2.astype(jnp.int8)
    return number + right3.astype(jnp.int8)

  def look_up(values, leaf):
    """values [C, 8], leaf [C, points] -> [C, points]."""
    score = jnp.zeros(leaf.shape, values.dtype)
    for number in range(8):
      score = jnp.where(leaf == number, values[:, number, None], score)
    return score

  def one_round(state, key):
    # One lot per node of the three levels, feature and class.
    lots = jax.random.uniform(key, (7, num_features, num_classes))
    importances, scores, test_scores = state
    p = jax.nn.softmax(scores, axis=0)
    residual = hot - p
    total = jnp.sum(residual, axis=1)

    sums = judge(residual)
    first, gain1 = _best_split(sums, counts, total, points, lots[0])

    left = below[first]
    both = judge(jnp.stack([residual * left, left]))
    sums2 = jnp.stack([both[0], sums - both[0]])
    counts2 = jnp.stack([both[1], counts - both[1]])
    left_total = pick(sums, first)
    left_count = counts[first, 0]
    total2 = jnp.stack([left_total, total - left_total])
    count2 = jnp.stack([left_count, points - left_count])
    second, gain2 = _best_split(sums2, counts2, total2, count2, lots[1:3])

    inner = jnp.stack([left, 1 - left]) * below[second]
    both = judge(jnp.stack([residual * inner, inner]))
    pairs = lambda a, b: jnp.stack([a[0], b[0], a[1], b[1]])
    sums3 = pairs(both[0], sums2 - both[0])
    counts3 = pairs(both[1], counts2 - both[1])
    left_total, left_count = pick(sums2, second), pick(counts2, second)
    total3 = pairs(left_total, total2 - left_total)
    count3 = pairs(left_count, count2 - left_count)
    third, gain3 = _best_split(sums3, counts3, total3, count3, lots[3:])

    splits = (first, second, third)
    leaf = route(below, splits)
    values = []
    curvature = p * (1 - p)
    for number in range(8):
      inside = leaf == number
      top = jnp.sum(jnp.where(inside, residual, 0), axis=1)
      bottom = jnp.sum(jnp.where(inside, curvature, 0), axis=1)
      fine = bottom > 1e-30
      values.append(jnp.where(fine, top / jnp.where(fine, bottom, 1), 0))
    shrink = learning_rate * (num_present - 1) / num_present
    values = shrink * jnp.stack(values, axis=1)

    candidates = jnp.concatenate([first[None], second, third], axis=0).reshape(
      -1
    )
    gains = jnp.concatenate([gain1[None], gain2, gain3], axis=0).reshape(-1)
    importances = importances.at[candidates].add(gains / num_points)
    scores = scores + look_up(values, leaf)
    test_leaf = route(below_test, splits)
    test_scores = test_scores + look_up(values, test_leaf)
    return (importances, scores, test_scores), None

  spread = lambda rows: jnp.broadcast_to(prior, (num_classes, rows.shape[1]))
  state = (jnp.zeros(num_candidates), spread(below), spread(below_test))
  state, _ = jax.lax.scan(one_round, state, jax.random.split(key, num_rounds))
  return Boosted(*state)
