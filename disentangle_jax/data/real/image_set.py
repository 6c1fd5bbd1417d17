"""Image sets with labels or without: what their modules share."""

import dataclasses

import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import checks, files, stream
from disentangle_jax.data.real import source

SPLITS = ('train', 'test')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the file or folder; see `files.images` for the formats.
    source: 'file', or 'tfds' where there is a builder; `path` is then its
      data_dir or None.
    split: 'train' or 'test', where the source has both.
  """

  path: str | None = None
  source: str = 'file'
  split: str = 'train'


def load(
  config: Config,
  name: str,
  where: str,
  shape: tuple[int, ...],
  builder: str | None = None,
  label: str | None = 'label',
) -> types.Dataset:
  """An image set as a stream.

  Args:
    config: static options.
    name: of the data set.
    where: how to get it, one line.
    shape: (H, W, C) that its images must have.
    builder: of TFDS, or None.
    label: TFDS' feature with the label, or None.

  Returns:
    The data set; its one factor, where there are labels, is 'label'.

  Raises:
    ConfigError: a source that is missing, corrupt or foreign.
  """
  checks.choice('split', config.split, SPLITS)
  sources = source.SOURCES if builder else ('file',)
  checks.choice('source', config.source, sources)
  if config.source == 'tfds':
    given = source.Config(path=config.path, source='tfds')
    keys = (label,) if label else ()
    images, labels = source.tfds_images(builder, config.split, given, keys)
    labels = labels[:, 0] if label else None
  else:
    images, labels = files.images(
      config.path, source.FIELD, config.split, where
    )
  return streamed(images, labels, name, shape)


def streamed(
  images: np.ndarray,
  labels: np.ndarray | None,
  name: str,
  shape: tuple[int, ...],
) -> types.Dataset:
  """Checks the images' shape and makes the stream.

  Args:
    images: uint8 [N, H, W, C].
    labels: int [N] or None.
    name: of the data set.
    shape: (H, W, C) that the images must have.

  Returns:
    The data set.

  Raises:
    ConfigError: images of another shape.
  """
  if images.shape[1:] != shape:
    rule = f'{name} has images of {shape}'
    raise errors.value(f'{source.FIELD}: images', images.shape[1:], rule)
  if labels is None:
    return stream.stream(images, name=name)
  return stream.stream(images, labels[:, None], ('label',), name=name)
