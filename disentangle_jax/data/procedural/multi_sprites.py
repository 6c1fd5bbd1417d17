"""Scenes of several sprites, each there or not, colours added and clipped.

The data of Nash et al. 2017, "The Multi-Entity Variational Autoencoder"
(appendix A): sprites are sampled independently, whether they exist included, up
to a largest number; where they overlap their RGB values are summed and clipped
at one. Factors come in blocks, one per sprite: exists, shape, scale,
orientation, position_x, position_y, hue. Deviations: colours are fully
saturated, on a grid of hues, so that they can be scored; the paper states no
range for positions, here centres stay `margin` pixels inside a 64 x 64 frame.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data.procedural import colours, dsprites, scenes, sprites

FACTORS = ('exists', *dsprites.FACTORS, 'hue')


@dataclasses.dataclass(frozen=True)
class Config(dsprites.Config):
  """Static options, those of `dsprites` and

  Attributes:
    sprites: largest number of sprites.
    hues: number of hues.
    margin: distance of the outermost centres from the border, pixels of the
      64 x 64 frame.
  """

  sprites: int = 3
  hues: int = 12
  margin: float = 10.0


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 3] in [0, 1]; 7 factors per sprite, named
    `sprite_0_exists` and so on.

  Raises:
    ConfigError: an option out of range.
  """
  dsprites.check(config)
  checks.integer('config.dataset.sprites', config.sprites, 1, 32)
  checks.integer('config.dataset.hues', config.hues, 1)
  checks.number('config.dataset.margin', config.margin, 0.0, sprites.FRAME / 2)
  block = (
    np.arange(2.0),
    *dsprites.factor_values(config),
    np.arange(config.hues) / config.hues,
  )
  travel = sprites.FRAME - 2 * config.margin

  def draw(factors):
    look = lambda k: jnp.asarray(block[k], jnp.float32)[factors[k]]
    outline = sprites.draw(
      dsprites.SHAPES,
      factors[1],
      look(2),
      look(3),
      config.margin + travel * look(4),
      config.margin + travel * look(5),
      config.resolution,
      config.antialias,
    )
    return outline[..., None] * colours.hue_to_rgb(look(6))

  return scenes.make(
    name='multi_sprites',
    sprites=config.sprites,
    factors=FACTORS,
    values=block,
    resolution=config.resolution,
    draw=draw,
  )
