"""Random numbers that belong to an example, not to its place in a batch."""

import jax


def keys(key: jax.Array, index: jax.Array) -> jax.Array:
  """One key per example.

  Args:
    key: a typed PRNG key.
    index: int32 [B], the example's number in the whole batch.

  Returns:
    typed keys [B]; row b depends on (key, index[b]) alone.
  """
  return jax.vmap(lambda i: jax.random.fold_in(key, i))(index)


def normal(
  key: jax.Array, index: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
  """Standard normal noise, the same however the batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    shape: the shape of one example's noise.

  Returns:
    float32 [B, *shape].
  """
  draw = lambda k: jax.random.normal(k, shape)
  return jax.vmap(draw)(keys(key, index))


def uniform(
  key: jax.Array, index: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
  """Uniform [0, 1) noise, the same however the batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    shape: the shape of one example's noise.

  Returns:
    float32 [B, *shape].
  """
  draw = lambda k: jax.random.uniform(k, shape)
  return jax.vmap(draw)(keys(key, index))
