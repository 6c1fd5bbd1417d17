"""Corruption of observations, for denoising."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import per_example


def salt_and_pepper(
  key: jax.Array,
  index: jax.Array,
  observation: jax.Array,
  most: float,
) -> jax.Array:
  """Sets up to a given share of the pixels to black or white.

  Every image draws its own probability uniformly from [0, most]; every pixel is
  then hit with that probability and becomes 0 or 1 with equal chances, in all
  channels alike.

  Args:
    key: typed PRNG key.
    index: int32 [B], the examples' numbers in the whole batch.
    observation: float [B, ...]; with three axes after B the last is channels.
    most: the largest probability, in [0, 1].

  Returns:
    float [B, ...].
  """
  chex.assert_shape(index, observation.shape[:1])
  chex.assert_type([index, observation], [int, float])
  image = observation.ndim == 4
  shape = observation.shape[1:-1] + (1,) if image else observation.shape[1:]

  def draw(k):
    share_key, pixel_key = jax.random.split(k)
    share = most * jax.random.uniform(share_key)
    # One number says both: below the share a pixel is hit, below half of it
    # it turns white. Random numbers are what this costs.
    u = jax.random.uniform(pixel_key, shape)
    return u < share, u < 0.5 * share

  hit, white = jax.vmap(draw)(per_example.keys(key, index))
  return jnp.where(hit, white.astype(observation.dtype), observation)


def rectangle(
  key: jax.Array,
  index: jax.Array,
  observation: jax.Array,
  most: float,
) -> jax.Array:
  """Sets one random rectangle of every image to 0, in all channels.

  Height and width are independent and uniform over 1 .. round(most * side), at
  least 1; then the place is uniform over those inside of the image.

  Args:
    key: typed PRNG key.
    index: int32 [B], the examples' numbers in the whole batch.
    observation: float [B, H, W, C].
    most: the longest side, as a share of the image's, in [0, 1]; 0 leaves
      images as they are.

  Returns:
    float [B, H, W, C].
  """
  chex.assert_shape(observation, (*index.shape, None, None, None))
  chex.assert_type([index, observation], [int, float])
  if not most:
    return observation

  def along(key, size):
    """bool [size], a run of True."""
    length_key, start_key = jax.random.split(key)
    longest = max(1, round(most * size))
    length = jax.random.randint(length_key, (), 1, longest + 1)
    start = jax.random.randint(start_key, (), 0, size - length + 1)
    place = jnp.arange(size)
    return (place >= start) & (place < start + length)

  def hit(key):
    keys = jax.random.split(key)
    height, width = observation.shape[1:3]
    return along(keys[0], height)[:, None] & along(keys[1], width)

  blank = jax.vmap(hit)(per_example.keys(key, index))
  return jnp.where(blank[..., None], 0.0, observation)
