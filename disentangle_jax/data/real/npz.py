"""Images with factors of the user's own: one npz archive.

Arrays: 'images' [N, H, W] or [N, H, W, C] (bool, uint8, or floats in [0, 1]),
'factors' int [N, K] from 0, and perhaps 'factor_names' [K] (strings).
"""

import dataclasses
import math
import zipfile

import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import files, lookup, stream
from disentangle_jax.data.real import source

WHERE = "set --config.dataset.path to an npz with 'images' and 'factors'"


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the archive.
    grid: whether every combination of factors has exactly one image. If not,
      the set is a stream: no traversals, metrics on drawn images alone.
  """

  path: str | None = None
  grid: bool = True


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A lookup set (in any order of the file), or a stream; observations are
    float32 [H, W, C] in [0, 1].

  Raises:
    ConfigError: a file that is missing or cannot be used, or combinations that
      are missing or come twice.
  """
  path = files.require(config.path, source.FIELD, WHERE)
  images = files.npz_array(path, 'images', source.FIELD)
  factors = files.npz_array(path, 'factors', source.FIELD)
  if factors.ndim != 2 or factors.dtype.kind not in 'iu':
    got = f'{factors.dtype} {factors.shape}'
    rule = 'must be integers of the shape [N, K]'
    raise errors.value(f"{source.FIELD}: 'factors'", got, rule)
  names = [f'factor_{k}' for k in range(factors.shape[1])]
  with zipfile.ZipFile(path) as archive:
    named = 'factor_names.npy' in archive.namelist()
  if named:
    read = files.npz_array(path, 'factor_names', source.FIELD)
    names = [str(n) for n in read]
  if len(names) != factors.shape[1]:
    rule = f"must be {factors.shape[1]}, as 'factors' has columns"
    raise errors.value(f'{source.FIELD}: number of names', len(names), rule)
  if not config.grid:
    return stream.stream(images, factors, names, name='npz')
  sizes = tuple(int(n) for n in factors.max(0, initial=-1) + 1)
  if math.prod(sizes) != len(images) or len(factors) != len(images):
    rule = (
      f'the factor sizes {sizes} ask for {math.prod(sizes)}; set '
      'config.dataset.grid=False for a set that is no full grid'
    )
    raise errors.value(f'{source.FIELD}: number of images', len(images), rule)
  places = lookup.order(factors, sizes, source.FIELD)
  return lookup.lookup(np.asarray(images)[places], names, sizes, name='npz')
