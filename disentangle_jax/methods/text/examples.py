"""Training sentences that a method keeps, some of each group.

The first ones that come are kept. Which those are depends on the batches alone,
however they are split over devices.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis


class Examples(NamedTuple):
  """Sentences by group.

  Attributes:
    tokens: int32 [G, n, L], padding where none has come yet.
    count: int32 [G], how many there are, at most n.
  """

  tokens: jax.Array
  count: jax.Array


def empty(groups: int, each: int, length: int) -> Examples:
  """No sentences yet.

  Args:
    groups: G.
    each: n, places of each group.
    length: L, tokens.

  Returns:
    The examples.
  """
  return Examples(
    jnp.zeros((groups, each, length), jnp.int32), jnp.zeros(groups, jnp.int32)
  )


def with_batch(
  examples: Examples, tokens: jax.Array, group: jax.Array, index: jax.Array
) -> Examples:
  """Fills places that are left with sentences of a batch.

  Args:
    examples: so far.
    tokens: int32 [B, L], this shard's rows.
    group: int32 [B], of each sentence; -1 for those that belong to none.
    index: int32 [B], numbers of the rows in the whole batch.

  Returns:
    The examples after it, the same on every shard.
  """
  groups, each, length = examples.tokens.shape
  chex.assert_shape([tokens, group, index], [(None, length), *[(None,)] * 2])
  member = group[:, None] == jnp.arange(groups)
  # How many rows of the whole batch come before a row in its own group.
  everyone, numbers = axis.gather(group), axis.gather(index)
  before = (everyone == group[:, None]) & (numbers < index[:, None])
  slot = examples.count[group] + jnp.sum(before, axis=1)
  taken = member[:, :, None] & (slot[:, None] == jnp.arange(each))[:, None]
  # One row at most for each place, so that a sum over rows is that row.
  flat = taken.reshape(len(tokens), -1)
  rows = axis.sum(flat[:, :, None] * tokens[:, None])
  filled = axis.sum(flat.astype(jnp.int32)) > 0
  stored = examples.tokens.reshape(-1, length)
  stored = jnp.where(filled[:, None], rows.astype(jnp.int32), stored)
  count = examples.count + axis.sum(member.astype(jnp.int32))
  return Examples(
    stored.reshape(groups, each, length), jnp.minimum(count, each)
  )


def rows_of(examples: Examples) -> jax.Array:
  """Sentences for all places: those of a group that is not full come again.

  Args:
    examples: of a trained run.

  Returns:
    int32 [G, n, L]; padding for a group of which none has come.
  """
  each = examples.tokens.shape[1]
  number = jnp.arange(each) % jnp.maximum(examples.count[:, None], 1)
  return jnp.take_along_axis(examples.tokens, number[:, :, None], axis=1)
