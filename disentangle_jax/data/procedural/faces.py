"""Rendered faces, 28 x 20: a stand-in for the Frey faces with known factors.

One grey face on a bright ground whose head turns, mouth and brow move, eyes
look aside and lamp moves: what the video of Roweis and Saul (1,965 frames, 28 x
20, see `frey_faces`) shows, from ellipses with soft edges. It is no copy of any
person's face and of no published set; sizes and shades are made up.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial

HEIGHT, WIDTH = 28, 20
FACTORS = ('pose', 'mouth', 'brow', 'gaze', 'light')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    levels: values of each factor, from one end to the other.
    softness: width of the edges, pixels.
  """

  levels: int = 7
  softness: float = 0.6


def _ellipse(x, y, centre, radii, softness):
  """How much each pixel belongs to an ellipse, 0 to 1."""
  a, b = radii
  x, y = x - centre[0], y - centre[1]
  level = jnp.sqrt(jnp.square(x / a) + jnp.square(y / b))
  slope = jnp.sqrt(jnp.square(x / a**2) + jnp.square(y / b**2))
  # To first order the distance from the edge in pixels, also of a flat ellipse.
  distance = level * (level - 1) / jnp.maximum(slope, 1e-6)
  return jax.nn.sigmoid(-distance / softness)


def picture(
  pose: jax.Array,
  mouth: jax.Array,
  brow: jax.Array,
  gaze: jax.Array,
  light: jax.Array,
  softness: float = 0.6,
) -> jax.Array:
  """One face.

  Args:
    pose: float scalar, -1 (turned to the left of the image) to 1.
    mouth: 0 (shut) to 1 (open).
    brow: 0 (low) to 1 (raised).
    gaze: -1 to 1, where the eyes look, within the head.
    light: -1 to 1, the side that is brighter.
    softness: width of the edges, pixels.

  Returns:
    float32 [28, 20] in [0, 1].
  """
  rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
  x, y = jnp.asarray(columns, jnp.float32), jnp.asarray(rows, jnp.float32)
  put = lambda image, shade, share: image + share * (shade - image)
  part = lambda cx, cy, a, b: _ellipse(x, y, (cx, cy), (a, b), softness)
  middle = 10.0 + 1.2 * pose
  face = middle + 1.8 * pose  # features move more than the outline
  image = put(0.8 + 0.0 * x, 0.25, part(middle, 12.0, 8.6, 11.6))  # hair
  skin = 0.68 + 0.14 * light * (x - middle) / 8.0
  image = put(image, skin, part(middle + 0.5 * pose, 14.5, 7.4, 11.0))
  for side in (-1.0, 1.0):
    eye = face + 3.3 * side
    image = put(image, 0.92, part(eye, 12.0, 1.7, 1.1))
    image = put(image, 0.12, part(eye + 0.8 * gaze, 12.0, 0.8, 0.9))
    image = put(image, 0.2, part(eye, 9.6 - 1.8 * brow, 2.0, 0.55))
  image = put(image, skin - 0.18, part(face + 0.8 * pose, 15.8, 0.9, 1.6))
  wide = 2.9 - 0.6 * mouth
  image = put(image, 0.4, part(face, 20.6, wide, 0.8 + 1.6 * mouth))
  image = put(image, 0.15, part(face, 20.6, wide - 0.6, 0.3 + 1.5 * mouth))
  return jnp.clip(image, 0.0, 1.0)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32 [28, 20, 1] in [0, 1].

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.levels', config.levels, 1)
  checks.number('config.dataset.softness', config.softness, 0.05, 5.0)
  both = np.linspace(-1.0, 1.0, config.levels)
  rising = np.linspace(0.0, 1.0, config.levels)
  values = (both, rising, rising, both, both)

  def render(arrays, factors, key):
    del arrays, key
    look = [jnp.asarray(v, jnp.float32)[f] for v, f in zip(values, factors)]
    return picture(*look, softness=config.softness)[..., None]

  return factorial.make(
    name='faces',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(HEIGHT, WIDTH, 1),
    render=render,
  )
