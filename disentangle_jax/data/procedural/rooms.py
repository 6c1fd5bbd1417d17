"""Rooms with one solid, and symbols that name some of what is in them.

For "SCAN: Learning Hierarchical Compositional Visual Concepts", Higgins et al.
2018, https://arxiv.org/abs/1707.03389: an object in a room, with 16 colours of
floor, wall and object, three objects, and camera and rotation as nuisances.
Here the rooms of `shapes3d`; nuisances, drawn anew for every image, are the
camera's direction and the object's size. Numbers on it are not numbers on the
paper's rooms.

Concepts and symbols are those of `data.concepts`; what is trained (133 concepts
in the paper, ten images each) and what is held out stands in
`extras['concepts']`. Of the images, those of held-out combinations are never
drawn. `stored` renders every image once (as bytes), which costs less than
drawing them where they are few.

Observations are RGB or, as in the paper's own pipeline, HSV: a hue is then one
number, which a circle in RGB is not.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import concepts as concepts_lib
from disentangle_jax.data import distributions, factorial
from disentangle_jax.data.procedural import shapes3d
from disentangle_jax.ops import hsv

FACTORS = ('floor_hue', 'wall_hue', 'object_hue', 'shape')
# Of those of `shapes3d`, the three that differ most in few pixels.
SHAPES = ('cube', 'sphere', 'capsule')
_SIZES = (1.0, 1.25)
COLOURS = ('rgb', 'hsv')
_MOST_STORED = 2**16
_BLOCK = 64  # images rendered at once


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    hues: number of hues of floor, wall and object.
    scales: number of the object's sizes, a nuisance.
    orientations: number of directions of view, a nuisance.
    antialias: rays per pixel along each axis.
    colour_space: of observations, one of COLOURS.
    stored: whether all images are rendered once and kept.
    unseen: combinations of all attributes that are held out.
    concepts: number of concepts whose symbols are seen.
    images: of each of them.
    tested: new concepts asked of each operator.
    split_seed: of the draws of all these.
  """

  resolution: int = 64
  hues: int = 16
  scales: int = 8
  orientations: int = 15
  antialias: int = 1
  colour_space: str = 'rgb'
  stored: bool = False
  unseen: int = 300
  concepts: int = 133
  images: int = 10
  tested: int = 32
  split_seed: int = 0


def _check(config: Config) -> None:
  """Raises ConfigError for an option out of range."""
  checks.integer('config.dataset.resolution', config.resolution, 8)
  for field in ('scales', 'orientations', 'antialias', 'images', 'tested'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  checks.integer('config.dataset.hues', config.hues, 2)
  checks.integer('config.dataset.unseen', config.unseen, 0)
  checks.integer('config.dataset.concepts', config.concepts, 1)
  checks.integer('config.dataset.split_seed', config.split_seed, 0)
  checks.choice('config.dataset.colour_space', config.colour_space, COLOURS)


def _sizes(config: Config) -> tuple[int, ...]:
  """Of all factors, the nuisances last."""
  return (
    *(config.hues,) * 3,
    len(SHAPES),
    config.scales,
    config.orientations,
  )


def _picture(config: Config, factors: jax.Array) -> jax.Array:
  """One image of all six factors, in the colour space."""
  hues = jnp.arange(config.hues, dtype=jnp.float32) / config.hues
  sizes = jnp.linspace(*_SIZES, config.scales)
  angles = jnp.deg2rad(jnp.linspace(-30.0, 30.0, config.orientations))
  image = shapes3d.picture(
    config.resolution,
    config.antialias,
    hues[factors[:3]],
    sizes[factors[4]],
    jnp.asarray([shapes3d.SHAPES.index(name) for name in SHAPES])[factors[3]],
    angles[factors[5]],
  )
  return hsv.rgb_to_hsv(image) if config.colour_space == 'hsv' else image


@functools.cache
def _table(config: Config) -> np.ndarray:
  """All images, uint8 [N, H, W, 3] in the order of `factorial.grid`."""
  points = factorial.grid(_sizes(config))
  render = jax.jit(jax.vmap(functools.partial(_picture, config)))
  blocks = -(-len(points) // _BLOCK)
  padded = np.resize(points, (blocks, _BLOCK, points.shape[1]))
  images = np.concatenate([np.asarray(render(block)) for block in padded])
  return np.rint(255 * images[: len(points)]).astype(np.uint8)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A grid of the four attributes, in which held-out combinations have no
    probability; observations are float32 [resolution, resolution, 3] in [0, 1].

  Raises:
    ConfigError: an option out of range, too many images to store, or numbers of
      concepts that leave an operator without examples.
  """
  _check(config)
  sizes = _sizes(config)
  grammar = concepts_lib.Grammar(FACTORS, sizes[:4])
  known = concepts_lib.Concepts(
    grammar,
    concepts_lib.split(
      grammar,
      config.unseen,
      config.concepts,
      config.tested,
      config.split_seed,
    ),
    config.images,
    config.split_seed,
  )
  arrays, fixed = (), sizes[4:] == (1, 1)
  if config.stored:
    if math.prod(sizes) > _MOST_STORED:
      rule = f'must be False for more than {_MOST_STORED:,} images'
      raise errors.value('config.dataset.stored', True, rule)
    same = dataclasses.replace(
      config, unseen=0, concepts=1, images=1, tested=1, split_seed=0
    )
    arrays = jnp.asarray(_table(same))

  def render(arrays, factors, key):
    more = jnp.zeros(2, jnp.int32)
    if not fixed:
      more = factorial.uniform_factors(key, sizes[4:])
    point = jnp.concatenate([factors, more])
    if not config.stored:
      return _picture(config, point)
    image = arrays[factorial.flat_index(point, sizes)]
    return image.astype(jnp.float32) / 255.0

  hues = np.arange(config.hues) / config.hues
  dataset = factorial.make(
    name='rooms',
    factor_names=FACTORS,
    factor_values=(hues, hues, hues, np.arange(float(len(SHAPES)))),
    observation_shape=(config.resolution, config.resolution, 3),
    render=render,
    arrays=arrays,
    deterministic=fixed,
    extras={'concepts': known, 'colour_space': config.colour_space},
  )
  if not config.unseen:
    return dataset
  apart = np.ravel_multi_index(tuple(known.split.held_out.T), sizes[:4])
  seen = np.ones(math.prod(sizes[:4]), bool)
  seen[apart] = False
  return distributions.subset(dataset, seen)
