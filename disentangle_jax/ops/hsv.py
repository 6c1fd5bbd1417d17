"""Colours as hue, saturation and value."""

import chex
import jax
import jax.numpy as jnp


def _check(image: jax.Array) -> None:
  chex.assert_shape(image, (..., 3))
  chex.assert_type(image, float)


def rgb_to_hsv(image: jax.Array) -> jax.Array:
  """Hue, saturation and value of colours.

  Args:
    image: float [..., 3] in [0, 1], red, green, blue.

  Returns:
    float32 [..., 3] in [0, 1]; greys have hue 0.
  """
  _check(image)
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
  _check(image)
  hue, saturation, value = (image[..., k, None] for k in range(3))
  # The circle at full saturation: trapezoids, a third of a turn apart.
  turn = jnp.mod(6.0 * hue + jnp.asarray([0.0, 4.0, 2.0]), 6.0)
  pure = jnp.clip(jnp.abs(turn - 3.0) - 1.0, 0.0, 1.0)
  return value * (1.0 - saturation * (1.0 - pure))
