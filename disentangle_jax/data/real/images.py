"""Images of the user's own: a folder, or a file that `image_files` reads."""

import dataclasses

import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import files, image_files, levels, stream, summary
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
    A stream; observations are float32 [H, W, C] in [0, 1]. Labels [N] become
    the factor 'label', labels [N, K] the factors 'label_0' and so on; their
    distinct values, numbers or words, are the levels.

  Raises:
    ConfigError: a source that is missing or cannot be used.
  """
  field = source.FIELD
  checks.choice('config.dataset.split', config.split, image_set.SPLITS)
  path = files.require(config.path, field, WHERE)
  if config.resolution is not None:
    checks.integer('config.dataset.resolution', config.resolution, 1)
    if not path.is_dir():
      rule = 'is for folders of pictures; a file keeps its size'
      raise errors.value('config.dataset.resolution', config.resolution, rule)
    read = image_files.of_folder(path, config.resolution, field)
  else:
    read = image_files.read(path, field, config.split, WHERE)
  names, labels = [], read.labels
  count, shape = len(read.images), read.images.shape[1:]
  if labels is None:
    labels = np.zeros((count, 0), np.int64)
  elif labels.ndim == 1:
    names = ['label']
  else:
    names = [f'label_{k}' for k in range(labels.shape[-1])]
  known = levels.of(labels, f'{field} ({path}): labels')
  told = summary.line(
    f'images {path.name}', count, shape, read.notes, names, known
  )
  return stream.of_levels(
    read.images, known, names, name='images', extras={'summary': told}
  )
