"""Videos of two digits that bounce in a frame, one red and one green.

The moving-MNIST data of Whitney & Fergus 2019 (appendix C): two digits in a
frame of 64 x 64, each on a plane of its own, with a random start and velocity;
the motion is deterministic and the digits do not touch each other. The digits
are drawn by this project (`glyphs`) unless the path of MNIST is given. Start,
velocity and, with MNIST, the handwriting are nuisances. Speeds, 2 to 5 pixels a
frame, are not stated in the paper.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial, image_files, levels
from disentangle_jax.data.procedural import glyphs

FACTORS = ('first_digit', 'second_digit')
_GLYPH = 28


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square frames, pixels, at least 32.
    frames: frames of a video.
    path: of MNIST (as for the data set `mnist`), or None for drawn digits.
  """

  resolution: int = 64
  frames: int = 16
  path: str | None = None


def bounce(
  start: jax.Array, velocity: jax.Array, room: float, frames: int
) -> jax.Array:
  """Positions of a point that is thrown back by two walls.

  Args:
    start: float [...], 0 to `room`.
    velocity: float [...], per frame.
    room: distance between the walls.
    frames: number of positions.

  Returns:
    float32 [frames, ...], 0 to `room`: |.| folds the straight way back.
  """
  time = jnp.arange(frames, dtype=jnp.float32)
  time = time.reshape(-1, *[1] * jnp.ndim(start))
  straight = start + time * velocity
  return room - jnp.abs(jnp.mod(straight, 2.0 * room) - room)


def _digits(path: str | None) -> dict[str, np.ndarray]:
  """Images sorted by digit, with the first and the number of each."""
  if path is None:
    draw = lambda digit: glyphs.draw(digit, 0.1, 0.1, 0.85, _GLYPH)
    images = jax.vmap(draw)(jnp.arange(10))
    images = np.asarray(jnp.round(255 * images)).astype(np.uint8)
    labels = np.arange(10)
  else:
    field = 'config.dataset.path'
    images, labels, _ = image_files.read(path, field)
    if labels is None or images.shape[1:] != (_GLYPH, _GLYPH, 1):
      rule = f'must hold grey images of {_GLYPH} x {_GLYPH} with labels'
      raise errors.value(field, path, rule)
    images = images[..., 0]
    labels = levels.integers(labels, f'{field} ({path}): labels')
  count = np.bincount(labels, minlength=10)
  if len(count) != 10 or not count.all():
    rule = 'must hold all ten digits and nothing else'
    raise errors.value('config.dataset.path', path, rule)
  order = np.argsort(labels, kind='stable')
  return {
    'images': images[order],
    'first': (np.cumsum(count) - count).astype(np.int32),
    'count': count.astype(np.int32),
  }


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A data set; observations are float32
    [frames, resolution, resolution, 3] in [0, 1], red the first digit, green
    the second; `render` uses its key. `extras['positions']` is `(arrays,
    factors, key) -> float32 [frames, 2, 2]`: frame, digit, (row, column) of its
    upper left corner in pixels, of what `render` shows with the same arguments.

  Raises:
    ConfigError: an option out of range, or a file that cannot be used.
  """
  checks.integer('config.dataset.resolution', config.resolution, 32)
  checks.integer('config.dataset.frames', config.frames, 2)
  side, room = config.resolution, config.resolution - _GLYPH

  def corners_of(keys):
    start = room * jax.random.uniform(keys[1], (2,))
    angle = 2 * jnp.pi * jax.random.uniform(keys[2])
    speed = jax.random.uniform(keys[3], minval=2.0, maxval=5.0)
    velocity = speed * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return jnp.round(bounce(start, velocity, float(room), config.frames))

  def one(arrays, digit, key):
    keys = jax.random.split(key, 4)
    number = factorial.uniform_factors(keys[0], arrays['count'][digit][None])
    glyph = arrays['images'][arrays['first'][digit] + number[0]]
    corners = corners_of(keys).astype(jnp.int32)
    empty = jnp.zeros((side, side), jnp.uint8)
    place = lambda c: jax.lax.dynamic_update_slice(empty, glyph, (c[0], c[1]))
    return jax.vmap(place)(corners).astype(jnp.float32) / 255.0

  def render(arrays, factors, key):
    red = one(arrays, factors[0], jax.random.fold_in(key, 0))
    green = one(arrays, factors[1], jax.random.fold_in(key, 1))
    return jnp.stack([red, green, jnp.zeros_like(red)], -1)

  def positions(arrays, factors, key):
    del arrays, factors
    keys = [jax.random.split(jax.random.fold_in(key, n), 4) for n in range(2)]
    return jnp.stack([corners_of(own) for own in keys], axis=1)

  arrays = jax.tree.map(jnp.asarray, _digits(config.path))
  return factorial.make(
    name='moving_digits',
    factor_names=FACTORS,
    factor_values=(np.arange(10.0),) * 2,
    observation_shape=(config.frames, side, side, 3),
    render=render,
    arrays=arrays,
    deterministic=False,
    kind='video',
    extras={'positions': positions},
  )
