"""Cars3D, from the official archive of Reed et al. 2015.

Reed, Zhang, Zhang & Lee, "Deep visual analogy-making", 2015: 183 car models
from 24 azimuths and 4 elevations, 128 pixels shrunk to 64 (Lanczos) as in
disentanglement_lib. Models come in the order of their file names. There is no
TFDS builder.
"""

import dataclasses
import io
import math
import tarfile

import numpy as np
import PIL.Image

from disentangle_jax import checks, errors, types
from disentangle_jax.data import files, lookup
from disentangle_jax.data.real import source

FACTORS = ('elevation', 'azimuth', 'object')
SIZES = (4, 24, 183)
NAME = 'nips2015-analogy-data.tar.gz'
MD5 = {NAME: '4e866a7919c1beedf53964e6f7a23686'}
WHERE = (
  f'get it with: curl -LO http://www.scottreed.info/files/{NAME} and set '
  f'--config.dataset.path={NAME}'
)
_SIDE = 64


@dataclasses.dataclass(frozen=True)
class Config(source.Config):
  """Static options, those of every published set; there is no TFDS builder."""


def _models(path):
  """Images of each model, uint8 [elevations, azimuths, 64, 64, 3], by name."""
  meshes = {}
  with (
    files.reading(path, source.FIELD, 'a tar archive'),
    _opened(path) as archive,
  ):
    for member in archive:
      name = member.name.rsplit('/', 1)[-1]
      if not (name.startswith('car_') and name.endswith('.mat')):
        continue
      raw = io.BytesIO(archive.extractfile(member).read())
      arrays = files.matlab(raw, source.FIELD, f'{path}/{name}')
      if 'im' not in arrays or arrays['im'].shape[2:] != (3, *SIZES[1::-1]):
        rule = f'{name} holds no images [H, W, 3, azimuths, elevations]'
        raise errors.value(source.FIELD, str(path), rule)
      if arrays['im'].dtype != np.uint8:
        rule = f'{name} holds {arrays["im"].dtype}, must be uint8'
        raise errors.value(source.FIELD, str(path), rule)
      images = arrays['im'].transpose(4, 3, 0, 1, 2)
      flat = images.reshape(-1, *images.shape[2:])
      meshes[name] = np.stack([_shrink(i) for i in flat])
  return [meshes[name] for name in sorted(meshes)]


def _opened(path):
  try:
    return tarfile.open(path)
  except tarfile.TarError as error:
    raise OSError(str(error)) from error


def _shrink(image):
  picture = PIL.Image.fromarray(image)
  small = picture.resize((_SIDE, _SIDE), PIL.Image.Resampling.LANCZOS)
  return np.asarray(small)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A lookup set; observations are float32 [64, 64, 3] in [0, 1].

  Raises:
    ConfigError: a file that is missing, corrupt or foreign.
  """
  if config.source != 'file':
    checks.choice('config.dataset.source', config.source, ('file',))
  path = files.require(config.path, source.FIELD, WHERE, 'file')

  def blocks():
    models = _models(path)
    if len(models) != SIZES[2]:
      rule = f'holds {len(models)} models, must be {SIZES[2]}'
      raise errors.value(source.FIELD, str(path), rule)
    # [views, models, H, W, 3]: the model varies fastest.
    yield from np.stack(models, 1)

  images = source.table(
    'cars3d',
    config,
    math.prod(SIZES),
    (_SIDE, _SIDE, 3),
    False,
    [path],
    {path.name: MD5[NAME]},
    lambda: None,
    blocks,
  )
  return lookup.lookup(images, FACTORS, SIZES, name='cars3d', exact=True)
