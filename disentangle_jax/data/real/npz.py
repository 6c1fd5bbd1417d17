"""Images with factors of the user's own: one npz archive.

Arrays: 'images' [N, H, W] or [N, H, W, C] of any range that `pixels.read`
knows, 'factors' [N] or [N, K], numbers or words, whose distinct values are the
levels (`levels.of`), and perhaps 'factor_names' [K] (strings).
"""

import dataclasses
import math

from disentangle_jax import errors, types
from disentangle_jax.data import (
  files,
  image_files,
  levels,
  lookup,
  pixels,
  stream,
  summary,
)
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
    float32 [H, W, C] in [0, 1]. `factor_values` are the file's numbers.

  Raises:
    ConfigError: a file that is missing or cannot be used, or combinations that
      are missing or come twice.
  """
  field = source.FIELD
  path = files.require(config.path, field, WHERE, 'file')
  where = f'{field} ({path})'
  images = files.npz_array(path, 'images', field)
  factors = files.npz_array(path, 'factors', field)
  factors = levels.table(factors, f"{where}: 'factors'")
  names = [f'factor_{k}' for k in range(factors.shape[1])]
  arrays = files.npz_names(path, field)
  if 'factor_names' in arrays:
    read = files.npz_array(path, 'factor_names', field)
    names = levels.names(read, f"{where}: 'factor_names'")
  if len(names) != factors.shape[1]:
    rule = f"must be {factors.shape[1]}, as 'factors' has columns"
    raise errors.value(f'{where}: number of names', len(names), rule)
  converted = pixels.read(images, where)
  images = converted.images
  if len(factors) != len(images):
    rule = f"must be {len(images)}, one for each of the 'images'"
    raise errors.value(f"{where}: rows of 'factors'", len(factors), rule)
  known = levels.of(factors, f"{where}: 'factors'", config.grid)
  left = image_files.unread(arrays, ('images', 'factors', 'factor_names'))
  told = summary.line(
    f'npz {path.name}',
    len(images),
    images.shape[1:],
    [converted.note, *left],
    names,
    known,
    grid=config.grid,
  )
  extras = {'summary': told}
  if not config.grid:
    return stream.of_levels(images, known, names, name='npz', extras=extras)
  sizes = known.sizes
  if math.prod(sizes) != len(images):
    rule = (
      f'the factor sizes {sizes} ask for {math.prod(sizes)}; set '
      'config.dataset.grid=False for a set that is no full grid'
    )
    raise errors.value(f'{where}: number of images', len(images), rule)
  places = lookup.order(known.index, sizes, where)
  return lookup.lookup(
    images[places],
    names,
    sizes,
    name='npz',
    values=known.values,
    extras={**extras, **stream.words(names, known)},
    exact=True,
  )
