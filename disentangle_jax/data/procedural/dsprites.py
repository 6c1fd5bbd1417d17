"""dSprites, drawn on the device instead of downloaded.

Matthey et al., "dSprites: Disentanglement testing Sprites dataset", 2017,
https://github.com/google-deepmind/dsprites-dataset. Factors in the published
order: shape (square, ellipse, heart), scale 0.5 to 1, orientation 0 to 2 pi,
position_x and position_y 0 to 1, all equally spaced. Default grid 3 x 6 x 40 x
32 x 32 = 737,280 images of 64 x 64.

The geometry was fitted to frames of the original (figures in BUILD_NOTES.md):
a pixel is on when its centre lies inside the outline; at full scale and 64
pixels the square has half side 9.6, the ellipse half axes 12.8 and 7.2, the
heart the outline below; positions span 32 pixels, starting at 16. As in the
original the first and the last orientation are the same angle; `drop_duplicate`
spaces them over 2 pi without the end point. Deviation: outlines are exact
curves, so a few boundary pixels differ from the original's rasteriser.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial

FACTORS = ('shape', 'scale', 'orientation', 'position_x', 'position_y')
SHAPES = ('square', 'ellipse', 'heart')

# Lengths in pixels of the 64 x 64 original, at scale 1.
_FRAME = 64.0
_MARGIN = 16.0
_TRAVEL = 32.0
_SQUARE = 9.6
_ELLIPSE = (12.8, 7.2)
# Half width, and the coefficients of 1, |u|, u^2 and sqrt(1 - |u| / width) in
# the height of the upper and of the lower outline over the rotation centre.
_HEART_WIDTH = 9.5009
_HEART_UPPER = (2.5934, 1.5320, -0.1317, 3.4906)
_HEART_LOWER = (5.9536, -0.8875, 0.0019, 2.6415)


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


def _inside(u: jax.Array, v: jax.Array, shape: jax.Array) -> jax.Array:
  """Whether points lie inside a sprite.

  Args:
    u: float [...], to the sprite's right, pixels at scale 1.
    v: float [...], to the sprite's bottom.
    shape: int32 scalar, index into SHAPES.

  Returns:
    bool [...].
  """
  width, (a, b) = jnp.abs(u), _ELLIPSE
  square = jnp.maximum(width, jnp.abs(v)) <= _SQUARE
  ellipse = jnp.square(u / a) + jnp.square(v / b) <= 1.0
  root = jnp.sqrt(jnp.maximum(1.0 - width / _HEART_WIDTH, 0.0))
  outline = lambda c: c[0] + width * (c[1] + width * c[2]) + c[3] * root
  heart = (
    (width <= _HEART_WIDTH)
    & (v >= -outline(_HEART_UPPER))
    & (v <= outline(_HEART_LOWER))
  )
  return jnp.where(shape == 0, square, jnp.where(shape == 1, ellipse, heart))


def _check(config: Config) -> None:
  for field, least in (
    ('resolution', 8),
    ('scales', 1),
    ('orientations', 1),
    ('positions', 1),
    ('antialias', 1),
  ):
    got = getattr(config, field)
    if not isinstance(got, int) or got < least:
      rule = f'must be an integer of at least {least}'
      raise errors.value(f'config.dataset.{field}', got, rule)


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
  _check(config)
  values = (
    np.arange(1.0, 4.0),
    np.linspace(0.5, 1.0, config.scales),
    np.linspace(
      0.0, 2 * np.pi, config.orientations, endpoint=not config.drop_duplicate
    ),
    np.linspace(0.0, 1.0, config.positions),
    np.linspace(0.0, 1.0, config.positions),
  )
  side = config.resolution * config.antialias
  # A NumPy constant: the coordinates of the sampling points, in pixels of the
  # original frame.
  centres = (np.arange(side, dtype=np.float32) + 0.5) * (_FRAME / side)

  def render(arrays, factors, key):
    del arrays, key
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    scale, angle = look(1), look(2)
    dx = jnp.asarray(centres)[None, :] - (_MARGIN + _TRAVEL * look(3))
    dy = jnp.asarray(centres)[:, None] - (_MARGIN + _TRAVEL * look(4))
    cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
    image = _inside(cos * dx - sin * dy, sin * dx + cos * dy, factors[0])
    image = image.astype(jnp.float32)
    if config.antialias > 1:
      n, a = config.resolution, config.antialias
      image = image.reshape(n, a, n, a).mean((1, 3))
    return image[..., None]

  return factorial.make(
    name='dsprites',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
  )
