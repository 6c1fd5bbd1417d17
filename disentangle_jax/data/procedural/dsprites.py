"""dSprites, drawn on the device instead of downloaded.

Matthey et al., "dSprites: Disentanglement testing Sprites dataset", 2017,
https://github.com/google-deepmind/dsprites-dataset. Factors in the published
order: shape (square, ellipse, heart), scale 0.5 to 1, orientation 0 to 2 pi,
position_x and position_y 0 to 1, all equally spaced. Default grid 3 x 6 x 40 x
32 x 32 = 737,280 images of 64 x 64.

The geometry of `sprites` was fitted to frames of the original (figures in
docs/data.md): a pixel is on when its centre lies inside the outline; at full
scale and 64 pixels the square has half side 9.6, the ellipse half axes 12.8 and
7.2; positions span 32 pixels, starting at 16. As in the original the first and
the last orientation are the same angle; `drop_duplicate` spaces them over 2 pi
without the end point. Deviation: outlines are exact curves, so a few boundary
pixels differ from the original's rasteriser.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import sprites

FACTORS = ('shape', 'scale', 'orientation', 'position_x', 'position_y')
SHAPES = ('square', 'ellipse', 'heart')


DISPLAY = 'dSprites'


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    scales: number of scales.
    orientations: number of orientations.
    positions: number of positions along each axis.
    drop_duplicate: leave out the end point 2 pi of the orientations.
    antialias: samples per pixel along each axis; 1 gives binary images.
  """

  resolution: int = 64
  scales: int = 6
  orientations: int = 40
  positions: int = 32
  drop_duplicate: bool = False
  antialias: int = 1


def check(config: Config) -> None:
  """Refuses options out of range.

  Args:
    config: static options.

  Raises:
    ConfigError: an option out of range.
  """
  least = {'resolution': 8}
  for field in ('resolution', 'scales', 'orientations', 'positions'):
    checks.integer(
      f'config.dataset.{field}', getattr(config, field), least.get(field, 1)
    )
  checks.integer('config.dataset.antialias', config.antialias, 1)


def factor_values(config: Config) -> tuple[np.ndarray, ...]:
  """Grid index -> real value, for the five factors.

  Args:
    config: static options.

  Returns:
    five float64 arrays: shape 1, 2, 3, scale, orientation in radians, positions
    0 to 1.
  """
  turn = np.linspace(
    0.0, 2 * np.pi, config.orientations, endpoint=not config.drop_duplicate
  )
  return (
    np.arange(1.0, 4.0),
    np.linspace(0.5, 1.0, config.scales),
    turn,
    np.linspace(0.0, 1.0, config.positions),
    np.linspace(0.0, 1.0, config.positions),
  )


def silhouette(
  config: Config, values: tuple[np.ndarray, ...], factors: jax.Array
) -> jax.Array:
  """The sprite of one grid point.

  Args:
    config: static options.
    values: what `factor_values` gives.
    factors: int32 [5].

  Returns:
    float32 [resolution, resolution] in [0, 1].
  """
  scale, angle, x, y = (
    jnp.asarray(values[k], jnp.float32)[factors[k]] for k in range(1, 5)
  )
  return sprites.draw(
    SHAPES,
    factors[0],
    scale,
    angle,
    sprites.place(x),
    sprites.place(y),
    config.resolution,
    config.antialias,
  )


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in {0, 1}, or in [0, 1] when anti-aliased.

  Raises:
    ConfigError: an option out of range.
  """
  check(config)
  values = factor_values(config)

  def render(arrays, factors, key):
    del arrays, key
    return silhouette(config, values, factors)[..., None]

  return factorial.make(
    name='dsprites',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
  )
