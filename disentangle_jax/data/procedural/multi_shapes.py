"""Small scenes of squares and discs: `multi_sprites` for two CPU cores.

Made for `mvae` (Nash et al. 2017, "The Multi-Entity Variational Autoencoder")
where 64 x 64 pixels are too many: sprites are sampled independently, each there
with probability 1/2; where they overlap their RGB values are summed and clipped
at one. Factors come in blocks, one per sprite: exists, shape, size, position_x,
position_y, hue. At the default 16 x 16 pixels half sizes are 1.5 to 2.5 pixels
and centres lie on the pixels 3 to 12; other resolutions scale both. A scene
without sprites is black. Two sprites of one hue that overlap are one blob:
nobody can count them by what is seen (`scene_objects` says how many there are).
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data.procedural import colours, scenes, sprites

FACTORS = ('exists', 'shape', 'size', 'position_x', 'position_y', 'hue')
SHAPES = ('square', 'circle')
# Pixels of the 64 x 64 frame, four to a pixel of 16 x 16.
_HALF_SIZES = (6.0, 10.0)
_CENTRES = (14.0, 50.0)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    sprites: largest number of sprites.
    sizes: number of half sizes.
    positions: number of positions along each axis.
    hues: number of hues.
    antialias: samples per pixel along each axis; 1 gives binary images, in
      which some sizes of squares look the same.
  """

  resolution: int = 16
  sprites: int = 3
  sizes: int = 3
  positions: int = 10
  hues: int = 6
  antialias: int = 2


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 3] in [0, 1]; 6 factors per sprite, named
    `sprite_0_exists` and so on. Half sizes are pixels of a 64 x 64 frame,
    positions 0 to 1.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.integer('config.dataset.sprites', config.sprites, 1, 32)
  for field in ('sizes', 'positions', 'hues', 'antialias'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  values = (
    np.arange(2.0),
    np.arange(1.0, 1.0 + len(SHAPES)),
    np.linspace(*_HALF_SIZES, config.sizes),
    np.linspace(0.0, 1.0, config.positions),
    np.linspace(0.0, 1.0, config.positions),
    np.arange(config.hues) / config.hues,
  )
  first, last = _CENTRES

  def draw(factors):
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    outline = sprites.draw(
      SHAPES,
      factors[1],
      look(2) / sprites.SQUARE,
      jnp.float32(0),
      first + (last - first) * look(3),
      first + (last - first) * look(4),
      config.resolution,
      config.antialias,
    )
    return outline[..., None] * colours.hue_to_rgb(look(5))

  return scenes.make(
    name='multi_shapes',
    sprites=config.sprites,
    factors=FACTORS,
    values=values,
    resolution=config.resolution,
    draw=draw,
  )
