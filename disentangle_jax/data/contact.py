"""Contact sheets: pictures that show what a data set is."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import PIL.ImageDraw

from disentangle_jax import types
from disentangle_jax.data import factorial

_GAP = 2
_GREY = 128
_HEAD = 14


def tile(images: np.ndarray, columns: int) -> np.ndarray:
  """Images side by side.

  Args:
    images: uint8 [N, H, W, 1 or 3].
    columns: images per row.

  Returns:
    uint8 [rows * (H + 2) + 2, columns * (W + 2) + 2, 3]; grey between them and
    where the last row is short.
  """
  count, height, width, channels = images.shape
  rows = -(-count // columns)
  page = np.full(
    (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3),
    _GREY,
    np.uint8,
  )
  for number, image in enumerate(images):
    top = (number // columns) * (height + _GAP) + _GAP
    left = (number % columns) * (width + _GAP) + _GAP
    page[top : top + height, left : left + width] = (
      np.repeat(image, 3, -1) if channels == 1 else image
    )
  return page


def to_uint8(images: jax.Array) -> np.ndarray:
  """float images as bytes; what decoders put outside [0, 1] is clipped."""
  return np.round(255 * np.clip(np.asarray(images), 0, 1)).astype(np.uint8)


def samples(
  dataset: types.Dataset, columns: int, rows: int, seed: int = 0
) -> np.ndarray:
  """Drawn observations; of a set of videos one video per row.

  Args:
    dataset: any.
    columns: images per row; of videos, frames at even distances.
    rows: number of rows.
    seed: of the draw.

  Returns:
    uint8 page.
  """
  videos = len(dataset.observation_shape) == 4
  count = rows if videos else rows * columns
  batch = jax.jit(dataset.sample)(
    jax.random.key(seed), dataset.arrays, jnp.arange(count)
  )
  images = to_uint8(batch['observation'])
  if videos:
    frames = np.linspace(0, images.shape[1] - 1, columns).round().astype(int)
    images = images[:, frames].reshape(-1, *images.shape[2:])
  return tile(images, columns)


def traversals(
  dataset: types.Dataset, columns: int, seed: int = 0, most: int = 12
) -> list[tuple[str, np.ndarray]]:
  """One row per factor: it runs over its values, all others stay.

  Args:
    dataset: with a grid of factors.
    columns: values shown, at even distances over the grid.
    seed: of the fixed values and of the nuisances.
    most: number of factors shown.

  Returns:
    (label, uint8 page of one row) per factor; a video is shown by its middle
    frame.
  """
  sizes = dataset.factor_sizes
  key = jax.random.key(seed)
  fixed = np.asarray(factorial.uniform_factors(key, sizes))
  fixed = np.where(
    [n == 'sprite_0_exists' for n in dataset.factor_names], 1, fixed
  )
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  made = []
  for k, name in enumerate(dataset.factor_names[:most]):
    shown = min(columns, sizes[k])
    steps = np.linspace(0, sizes[k] - 1, shown).round().astype(np.int32)
    points = np.repeat(fixed[None], columns, 0).astype(np.int32)
    points[:shown, k] = steps
    images = to_uint8(render(dataset.arrays, points, key))[:shown]
    if images.ndim == 5:
      images = images[:, images.shape[1] // 2]
    first, last = (float(dataset.factor_values[k][i]) for i in (0, -1))
    label = f'{name}: {sizes[k]} values, {first:.3g} to {last:.3g}'
    made.append((label, tile(images, columns)))
  return made


def page(parts: Sequence[tuple[str, np.ndarray]]) -> PIL.Image.Image:
  """Labelled strips, one below the other.

  Args:
    parts: (label, uint8 [H, W, 3]).

  Returns:
    The picture.
  """
  width = max(strip.shape[1] for _, strip in parts)
  height = sum(strip.shape[0] + _HEAD for _, strip in parts)
  picture = PIL.Image.new('RGB', (width, height), 'white')
  pen = PIL.ImageDraw.Draw(picture)
  top = 0
  for label, strip in parts:
    pen.text((3, top + 1), label, fill='black')
    picture.paste(PIL.Image.fromarray(strip), (0, top + _HEAD))
    top += strip.shape[0] + _HEAD
  return picture


def describe(
  dataset: types.Dataset, columns: int = 12, rows: int = 4, seed: int = 0
) -> PIL.Image.Image:
  """Drawn observations, then a row for each factor of a grid.

  Args:
    dataset: any.
    columns: images per row.
    rows: rows of drawn observations.
    seed: of the draw.

  Returns:
    The picture.
  """
  shape = ' x '.join(str(n) for n in dataset.observation_shape)
  head = f'{dataset.name}: {shape}'
  parts = [(head, samples(dataset, columns, rows, seed))]
  if dataset.render is not None:
    parts += traversals(dataset, columns, seed)
  return page(parts)
