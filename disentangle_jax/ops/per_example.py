"""Random numbers that belong to an example, not to its place in a batch."""

import chex
import jax
import jax.numpy as jnp


def keys(key: jax.Array, index: jax.Array) -> jax.Array:
  """One key per example.

  Args:
    key: a typed PRNG key.
    index: int32 [B], the example's number in the whole batch.

  Returns:
    typed keys [B]; row b depends on (key, index[b]) alone.
  """
  chex.assert_rank(index, 1)
  chex.assert_type(index, int)
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


def bernoulli(
  key: jax.Array,
  index: jax.Array,
  p: jax.Array | float,
  shape: tuple[int, ...] = (),
) -> jax.Array:
  """Coins, the same however the batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    p: probability of True, scalar or whatever broadcasts to [B, *shape].
    shape: the shape of one example's coins.

  Returns:
    bool [B, *shape].
  """
  chex.assert_is_broadcastable(jnp.shape(p), (*jnp.shape(index), *shape))
  return uniform(key, index, shape) < p


def integers(
  key: jax.Array,
  index: jax.Array,
  shape: tuple[int, ...],
  low: int | jax.Array,
  high: int | jax.Array,
) -> jax.Array:
  """Uniform whole numbers in [low, high), the same however a batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    shape: the shape of one example's numbers.
    low: the least one.
    high: one above the largest.

  Returns:
    int32 [B, *shape].
  """
  draw = lambda k: jax.random.randint(k, shape, low, high, jnp.int32)
  return jax.vmap(draw)(keys(key, index))


def categorical(
  key: jax.Array, index: jax.Array, logits: jax.Array
) -> jax.Array:
  """One class per example, the same however the batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    logits: float [B, C], or [C] for all examples; unnormalised, nats.

  Returns:
    int32 [B], in 0 .. C - 1.
  """
  chex.assert_shape(logits, (..., None))
  chex.assert_type(logits, float)
  if logits.ndim > 1:
    chex.assert_shape(logits, (len(index), None))
  rows = jnp.broadcast_to(logits, (len(index), logits.shape[-1]))
  draw = lambda k, row: jax.random.categorical(k, row).astype(jnp.int32)
  return jax.vmap(draw)(keys(key, index), rows)


def permutation(key: jax.Array, index: jax.Array, n: int) -> jax.Array:
  """One order of n things per example, the same however a batch is split.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    n: how many things.

  Returns:
    int32 [B, n]; every row holds 0 .. n - 1 once.
  """
  draw = lambda k: jax.random.permutation(k, n).astype(jnp.int32)
  return jax.vmap(draw)(keys(key, index))
