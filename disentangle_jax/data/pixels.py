"""Pixels of any usual kind as bytes: what a set's numbers mean is decided once.

The whole set decides, never one image: 0 and 1 alone are black and white in
whatever dtype they come; whole numbers from 0 to 255 are bytes, as integers or
as floats; floats from 0 to 1 are grey values. Anything else is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from disentangle_jax import errors

_VIDEO = ('video', 'voxels')
# Rows that are converted at once.
_BLOCK = 1024


class Pixels(NamedTuple):
  """Images as they are kept.

  Attributes:
    images: uint8 [N, H, W, C], 0 to 255; [N, T, H, W, C] of videos and voxels.
    note: what their numbers were taken for, e.g. '0/1 as black/white'.
  """

  images: np.ndarray
  note: str


class Span(NamedTuple):
  """The range of numbers.

  Attributes:
    low: the least one.
    high: the greatest one.
    whole: whether all are whole numbers.
  """

  low: float
  high: float
  whole: bool


def with_channels(
  images: np.ndarray, field: str, kind: str = 'image'
) -> np.ndarray:
  """The same images with an axis of channels.

  Args:
    images: [N, H, W] or [N, H, W, C]; of videos and voxels [N, T, H, W] or
      [N, T, H, W, C].
    field: what to name in errors.
    kind: a key of `types.KINDS`.

  Returns:
    [N, H, W, C] or [N, T, H, W, C], C = 1 or 3; no copy.

  Raises:
    ConfigError: another shape.
  """
  images = np.asarray(images)
  axes = 'N, T, H, W' if kind in _VIDEO else 'N, H, W'
  given, bare = images.shape, len(axes.split(', '))
  if images.ndim == bare:
    images = images[..., None]
  if images.ndim == bare + 1 and images.size and images.shape[-1] in (1, 3):
    return images
  noun = kind if kind in _VIDEO else 'images'
  rule = f'{noun} must have the shape [{axes}] or [{axes}, 1 or 3]'
  if len(given) == bare + 1 and given[-1] in (2, 4):
    rule += '; put transparent ones on a ground first'
  elif len(given) == bare + 1 and given[-3] in (1, 3):
    rule += f'; np.moveaxis(images, {bare - 2}, -1) puts the channels last'
  elif len(given) == bare + 2 and kind not in _VIDEO:
    rule += "; videos and voxels go through data.stream.stream(kind='video')"
  raise errors.value(field, given, rule)


def read(
  images: np.ndarray,
  field: str,
  kind: str = 'image',
  others: Sequence[np.ndarray] = (),
) -> Pixels:
  """Images as bytes, and what their numbers were taken for.

  Args:
    images: [N, H, W] or [N, H, W, C], as `with_channels`; bool, integers from 0
      to 255, floats in [0, 1], or floats that are whole numbers from 0 to 255.
      Where no value exceeds 1 they are black and white.
    field: what to name in errors.
    kind: a key of `types.KINDS`.
    others: further images of the same set, whose range counts as well.

  Returns:
    The images; without a copy where they are bytes already.

  Raises:
    ConfigError: another shape or dtype, or values out of range.
  """
  images = with_channels(images, field, kind)
  same = [images, *(x for x in others if x.dtype.kind == images.dtype.kind)]
  white, note = scale(map(span, same), images.dtype, field)
  if white == 255 and images.dtype == np.uint8:
    return Pixels(images, note)
  return Pixels(_bytes(images, white), note)


def span(images: np.ndarray) -> Span:
  """The range of numbers [N, ...], without a copy of them."""
  letter = images.dtype.kind
  if letter not in 'iuf':
    return Span(0, 1, True)
  low, high = images.min().item(), images.max().item()
  whole = letter != 'f' or all(
    (block == np.round(block)).all() for _, block in _blocks(images)
  )
  return Span(low, high, whole)


def scale(
  spans: Iterable[Span], dtype: np.dtype, field: str
) -> tuple[int, str]:
  """The value that is white, 1 or 255, and what to say about it.

  Args:
    spans: of all images of a set.
    dtype: of these.
    field: what to name in errors.

  Returns:
    the value and a note.

  Raises:
    ConfigError: another dtype, or values out of range.
  """
  if dtype.kind not in 'biuf':
    rule = 'images must be bool, integers or floats'
    raise errors.value(f'{field}: dtype', str(dtype), rule)
  spans = list(spans)
  # NaN stays: `min` of Python may drop it.
  low = np.min([s.low for s in spans]).item()
  high = np.max([s.high for s in spans]).item()
  whole = all(s.whole for s in spans)
  if low >= 0 and high <= 1:
    if not whole:
      return 1, f'floats {low:.3g} to {high:.3g}, kept as 8 bits'
    return 1, '0/1 as black/white' if high else 'all 0'
  if low >= 0 and high <= 255 and whole:
    stored = 'floats ' if dtype.kind == 'f' else ''
    return 255, f'{stored}{low:g} to {high:g} of 255'
  if dtype.kind == 'f':
    rule = (
      'float images must be finite and lie in 0 to 1, or be whole numbers from '
      '0 to 255: subtract the least value and divide by the greatest'
    )
  else:
    rule = (
      'integer images must lie in 0 to 255: give floats in 0 to 1 instead, '
      'divided by the value that is white'
    )
  raise errors.value(f'{field}: range of images', (low, high), rule)


def _blocks(images: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
  for start in range(0, len(images), _BLOCK):
    rows = slice(start, start + _BLOCK)
    yield rows, images[rows]


def _bytes(images: np.ndarray, white: int) -> np.ndarray:
  """Numbers from 0 to `white` as bytes, a block at a time."""
  converted = np.empty(images.shape, np.uint8)
  for rows, block in _blocks(images):
    if block.dtype.kind == 'f':
      if block.dtype.itemsize < 4:
        block = block.astype(np.float32)
      block = np.round(block * 255.0) if white == 1 else block
      converted[rows] = block.astype(np.uint8)
    else:
      converted[rows] = block.astype(np.uint8) * np.uint8(255 // white)
  return converted
