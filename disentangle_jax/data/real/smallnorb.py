"""SmallNORB, from its six official files, or through TFDS.

LeCun, Huang & Bottou 2004, https://cs.nyu.edu/~ylclab/data/norb-v1.0-small. As
in disentanglement_lib: training and test files together, the left camera, 96
pixels shrunk to 64 (Lanczos), azimuth labels halved; factors of interest are
category 5, elevation 9, azimuth 18 and lighting 6, the instance (10 toys of a
category) is a nuisance, drawn anew for each image.
"""

import dataclasses
import gzip
import math
import pathlib
import struct

import numpy as np
import PIL.Image

from disentangle_jax import errors, types
from disentangle_jax.data import files, lookup
from disentangle_jax.data.real import source

FACTORS = ('category', 'elevation', 'azimuth', 'lighting', 'instance')
SIZES = (5, 9, 18, 6, 10)
TRAIN = 'smallnorb-5x46789x9x18x6x2x96x96-training'
TEST = 'smallnorb-5x01235x9x18x6x2x96x96-testing'
MD5 = {
  f'{TRAIN}-dat.mat.gz': '66054832f9accfe74a0f4c36a75bc0a2',
  f'{TRAIN}-cat.mat.gz': '23c8b86101fbf0904a000b43d3ed2fd9',
  f'{TRAIN}-info.mat.gz': '51dee1210a742582ff607dfd94e332e3',
  f'{TEST}-dat.mat.gz': 'e4ad715691ed5a3a5f138751a4ceb071',
  f'{TEST}-cat.mat.gz': '5aa791cd7e6016cf957ce9bdb93b8603',
  f'{TEST}-info.mat.gz': 'a9454f3864d7fd4bb3ea7fc3eb84924e',
}
WHERE = (
  'get its six files with: wget -r -nd -A mat.gz '
  'https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/ and set '
  '--config.dataset.path to their folder'
)
_SIDE = 64
TFDS = (
  'label_category',
  'label_elevation',
  'label_azimuth',
  'label_lighting',
  'instance',
)
# Codes of the element type at the head of a file.
_KINDS = {0x1E3D4C55: np.dtype('u1'), 0x1E3D4C54: np.dtype('<i4')}


@dataclasses.dataclass(frozen=True)
class Config(source.Config):
  """Static options, those of every published set."""


def matrix(path: pathlib.Path) -> np.ndarray:
  """One file of the set's binary format.

  Args:
    path: of the file, gzipped.

  Returns:
    its array.

  Raises:
    ConfigError: not such a file.
  """
  with files.reading(path, source.FIELD, 'a gzipped NORB matrix'):
    raw = gzip.decompress(path.read_bytes())
    code, axes = struct.unpack('<Ii', raw[:8])
    if code not in _KINDS or not 1 <= axes <= 8:
      raise ValueError('wrong magic number')
    # At least three sizes are stored, however few there are.
    start = 8 + 4 * max(3, axes)
    shape = struct.unpack(f'<{axes}i', raw[8 : 8 + 4 * axes])
    return np.frombuffer(raw, _KINDS[code], offset=start).reshape(shape)


def shrink(image: np.ndarray) -> np.ndarray:
  """An image of 96 x 96 as 64 x 64 x 1, uint8."""
  picture = PIL.Image.fromarray(image.reshape(image.shape[:2]))
  small = picture.resize((_SIDE, _SIDE), PIL.Image.Resampling.LANCZOS)
  return np.asarray(small)[..., None]


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A lookup set; observations are float32 [64, 64, 1] in [0, 1]; `render` uses
    its key for the instance.

  Raises:
    ConfigError: files that are missing, corrupt or foreign.
  """
  source.choose(config)
  if config.source == 'tfds':
    images, labels = source.tfds_images(
      'smallnorb', 'train+test', config, TFDS, shrink
    )
    images = images[lookup.order(labels, SIZES, 'smallnorb')]
  else:
    images = _from_files(config)
  return lookup.lookup(
    images,
    FACTORS,
    SIZES,
    name='smallnorb',
    nuisances=('instance',),
    exact=True,
  )


def _from_files(config):
  folder = files.require(config.path, source.FIELD, WHERE, 'folder')
  paths = [folder / name for name in MD5]
  for path in paths:
    if not path.is_file():
      rule = f'lacks {path.name}; {WHERE}'
      raise errors.value(source.FIELD, str(folder), rule)

  def blocks():
    read = {kind: [] for kind in ('dat', 'cat', 'info')}
    for start in (TRAIN, TEST):
      for kind, parts in read.items():
        parts.append(matrix(folder / f'{start}-{kind}.mat.gz'))
    pairs, category, info = (np.concatenate(part) for part in read.values())
    # info: instance, elevation, azimuth (even numbers), lighting.
    labels = np.stack(
      [category, info[:, 1], info[:, 2] // 2, info[:, 3], info[:, 0]], -1
    )
    places = lookup.order(labels, SIZES, str(folder))
    for place in places:
      yield shrink(pairs[place, 0])[None]

  return source.table(
    'smallnorb',
    config,
    math.prod(SIZES),
    (_SIDE, _SIDE, 1),
    False,
    paths,
    MD5,
    lambda: None,
    blocks,
  )
