"""Image sets with labels or without: what their modules share."""

import dataclasses

import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import image_files, levels, parts, stream
from disentangle_jax.data.real import source

SPLITS = ('train', 'test')


@dataclasses.dataclass(frozen=True)
class Config(parts.Config):
  """Static options, beside those of `parts.Config`.

  Attributes:
    path: of the file or folder; see `image_files.read` for the formats.
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
  checks.choice('config.dataset.split', config.split, SPLITS)
  parts.check(config)
  sources = source.SOURCES if builder else ('file',)
  checks.choice('config.dataset.source', config.source, sources)

  def read(split):
    if config.source == 'tfds':
      given = source.Config(path=config.path, source='tfds')
      keys = (label,) if label else ()
      images, labels = source.tfds_images(builder, split, given, keys)
      return images, labels[:, 0] if label else None
    read = image_files.read(config.path, source.FIELD, split, where)
    if read.labels is None:
      return read.images, None
    named = f'{source.FIELD} ({config.path}): labels'
    return read.images, levels.integers(read.labels, named)

  images, labels = read(config.split)
  test = None
  if config.test == 'split':
    test = read('test')
    if np.array_equal(test[0], images):
      rule = 'the source has no other images than these; legal: held_out'
      raise errors.value('config.dataset.test', config.test, rule)
  return divided(images, labels, config, name, shape, test)


def divided(
  images: np.ndarray,
  labels: np.ndarray | None,
  config: parts.Config,
  name: str,
  shape: tuple[int, ...],
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
) -> types.Dataset:
  """The stream of the share that training sees.

  Args:
    images: uint8 [N, H, W, C].
    labels: int [N] or None.
    config: checked.
    name: of the data set.
    shape: (H, W, C) that its images must have.
    test: the source's own test images and labels.

  Returns:
    The data set, with test images where there are some.

  Raises:
    ConfigError: images of another shape, too few to hold some out, or too few
      of a class.
  """
  pick = lambda x, rows: None if x is None else x[rows]
  seen, aside = parts.divide(len(images), config, labels)
  if len(aside):
    test = images[aside], pick(labels, aside)
  return streamed(images[seen], pick(labels, seen), name, shape, test)


def streamed(
  images: np.ndarray,
  labels: np.ndarray | None,
  name: str,
  shape: tuple[int, ...],
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
) -> types.Dataset:
  """Checks the images' shape and makes the stream.

  Args:
    images: uint8 [N, H, W, C].
    labels: int [N] or None.
    name: of the data set.
    shape: (H, W, C) that the images must have.
    test: images and labels kept for judges.

  Returns:
    The data set.

  Raises:
    ConfigError: images of another shape.
  """
  if images.shape[1:] != shape:
    rule = f'{name} has images of {shape}'
    raise errors.value(f'{source.FIELD}: images', images.shape[1:], rule)
  names = () if labels is None else ('label',)
  column = lambda x: None if x is None else x[:, None]
  if test is not None:
    test = test[0], column(test[1])
  return stream.stream(
    images, column(labels), names, name=name, test=test, exact=True
  )
