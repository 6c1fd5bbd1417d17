"""dSprites with the shape left out of the factors: drawn anew for each image.

The `dsprites_noshape` of Locatello et al. 2019 (disentanglement_lib): scale 6,
orientation 40, position_x 32 and position_y 32 are the factors of interest, the
shape is a nuisance, uniform over square, ellipse and heart.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import dsprites


@dataclasses.dataclass(frozen=True)
class Config(dsprites.Config):
  """Static options, those of `dsprites`."""


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 1] in {0, 1}; `render` uses its key.

  Raises:
    ConfigError: an option out of range.
  """
  dsprites.check(config)
  values = dsprites.factor_values(config)

  def render(arrays, factors, key):
    del arrays
    shape = jax.random.randint(key, (1,), 0, len(dsprites.SHAPES))
    full = jnp.concatenate([shape, factors])
    return dsprites.silhouette(config, values, full)[..., None]

  return factorial.make(
    name='dsprites_noshape',
    factor_names=dsprites.FACTORS[1:],
    factor_values=values[1:],
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
    deterministic=False,
  )
