"""Videos of two blobs that bounce in a frame, one red and one green.

A small stand-in of ours for the moving digits of Whitney & Fergus 2019 (see
`moving_digits`): two Gaussian blobs, brightness exp(-|p - c|^2 / (2 width^2)),
each on a plane of its own, with a random start, direction and one of a few
speeds. The motion is deterministic, the walls stand one width inside of the
outermost pixels' centres, and the blobs do not touch each other. Start and
direction are nuisances. `extras['positions']` tells where the blobs are.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import moving_digits

FACTORS = ('first_speed', 'second_speed')
SLOWEST, FASTEST = 1.0, 2.0


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square frames, pixels.
    frames: frames of a video.
    width: standard deviation of a blob, pixels.
    speeds: number of speeds, from 1 to 2 pixels a frame.
  """

  resolution: int = 12
  frames: int = 8
  width: float = 1.0
  speeds: int = 5


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [frames, resolution, resolution, 2] in (0, 1], a plane for each blob;
    `render` uses its key. `extras['positions']` is `(arrays, factors, key) ->
    float32 [frames, 2, 2]`: frame, blob, (row, column) of its centre in pixels,
    of what `render` shows with the same arguments.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.integer('config.dataset.frames', config.frames, 1)
  checks.integer('config.dataset.speeds', config.speeds, 1)
  side = config.resolution
  checks.number('config.dataset.width', config.width, 0.1, side / 4)
  room = side - 1 - 2 * config.width
  speeds = np.linspace(SLOWEST, FASTEST, config.speeds)
  pixels = np.arange(side, dtype=np.float32)

  def path(speed, key):
    start_key, angle_key = jax.random.split(key)
    start = room * jax.random.uniform(start_key, (2,))
    angle = 2 * jnp.pi * jax.random.uniform(angle_key)
    velocity = speed * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return config.width + moving_digits.bounce(
      start, velocity, room, config.frames
    )

  def positions(arrays, factors, key):
    del arrays
    of = jnp.asarray(speeds, jnp.float32)[factors]
    paths = [path(of[n], jax.random.fold_in(key, n)) for n in range(2)]
    return jnp.stack(paths, axis=1)

  def render(arrays, factors, key):
    centres = positions(arrays, factors, key)  # frame, blob, axis
    far = (pixels - centres[..., None]) / config.width
    fall = jnp.exp(-0.5 * jnp.square(far))  # frame, blob, axis, pixel
    light = fall[:, :, 0, :, None] * fall[:, :, 1, None, :]
    return jnp.moveaxis(light, 1, -1)

  return factorial.make(
    name='moving_blobs',
    factor_names=FACTORS,
    factor_values=(speeds,) * 2,
    observation_shape=(config.frames, side, side, 2),
    render=render,
    deterministic=False,
    kind='video',
    extras={'positions': positions},
  )
