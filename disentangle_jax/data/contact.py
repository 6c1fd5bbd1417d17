"""Contact sheets: pictures that show what a data set is."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from disentangle_jax import types
from disentangle_jax.data import factorial, kinds

_GAP = 2
_GREY = 128
_HEAD = 14
# Pixels: least width of text and vectors, and what a vector is fitted into.
_NARROW = 240
_WIDE = 480


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
  """float images as bytes; what decoders put outside [0, 1] is clipped.

  Bytes stay as they are.
  """
  if images.dtype == np.uint8:
    return np.asarray(images)
  return np.round(255 * np.clip(np.asarray(images), 0, 1)).astype(np.uint8)


def draw(dataset: types.Dataset, count: int, seed: int = 0) -> dict[str, Any]:
  """A batch of a data set.

  Args:
    dataset: any.
    count: number of examples.
    seed: of the draw.

  Returns:
    what its `sample` gives, as NumPy arrays.
  """
  sample = jax.jit(dataset.sample)
  batch = sample(jax.random.key(seed), dataset.arrays, jnp.arange(count))
  return jax.tree.map(np.asarray, dict(batch))


def picture(
  dataset: types.Dataset, observations: np.ndarray, columns: int
) -> np.ndarray:
  """Observations as one picture, as their kind asks.

  Args:
    dataset: whose kind decides.
    observations: [N, ...].
    columns: images per row; of a video, frames at even distances; of voxels,
      layers.

  Returns:
    uint8 [H, W, 3]: images side by side; one video or solid per row; one
    sentence per line; one vector per line, coloured.
  """
  if dataset.kind == 'tokens':
    words = dataset.extras.get('vocabulary')
    return text(kinds.sentences(observations, words))
  if dataset.kind == 'vector':
    return heat(observations.reshape(len(observations), -1))
  images = _rgb(to_uint8(observations))
  if dataset.kind in ('video', 'voxels'):
    slices = images.shape[1]
    columns = min(columns, slices)
    slices_shown = np.linspace(0, slices - 1, columns).round().astype(int)
    images = images[:, slices_shown].reshape(-1, *images.shape[2:])
  return tile(images, columns)


def text(lines: Sequence[str]) -> np.ndarray:
  """Lines of black text on white.

  Args:
    lines: N strings; what the font lacks becomes '?'.

  Returns:
    uint8 [14 N, W, 3].
  """
  font = PIL.ImageFont.load_default()
  lines = [
    line.encode('latin-1', 'replace').decode('latin-1') for line in lines
  ]
  width = max([_NARROW, *(int(font.getlength(line)) + 6 for line in lines)])
  picture = PIL.Image.new('RGB', (width, _HEAD * len(lines)), 'white')
  pen = PIL.ImageDraw.Draw(picture)
  for number, line in enumerate(lines):
    pen.text((3, _HEAD * number + 1), line, fill='black', font=font)
  return np.asarray(picture)


def heat(values: np.ndarray) -> np.ndarray:
  """Numbers as colours: blue below 0, white at 0, red above.

  Args:
    values: float [N, D]; the largest in size has the full colour.

  Returns:
    uint8 [H, W, 3], one row of square cells per vector, white on its right.
  """
  size = np.abs(values).max()
  share = values / (size or 1.0)
  fade = 255 * (1 - np.abs(share))
  full = np.full_like(fade, 255.0)
  red = np.where(share >= 0, full, fade)
  blue = np.where(share <= 0, full, fade)
  cells = np.stack([red, fade, blue], -1).round().astype(np.uint8)
  side = max(1, min(12, _WIDE // values.shape[1]))
  cells = cells.repeat(side, 0).repeat(side, 1)
  room = max(0, _NARROW - cells.shape[1])
  return np.pad(cells, ((0, 0), (0, room), (0, 0)), constant_values=255)


def samples(
  dataset: types.Dataset, columns: int, rows: int, seed: int = 0
) -> np.ndarray:
  """Drawn observations; of videos and voxels one per row.

  Args:
    dataset: any.
    columns: images per row; of videos, frames at even distances; of voxels,
      layers.
    rows: number of rows.
    seed: of the draw.

  Returns:
    uint8 page.
  """
  batch = draw(dataset, _count(dataset, columns, rows), seed)
  return picture(dataset, batch['observation'], columns)


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
    (label, uint8 page) per factor; a video is shown by its middle frame, a
    solid by its brightest voxel along the first axis, a sentence or a vector
    has a line for each value.
  """
  sizes = dataset.factor_sizes
  key = jax.random.key(seed)
  fixed = np.asarray(factorial.uniform_factors(key, sizes))
  fixed = np.where(
    [n == 'sprite_0_exists' for n in dataset.factor_names], 1, fixed
  )
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  strips = []
  for k, name in enumerate(dataset.factor_names[:most]):
    count = min(columns, sizes[k])
    steps = np.linspace(0, sizes[k] - 1, count).round().astype(np.int32)
    points = np.repeat(fixed[None], columns, 0).astype(np.int32)
    points[:count, k] = steps
    observations = np.asarray(render(dataset.arrays, points, key))[:count]
    if dataset.kind == 'video':
      observations = observations[:, observations.shape[1] // 2]
    elif dataset.kind == 'voxels':
      observations = observations.max(1)
    flat = dataset
    if observations.ndim == 4:
      flat = dataset._replace(kind='image')
    first, last = (float(dataset.factor_values[k][i]) for i in (0, -1))
    label = f'{name}: {sizes[k]} values, {first:.3g} to {last:.3g}'
    strips.append((label, picture(flat, observations, columns)))
  return strips


def page(parts: Sequence[tuple[str, np.ndarray]]) -> PIL.Image.Image:
  """Labelled strips, one below the other.

  Args:
    parts: (label, uint8 [H, W, 3]).

  Returns:
    The picture, wide enough for every label.
  """
  font = PIL.ImageFont.load_default()
  width = max(
    *(strip.shape[1] for _, strip in parts),
    *(int(font.getlength(label)) + 6 for label, _ in parts),
  )
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
    dataset: any; of a joined one both sets' observations are shown.
    columns: images per row.
    rows: rows of drawn observations.
    seed: of the draw.

  Returns:
    The picture.
  """
  shape = ' x '.join(str(n) for n in dataset.observation_shape)
  kind = '' if dataset.kind == 'image' else f'{dataset.kind} '
  batch = draw(dataset, _count(dataset, columns, rows), seed)
  sheet = picture(dataset, batch['observation'], columns)
  parts = [(f'{dataset.name}: {kind}{shape}', sheet)]
  second = dataset.extras.get('secondary')
  if second is not None:
    sheet = picture(second, batch['secondary'], columns)
    parts.append((f'secondary, row by row: {second.name}', sheet))
  if dataset.render is not None:
    parts += traversals(dataset, columns, seed)
  return page(parts)


def _count(dataset: types.Dataset, columns: int, rows: int) -> int:
  """Observations that fill a sheet."""
  return rows if dataset.kind in ('video', 'voxels') else rows * columns


def _rgb(images: np.ndarray) -> np.ndarray:
  """Images of any number of channels as grey or colour ones."""
  channels = images.shape[-1]
  if channels in (1, 3):
    return images
  if channels > 3:
    return images[..., :3]
  return np.concatenate([images, np.zeros_like(images[..., :1])], -1)
