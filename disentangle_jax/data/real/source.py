"""Where a published set comes from: options and steps that all share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
import importlib
import os
import pathlib
from typing import Any

import numpy as np

from disentangle_jax import checks, errors
from disentangle_jax.data import cache, files

FIELD = 'config.dataset.path'
SOURCES = ('file', 'tfds')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options of every published set.

  Attributes:
    path: of the official file, or of the folder of files.
    source: 'file' reads `path`; 'tfds' asks TensorFlow Datasets (the extra
      [data]), where `path` is its data_dir or None.
    cache: folder of the tables made from the source; None for
      `$DISENTANGLE_JAX_CACHE`, else `~/.cache/disentangle_jax`.
    verify: compare the file with the published MD5 before it is first used.
  """

  path: str | None = None
  source: str = 'file'
  cache: str | None = None
  verify: bool = True


def verify(
  paths: Sequence[pathlib.Path], sums: Mapping[str, str], config: Config
) -> None:
  """Compares files with their published MD5.

  Args:
    paths: of the files.
    sums: file name -> hexadecimal MD5.
    config: the user's options.

  Raises:
    ConfigError: a sum that differs, or a file of another name.
  """
  if not config.verify:
    return
  way_out = 'config.dataset.verify=False takes it as it is'
  for path in paths:
    if path.name not in sums:
      rule = f'is not among the official files {", ".join(sums)}; {way_out}'
      raise errors.value(FIELD, str(path), rule)
    got = files.md5(path)
    if got != sums[path.name]:
      rule = f'MD5 is {got}, published {sums[path.name]}; {way_out}'
      raise errors.value(FIELD, str(path), rule)


def table(
  name: str,
  config: Config,
  count: int,
  shape: tuple[int, ...],
  binary: bool,
  paths: Sequence[pathlib.Path],
  sums: Mapping[str, str],
  check: Callable[[], None],
  blocks: Callable[[], Iterable[np.ndarray]],
) -> np.ndarray:
  """The table of a set's images; verified and made on first use.

  Args:
    name: of the data set.
    config: the user's options.
    count: number of images.
    shape: [H, W, C].
    binary: kept as bits.
    paths: the source's files.
    sums: their published MD5 by name.
    check: raises ConfigError unless the source holds what it should.
    blocks: makes the images in order.

  Returns:
    as `cache.table`.

  Raises:
    ConfigError: a source or a cache that cannot be used.
  """

  def verified():
    with files.reading(paths[0], FIELD, 'the official file'):
      verify(paths, sums, config)
      check()
      for block in blocks():
        if block.dtype != np.uint8:
          rule = f'its images are {block.dtype}, must be uint8'
          raise errors.value(FIELD, str(paths[0]), rule)
        yield block

  key = cache.fingerprint(paths, [name, count, shape, binary])
  return cache.table(name, key, config.cache, count, shape, binary, verified)


def choose(config: Config) -> None:
  """Refuses an unknown source."""
  checks.choice('config.dataset.source', config.source, SOURCES)


def h5py(path: pathlib.Path) -> Any:
  """The module h5py, or one line that says how to get it."""
  try:
    return importlib.import_module('h5py')
  except ImportError as error:
    rule = 'needs h5py: pip install h5py'
    raise errors.value(FIELD, str(path), rule) from error


def tfds_rows(
  name: str, split: str, config: Config
) -> Iterator[Mapping[str, Any]]:
  """The examples of a TFDS builder, in its order.

  Args:
    name: of the builder.
    split: 'train', 'test', 'train+test' ...
    config: the user's options.

  Yields:
    dicts of NumPy arrays.

  Raises:
    ConfigError: TFDS is not installed, or cannot prepare the set.
  """
  field = 'config.dataset.source'
  try:
    tfds = importlib.import_module('tensorflow_datasets')
  except ImportError as error:
    rule = 'needs TFDS: pip install tensorflow-datasets'
    raise errors.value(field, config.source, rule) from error
  folder = config.path and os.path.expanduser(config.path)
  try:
    for part in split.split('+'):
      yield from tfds.data_source(name, split=part, data_dir=folder)
  except errors.ConfigError:
    raise
  except Exception as error:
    # TFDS raises many kinds: no network, no TensorFlow, a host that is gone.
    said = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    rule = f'TFDS cannot give {name!r} ({said}); use source=file and a path'
    raise errors.value(field, config.source, rule) from error


def tfds_images(
  name: str,
  split: str,
  config: Config,
  labels: Sequence[str],
  convert: Callable[[np.ndarray], np.ndarray] = lambda image: image,
) -> tuple[np.ndarray, np.ndarray]:
  """All images of a TFDS builder and their labels.

  Args:
    name: of the builder.
    split: which.
    config: the user's options.
    labels: K names of features.
    convert: from the builder's image to ours, uint8.

  Returns:
    uint8 [N, H, W, C] and int64 [N, K].

  Raises:
    ConfigError: as `tfds_rows`.
  """
  images, factors = [], []
  for row in tfds_rows(name, split, config):
    images.append(convert(np.asarray(row['image'])))
    factors.append([int(row[label]) for label in labels])
  if not images:
    raise errors.value('config.dataset.source', name, 'TFDS gave no examples')
  return np.stack(images), np.asarray(factors, np.int64)
