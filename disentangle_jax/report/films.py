"""Moving sheets: for a page within a size, and as files."""

import io
import pathlib

import numpy as np
import PIL.Image

from disentangle_jax.report import traversals

_FRAME = 0.12  # seconds that a frame of a video is shown
_MOST = 32  # frames in a page
# (quality, one frame in so many), tried until a film fits.
_LADDER = ((75, 1), (45, 1), (45, 2), (30, 4))


def encode(
  frames: np.ndarray, budget: int | None = None
) -> tuple[bytes, str, str]:
  """Packs a sheet for a page: a still picture, or an animated WebP.

  Args:
    frames: uint8 [F, height, width, 3]; F = 1 is a still picture.
    budget: bytes beyond which quality and frames are given up; the last attempt
      stands whatever its size.

  Returns:
    (file content, MIME type, what was left out: '' or a few words).
  """
  if len(frames) == 1:
    return *traversals.encode(frames[0], budget), ''
  thin = -(-len(frames) // _MOST)
  content = b''
  colours = PIL.Image.fromarray(traversals.still(frames)).getcolors(256)
  if colours is not None and thin == 1:
    content = _webp(frames, _FRAME, lossless=True, quality=50)
  if not content or (budget is not None and len(content) > budget):
    for quality, each in _LADDER:
      step = thin * each
      content = _webp(frames[::step], _FRAME * step, quality=quality)
      if budget is None or len(content) <= budget:
        break
    thin = step
  left = f'one frame in {thin} of {len(frames)}' if thin > 1 else ''
  return content, 'image/webp', left


def _webp(frames: np.ndarray, seconds: float, **options) -> bytes:
  """An endless film; `seconds` per frame."""
  out = io.BytesIO()
  first, *rest = map(PIL.Image.fromarray, frames)
  first.save(
    out,
    'WEBP',
    save_all=True,
    append_images=rest,
    duration=round(1000 * seconds),
    loop=0,
    method=2,  # more would cost seconds for a few per cent
    **options,
  )
  return out.getvalue()


def save(
  film: np.ndarray, path: pathlib.Path, seconds: float | None = None
) -> None:
  """Writes an endless .gif or .webp.

  Args:
    film: uint8 [F, height, width, 3].
    path: its ending decides.
    seconds: for one turn; by default the speed of a page's films.
  """
  seconds = _FRAME * len(film) if seconds is None else seconds
  images = [PIL.Image.fromarray(frame) for frame in film]
  images[0].save(
    path,
    save_all=True,
    append_images=images[1:],
    duration=max(20, round(1000 * seconds / len(images))),
    loop=0,
    lossless=True,  # of WebP; pixels of small images stay sharp
  )
