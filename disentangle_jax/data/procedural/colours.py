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


def rgb_to_hsv(image: jax.Array) -> jax.Array:
  """Hue, saturation and value of colours.

  Args:
    image: float [..., 3] in [0, 1], red, green, blue.

  Returns:
    float32 [..., 3] in [0, 1]; greys have hue 0.
  """
  value = jnp.max(image, axis=-1)
  chroma = value - jnp.min(image, axis=-1)
  red, green, blue = (image[..., k] for k in range(3))
  safe = jnp.where(chroma > 0, chroma, 1.0)
  sector = jnp.where(
    value == red,
    (green - blue) / safe,
    jnp.where(
      value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe
    ),
  )
  hue = jnp.where(chroma > 0, jnp.mod(sector / 6.0, 1.0), 0.0)
  saturation = jnp.where(
    value > 0, chroma / jnp.where(value > 0, value, 1), 0.0
  )
  return jnp.stack([hue, saturation, value], axis=-1)


def hsv_to_rgb(image: jax.Array) -> jax.Array:
  """Colours of hue, saturation and value: the inverse of `rgb_to_hsv`.

  Args:
    image: float [..., 3] in [0, 1].

  Returns:
    float32 [..., 3] in [0, 1].
  """
  hue, saturation, value = (image[..., k, None] for k in range(3))
  pure = hue_to_rgb(hue[..., 0])
  return value * (1.0 - saturation * (1.0 - pure))
