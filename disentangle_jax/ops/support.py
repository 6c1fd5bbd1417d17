"""How far combinations of values are from values that occur together.

Roth et al. 2023, "Disentanglement of Correlated Factors via Hausdorff
Factorized Support", https://arxiv.org/abs/2210.07347. For two codes (a, b) of a
set of points: the largest, over points (a_i, b_j) of the product of both
supports, of the squared distance to the nearest point (a_n, b_n). It is 0 on a
lattice of which every point occurs, however often.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np


class Combinations(NamedTuple):
  """Which points of products of supports are looked at.

  Attributes:
    codes: int32 [P, 2], pairs of codes.
    rows: int32 [M, P, 2], where each point takes its first and second value.
  """

  codes: jax.Array
  rows: jax.Array


def draw(
  key: jax.Array, num_points: int, num_pairs: int, width: int, size: int
) -> Combinations:
  """Pairs of codes without replacement, and random points of their products.

  Args:
    key: typed PRNG key.
    num_points: M, points of every pair.
    num_pairs: P; cut to the width (width - 1) / 2 that there are.
    width: D, number of codes, at least 2.
    size: number of points in the set.

  Returns:
    The combinations.
  """
  order_key, rows_key = jax.random.split(key)
  every = np.stack(np.triu_indices(width, 1), 1)
  order = jax.random.permutation(order_key, len(every))[:num_pairs]
  shape = (num_points, min(num_pairs, len(every)), 2)
  rows = jax.random.randint(rows_key, shape, 0, size, jnp.int32)
  return Combinations(jnp.asarray(every, jnp.int32)[order], rows)


def distances(z: jax.Array, combinations: Combinations) -> jax.Array:
  """The largest squared distance of drawn combinations to the points.

  Differentiable in both: the combinations move with the points whose values
  they take.

  Args:
    z: float [N, D].
    combinations: of `draw`.

  Returns:
    float [P], one per pair of codes, >= 0.
  """
  chex.assert_rank(z, 2)
  chex.assert_type(z, float)
  chex.assert_shape(combinations.rows, (None, len(combinations.codes), 2))
  pairs = z[:, combinations.codes]  # [N, P, 2]
  at = lambda side: jnp.take_along_axis(
    pairs[..., side], combinations.rows[..., side], axis=0
  )
  drawn = jnp.stack([at(0), at(1)], axis=-1)  # [M, P, 2]
  squared = jnp.sum(jnp.square(drawn[:, None] - pairs[None]), axis=-1)
  return jnp.max(jnp.min(squared, axis=1), axis=0)


def full_distance(a: jax.Array, b: jax.Array) -> jax.Array:
  """The same over all combinations of two codes, one row of them at a time.

  Args:
    a: float [N].
    b: float [N].

  Returns:
    float scalar, max_ij min_n (a_i - a_n)^2 + (b_j - b_n)^2.
  """
  chex.assert_rank([a, b], 1)
  chex.assert_equal_shape([a, b])
  of_b = jnp.square(b[:, None] - b)  # [j, n]
  of_one = lambda x: jnp.max(jnp.min(jnp.square(x - a) + of_b, axis=1))
  return jnp.max(jax.lax.map(of_one, a))
