"""3D Shapes itself, from its official h5 file, or through TFDS.

Burgess & Kim 2018, https://github.com/google-deepmind/3d-shapes: 480,000 images
of 64 x 64 x 3, 5.5 GiB as bytes on the device. The file's own factor values are
compared with the order used here. Reading it needs h5py (the extra [data]).
"""

import dataclasses
import math

import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, files, lookup
from disentangle_jax.data.procedural import shapes3d
from disentangle_jax.data.real import source

MD5 = {'3dshapes.h5': '099a2078d58cec4daad0702c55d06868'}
WHERE = (
  'get it with: curl -LO https://storage.googleapis.com/3d-shapes/3dshapes.h5 '
  'and set --config.dataset.path=3dshapes.h5'
)
SIZES = (10, 10, 10, 8, 4, 15)
_SHAPE = (64, 64, 3)
_BLOCK = 2048
TFDS = tuple(f'label_{name}' for name in shapes3d.FACTORS)


@dataclasses.dataclass(frozen=True)
class Config(source.Config):
  """Static options, those of every published set."""


def _values():
  """Published values: hues and scale as in the file, degrees."""
  hue = np.linspace(0.0, 0.9, SIZES[0])
  scale = np.linspace(0.75, 1.25, SIZES[3])
  angle = np.linspace(-30.0, 30.0, SIZES[5])
  return (hue, hue, hue, scale, np.arange(float(SIZES[4])), angle)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A lookup set with the factors of `shapes3d`; observations are float32
    [64, 64, 3] in [0, 1].

  Raises:
    ConfigError: a file that is missing, corrupt or foreign, or no h5py.
  """
  source.choose(config)
  if config.source == 'tfds':
    images, labels = source.tfds_images('shapes3d', 'train', config, TFDS)
    images = images[lookup.order(labels, SIZES, 'shapes3d')]
  else:
    images = _from_file(config)
  return lookup.lookup(
    images,
    shapes3d.FACTORS,
    SIZES,
    name='shapes3d_file',
    values=_values(),
    exact=True,
  )


def _from_file(config):
  path = files.require(config.path, source.FIELD, WHERE, 'file')
  h5py = source.h5py(path)
  kind = 'an HDF5 file'

  def check():
    with files.reading(path, source.FIELD, kind), h5py.File(path) as opened:
      labels, images = np.asarray(opened['labels']), opened['images']
      if images.shape != (math.prod(SIZES), *_SHAPE):
        raise ValueError(f'images of shape {images.shape}')
    columns = np.stack(
      [np.unique(c, return_inverse=True)[1] for c in labels.T], -1
    )
    if (
      columns.shape != (math.prod(SIZES), len(SIZES))
      or (columns != factorial.grid(SIZES)).any()
    ):
      rule = 'its labels are not in the published order'
      raise errors.value(source.FIELD, str(path), rule)

  def blocks():
    with files.reading(path, source.FIELD, kind), h5py.File(path) as opened:
      images = opened['images']
      for start in range(0, len(images), _BLOCK):
        yield np.asarray(images[start : start + _BLOCK])

  return source.table(
    'shapes3d_file',
    config,
    math.prod(SIZES),
    _SHAPE,
    False,
    [path],
    {path.name: MD5['3dshapes.h5']},
    check,
    blocks,
  )
