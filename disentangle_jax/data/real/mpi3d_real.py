"""MPI3D, photographs; see `mpi3d`."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import mpi3d

SIZES = (6, 6, 2, 3, 3, 40, 40)
MD5 = '0f33f609918fb5c97996692f91129802'


@dataclasses.dataclass(frozen=True)
class Config(mpi3d.Config):
  """Static options, those of every published set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `mpi3d.load`."""
  return mpi3d.load(config, 'real', SIZES, MD5)
