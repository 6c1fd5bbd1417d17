"""CelebA, aligned: faces (Liu et al. 2015), cropped and shrunk to 64 x 64 x 3.

The middle square of the 178 x 218 pictures is resized (Lanczos); papers differ
in the crop. Attributes are not read. Through TFDS or from the folder of
pictures; 202,599 images take 2.3 GiB on the device.
"""

import dataclasses

import numpy as np
import PIL.Image

from disentangle_jax import checks, types
from disentangle_jax.data import files, image_files, parts
from disentangle_jax.data.real import image_set, source

WHERE = (
  'download img_align_celeba.zip from '
  'https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, unpack it and set '
  '--config.dataset.path to the folder, or set --config.dataset.source=tfds'
)


@dataclasses.dataclass(frozen=True)
class Config(image_set.Config):
  """Static options, those of every image set, and

  Attributes:
    resolution: side of the images, pixels.
  """

  resolution: int = 64


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options; `split` applies to TFDS alone.

  Returns:
    A stream without factors; observations are float32
    [resolution, resolution, 3] in [0, 1].

  Raises:
    ConfigError: a source that is missing, corrupt or foreign.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.choice('config.dataset.source', config.source, source.SOURCES)
  checks.choice('config.dataset.split', config.split, image_set.SPLITS)
  parts.check(config, ('none', 'held_out'))
  side = config.resolution
  if config.source == 'tfds':

    def crop(image):
      picture = PIL.Image.fromarray(image)
      width, height = picture.size
      top = (height - width) // 2
      picture = picture.crop((0, top, width, top + width))
      small = picture.resize((side, side), PIL.Image.Resampling.LANCZOS)
      return np.asarray(small)

    given = source.Config(path=config.path, source='tfds')
    images, _ = source.tfds_images('celeb_a', config.split, given, (), crop)
  else:
    path = files.require(config.path, source.FIELD, WHERE, 'folder')
    images = image_files.of_folder(path, side, source.FIELD).images
  shape = (side, side, 3)
  return image_set.divided(images, None, config, 'celeba', shape)
