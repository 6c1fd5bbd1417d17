"""A Gaussian blob that moves over the image: two factors, x and y.

The toy set of Burgess et al. 2018, "Understanding disentangling in beta-VAE"
(fig. 2): brightness exp(-|p - c|^2 / (2 width^2)) around the centre c. The
paper states no width and no grid; both are options.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import sprites


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    positions: number of positions along each axis.
    width: standard deviation of the blob, pixels of a 64 x 64 frame.
  """

  resolution: int = 64
  positions: int = 32
  width: float = 4.0


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in (0, 1]. Factor values are the centre, 0 to 1
    over the 32 central pixels of the 64 x 64 frame.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.integer('config.dataset.positions', config.positions, 1)
  checks.number('config.dataset.width', config.width, 0.1, 64.0)
  values = (np.linspace(0.0, 1.0, config.positions),) * 2
  points = sprites.centres(config.resolution)

  def render(arrays, factors, key):
    del arrays, key
    centre = sprites.place(jnp.asarray(values[0], jnp.float32)[factors])
    fall = lambda c: jnp.exp(-jnp.square((points - c) / config.width) / 2)
    return (fall(centre[1])[:, None] * fall(centre[0])[None, :])[..., None]

  return factorial.make(
    name='blobs',
    factor_names=('position_x', 'position_y'),
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
  )
