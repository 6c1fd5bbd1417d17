"""The ten digits as strokes, drawn by this project."""

import functools

import jax
import jax.numpy as jnp
import numpy as np


def _arc(x, y, across, down, start, end, pieces=14):
  """Points on an ellipse; degrees, 0 right and 90 below, the box is 1 x 1."""
  angle = np.deg2rad(np.linspace(start, end, pieces + 1))
  return np.stack([x + across * np.cos(angle), y + down * np.sin(angle)], -1)


def _line(*points):
  return np.asarray(points, float)


# Each digit is a list of polylines.
_STROKES = (
  [_arc(0.5, 0.5, 0.27, 0.4, 0, 360, 24)],
  [_line((0.34, 0.27), (0.53, 0.1), (0.53, 0.9))],
  [
    np.concatenate(
      [
        _arc(0.49, 0.34, 0.26, 0.24, 185, 395),
        _line((0.22, 0.9), (0.8, 0.9)),
      ]
    )
  ],
  [
    _arc(0.47, 0.3, 0.23, 0.2, 200, 450),
    _arc(0.46, 0.7, 0.28, 0.2, 270, 525),
  ],
  [_line((0.62, 0.9), (0.62, 0.1), (0.2, 0.64), (0.82, 0.64))],
  [
    np.concatenate(
      [
        _line((0.74, 0.1), (0.33, 0.1), (0.28, 0.48)),
        _arc(0.48, 0.65, 0.28, 0.25, 225, 505),
      ]
    )
  ],
  [
    _arc(0.76, 0.66, 0.52, 0.56, 262, 180),
    _arc(0.5, 0.66, 0.26, 0.24, 180, 540, 20),
  ],
  [_line((0.22, 0.1), (0.78, 0.1), (0.42, 0.9))],
  [
    _arc(0.5, 0.3, 0.21, 0.2, 90, 450, 18),
    _arc(0.5, 0.7, 0.26, 0.2, 270, 630, 18),
  ],
  [
    _arc(0.5, 0.34, 0.25, 0.24, 0, 360, 20),
    _line((0.75, 0.34), (0.72, 0.62), (0.58, 0.9)),
  ],
)


@functools.cache
def segments() -> np.ndarray:
  """The strokes as straight pieces.

  Returns:
    float32 [10, S, 2, 2]: per digit S pieces (the last one repeated) with start
    and end, each x and y from 0 to 1, y downwards.
  """
  pieces = [
    np.concatenate([np.stack([s[:-1], s[1:]], 1) for s in strokes])
    for strokes in _STROKES
  ]
  most = max(len(p) for p in pieces)
  pad = lambda p: np.concatenate([p, np.repeat(p[-1:], most - len(p), 0)])
  return np.stack([pad(p) for p in pieces]).astype(np.float32)


def draw(
  digit: jax.Array,
  slant: jax.Array,
  thickness: jax.Array,
  size: jax.Array,
  side: int,
) -> jax.Array:
  """One digit in the middle of an image.

  Args:
    digit: int32 scalar, 0 to 9.
    slant: float scalar, columns to the right per row upwards.
    thickness: float scalar, of the stroke, as a share of the image.
    size: float scalar, of the digit, as a share of the image.
    side: pixels along each side.

  Returns:
    float32 [side, side] in [0, 1], soft over one pixel at the edges.
  """
  points = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
  y = jnp.asarray(points)[:, None]
  x = jnp.asarray(points)[None, :] + slant * y
  ends = (jnp.asarray(segments())[digit] - 0.5) * size
  start, step = ends[:, 0], ends[:, 1] - ends[:, 0]

  def squared_distance(origin, along):
    dx, dy = x - origin[0], y - origin[1]
    length = jnp.maximum(jnp.sum(along * along), 1e-12)
    share = jnp.clip((dx * along[0] + dy * along[1]) / length, 0.0, 1.0)
    dx, dy = dx - share * along[0], dy - share * along[1]
    return dx * dx + dy * dy

  def nearer(squared, piece):
    return jnp.minimum(squared, squared_distance(*piece)), None

  # From the first piece on rather than from infinity: inside of `shard_map` the
  # carry then varies over the same axes as what the loop makes of it.
  first = squared_distance(start[0], step[0])
  squared, _ = jax.lax.scan(nearer, first, (start[1:], step[1:]))
  return jnp.clip((thickness / 2 - jnp.sqrt(squared)) * side + 0.5, 0.0, 1.0)
