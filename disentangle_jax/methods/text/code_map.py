"""A picture of codes by label and topic: two principal components."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import linalg

_SIDE, _MARGIN = 160, 4
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


def components(codes: jax.Array) -> jax.Array:
  """The first two principal components of codes.

  Args:
    codes: float [N, D].

  Returns:
    float [N, 2], in the unit of the codes, mean 0; 0 beyond D components. The
    sign of a component is arbitrary.
  """
  chex.assert_rank(codes, 2)
  chex.assert_type(codes, float)
  centred = codes - jnp.mean(codes, axis=0)
  _, vectors = linalg.eigh(centred.T @ centred / len(codes))
  # Rising eigenvalues: the last columns are the first components.
  first = vectors[:, ::-1][:, :2]
  missing = 2 - first.shape[1]
  return centred @ jnp.pad(first, ((0, 0), (0, missing)))


def draw(codes: jax.Array) -> jax.Array:
  """Points on white, three pixels wide, later topics over earlier ones.

  Args:
    codes: float [2, topics, n, D], by label and topic.

  Returns:
    float32 [side, side, 3] in [0, 1]; both axes have one scale.
  """
  chex.assert_rank(codes, 4)
  _, topics, each, width = codes.shape
  points = components(jnp.nan_to_num(codes.reshape(-1, width)))
  low, high = jnp.min(points, axis=0), jnp.max(points, axis=0)
  extent = jnp.maximum(jnp.max(high - low), 1e-6)
  share = (points - (low + high) / 2) / extent + 0.5
  spot = jnp.round(share * (_SIDE - 1 - 2 * _MARGIN)).astype(jnp.int32)
  spot += _MARGIN
  colour = jnp.repeat(colours(topics).reshape(-1, 3), each, axis=0)
  image = jnp.ones((_SIDE, _SIDE, 3))
  for down, right in np.ndindex(3, 3):
    at = spot + jnp.array([right - 1, down - 1])
    image = image.at[at[:, 1], at[:, 0]].set(colour, mode='drop')
  return image
