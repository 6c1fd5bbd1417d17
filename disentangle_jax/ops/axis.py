"""Reductions over the batch that mean the same on every mesh.

The engine may split a batch over the mesh axis 'data'. Inside `shard_map` a
plain mean would be the mean of one shard; these functions finish it over the
mesh. Because parameters are replicated over 'data', differentiating a loss that
ends in `mean` sums the gradients of the shards, and nothing else averages.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp

DATA = 'data'


def is_split() -> bool:
  """Whether the code being traced runs inside a mesh with a 'data' axis."""
  return DATA in jax.sharding.get_abstract_mesh().manual_axes


def mean(x: jax.Array) -> jax.Array:
  """Mean over the leading batch axis, over all shards.

  Args:
    x: float [B, ...], the rows of this shard; shards hold equally many.

  Returns:
    float [...], the same on every shard.
  """
  chex.assert_shape(x, (None, ...))
  local = jnp.mean(x, axis=0)
  return jax.lax.pmean(local, DATA) if is_split() else local


def sum(x: jax.Array) -> jax.Array:
  """Sum over the leading batch axis, over all shards.

  Args:
    x: float [B, ...].

  Returns:
    float [...].
  """
  chex.assert_shape(x, (None, ...))
  local = jnp.sum(x, axis=0)
  return jax.lax.psum(local, DATA) if is_split() else local


def gather(x: jax.Array) -> jax.Array:
  """All rows of the batch, for terms that couple examples.

  Args:
    x: [B, ...], the rows of this shard.

  Returns:
    [B * shards, ...], in the order of the example index.
  """
  chex.assert_shape(x, (None, ...))
  if not is_split():
    return x
  return jax.lax.all_gather(x, DATA, axis=0, tiled=True)


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Mean over the entries of the whole batch that a mask keeps.

  One sum over one number, both over all shards: a mean of the rows' or of the
  shards' own means would weigh entries by how few there are beside them.

  Args:
    x: float [B, ...], the rows of this shard.
    mask: bool, the first axes of x: [B], [B, T], ...; True is kept.

  Returns:
    float, the axes of x that the mask lacks; 0 where nothing is kept. What the
    mask drops may be NaN.
  """
  chex.assert_type([x, mask], [float, bool])
  chex.assert_shape(x, (*mask.shape, ...))
  chex.assert_shape(mask, (None, ...))
  inner = tuple(range(1, mask.ndim))
  count = sum(jnp.sum(mask, inner, dtype=x.dtype))
  wide = mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
  total = sum(jnp.sum(jnp.where(wide, x, 0), inner))
  return total / jnp.maximum(count, 1)


def moments(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Mean and variance of every channel, over batch and places, all shards.

  Args:
    x: float [B, ..., C], the rows of this shard.

  Returns:
    float [C] each; the variance is the mean of squares about that mean, divided
    by the number of entries.
  """
  chex.assert_shape(x, (None, ..., None))
  chex.assert_type(x, float)
  inner = tuple(range(1, x.ndim - 1))
  centre = mean(jnp.mean(x, inner))
  return centre, mean(jnp.mean(jnp.square(x - centre), inner))


def like(tree: Any, x: Any) -> Any:
  """Zeros shaped as a tree that vary over the mesh as x does.

  JAX tracks what differs between devices and refuses a loop that starts from
  plain zeros and ends with something that differs. Adding these to the start
  makes it differ too, and costs nothing once compiled.

  Args:
    tree: pytree of arrays.
    x: pytree of arrays; the result varies wherever one of them does.

  Returns:
    Zeros with the shapes and dtypes of `tree`.
  """
  # A scalar carries what it varies over into whatever it is added to.
  zero = jnp.zeros(())
  for leaf in jax.tree.leaves(x):
    zero += jnp.zeros_like(leaf, jnp.float32, shape=())
  return jax.tree.map(
    lambda leaf: jnp.zeros_like(leaf) + zero.astype(leaf.dtype), tree
  )


def spread(tree: Any, x: Any) -> Any:
  """A tree that varies over the mesh as x does.

  What a gradient of our own or a loop is given must vary as what these return.
  Gradients with respect to the tree that comes in are summed over the mesh.

  Args:
    tree: pytree of arrays.
    x: pytree of arrays.

  Returns:
    The tree.
  """
  return jax.tree.map(jnp.add, tree, like(tree, x))
