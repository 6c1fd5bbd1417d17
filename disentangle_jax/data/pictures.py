"""Folders of pictures as one array, each as a viewer shows it."""

import collections
from collections.abc import Iterator, Mapping
import contextlib
import pathlib
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from disentangle_jax import errors
from disentangle_jax.data import files, pixels

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.gif', '.webp', '.tif', '.tiff')
_ORIENTATION = 0x0112
# TIFF's NewSubfileType: 1 is a smaller copy of another page, 4 its mask.
_SUBFILE, _COPY = 254, 1 | 4
_DEEP = 65535
_GROUND = (255, 255, 255, 255)


class Folder(NamedTuple):
  """What a folder holds.

  Attributes:
    images: uint8 [N, H, W, 3].
    notes: what was done to some of them, and what was left out.
  """

  images: np.ndarray
  notes: tuple[str, ...]


def names(path: pathlib.Path) -> tuple[list[pathlib.Path], list[str]]:
  """The pictures of a folder and what is left out.

  Args:
    path: of the folder; subfolders are searched too.

  Returns:
    the files in the order of their names, and notes about others.
  """
  pictures, hidden, others = [], 0, collections.Counter()
  for file in sorted(path.rglob('*')):
    if not file.is_file():
      continue
    if any(part.startswith('.') for part in file.relative_to(path).parts):
      hidden += 1
    elif file.suffix.lower() in SUFFIXES:
      pictures.append(file)
    else:
      others[file.suffix.lower() or 'without ending'] += 1
  notes = [f'hidden files left out: {hidden}'] if hidden else []
  if others:
    endings = ', '.join(sorted(others))
    notes.append(f'other files left out: {others.total()} ({endings})')
  return pictures, notes


def folder(path: pathlib.Path, size: int | None, field: str) -> Folder:
  """All pictures of a folder, in the order of their names.

  Every page of a TIFF and every frame of a GIF is a picture, of a camera's
  multi-picture JPEG the first. They are turned as their EXIF tag says and put
  on white where they are transparent. Grey pictures of 16 bits are white at
  65535; 32-bit ones follow the rules of `pixels.read`.

  Args:
    path: of the folder; subfolders are searched too, hidden ones are not.
    size: side to which the pictures' middle squares are resized, pixels; None
      keeps them, and they must then be alike.
    field: dotted name of the setting.

  Returns:
    The images, with notes.

  Raises:
    ConfigError: no pictures, unreadable ones, values that nothing gives a
      meaning, or sizes that differ.
  """
  files_read, notes = names(path)
  if not files_read:
    told = f'; {", ".join(notes)}' if notes else ''
    rule = f'no pictures in it ({", ".join(SUFFIXES)}){told}'
    raise errors.value(field, str(path), rule)
  white = _whites(files_read, field)
  images, counts = [], collections.Counter()
  first = files_read[0]
  for name in files_read:
    for image in _pages(name, field, counts):
      with files.reading(name, field, 'a picture'):
        converted = _rgb(image, white, counts)
      if size is not None:
        side = min(converted.size)
        left, top = ((extent - side) // 2 for extent in converted.size)
        converted = converted.crop((left, top, left + side, top + side))
        converted = converted.resize((size, size), PIL.Image.Resampling.LANCZOS)
      images.append(np.asarray(converted))
      if images[-1].shape != images[0].shape:
        one, other = (
          f'{x.shape[1]} x {x.shape[0]}' for x in (images[0], images[-1])
        )
        rule = (
          f'pictures differ in size ({first.name} {one}, {name.name} {other}); '
          'set config.dataset.resolution'
        )
        raise errors.value(field, str(path), rule)
  told = [f'{what}: {count}' for what, count in counts.items()]
  return Folder(np.stack(images), (*told, *notes))


def open_rgb(path: pathlib.Path, field: str) -> PIL.Image.Image:
  """One picture as a viewer shows it, in RGB; of several pages the first.

  Args:
    path: of the file.
    field: dotted name of the setting.

  Returns:
    The picture, 8 bits a channel.

  Raises:
    ConfigError: no picture, or values that nothing gives a meaning.
  """
  white = _whites([path], field)
  counts = collections.Counter()
  with contextlib.closing(_pages(path, field, counts)) as pages:
    image = next(pages)
    with files.reading(path, field, 'a picture'):
      return _rgb(image, white, counts)


@contextlib.contextmanager
def _opened(name: pathlib.Path) -> Iterator[PIL.Image.Image]:
  """An open picture; raises what `files.reading` knows."""
  # By stream: PIL maps files into memory by their size after turning, and so
  # mixes up the rows of uncompressed TIFFs that lie on their side.
  with name.open('rb') as stream:
    try:
      image = PIL.Image.open(stream)
    except PIL.Image.DecompressionBombError as error:
      raise ValueError(str(error)) from error
    with image:
      yield image


def _pages(
  name: pathlib.Path, field: str, counts: collections.Counter
) -> Iterator[PIL.Image.Image]:
  """The pictures of a file; the image is good until the next one."""
  with contextlib.ExitStack() as stack:
    with files.reading(name, field, 'a picture'):
      opened = stack.enter_context(_opened(name))
    many = getattr(opened, 'n_frames', 1)
    if many > 1 and opened.format == 'MPO':
      counts['JPEGs of several pictures, the first of each'] += 1
      many = 1
    if many > 1:
      counts['files of several pages, each a picture'] += 1
    for page in range(many):
      with files.reading(name, field, 'a picture'):
        opened.seek(page)
        tags = getattr(opened, 'tag_v2', {})
        if page and tags.get(_SUBFILE, 0) & _COPY:
          counts['pages left out as copies of others'] += 1
          continue
        if _had_16_bits(opened):
          counts['16 or 32 bits, kept as 8'] += 1
        # Asked before `load`, which turns TIFFs and takes their tag away.
        if opened.getexif().get(_ORIENTATION, 1) not in (0, 1):
          counts['turned as their EXIF tag says'] += 1
        opened.load()
      yield opened


def _is_deep(image: PIL.Image.Image) -> bool:
  """Whether a grey picture has 16 bits, of which 65535 is white."""
  whole = image.mode == 'I' and image.format == 'PNG'
  return image.mode.startswith('I;16') or whole


def _had_16_bits(image: PIL.Image.Image) -> bool:
  """Whether a colour picture has 16 bits a channel; PIL reads the upper 8."""
  deep = any(';16' in str(tile[3]) for tile in image.tile)
  return deep and not _is_deep(image)


def _whites(names: list[pathlib.Path], field: str) -> dict[str, int]:
  """What is white in 32-bit pictures, by mode; all of them decide."""
  spans, largest = collections.defaultdict(list), collections.defaultdict(list)
  for name in names:
    with files.reading(name, field, 'a picture'), _opened(name) as image:
      # PIL empties `tile` on loading: asked before.
      of_colour = _had_16_bits(image)
      if not of_colour and not _is_deep(image) and image.mode not in 'IF':
        continue
    for page in _pages(name, field, collections.Counter()):
      values = np.asarray(page)
      if _is_deep(page):
        largest['grey'].append((int(values.max()), name))
      elif page.mode in 'IF':
        spans[page.mode].append((pixels.span(values[None]), name))
      else:
        opaque = len(page.getbands()) - page.mode.endswith('A')
        largest['colour'].append((257 * int(values[..., :opaque].max()), name))
  for what, group in largest.items():
    value, name = max(group)
    if value <= _DEEP // 2:
      rule = (
        f'{what} pictures of 16 bits reach {value} of {_DEEP}, and nothing '
        'says which value is white: save them with 8 bits, or as floats in 0 '
        'to 1 in an npz'
      )
      raise errors.value(field, str(name), rule)
  white = {}
  for mode, group in spans.items():
    _, name = max(group, key=lambda pair: abs(pair[0].high))
    dtype = np.dtype('f4' if mode == 'F' else 'i4')
    of_mode = [span for span, _ in group]
    white[mode], _ = pixels.scale(of_mode, dtype, f'{field} ({name})')
  return white


def _rgb(
  image: PIL.Image.Image,
  white: Mapping[str, int],
  counts: collections.Counter,
) -> PIL.Image.Image:
  """A picture upright, opaque and with 8 bits a channel."""
  transparent = image.has_transparency_data
  upright = PIL.ImageOps.exif_transpose(image)
  if image.mode in ('I', 'F') or _is_deep(image):
    if transparent:
      raise ValueError('grey of 16 or 32 bits with transparency')
    counts['16 or 32 bits, kept as 8'] += 1
    values = np.asarray(upright)
    if _is_deep(image):
      values = np.round(values.astype(np.float64) * (255 / _DEEP))
    else:
      if image.mode not in white:
        raise ValueError('pages of several modes')
      values = np.round(values * (255 / white[image.mode]))
    return PIL.Image.fromarray(values.astype(np.uint8)).convert('RGB')
  if image.mode == 'CMYK':
    counts['CMYK as RGB'] += 1
  if not transparent:
    return upright.convert('RGB')
  layers = upright.convert('RGBA')
  if layers.getchannel('A').getextrema()[0] == 255:
    return layers.convert('RGB')
  counts['transparent, put on white'] += 1
  ground = PIL.Image.new('RGBA', layers.size, _GROUND)
  return PIL.Image.alpha_composite(ground, layers).convert('RGB')
