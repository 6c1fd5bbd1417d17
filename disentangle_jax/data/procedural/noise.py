"""Uniform noise by the pixel, cheap enough to be drawn for every image."""

import math

import jax
import jax.numpy as jnp


def _mix(x: jax.Array) -> jax.Array:
  """A bijection of 32 bits in which every input bit reaches every output bit.

  Multiply and xor-shift, with the constants of Wellons' search for low bias
  (https://nullprogram.com/blog/2018/07/31/).
  """
  x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
  x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
  return x ^ (x >> 16)


def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
  """Uniform [0, 1) noise from a hash of a counter and the key.

  `jax.random.uniform` spends over a hundred operations per number: 64 x 64 x 3
  pixels would cost as much as a training step. This is for what an image shows,
  not for estimates.

  Args:
    key: typed PRNG key; it is hashed in full first.
    shape: of the noise.

  Returns:
    float32 of that shape, multiples of 2^-24.
  """
  first, second = jax.random.bits(key, (2,))
  count = jnp.arange(math.prod(shape), dtype=jnp.uint32)
  bits = _mix(_mix(count * jnp.uint32(0x9E3779B9) ^ first) + second)
  return ((bits >> 8).astype(jnp.float32) * 2.0**-24).reshape(shape)
