"""Digits drawn by this project: digit, slant, thickness, size, and hues.

For trying what is meant for MNIST (or, with hues of digit and background, SVHN)
where neither is at hand. The strokes are those of `glyphs`; scores on them are
not scores on MNIST or SVHN.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial, parts, stream
from disentangle_jax.data.procedural import colours, glyphs
from disentangle_jax.ops import per_example


@dataclasses.dataclass(frozen=True)
class Config(parts.Config):
  """Static options, beside those of `parts.Config`.

  With a share below 1, test images or labelled ones alone the set is a stream
  of the grid's images and no grid itself: which image a combination has is then
  not for all to ask. Noise is then drawn once, and belongs to the image.

  Attributes:
    resolution: side of the square image, pixels.
    slants: number of slants, -0.4 to 0.4.
    thicknesses: number of thicknesses, 0.06 to 0.14 of the image.
    sizes: number of sizes, 0.65 to 0.95 of the image.
    hues: number of hues of the digit; 0 for white digits.
    background_hues: number of hues of the background; 0 for black.
    background_value: brightness of a coloured background, 0 to 1; below 1, so
      that a digit of the background's own hue is seen.
    noise: standard deviation of Gaussian noise on every value of a pixel,
      before it is clipped to [0, 1]; 0 for none.
  """

  resolution: int = 28
  slants: int = 9
  thicknesses: int = 5
  sizes: int = 5
  hues: int = 0
  background_hues: int = 0
  background_value: float = 0.5
  noise: float = 0.0


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in [0, 1]. With `hues` or `background_hues`
    there are 3 channels, and 'hue' and 'background_hue' join the factors. With
    `noise` `render` uses its key.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  for field in ('slants', 'thicknesses', 'sizes'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  checks.integer('config.dataset.hues', config.hues, 0)
  parts.check(config, ('none', 'held_out'))
  checks.integer('config.dataset.background_hues', config.background_hues, 0)
  checks.number(
    'config.dataset.background_value', config.background_value, 0.0, 1.0
  )
  checks.number('config.dataset.noise', config.noise, 0.0, 1.0)
  values = {
    'digit': np.arange(10.0),
    'slant': np.linspace(-0.4, 0.4, config.slants),
    'thickness': np.linspace(0.06, 0.14, config.thicknesses),
    'size': np.linspace(0.65, 0.95, config.sizes),
  }
  for name, count in (
    ('hue', config.hues),
    ('background_hue', config.background_hues),
  ):
    if count:
      values[name] = np.arange(count) / count
  places = {name: place for place, name in enumerate(values)}
  coloured = bool(config.hues or config.background_hues)

  def clean(factors):
    look = lambda name: jnp.asarray(values[name], jnp.float32)[
      factors[places[name]]
    ]
    stroke = glyphs.draw(
      factors[0],
      look('slant'),
      look('thickness'),
      look('size'),
      config.resolution,
    )[..., None]
    if not coloured:
      return stroke
    digit = colours.hue_to_rgb(look('hue')) if config.hues else jnp.ones(3)
    if not config.background_hues:
      return stroke * digit
    ground = config.background_value * colours.hue_to_rgb(
      look('background_hue')
    )
    return ground + stroke * (digit - ground)

  def render(arrays, factors, key):
    del arrays
    image = clean(factors)
    if not config.noise:
      return image
    noise = config.noise * jax.random.normal(key, image.shape)
    return jnp.clip(image + noise, 0.0, 1.0)

  side = config.resolution
  dataset = factorial.make(
    name='digits',
    factor_names=tuple(values),
    factor_values=tuple(values.values()),
    observation_shape=(side, side, 3 if coloured else 1),
    render=render,
    deterministic=not config.noise,
  )
  return _divided(dataset, config) if parts.is_divided(config) else dataset


def _divided(dataset: types.Dataset, config: Config) -> types.Dataset:
  """Some images of the grid as a stream, others kept for judges."""
  grid = factorial.grid(dataset.factor_sizes)
  seen, aside = parts.divide(len(grid), config, grid[:, 0])
  key = jax.random.key(0)

  @jax.jit
  def draw(points, numbers):
    keys = per_example.keys(key, numbers)
    return jax.vmap(lambda p, k: dataset.render((), p, k))(points, keys)

  # By digit: one program, and no more than a tenth of the images as floats.
  numbers = np.arange(len(grid), dtype=np.int32)
  blocks = (np.split(x, len(dataset.factor_values[0])) for x in (grid, numbers))
  # A block becomes bytes before the next one is drawn.
  as_bytes = lambda x: np.round(np.asarray(x) * 255).astype(np.uint8)
  images = np.concatenate([as_bytes(draw(*block)) for block in zip(*blocks)])
  test = (images[aside], grid[aside]) if len(aside) else None
  return stream.stream(
    images[seen],
    grid[seen],
    dataset.factor_names,
    name=dataset.name,
    test=test,
    exact=True,
  )
