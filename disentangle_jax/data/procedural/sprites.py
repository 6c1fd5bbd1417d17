"""Outlines of flat sprites, and how they are put on a grid of pixels.

Lengths are pixels of a frame of 64 x 64 whatever the resolution. The first
three outlines were fitted to frames of dSprites (Matthey et al. 2017, see
`dsprites`): a pixel is on when its centre lies inside the outline.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

FRAME = 64.0
# Positions 0 to 1 span TRAVEL pixels from MARGIN on.
MARGIN = 16.0
TRAVEL = 32.0

SQUARE = 9.6
ELLIPSE = (12.8, 7.2)
CIRCLE = 9.6
# Distance of the corners of the equilateral triangle from its centre.
TRIANGLE = 12.8
# The heart's radius at an angle t over the horizontal (positive downwards) is
# P(sin t) + |cos t| Q(sin t); coefficients of P and Q from degree 0 upwards.
HEART = (
  (6.7687, 19.0148, -0.4145, -17.0242, 0.7711),
  (1.3833, -24.8338, 3.1175, 9.3302, -1.2816),
)


def _square(u, v):
  return jnp.maximum(jnp.abs(u), jnp.abs(v)) <= SQUARE


def _ellipse(u, v):
  return jnp.square(u / ELLIPSE[0]) + jnp.square(v / ELLIPSE[1]) <= 1.0


def _heart(u, v):
  squared = jnp.square(u) + jnp.square(v)
  # At the centre itself both ratios are 0 and the radius is P(0) > 0.
  inverse = jax.lax.rsqrt(jnp.maximum(squared, 1e-12))
  sine, cosine = v * inverse, jnp.abs(u) * inverse
  first, second = HEART[0][-1], HEART[1][-1]
  for a, b in zip(HEART[0][-2::-1], HEART[1][-2::-1]):
    first, second = first * sine + a, second * sine + b
  return squared * inverse <= first + cosine * second


def _triangle(u, v):
  # One corner up: the three sides lie at half the corners' distance.
  side = (jnp.sqrt(3.0) * jnp.abs(u) - v) / 2
  return jnp.maximum(v, side) <= TRIANGLE / 2


def _circle(u, v):
  return jnp.square(u) + jnp.square(v) <= CIRCLE**2


OUTLINES = {
  'square': _square,
  'ellipse': _ellipse,
  'heart': _heart,
  'triangle': _triangle,
  'circle': _circle,
}


def centres(side: int) -> np.ndarray:
  """Coordinates of `side` sampling points along one axis of the frame.

  Args:
    side: number of points.

  Returns:
    float32 [side], pixels of the 64 x 64 frame.
  """
  return (np.arange(side, dtype=np.float32) + 0.5) * np.float32(FRAME / side)


def place(position: jax.Array) -> jax.Array:
  """Position 0 to 1 -> coordinate of the sprite's centre, pixels."""
  return MARGIN + TRAVEL * position


def draw(
  outlines: Sequence[str],
  shape: jax.Array,
  scale: jax.Array,
  angle: jax.Array,
  x: jax.Array,
  y: jax.Array,
  resolution: int,
  antialias: int = 1,
) -> jax.Array:
  """One sprite.

  Args:
    outlines: names in OUTLINES.
    shape: int32 scalar, index into `outlines`.
    scale: float scalar, 1 is the size of the constants above.
    angle: float scalar, radians.
    x: float scalar, the centre's column, pixels of the 64 x 64 frame.
    y: float scalar, the centre's row.
    resolution: side of the image, pixels.
    antialias: samples per pixel along each axis; 1 gives a binary image.

  Returns:
    float32 [resolution, resolution], the covered share of each pixel, 0 to 1.
  """
  points = jnp.asarray(centres(resolution * antialias))
  dx, dy = points[None, :] - x, points[:, None] - y
  cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
  u, v = cos * dx - sin * dy, sin * dx + cos * dy
  inside = OUTLINES[outlines[0]](u, v)
  for number, name in enumerate(outlines[1:], 1):
    inside = jnp.where(shape == number, OUTLINES[name](u, v), inside)
  image = inside.astype(jnp.float32)
  if antialias > 1:
    image = image.reshape(resolution, antialias, resolution, antialias)
    image = image.mean((1, 3))
  return image
