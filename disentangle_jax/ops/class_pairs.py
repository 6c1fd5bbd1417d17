"""Losses on pairs and triplets of vectors that come in classes."""

import chex
import jax
import jax.numpy as jnp


def unit_length(vector: jax.Array) -> jax.Array:
  """Scales vectors to length one.

  Args:
    vector: float [..., E].

  Returns:
    float [..., E]; a vector of zeros stays, with a finite gradient.
  """
  chex.assert_type(vector, float)
  square = jnp.sum(jnp.square(vector), axis=-1, keepdims=True)
  return vector * jax.lax.rsqrt(jnp.maximum(square, 1e-12))


def flat_pairs(valid: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
  """Which pairs of images share a class, and which do not.

  Args:
    valid: bool [C], classes that are there.
    count: n, images of each.

  Returns:
    bool [C n, C n] twice: positive (of one class, no image with itself) and
    negative pairs, images of absent classes left out.
  """
  chex.assert_rank(valid, 1)
  chex.assert_type(valid, bool)
  number = jnp.repeat(jnp.arange(len(valid)), count)
  there = jnp.repeat(valid, count)
  there = there[:, None] & there[None, :]
  same = number[:, None] == number[None, :]
  itself = jnp.eye(len(number), dtype=bool)
  return there & same & ~itself, there & ~same


def mean_over(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Mean of the entries under a mask, float scalar; 0 where there are none."""
  chex.assert_equal_shape([x, mask])
  chex.assert_type(mask, bool)
  return jnp.sum(jnp.where(mask, x, 0)) / jnp.maximum(jnp.sum(mask), 1)


def triplet_loss(
  vector: jax.Array, valid: jax.Array, margin: jax.Array | float
) -> jax.Array:
  """Mean over all valid triplets of max(0, margin + |a - p|^2 - |a - n|^2).

  Schroff et al. 2015, https://arxiv.org/abs/1503.03832, equation 2: an anchor
  a, a positive p of its class, a negative n of another one.

  Args:
    vector: float [C, n, E].
    valid: bool [C], classes that count.
    margin: >= 0, in units of the squared distance.

  Returns:
    float scalar; 0 where there is no triplet.
  """
  chex.assert_rank(vector, 3)
  chex.assert_shape(valid, vector.shape[:1])
  chex.assert_type(valid, bool)
  classes, count, _ = vector.shape
  rows = vector.reshape(classes * count, -1)
  difference = rows[:, None] - rows[None, :]
  distance = jnp.sum(jnp.square(difference), axis=-1)
  positive, negative = flat_pairs(valid, count)
  # Positives stand in the anchor's own class: [C n, n], not [C n, C n].
  own = jnp.repeat(jnp.arange(classes), count)[:, None] * count
  own = own + jnp.arange(count)
  near = jnp.take_along_axis(distance, own, axis=1)
  is_near = jnp.take_along_axis(positive, own, axis=1)
  triplet = jnp.maximum(0, margin + near[:, :, None] - distance[:, None, :])
  return mean_over(triplet, is_near[:, :, None] & negative[:, None, :])
