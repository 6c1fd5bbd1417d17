"""Reading the files that users have: never a pickle, one line if foreign."""

from collections.abc import Iterator
import contextlib
import gzip
import hashlib
import pathlib
import struct
from typing import Any
import zipfile
import zlib

import numpy as np
import PIL
import PIL.Image
import scipy.io

from disentangle_jax import errors

_PICTURES = ('.png', '.jpg', '.jpeg', '.bmp', '.gif', '.webp', '.tif', '.tiff')
_BLOCK = 1024
# What readers raise on truncated or foreign bytes.
_BROKEN = (
  OSError,
  EOFError,
  ValueError,
  KeyError,
  TypeError,
  NotImplementedError,
  struct.error,
  zipfile.BadZipFile,
  zlib.error,
)


def require(path: Any, field: str, where: str) -> pathlib.Path:
  """The path of a file or folder that must be there.

  Args:
    path: what the user gave; None if nothing.
    field: dotted name of the setting.
    where: how to get the data: address and command, in one line.

  Returns:
    The path.

  Raises:
    ConfigError: no path, or nothing there.
  """
  if path is None or str(path) == '':
    raise errors.value(field, path, f'this data set is not shipped; {where}')
  expanded = pathlib.Path(path).expanduser()
  if not expanded.exists():
    raise errors.value(field, str(path), f'no such file or folder; {where}')
  return expanded


def md5(path: pathlib.Path) -> str:
  """Hexadecimal MD5 of a file, as the data sets' hosts publish it."""
  with path.open('rb') as opened:
    return hashlib.file_digest(
      opened, lambda: hashlib.md5(usedforsecurity=False)
    ).hexdigest()


@contextlib.contextmanager
def reading(path: pathlib.Path, field: str, kind: str) -> Iterator[None]:
  """Turns what readers raise into one line.

  Args:
    path: of the file that is read.
    field: dotted name of the setting that named it.
    kind: what the file should be, e.g. 'an npz archive'.

  Yields:
    Nothing.

  Raises:
    ConfigError: the file cannot be read as that.
  """
  try:
    yield
  except errors.ConfigError:
    raise
  except _BROKEN as error:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    rule = f'cannot be read as {kind} ({said[:100]}); truncated or foreign file'
    raise errors.value(field, str(path), rule) from error


def npz_header(
  path: pathlib.Path, key: str, field: str
) -> tuple[tuple[int, ...], np.dtype]:
  """Shape and dtype of one array of an npz archive, without reading it.

  Args:
    path: of the archive.
    key: name of the array.
    field: dotted name of the setting.

  Returns:
    shape and dtype.

  Raises:
    ConfigError: not an archive, no such array, or an array of objects.
  """
  with npz_member(path, key, field) as (_, shape, _, dtype):
    return shape, dtype


@contextlib.contextmanager
def npz_member(path: pathlib.Path, key: str, field: str):
  """One array of an npz archive, opened behind its header.

  Args:
    path: of the archive.
    key: name of the array.
    field: dotted name of the setting.

  Yields:
    the open stream, the shape, whether in Fortran order, and the dtype.

  Raises:
    ConfigError: not an archive, no such array, or an array of objects.
  """
  kind = 'an npz archive'
  with contextlib.ExitStack() as stack:
    with reading(path, field, kind):
      archive = stack.enter_context(zipfile.ZipFile(path))
      names = archive.namelist()
    if f'{key}.npy' not in names:
      has = ', '.join(n.removesuffix('.npy') for n in names)
      rule = f'has no array {key!r}; it holds: {has}'
      raise errors.value(field, str(path), rule)
    with reading(path, field, kind):
      stream = stack.enter_context(archive.open(f'{key}.npy'))
      version = np.lib.format.read_magic(stream)
      read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
      }[version]
      shape, fortran, dtype = read(stream)
    if dtype.hasobject:
      rule = f'array {key!r} holds Python objects, which are not read'
      raise errors.value(field, str(path), rule)
    with reading(path, field, kind):
      yield stream, shape, fortran, dtype


def npz_blocks(
  path: pathlib.Path, key: str, field: str
) -> Iterator[np.ndarray]:
  """Rows of one array of an npz archive, a block at a time.

  Args:
    path: of the archive.
    key: name of the array.
    field: dotted name of the setting.

  Yields:
    arrays [at most 1024, ...].

  Raises:
    ConfigError: as `npz_member`, or a truncated file.
  """
  with npz_member(path, key, field) as (stream, shape, fortran, dtype):
    # In Fortran order rows are not contiguous: one block with all of them.
    most = max(1, shape[0] if fortran else _BLOCK)
    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    for start in range(0, shape[0], most):
      rows = min(most, shape[0] - start)
      read = stream.read(rows * size)
      if len(read) != rows * size:
        raise EOFError(f'array {key!r} ends early')
      block = np.frombuffer(read, dtype)
      if fortran:
        yield block.reshape(shape[::-1]).T
      else:
        yield block.reshape(rows, *shape[1:])


def npz_array(path: pathlib.Path, key: str, field: str) -> np.ndarray:
  """One whole array of an npz archive; errors as `npz_blocks`."""
  shape, dtype = npz_header(path, key, field)
  blocks = list(npz_blocks(path, key, field)) if shape else []
  return np.concatenate(blocks) if blocks else np.zeros(shape, dtype)


def to_uint8(images: np.ndarray, field: str, kind: str = 'image') -> np.ndarray:
  """Images of any usual kind as bytes, channels last.

  Args:
    images: [N, H, W] or [N, H, W, C]; bool, uint8, or floats in [0, 1]. Of
      videos and voxels [N, T, H, W] or [N, T, H, W, C].
    field: dotted name of the setting.
    kind: a key of `types.KINDS`.

  Returns:
    uint8 [N, H, W, C], 0 to 255; [N, T, H, W, C] of videos and voxels.

  Raises:
    ConfigError: another shape or dtype, or values out of range.
  """
  images = np.asarray(images)
  if kind in ('video', 'voxels'):
    if images.ndim not in (4, 5):
      rule = f'{kind} must have the shape [N, T, H, W] or [N, T, H, W, 1 or 3]'
      raise errors.value(field, images.shape, rule)
    flat = to_uint8(images.reshape(-1, *images.shape[2:]), field)
    return flat.reshape(*images.shape[:2], *flat.shape[1:])
  if images.ndim == 3:
    images = images[..., None]
  if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
    rule = 'images must have the shape [N, H, W] or [N, H, W, 1 or 3]'
    raise errors.value(field, images.shape, rule)
  if images.dtype == np.uint8:
    return images
  if images.dtype == bool:
    return images.astype(np.uint8) * 255
  if images.dtype.kind in 'iu':
    low, high = int(images.min()), int(images.max())
    if low < 0 or high > 255:
      rule = 'integer images must lie in 0 to 255'
      raise errors.value(f'{field}: range of images', (low, high), rule)
    return images.astype(np.uint8)
  if images.dtype.kind == 'f':
    low, high = float(images.min()), float(images.max())
    # Written so that NaN fails too.
    if not (low >= 0.0 and high <= 1.0):
      rule = 'float images must be finite and lie in 0 to 1'
      raise errors.value(f'{field}: range of images', (low, high), rule)
    return np.round(images * 255.0).astype(np.uint8)
  rule = 'images must be bool, integers or floats'
  raise errors.value(f'{field}: dtype', str(images.dtype), rule)


def idx(path: pathlib.Path, field: str) -> np.ndarray:
  """An array of MNIST's idx format, gzipped or not.

  Args:
    path: of the file.
    field: dotted name of the setting.

  Returns:
    uint8 array.

  Raises:
    ConfigError: not such a file.
  """
  with reading(path, field, 'an idx file of bytes'):
    raw = path.read_bytes()
    if raw[:2] == b'\x1f\x8b':
      raw = gzip.decompress(raw)
    zeros, kind, axes = struct.unpack('>HBB', raw[:4])
    if zeros or kind != 8 or not 1 <= axes <= 4:
      raise ValueError('wrong magic number')
    shape = struct.unpack(f'>{axes}I', raw[4 : 4 + 4 * axes])
    data = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
    return data.reshape(shape)


def matlab(path: Any, field: str, name: str = '') -> dict[str, np.ndarray]:
  """The arrays of a MATLAB file of version 5 to 7.

  Args:
    path: of the file, or an open stream.
    field: dotted name of the setting.
    name: what to call a stream in errors.

  Returns:
    name -> array.

  Raises:
    ConfigError: not such a file.
  """
  named = pathlib.Path(name or str(path))
  with reading(named, field, 'a MATLAB file'):
    try:
      return scipy.io.loadmat(path)
    except scipy.io.matlab.MatReadError as error:
      raise ValueError(str(error)) from error


def folder(path: pathlib.Path, size: int | None, field: str) -> np.ndarray:
  """All pictures of a folder, in the order of their names.

  Args:
    path: of the folder; subfolders are searched too.
    size: side to which the pictures' middle squares are resized, pixels; None
      keeps them, and they must then be alike.
    field: dotted name of the setting.

  Returns:
    uint8 [N, H, W, 3].

  Raises:
    ConfigError: no pictures, unreadable ones, or sizes that differ.
  """
  names = sorted(p for p in path.rglob('*') if p.suffix.lower() in _PICTURES)
  if not names:
    rule = f'no pictures in it ({", ".join(_PICTURES)})'
    raise errors.value(field, str(path), rule)
  images = []
  for name in names:
    with reading(name, field, 'a picture'), PIL.Image.open(name) as opened:
      image = opened.convert('RGB')
      if size is not None:
        side = min(image.size)
        left, top = ((extent - side) // 2 for extent in image.size)
        image = image.crop((left, top, left + side, top + side))
        image = image.resize((size, size), PIL.Image.Resampling.LANCZOS)
      images.append(np.asarray(image))
    if images[-1].shape != images[0].shape:
      rule = (
        f'pictures differ in size ({names[0].name}, {name.name}); set '
        'config.dataset.resolution'
      )
      raise errors.value(field, str(path), rule)
  return np.stack(images)


def images(
  path: Any, field: str, split: str = 'train', where: str = 'give a path'
) -> tuple[np.ndarray, np.ndarray | None]:
  """Images, with labels where there are some, from any format known here.

  Args:
    path: an npz archive with 'images' (or 'x_train') and perhaps 'labels'; a
      MATLAB file with X [H, W, C, N] and y (SVHN, where the label 10 stands for
      the digit 0); an idx file or a folder that holds MNIST's idx files; a
      binary batch of CIFAR-10 or the folder of them; a folder of pictures.
    field: dotted name of the setting.
    split: 'train' or 'test', for folders that hold both.
    where: how to get the data, for the error message.

  Returns:
    uint8 [N, H, W, C], and int64 [N] or None.

  Raises:
    ConfigError: nothing there, or a file that cannot be used.
  """
  path = require(path, field, where)
  if path.is_dir():
    return _from_folder(path, field, split)
  suffixes = ''.join(path.suffixes[-2:]).lower()
  if suffixes.endswith('.npz'):
    return _from_npz(path, field, split)
  if suffixes.endswith('.mat'):
    arrays = matlab(path, field)
    if 'X' not in arrays or arrays['X'].ndim != 4:
      raise errors.value(field, str(path), 'has no array X [H, W, C, N]')
    labels = arrays['y'].reshape(-1).astype(np.int64) if 'y' in arrays else None
    if labels is not None:
      labels = np.where(labels == 10, 0, labels)
    return to_uint8(np.moveaxis(arrays['X'], -1, 0), field), labels
  if suffixes.endswith('.bin'):
    return _cifar([path], field)
  if 'idx' in path.name:
    return to_uint8(idx(path, field), field), None
  rule = 'must be an npz, mat, idx or bin file, or a folder'
  raise errors.value(field, str(path), rule)


def _from_npz(path, field, split):
  with reading(path, field, 'an npz archive'), zipfile.ZipFile(path) as archive:
    names = {name.removesuffix('.npy') for name in archive.namelist()}
  for key, label in (('images', 'labels'), (f'x_{split}', f'y_{split}')):
    if key in names:
      labels = None
      if label in names:
        labels = npz_array(path, label, field).reshape(-1).astype(np.int64)
      return to_uint8(npz_array(path, key, field), field), labels
  rule = f"has no array 'images'; it holds: {', '.join(sorted(names))}"
  raise errors.value(field, str(path), rule)


def _cifar(paths, field):
  rows = []
  for path in paths:
    with reading(path, field, 'a binary batch of CIFAR-10'):
      rows.append(np.fromfile(path, np.uint8).reshape(-1, 3073))
  rows = np.concatenate(rows)
  images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
  return np.ascontiguousarray(images), rows[:, 0].astype(np.int64)


def _from_folder(path, field, split):
  start = 'train' if split == 'train' else 't10k'
  parts = sorted(path.glob(f'{start}-images*idx3-ubyte*'))
  if parts:
    labels = sorted(path.glob(f'{start}-labels*idx1-ubyte*'))
    read = idx(labels[0], field).astype(np.int64) if labels else None
    return to_uint8(idx(parts[0], field), field), read
  batches = 'data_batch_*.bin' if split == 'train' else 'test_batch.bin'
  parts = sorted(path.glob(batches))
  if parts:
    return _cifar(parts, field)
  matfile = path / f'{split}_32x32.mat'
  if matfile.exists():
    return images(matfile, field, split)
  return folder(path, None, field), None
