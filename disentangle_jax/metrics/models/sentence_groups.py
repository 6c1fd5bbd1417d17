"""Rows of groups, and whether codes lie among those of their own group."""

import chex
import jax
import jax.numpy as jnp


def of_groups(group: jax.Array, groups: int, each: int) -> jax.Array:
  """The first rows of each group.

  Args:
    group: int [N]; rows of negative groups are in none.
    groups: G.
    each: n, rows of each; a group with fewer gives them again.

  Returns:
    int32 [G, n], numbers of rows; of a group without rows they mean nothing.
  """
  chex.assert_rank(group, 1)
  chex.assert_type(group, int)

  def one(number):
    is_own = group == number
    order = jnp.argsort(~is_own, stable=True)
    return order[jnp.arange(each) % jnp.maximum(jnp.sum(is_own), 1)]

  return jax.vmap(one)(jnp.arange(groups)).astype(jnp.int32)


def majority(
  codes: jax.Array,
  pool: jax.Array,
  topic: jax.Array,
  own: jax.Array,
  count: int,
) -> jax.Array:
  """Whether most of the nearest codes are of the own topic.

  Args:
    codes: float [B, D].
    pool: float [N, D].
    topic: int [N]; rows of negative topics are no neighbours.
    own: int [B].
    count: neighbours, at most N.

  Returns:
    bool [B].
  """
  chex.assert_rank([codes, pool], 2)
  chex.assert_equal_shape_suffix([codes, pool], 1)
  chex.assert_shape([topic, own], [(len(pool),), (len(codes),)])

  def one(given):
    code, own = given
    squared = jnp.sum(jnp.square(pool - code), axis=-1)
    squared = jnp.where(topic < 0, jnp.inf, squared)
    _, nearest = jax.lax.top_k(-squared, count)
    return 2 * jnp.sum(topic[nearest] == own) > count

  return jax.lax.map(one, (codes, own))
