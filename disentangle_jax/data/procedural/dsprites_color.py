"""dSprites in one random colour per image.

The `color_dsprites` of Locatello et al. 2019 (disentanglement_lib): the white
sprite times one colour, each channel uniform on [0.5, 1]. The colour is a
nuisance: the same factors give different images.
"""

import dataclasses

import jax

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
    [resolution, resolution, 3] in [0, 1]; `render` uses its key.

  Raises:
    ConfigError: an option out of range.
  """
  dsprites.check(config)
  values = dsprites.factor_values(config)

  def render(arrays, factors, key):
    del arrays
    colour = jax.random.uniform(key, (3,), minval=0.5, maxval=1.0)
    return dsprites.silhouette(config, values, factors)[..., None] * colour

  return factorial.make(
    name='dsprites_color',
    factor_names=dsprites.FACTORS,
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 3),
    render=render,
    deterministic=False,
  )
