"""Squares, ellipses and triangles, split 70:15:15 without duplicate images.

The data of Peychev, Velickovic & Lio 2017, "Quantifying the Effects of
Enforcing Disentanglement on Variational Autoencoders" (section 3.1.1): binary
images of 64 x 64, shape (square, ellipse, triangle), scale 6, rotation 60
values over [0, pi], position_x 16, position_y 16. Of these 276,480 grid points
those are left out that give an image already there (an ellipse turned by 180
degrees, and what the pixels of a small sprite do not resolve).

Deviations: sizes of the sprites and the spans of scale and position are those
of dSprites, the paper states neither, so that 268,212 images remain and not the
paper's 267,021; what is stratified is not stated either: here every
(shape, scale, rotation) is split in proportion, by a fixed permutation that is
the same on every machine.
"""

import dataclasses
import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import distributions, factorial
from disentangle_jax.data.procedural import sprites

FACTORS = ('shape', 'scale', 'orientation', 'position_x', 'position_y')
SHAPES = ('square', 'ellipse', 'triangle')
PARTS = ('all', 'train', 'validation', 'test')

_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    scales: number of scales.
    orientations: number of orientations over [0, pi].
    positions: number of positions along each axis.
    part: 'all', the whole grid with its duplicates; 'train', 'validation' or
      'test', 70, 15 and 15 % of the distinct images.
  """

  resolution: int = 64
  scales: int = 6
  orientations: int = 60
  positions: int = 16
  part: str = 'all'


def distinct(render, grid: np.ndarray) -> np.ndarray:
  """Which grid points give an image that no earlier one gives.

  Args:
    render: `(factors int32 [K]) -> float32` binary image.
    grid: int32 [N, K].

  Returns:
    bool [N].
  """
  bits = jax.jit(
    lambda block: jnp.packbits(
      jax.vmap(render)(block).reshape(len(block), -1) > 0.5, axis=-1
    )
  )
  seen, keep = set(), np.zeros(len(grid), bool)
  for start in range(0, len(grid), _BLOCK):
    block = grid[start : start + _BLOCK]
    full = np.zeros((_BLOCK, grid.shape[1]), np.int32)
    full[: len(block)] = block
    rows = np.asarray(bits(full))[: len(block)]
    for offset, row in enumerate(rows):
      # 128 bits of a digest: two of a million images collide by chance with
      # probability 1e-27.
      digest = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
      if digest not in seen:
        seen.add(digest)
        keep[start + offset] = True
  return keep


def split(strata: np.ndarray, keep: np.ndarray) -> np.ndarray:
  """Splits what is kept 70:15:15 within every stratum.

  Args:
    strata: int [N], the stratum of each grid point.
    keep: bool [N].

  Returns:
    int [N]: 0 train, 1 validation, 2 test, -1 not kept.
  """
  numbers = np.flatnonzero(keep)
  shuffled = np.random.Generator(np.random.PCG64(0)).permutation(numbers)
  shuffled = shuffled[np.argsort(strata[shuffled], kind='stable')]
  ordered = strata[shuffled]
  first = np.searchsorted(ordered, ordered, side='left')
  size = np.searchsorted(ordered, ordered, side='right') - first
  share = (np.arange(len(ordered)) - first + 0.5) / size
  part = np.full(len(keep), -1)
  part[shuffled] = np.digitize(share, [0.7, 0.85])
  return part


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in {0, 1}. A part is drawn uniformly from its
    grid points, and finding the duplicates renders the whole grid once.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  for field in ('scales', 'orientations', 'positions'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  checks.choice('config.dataset.part', config.part, PARTS)
  values = (
    np.arange(1.0, 4.0),
    np.linspace(0.5, 1.0, config.scales),
    np.linspace(0.0, np.pi, config.orientations),
    np.linspace(0.0, 1.0, config.positions),
    np.linspace(0.0, 1.0, config.positions),
  )

  def render(arrays, factors, key):
    del arrays, key
    scale, angle, x, y = (
      jnp.asarray(values[k], jnp.float32)[factors[k]] for k in range(1, 5)
    )
    x, y = sprites.place(x), sprites.place(y)
    image = sprites.draw(
      SHAPES, factors[0], scale, angle, x, y, config.resolution
    )
    return image[..., None]

  dataset = factorial.make(
    name='dsprites_triangle',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
  )
  if config.part == 'all':
    return dataset
  grid = factorial.grid(dataset.factor_sizes)
  keep = distinct(lambda factors: render((), factors, None), grid)
  strata = np.arange(len(grid)) // config.positions**2
  chosen = split(strata, keep) == PARTS.index(config.part) - 1
  return distributions.subset(dataset, chosen)
