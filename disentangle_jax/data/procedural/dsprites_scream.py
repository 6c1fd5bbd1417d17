"""dSprites cut out of a textured background.

The `scream_dsprites` of Locatello et al. 2019 (disentanglement_lib): a random
crop of a picture, averaged with one random colour, is the background; on the
sprite it is inverted (1 - background). Crop and colour are nuisances: the same
factors give different images.

Deviation: the study crops Munch's "The Scream", which is not shipped. Name the
file of a picture to use it, shrunk to fit 350 x 274 pixels as there; the
default is a texture made by this module, so scores on it are not those of the
study.
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, pictures
from disentangle_jax.data.procedural import dsprites

# Width and height that the study's picture is made to fit, for 64 x 64 crops.
FIT = (350, 274)
# Fields of Config that may hold the path of a file.
FILES = ('background',)


@dataclasses.dataclass(frozen=True)
class Config(dsprites.Config):
  """Static options, those of `dsprites` and

  Attributes:
    background: 'procedural', or the path of a picture.
  """

  background: str = 'procedural'


def texture(height: int, width: int) -> np.ndarray:
  """Bands of warm and cold colours bent by slow waves.

  Args:
    height: rows.
    width: columns.

  Returns:
    uint8 [height, width, 3], the same at every call.
  """
  y, x = np.mgrid[:height, :width] / float(min(height, width))
  bend = 0.35 * np.sin(3.1 * x + 1.3) + 0.2 * np.sin(7.3 * x - 4.1 * y)
  bend += 0.1 * np.sin(11.7 * y + 5.9 * x) + 0.04 * np.sin(31.0 * (x - y))
  band = np.stack(
    [
      np.sin(17.0 * (y + bend) + 0.6),
      np.sin(13.0 * (y + 0.7 * bend) + 2.4),
      np.sin(9.0 * (y - 0.5 * bend) + 4.4),
    ],
    axis=-1,
  )
  streaks = 0.25 * np.sin(63.0 * (y + bend))[..., None]
  tint = np.asarray([0.62, 0.42, 0.33])
  image = tint + 0.3 * band * np.asarray([1.0, 0.7, 0.8]) + 0.3 * streaks
  return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def _picture(config: Config) -> np.ndarray:
  limit = tuple(-(-side * config.resolution // 64) for side in FIT)
  if config.background == 'procedural':
    return texture(limit[1], limit[0])
  field = 'config.dataset.background'
  path = pathlib.Path(config.background).expanduser()
  if not path.is_file():
    rule = "no such file; give a picture's path or 'procedural'"
    raise errors.value(field, config.background, rule)
  image = pictures.open_rgb(path, field)
  image.thumbnail(limit, PIL.Image.Resampling.LANCZOS)
  if min(image.size) < config.resolution:
    rule = f'{image.size} pixels once fitted; crops need {config.resolution}'
    raise errors.value(field, config.background, rule)
  return np.asarray(image)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 3] in [0, 1]; `render` uses its key.

  Raises:
    ConfigError: an option out of range, or a picture that cannot be used.
  """
  dsprites.check(config)
  values = dsprites.factor_values(config)
  shape = (config.resolution, config.resolution, 3)
  picture = _picture(config)
  room = np.asarray(picture.shape[:2]) - config.resolution + 1

  def render(arrays, factors, key):
    crop_key, colour_key = jax.random.split(key)
    corner = factorial.uniform_factors(crop_key, room)
    crop = jax.lax.dynamic_slice(arrays, (corner[0], corner[1], 0), shape)
    background = crop.astype(jnp.float32) / 255.0
    background = (background + jax.random.uniform(colour_key, (3,))) / 2.0
    sprite = dsprites.silhouette(config, values, factors)[..., None]
    # For a binary sprite: 1 - background on it, background elsewhere.
    return background + sprite * (1.0 - 2.0 * background)

  return factorial.make(
    name='dsprites_scream',
    factor_names=dsprites.FACTORS,
    factor_values=values,
    observation_shape=shape,
    render=render,
    arrays=jnp.asarray(picture),
    deterministic=False,
  )
