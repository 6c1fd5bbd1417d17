"""dSprites on a background of uniform noise.

The `noisy_dsprites` of Locatello et al. 2019 (disentanglement_lib):
min(sprite + noise, 1) with noise uniform on [0, 1), independent for every pixel
and channel. The noise is a nuisance: the same factors give different images.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import dsprites, noise


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
  shape = (config.resolution, config.resolution, 3)

  def render(arrays, factors, key):
    del arrays
    sprite = dsprites.silhouette(config, values, factors)[..., None]
    return jnp.minimum(sprite + noise.uniform(key, shape), 1.0)

  return factorial.make(
    name='dsprites_noisy',
    factor_names=dsprites.FACTORS,
    factor_values=values,
    observation_shape=shape,
    render=render,
    deterministic=False,
  )
