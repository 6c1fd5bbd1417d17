"""MPI3D, simple renderings; see `mpi3d`."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import mpi3d

SIZES = (4, 4, 2, 3, 3, 40, 40)
MD5 = '55889cb7c7dfc655d6e0277beee88868'


@dataclasses.dataclass(frozen=True)
class Config(mpi3d.Config):
  """Static options, those of every published set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `mpi3d.load`."""
  return mpi3d.load(config, 'toy', SIZES, MD5)
