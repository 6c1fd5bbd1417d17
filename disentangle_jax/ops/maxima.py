"""Largest values whose slopes survive a compiler that rounds twice."""

import chex
import jax
import jax.numpy as jnp


def largest(x: jax.Array, axis: int) -> jax.Array:
  """The largest along an axis, with a slope that no rounding can spoil.

  The slope of jnp.max looks for the places whose value equals the maximum, and
  divides by their number. A compiler may compute both anew for it, the one
  rounded unlike the other: no place is found then, and the slope is 0 / 0. A
  place's number is not rounded.

  Args:
    x: [..., N, ...].
    axis: that of N.

  Returns:
    x without that axis; of equals the first has the slope.
  """
  place = jnp.argmax(x, axis=axis, keepdims=True)
  return jnp.squeeze(jnp.take_along_axis(x, place, axis=axis), axis)


def of_blocks(x: jax.Array) -> jax.Array:
  """The largest of every 2 x 2 block, its slope as safe as `largest`'s.

  Pair by pair: the slope of jnp.maximum compares what it was given, and equals
  share it.

  Args:
    x: [B, H, W, C], H and W even.

  Returns:
    [B, H / 2, W / 2, C].
  """
  chex.assert_rank(x, 4)
  rows = jnp.maximum(x[:, ::2], x[:, 1::2])
  return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])
