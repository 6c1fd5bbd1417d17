"""Digits drawn by this project: digit, slant, thickness, size, and a hue.

For trying what is meant for MNIST (or, with hues, SVHN) where neither is at
hand. The strokes are those of `glyphs`; scores on them are not scores on MNIST.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.data import checks, factorial, parts, stream
from disentangle_jax.data.procedural import colours, glyphs

FACTORS = ('digit', 'slant', 'thickness', 'size', 'hue')


@dataclasses.dataclass(frozen=True)
class Config(parts.Config):
  """Static options, beside those of `parts.Config`.

  With a share below 1 or test images the set is a stream of the grid's images
  and no grid itself: which image a combination has is then not for all to ask.

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
  parts.check(config, ('none', 'held_out'))
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
  dataset = factorial.make(
    name='digits',
    factor_names=FACTORS[: len(values)],
    factor_values=values,
    observation_shape=(side, side, 3 if config.hues else 1),
    render=render,
  )
  return _divided(dataset, config) if parts.is_divided(config) else dataset


def _divided(dataset: types.Dataset, config: Config) -> types.Dataset:
  """Some images of the grid as a stream, others kept for judges."""
  grid = factorial.grid(dataset.factor_sizes)
  seen, aside = parts.divide(len(grid), config)
  key = jax.random.key(0)
  draw = jax.jit(jax.vmap(lambda point: dataset.render((), point, key)))
  # By digit: one program, and no more than a tenth of the images as floats.
  blocks = np.split(grid, len(dataset.factor_values[0]))
  images = np.concatenate([np.asarray(draw(b)) for b in blocks])
  images = np.round(images * 255).astype(np.uint8)
  test = (images[aside], grid[aside]) if len(aside) else None
  return stream.stream(
    images[seen],
    grid[seen],
    dataset.factor_names,
    name=dataset.name,
    test=test,
  )
