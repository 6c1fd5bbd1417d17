"""MPI3D, realistic renderings; see `mpi3d`."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import mpi3d

SIZES = (4, 4, 2, 3, 3, 40, 40)
MD5 = '59a6225b88b635365f70c91b3e52f70f'


@dataclasses.dataclass(frozen=True)
class Config(mpi3d.Config):
  """Static options, those of every published set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `mpi3d.load`."""
  return mpi3d.load(config, 'realistic', SIZES, MD5)
