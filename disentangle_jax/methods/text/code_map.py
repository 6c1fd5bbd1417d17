"""A picture of codes by label and topic: two principal components.

As figure 2 of Larsson et al. 2017, https://arxiv.org/abs/1712.10066.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import linalg

_SIDE, _MARGIN = 160, 5
# Of the first topic; later ones are lighter, up to this share of white.
_HUES = np.array([[0.70, 0.11, 0.09], [0.05, 0.28, 0.63]], np.float32)
_LIGHTEST = 0.6


def colours(topics: int) -> np.ndarray:
  """Red for label 0, blue for label 1, the lighter the later the topic.

  Args:
    topics: number of topics.

  Returns:
    float32 [2, topics, 3] in [0, 1].
  """
  white = np.linspace(0.0, _LIGHTEST, topics, dtype=np.float32)[:, None]
  return _HUES[:, None] * (1 - white) + white


def components(codes: jax.Array) -> tuple[jax.Array, jax.Array]:
  """The plane of the first two principal components of codes.

  Args:
    codes: float [N, D].

  Returns:
    Their mean float [D] and directions of length 1 float [D, 2]: a code z lies
    at (z - mean) @ directions. Signs are arbitrary; of one dimension the second
    direction is 0.
  """
  chex.assert_rank(codes, 2)
  chex.assert_type(codes, float)
  mean = jnp.mean(codes, axis=0)
  centred = codes - mean
  _, vectors = linalg.eigh(centred.T @ centred / len(codes))
  # Rising eigenvalues: the last columns are the first components.
  first = vectors[:, ::-1][:, :2]
  return mean, jnp.pad(first, ((0, 0), (0, 2 - first.shape[1])))


def draw(codes: jax.Array, moves: jax.Array) -> jax.Array:
  """Points on white, and moves over them, in black from a point to a square.

  Args:
    codes: float [2, topics, n, D], by label and topic, of which the plane is;
      three pixels wide, later topics over earlier ones.
    moves: float [P, 2, D], codes before and after.

  Returns:
    float32 [side, side, 3] in [0, 1]; both axes have one scale.
  """
  chex.assert_rank([codes, moves], [4, 3])
  _, topics, each, width = codes.shape
  codes, moves = jnp.nan_to_num(codes), jnp.nan_to_num(moves)
  mean, directions = components(codes.reshape(-1, width))
  points = (codes.reshape(-1, width) - mean) @ directions
  ends = (moves - mean) @ directions
  every = jnp.concatenate([points, ends.reshape(-1, 2)])
  low, high = jnp.min(every, axis=0), jnp.max(every, axis=0)
  extent = jnp.maximum(jnp.max(high - low), 1e-6)

  def pixels(points):
    share = (points - (low + high) / 2) / extent + 0.5
    spot = jnp.round(share * (_SIDE - 1 - 2 * _MARGIN)).astype(jnp.int32)
    return spot + _MARGIN

  def put(image, spot, colour, size):
    half = size // 2
    for down, right in np.ndindex(size, size):
      at = spot + jnp.array([right - half, down - half])
      image = image.at[at[:, 1], at[:, 0]].set(colour, mode='drop')
    return image

  image = jnp.ones((_SIDE, _SIDE, 3))
  colour = jnp.repeat(colours(topics).reshape(-1, 3), each, axis=0)
  image = put(image, pixels(points), colour, 3)
  share = jnp.linspace(0.0, 1.0, _SIDE)[:, None, None]
  lines = ends[:, 0] * (1 - share) + ends[:, 1] * share
  black = jnp.zeros(3)
  image = put(image, pixels(lines.reshape(-1, 2)), black, 1)
  return put(image, pixels(ends[:, 1]), black, 5)
