"""MPI3D: photographs and renderings of a robot arm, from the official npz.

Gondal et al. 2019, https://github.com/rr-learning/disentanglement_dataset. The
file holds images alone, in the published order of factors; there is no table of
factors in it to compare with, so the MD5 is what vouches for the order. As
bytes on the device: toy and realistic 5.3 GiB each, real 11.9 GiB.
"""

import dataclasses
import math

from disentangle_jax import checks, types
from disentangle_jax.data import files, lookup
from disentangle_jax.data.real import source

FACTORS = (
  'object_color',
  'object_shape',
  'object_size',
  'camera_height',
  'background_color',
  'first_dof',
  'second_dof',
)
_SHAPE = (64, 64, 3)


@dataclasses.dataclass(frozen=True)
class Config(source.Config):
  """Static options, those of every published set; there is no TFDS builder."""


def load(
  config: Config, variant: str, sizes: tuple[int, ...], md5: str
) -> types.Dataset:
  """One of the three sets.

  Args:
    config: static options.
    variant: 'toy', 'realistic' or 'real'.
    sizes: of the seven factors.
    md5: of the official file.

  Returns:
    A lookup set; observations are float32 [64, 64, 3] in [0, 1].

  Raises:
    ConfigError: a file that is missing, corrupt or foreign.
  """
  if config.source != 'file':
    checks.choice('config.dataset.source', config.source, ('file',))
  name = f'mpi3d_{variant}.npz'
  where = (
    'get it with: curl -LO https://storage.googleapis.com/'
    f'disentanglement_dataset/Final_Dataset/{name} and set '
    f'--config.dataset.path={name}'
  )
  path = files.require(config.path, source.FIELD, where, 'file')
  images = source.table(
    f'mpi3d_{variant}',
    config,
    math.prod(sizes),
    _SHAPE,
    False,
    [path],
    {path.name: md5},
    lambda: None,
    lambda: files.npz_blocks(path, 'images', source.FIELD),
  )
  return lookup.lookup(
    images, FACTORS, sizes, name=f'mpi3d_{variant}', exact=True
  )
