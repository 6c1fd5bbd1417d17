"""Images of the user's own: a folder, or any file that `files.images` reads."""

import dataclasses

from disentangle_jax import checks, types
from disentangle_jax.data import files
from disentangle_jax.data.real import image_set, source

WHERE = 'set --config.dataset.path to a folder of pictures or an npz archive'


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the folder or file.
    resolution: side to which the middle squares of pictures in a folder are
      resized, pixels; None keeps them.
    split: 'train' or 'test', where the source has both.
  """

  path: str | None = None
  resolution: int | None = None
  split: str = 'train'


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream; observations are float32 [H, W, C] in [0, 1]; its one factor,
    where there are labels, is 'label'.

  Raises:
    ConfigError: a source that is missing or cannot be used.
  """
  checks.choice('config.dataset.split', config.split, image_set.SPLITS)
  path = files.require(config.path, source.FIELD, WHERE)
  if config.resolution is not None:
    checks.integer('config.dataset.resolution', config.resolution, 1)
    if path.is_dir():
      images = files.folder(path, config.resolution, source.FIELD)
      return image_set.streamed(images, None, 'images', images.shape[1:])
  images, labels = files.images(path, source.FIELD, config.split, WHERE)
  return image_set.streamed(images, labels, 'images', images.shape[1:])
