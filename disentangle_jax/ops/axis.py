"""Reductions over the batch that mean the same on every mesh.

The engine may split a batch over the mesh axis 'data'. Inside `shard_map` a
plain mean would be the mean of one shard; these functions finish it over the
mesh. Because parameters are replicated over 'data', differentiating a loss that
ends in `mean` sums the gradients of the shards, and nothing else averages.
"""

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
  local = jnp.mean(x, axis=0)
  return jax.lax.pmean(local, DATA) if is_split() else local


def sum(x: jax.Array) -> jax.Array:
  """Sum over the leading batch axis, over all shards.

  Args:
    x: float [B, ...].

  Returns:
    float [...].
  """
  local = jnp.sum(x, axis=0)
  return jax.lax.psum(local, DATA) if is_split() else local


def gather(x: jax.Array) -> jax.Array:
  """All rows of the batch, for terms that couple examples.

  Args:
    x: [B, ...], the rows of this shard.

  Returns:
    [B * shards, ...], in the order of the example index.
  """
  if not is_split():
    return x
  return jax.lax.all_gather(x, DATA, axis=0, tiled=True)
