"""Colours from hues."""

import jax
import jax.numpy as jnp


def hue_to_rgb(hue: jax.Array) -> jax.Array:
  """Fully saturated colour of a hue: the HSV circle at S = V = 1.

  Args:
    hue: float [...], 0 and 1 red, 1/3 green, 2/3 blue.

  Returns:
    float32 [..., 3] in [0, 1].
  """
  offset = jnp.asarray([0.0, 4.0, 2.0])
  turn = jnp.mod(6.0 * hue[..., None] + offset, 6.0)
  return jnp.clip(jnp.abs(turn - 3.0) - 1.0, 0.0, 1.0)
