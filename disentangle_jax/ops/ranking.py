"""Ranks, areas under ROC curves and rank correlation."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

# NumPy, not jnp: importing the package must not choose the devices.
_SIGN = np.uint32(0x80000000)


def sortable(x: jax.Array) -> jax.Array:
  """Unsigned integers in the order of the floats (one per distinct float).

  Sorting plain integers is about five times as fast as sorting floats on a CPU.

  Args:
    x: float32, finite.

  Returns:
    uint32 of the same shape.
  """
  chex.assert_type(x, jnp.float32)
  # -0 and +0 compare equal as floats. Adding 0 would do, but XLA drops it.
  one_zero = jnp.where(x == 0, jnp.zeros_like(x), x)
  bits = jax.lax.bitcast_convert_type(one_zero, jnp.uint32)
  return jnp.where(bits & _SIGN, ~bits, bits | _SIGN)


def unsortable(bits: jax.Array) -> jax.Array:
  """Inverse of `sortable`: uint32 -> float32."""
  chex.assert_type(bits, jnp.uint32)
  back = jnp.where(bits & _SIGN, bits ^ _SIGN, ~bits)
  return jax.lax.bitcast_convert_type(back, jnp.float32)


def average_ranks(x: jax.Array) -> jax.Array:
  """Ranks 1 .. N along the last axis; ties share their mean rank.

  Args:
    x: float32 [..., N], finite.

  Returns:
    float32 [..., N].
  """
  chex.assert_shape(x, (..., None))
  flat = sortable(x).reshape(-1, x.shape[-1])

  def ranks(row):
    ordered = jnp.sort(row)
    below = jnp.searchsorted(ordered, row, side='left')
    upto = jnp.searchsorted(ordered, row, side='right')
    return (below + upto + 1).astype(jnp.float32) / 2

  return jax.vmap(ranks)(flat).reshape(x.shape)


def auc(scores: jax.Array, positive: jax.Array) -> jax.Array:
  """Area under the ROC curve along the last axis.

  The probability that a positive has a higher score than a negative, ties
  counted half.

  Args:
    scores: float32 [..., N], finite.
    positive: bool [..., N].

  Returns:
    float32 [...], 0.5 where positives or negatives are missing.
  """
  chex.assert_shape(scores, (..., None))
  chex.assert_equal_shape([scores, positive])
  chex.assert_type(positive, bool)
  # The lowest bit of the key carries the label, so that one sort of plain
  # integers orders both: 31 bits hold the score (1 part in 8 million).
  key = (sortable(scores) & ~jnp.uint32(1)) | positive.astype(jnp.uint32)
  key = jnp.sort(key, axis=-1)
  is_positive = (key & 1).astype(jnp.int32)
  negatives = jnp.cumsum(1 - is_positive, axis=-1)
  value = key >> 1
  starts = jnp.concatenate(
    [jnp.ones_like(value[..., :1], bool), value[..., 1:] != value[..., :-1]],
    axis=-1,
  )
  # Negatives strictly below the tied values; counts never fall, so that a
  # running maximum carries each group's start forward.
  before = jnp.where(starts, negatives - (1 - is_positive), 0)
  before = jax.lax.cummax(before, axis=before.ndim - 1)
  # Within a tie the negatives come first, so `negatives` includes them all.
  won = (before + negatives).astype(jnp.float32) * 0.5
  total = jnp.sum(jnp.where(is_positive == 1, won, 0), axis=-1)
  num_negative = negatives[..., -1]
  num_positive = scores.shape[-1] - num_negative
  pairs = num_positive.astype(jnp.float32) * num_negative
  return jnp.where(pairs > 0, total / jnp.maximum(pairs, 1), 0.5)


def spearman(a: jax.Array, b: jax.Array) -> jax.Array:
  """Spearman's rank correlation of every pair of columns.

  Args:
    a: float32 [N, D].
    b: float32 [N, E].

  Returns:
    float32 [D, E] in [-1, 1]; 0 where a column is constant.
  """
  chex.assert_rank([a, b], 2)
  chex.assert_equal_shape_prefix([a, b], 1)

  def unit(x):
    ranks = average_ranks(x.T)
    ranks = ranks - jnp.mean(ranks, axis=1, keepdims=True)
    norm = jnp.sqrt(jnp.sum(jnp.square(ranks), axis=1, keepdims=True))
    return ranks / jnp.where(norm > 0, norm, 1)

  product = jnp.matmul(unit(a), unit(b).T, precision=jax.lax.Precision.HIGHEST)
  return jnp.clip(product, -1, 1)
