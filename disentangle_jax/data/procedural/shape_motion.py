"""Videos of a coloured shape on a curved path.

The shape-motion data of Tulyakov et al. 2017, "MoCoGAN" (section 4): circles
and squares of varying size and colour that move from left to right or from
top to bottom along Bezier curves; videos of 16 frames of 64 x 64. The path's
control points are drawn anew for each video (a nuisance). The paper states
neither sizes, colours nor the spread of the curves: here half sizes 6 to 12
pixels, a black background, and cubic curves whose cross coordinate is uniform.
Colours are hues on a grid (factor hue), or red, green and blue on grids of
their own from 0.3 to 1 (three factors): the published clips have random RGB
colours, and darker ones would be hard to tell from the ground.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import colours, sprites

COLOURS = {'hue': ('hue',), 'rgb': ('red', 'green', 'blue')}
FACTORS = ('shape', 'size', 'hue', 'motion')
SHAPES = ('circle', 'square')
MOTIONS = ('left to right', 'top to bottom')

_EDGE = 12.0
_DARKEST = 0.3


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square frames, pixels.
    frames: frames of a video; one shows the path's start.
    sizes: number of sizes.
    colours: 'hue' or 'rgb'.
    hues: number of hues.
    levels: values of red, of green and of blue, of 'rgb'.
  """

  resolution: int = 64
  frames: int = 16
  sizes: int = 4
  colours: str = 'hue'
  hues: int = 12
  levels: int = 8


def path(
  key: jax.Array, motion: jax.Array, frames: int
) -> tuple[jax.Array, jax.Array]:
  """A cubic Bezier curve across the frame, at equal steps of its parameter.

  Args:
    key: typed PRNG key.
    motion: int32 scalar, index into MOTIONS.
    frames: number of points.

  Returns:
    x and y, float32 [frames], pixels of a 64 x 64 frame.
  """
  far = sprites.FRAME - _EDGE
  cross = jax.random.uniform(key, (4,), minval=_EDGE, maxval=far)
  # Ends on opposite sides; the inner points at thirds make the way even.
  ahead = jnp.asarray(np.linspace(_EDGE, far, 4), jnp.float32)
  t = jnp.asarray(np.linspace(0.0, 1.0, frames), jnp.float32)
  weights = jnp.stack(
    [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
  )
  first, second = ahead @ weights, cross @ weights
  return (
    jnp.where(motion == 0, first, second),
    jnp.where(motion == 0, second, first),
  )


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [frames, resolution, resolution, 3] in [0, 1]; `render` uses its key.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.integer('config.dataset.frames', config.frames, 1)
  checks.integer('config.dataset.sizes', config.sizes, 1)
  checks.choice('config.dataset.colours', config.colours, COLOURS)
  checks.integer('config.dataset.hues', config.hues, 1)
  checks.integer('config.dataset.levels', config.levels, 1)
  if config.colours == 'hue':
    shades = (np.arange(config.hues) / config.hues,)
  else:
    # Downwards, so that a single level is the brightest.
    shades = (np.linspace(1.0, _DARKEST, config.levels)[::-1],) * 3
  values = (
    np.arange(2.0),
    np.linspace(6.0, 12.0, config.sizes),
    *shades,
    np.arange(2.0),
  )
  names = (*FACTORS[:2], *COLOURS[config.colours], *FACTORS[3:])

  def render(arrays, factors, key):
    del arrays
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    scale = look(1) / sprites.SQUARE
    frame = lambda x, y: sprites.draw(
      SHAPES, factors[0], scale, 0.0, x, y, config.resolution
    )
    video = jax.vmap(frame)(*path(key, factors[-1], config.frames))
    if config.colours == 'hue':
      colour = colours.hue_to_rgb(look(2))
    else:
      colour = jnp.stack([look(2), look(3), look(4)])
    return video[..., None] * colour

  side = config.resolution
  return factorial.make(
    name='shape_motion',
    factor_names=names,
    factor_values=values,
    observation_shape=(config.frames, side, side, 3),
    render=render,
    deterministic=False,
    kind='video',
  )
