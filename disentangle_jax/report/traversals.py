"""Picture sheets of a run, from the samples it left.

Everything is uint8 in NumPy; small images are enlarged by whole factors with
nearest neighbours, so that a 16 pixel sprite stays sharp and visible.
"""

import io
import pathlib
from typing import NamedTuple
import zipfile

import numpy as np
import PIL.Image

GAP = 2  # pixels between tiles, after enlarging
GROUND = 128  # grey: neither a black nor a white image runs into it


class Samples(NamedTuple):
  """What `samples/<run_id>.npz` holds.

  Attributes:
    traversals: uint8 [D, T, H, W, C]: latent d at its T values, the others at
      the code of one observation.
    values: float32 [T], the values walked through.
    observations: uint8 [N, H, W, C].
    reconstructions: uint8 [N, H, W, C].
    kl: float32 [D], nats per latent; NaN where not stored.
  """

  traversals: np.ndarray
  values: np.ndarray
  observations: np.ndarray
  reconstructions: np.ndarray
  kl: np.ndarray


def load(workdir: pathlib.Path, run_id: str) -> Samples | None:
  """Reads the samples of a run.

  Args:
    workdir: the sweep's directory.
    run_id: as in the store.

  Returns:
    The samples; None when the file is missing or damaged, or holds no images.
  """
  path = pathlib.Path(workdir) / 'samples' / f'{run_id}.npz'
  try:
    with np.load(path, allow_pickle=False) as file:
      held = dict(file)
  except (OSError, ValueError, EOFError, zipfile.BadZipFile):
    return None
  none = np.zeros((0, 1, 1, 1), np.uint8)
  sweeps = held.get('traversals', none[None])
  if sweeps.ndim != 5:
    return None
  latents, steps = sweeps.shape[:2]
  return Samples(
    traversals=sweeps,
    values=held.get('traversal_values', np.full(steps, np.nan, np.float32)),
    observations=held.get('observations', none),
    reconstructions=held.get('reconstructions', none),
    kl=held.get('kl', np.full(latents, np.nan, np.float32)),
  )


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
    tiles: uint8 [rows, columns, H, W, C], C = 1, 3 or 4.
    least: height to enlarge the tiles to, pixels.

  Returns:
    uint8 [height, width, 3], tiles `GAP` pixels apart on grey.
  """
  tiles = enlarge(tiles, least)
  rows, columns, height, width, channels = tiles.shape
  colours = tiles[..., :3] if channels >= 3 else tiles[..., :1].repeat(3, -1)
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


def traversal_sheet(samples: Samples, least: int = 48) -> np.ndarray:
  """One row per latent, sorted by KL, its values from left to right.

  Args:
    samples: of one run.
    least: height to enlarge the tiles to, pixels.

  Returns:
    uint8 [height, width, 3].
  """
  return grid(samples.traversals[by_kl(samples)], least)


def reconstruction_sheet(samples: Samples, least: int = 48) -> np.ndarray:
  """Observations above, their reconstructions below.

  Args:
    samples: of one run.
    least: height to enlarge the tiles to, pixels.

  Returns:
    uint8 [height, width, 3].
  """
  pairs = np.stack([samples.observations, samples.reconstructions])
  return grid(pairs, least)


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
