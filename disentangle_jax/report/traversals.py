"""What a run left to be looked at, and its sheets of pictures.

Pictures are uint8 in NumPy; small ones are enlarged by whole factors with
nearest neighbours, so that a 16 pixel sprite stays sharp and visible.
"""

from collections.abc import Mapping
import io
import pathlib
import types
from typing import Any, NamedTuple
import zipfile
import zlib

import matplotlib as mpl
import numpy as np
import PIL.Image

from disentangle_jax import folders, packs

GAP = 2  # pixels between tiles, after enlarging
GROUND = 128  # grey: neither a black nor a white image runs into it
# Axes of an observation; a vector may have any number and is shown flat.
_AXES = {'image': 3, 'video': 4, 'voxels': 4, 'tokens': 1, 'vector': 1}
LAYERS = 6  # of a solid, at most
CELLS = 512  # of a vector, at most
_STRIP = 320  # least width of a vector, pixels
_LINE = 8  # height of a vector, pixels
_COLOURS = 'viridis'  # nowhere as grey as the ground
_NONE = np.zeros((0, 0), np.uint8)
_EMPTY = types.MappingProxyType({})


class Samples(NamedTuple):
  """What `samples/<run_id>.npz` holds; empty arrays for what it does not.

  `observation` stands for uint8 [H, W, C] of an image, uint8 [frames, H, W, C]
  of a video, uint8 [depth, H, W, C] of voxels, int [L] of tokens, float [n] of
  a vector.

  Attributes:
    traversals: [D, T, *observation]: latent d at its T values, the others at
      the code of one observation.
    values: float32 [T], the values walked through, or [D, T] where latents have
      their own.
    observations: [N, *observation].
    reconstructions: [N, *observation].
    kl: float32 [D], nats per latent; NaN where not stored.
    kind: of the observations, a key of `types.KINDS`.
    generated: [M, *observation], draws from the model.
    pictures: name -> uint8 [rows, columns, H, W, C].
    texts: name -> int [rows, L].
    vocabulary: words, token -> word; () where there are none.
  """

  traversals: np.ndarray
  values: np.ndarray
  observations: np.ndarray
  reconstructions: np.ndarray
  kl: np.ndarray
  kind: str = 'image'
  generated: np.ndarray = _NONE
  pictures: Mapping[str, np.ndarray] = _EMPTY
  texts: Mapping[str, np.ndarray] = _EMPTY
  vocabulary: tuple[str, ...] = ()


def load(workdir: pathlib.Path, run_id: str) -> Samples | None:
  """Reads the samples of a run.

  Args:
    workdir: the sweep's directory.
    run_id: as in the store.

  Returns:
    The samples; None when the file is missing or damaged, holds nothing to look
    at, or is of a kind that this version does not know.
  """
  path = folders.samples(workdir, run_id)
  try:
    with np.load(packs.source(path), allow_pickle=False) as file:
      held = dict(file)
  except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
    return None
  kind = str(held.get('kind', 'image'))
  if kind not in _AXES:
    return None
  shown = {}
  for name, before in (
    ('traversals', 2),
    ('observations', 1),
    ('reconstructions', 1),
    ('generated', 1),
  ):
    array = held.get(name, _NONE)
    if array.size and kind == 'vector':
      array = array.reshape(*array.shape[:before], -1)
    if array.size and array.ndim != before + _AXES[kind]:
      return None
    shown[name] = array
  if shown['observations'].shape != shown['reconstructions'].shape:
    shown['observations'] = shown['reconstructions'] = _NONE
  of = lambda start, axes: {
    name.removeprefix(start): array
    for name, array in held.items()
    if name.startswith(start) and array.ndim == axes and array.size
  }
  pictures, texts = of('pictures/', 5), of('texts/', 2)
  if not (pictures or texts or any(x.size for x in shown.values())):
    return None
  return Samples(
    **shown,
    values=_values(held, shown['traversals']),
    kl=_kl(held, shown['traversals']),
    kind=kind,
    pictures=pictures,
    texts=texts,
    vocabulary=tuple(map(str, held.get('vocabulary', ()))),
  )


def _values(held: Mapping[str, Any], traversals: np.ndarray) -> np.ndarray:
  steps = traversals.shape[1]
  values = np.asarray(held.get('traversal_values', ()), np.float32)
  fits = values.shape[-1:] == (steps,)
  return values if fits else np.full(steps, np.nan, np.float32)


def _kl(held: Mapping[str, Any], traversals: np.ndarray) -> np.ndarray:
  kl, latents = np.asarray(held.get('kl', ()), np.float32), len(traversals)
  fits = kl.shape == (latents,)
  return kl if fits else np.full(latents, np.nan, np.float32)


def by_kl(samples: Samples) -> np.ndarray:
  """Order of the latents by KL, most informative first; unknown ones last."""
  return np.argsort(-samples.kl, kind='stable')


def enlarge(images: np.ndarray, least: int = 48) -> np.ndarray:
  """Repeats pixels until the images are at least `least` pixels high.

  Args:
    images: uint8 [..., H, W, C].
    least: pixels.

  Returns:
    uint8 [..., f H, f W, C] for the least whole factor f.
  """
  factor = max(1, -(-least // images.shape[-3]))
  return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def grid(tiles: np.ndarray, least: int = 48) -> np.ndarray:
  """Lays tiles out as a sheet.

  Args:
    tiles: uint8 [rows, columns, H, W, C]: grey, red and green, colours, or
      more channels, of which the first three are shown.
    least: height to enlarge the tiles to, pixels.

  Returns:
    uint8 [height, width, 3], tiles `GAP` pixels apart on grey.
  """
  tiles = enlarge(tiles, least)
  rows, columns, height, width, channels = tiles.shape
  colours = tiles[..., :3] if channels > 1 else tiles.repeat(3, -1)
  if channels == 2:
    colours = np.concatenate([tiles, np.zeros_like(tiles[..., :1])], -1)
  sheet = np.full(
    (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3),
    GROUND,
    np.uint8,
  )
  for row in range(rows):
    for column in range(columns):
      top, left = row * (height + GAP), column * (width + GAP)
      sheet[top : top + height, left : left + width] = colours[row, column]
  return sheet


def lay_out(
  tiles: np.ndarray,
  kind: str,
  least: int = 48,
  span: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
  """Lays observations out as a sheet; one of videos is a film.

  Solids are shown as layers side by side, cut across the first axis. Vectors
  are lines of coloured cells: each row of tiles is a block, its columns are the
  lines from above.

  Args:
    tiles: [rows, columns, *observation], as in `Samples`; not of tokens.
    kind: of the observations.
    least: height to enlarge tiles to, pixels; half of it for layers.
    span: values of the darkest and the lightest colour, of vectors.

  Returns:
    uint8 [F, height, width, 3]; F frames of a film, 1 otherwise.
  """
  if kind == 'video':
    times = range(tiles.shape[2])
    return np.stack([grid(tiles[:, :, t], least) for t in times])
  if kind == 'voxels':
    return grid(_layers(tiles, least // 2), 1)[None]
  if kind == 'vector':
    return grid(_strips(tiles, span)[:, None], 1)[None]
  return grid(tiles, least)[None]


def _layers(solids: np.ndarray, least: int) -> np.ndarray:
  """Tiles [..., H', W', C] of solids [..., depth, H, W, C]: some layers each.

  At even distances, from left to right, then from above.
  """
  depth = solids.shape[-4]
  count = min(LAYERS, depth)
  chosen = ((np.arange(count) + 0.5) * depth / count).astype(int)
  layers = enlarge(solids[..., chosen, :, :, :], least)
  columns = -(-count // 2) if count > 3 else count
  height, width, channels = (n + 1 for n in layers.shape[-3:])
  out = np.full(
    (
      *layers.shape[:-4],
      -(-count // columns) * height - 1,
      columns * width - 1,
      channels - 1,
    ),
    GROUND,
    np.uint8,
  )
  for i in range(count):
    top, left = i // columns * height, i % columns * width
    place = (..., slice(top, top + height - 1), slice(left, left + width - 1))
    out[(*place, slice(None))] = layers[..., i, :, :, :]
  return out


def _strips(vectors: np.ndarray, span: tuple[float, float]) -> np.ndarray:
  """Blocks [rows, height, width, 3] of vectors [rows, columns, n]."""
  low, high = span
  vectors = vectors[..., :CELLS].astype(np.float64)
  shades = (vectors - low) / ((high - low) or 1.0)
  colours = mpl.colormaps[_COLOURS](np.clip(np.nan_to_num(shades), 0, 1))
  blocks = np.round(255 * colours[..., :3]).astype(np.uint8)
  blocks[~np.isfinite(vectors)] = GROUND
  wide = -(-_STRIP // blocks.shape[2])
  return blocks.repeat(_LINE, axis=1).repeat(wide, axis=2)


def span_of(*arrays: np.ndarray) -> tuple[float, float]:
  """Least and greatest finite value; (0, 1) where there is none."""
  values = np.concatenate([array[..., :CELLS].ravel() for array in arrays])
  values = values[np.isfinite(values)]
  if not values.size:
    return 0.0, 1.0
  return float(values.min()), float(values.max())


def frames_of(samples: Samples, name: str, least: int = 48) -> np.ndarray:
  """One sheet of a run that does not hold tokens.

  Args:
    samples: of one run.
    name: 'traversals': a row per latent, sorted by KL, its values from left to
      right; 'reconstructions': observations above, their reconstructions below;
      'generated': draws from the model; 'pictures/<name>': as stored.
    least: see `lay_out`.

  Returns:
    uint8 [F, height, width, 3]; F = 1 but for videos.
  """
  if name.startswith('pictures/'):
    return grid(samples.pictures[name.removeprefix('pictures/')], least)[None]
  span = (0.0, 1.0)
  if samples.kind == 'vector':
    span = span_of(*_arrays(samples, name))
  if name == 'traversals':
    tiles = samples.traversals[by_kl(samples)]
  elif name == 'generated':
    tiles = samples.generated[None]
  else:
    # Each vector has its reconstruction below it.
    axis = 1 if samples.kind == 'vector' else 0
    tiles = np.stack(_arrays(samples, name), axis=axis)
  return lay_out(tiles, samples.kind, least, span)


def _arrays(samples: Samples, name: str) -> list[np.ndarray]:
  if name == 'reconstructions':
    return [samples.observations, samples.reconstructions]
  return [getattr(samples, name)]


def note_of(samples: Samples, name: str) -> str:
  """How to read a sheet of vectors or solids; '' for other kinds."""
  if name.startswith('pictures/'):
    return ''
  arrays = _arrays(samples, name)
  if samples.kind == 'voxels':
    depth = arrays[0].shape[-4]
    return f'{min(LAYERS, depth)} of {depth} layers of each solid'
  if samples.kind != 'vector':
    return ''
  low, high = span_of(*arrays)
  length = arrays[0].shape[-1]
  cut = f', the first {CELLS} of {length:,} numbers' if length > CELLS else ''
  return f'colours from {low:.3g} (dark) to {high:.3g} (light){cut}'


def still(frames: np.ndarray) -> np.ndarray:
  """The middle frame [height, width, 3], for where nothing can move."""
  return frames[len(frames) // 2]


def traversal_sheet(samples: Samples, least: int = 48) -> np.ndarray:
  """One row per latent, sorted by KL, its values from left to right.

  Args:
    samples: of one run.
    least: see `lay_out`.

  Returns:
    uint8 [height, width, 3]; the middle frame of videos.
  """
  return still(frames_of(samples, 'traversals', least))


def reconstruction_sheet(samples: Samples, least: int = 48) -> np.ndarray:
  """Observations above, their reconstructions below.

  Args:
    samples: of one run.
    least: see `lay_out`.

  Returns:
    uint8 [height, width, 3]; the middle frame of videos.
  """
  return still(frames_of(samples, 'reconstructions', least))


def encode(sheet: np.ndarray, budget: int | None = None) -> tuple[bytes, str]:
  """Packs a sheet for a page.

  Args:
    sheet: uint8 [height, width, 3].
    budget: bytes beyond which the exact PNG gives way to a lossy WebP.

  Returns:
    (file content, MIME type). Sheets of few colours are stored with a palette.
  """
  image = PIL.Image.fromarray(sheet)
  few = image.getcolors(256)
  # Photographs shrink by half to a third as PNG: where that cannot fit, the
  # attempt would only cost time.
  if budget is None or few is not None or sheet.nbytes < 4 * budget:
    out = io.BytesIO()
    if few is not None:
      exact = image.quantize(len(few), dither=PIL.Image.Dither.NONE)
      exact.save(out, 'PNG', optimize=True)
    else:
      image.save(out, 'PNG')
    if budget is None or out.tell() <= budget:
      return out.getvalue(), 'image/png'
  out = io.BytesIO()
  image.save(out, 'WEBP', quality=75, method=2)
  return out.getvalue(), 'image/webp'
