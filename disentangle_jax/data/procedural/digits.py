"""Digits drawn by this project: digit, slant, thickness, size, and a hue.

For trying what is meant for MNIST (or, with hues, SVHN) where neither is at
hand. The strokes are those of `glyphs`; scores on them are not scores on MNIST.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.data import checks, factorial
from disentangle_jax.data.procedural import colours, glyphs

FACTORS = ('digit', 'slant', 'thickness', 'size', 'hue')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    slants: number of slants, -0.4 to 0.4.
    thicknesses: number of thicknesses, 0.06 to 0.14 of the image.
    sizes: number of sizes, 0.65 to 0.95 of the image.
    hues: number of hues of the digit; 0 for white digits in one channel.
  """

  resolution: int = 28
  slants: int = 9
  thicknesses: int = 5
  sizes: int = 5
  hues: int = 0


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in [0, 1], with 3 channels and a fifth factor
    when `hues` is not 0.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('resolution', config.resolution, 8)
  for field in ('slants', 'thicknesses', 'sizes'):
    checks.integer(field, getattr(config, field), 1)
  checks.integer('hues', config.hues, 0)
  values = (
    np.arange(10.0),
    np.linspace(-0.4, 0.4, config.slants),
    np.linspace(0.06, 0.14, config.thicknesses),
    np.linspace(0.65, 0.95, config.sizes),
  )
  if config.hues:
    values = (*values, np.arange(config.hues) / config.hues)

  def render(arrays, factors, key):
    del arrays, key
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    image = glyphs.draw(
      factors[0], look(1), look(2), look(3), config.resolution
    )[..., None]
    return image * colours.hue_to_rgb(look(4)) if config.hues else image

  side = config.resolution
  return factorial.make(
    name='digits',
    factor_names=FACTORS[: len(values)],
    factor_values=values,
    observation_shape=(side, side, 3 if config.hues else 1),
    render=render,
  )
