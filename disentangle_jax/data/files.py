"""Reading the files that users have: never a pickle, one line if foreign."""

from collections.abc import Iterator
import contextlib
import gzip
import hashlib
import os
import pathlib
import struct
from typing import Any
import zipfile
import zlib

import numpy as np
import scipy.io

from disentangle_jax import errors

_BLOCK = 1024
# What readers raise on truncated or foreign bytes.
_BROKEN = (
  OSError,
  EOFError,
  ValueError,
  KeyError,
  TypeError,
  NotImplementedError,
  SyntaxError,
  struct.error,
  zipfile.BadZipFile,
  zlib.error,
)


def require(path: Any, field: str, where: str, kind: str = '') -> pathlib.Path:
  """The path of a file or folder that must be there.

  Args:
    path: what the user gave, a string or a path; None if nothing. '~' is the
      user's folder.
    field: dotted name of the setting.
    where: how to get the data: address and command, in one line.
    kind: 'file' or 'folder' where only one of them will do.

  Returns:
    The path.

  Raises:
    ConfigError: no path, nothing there, or a folder for a file.
  """
  if path is None or str(path) == '':
    raise errors.value(field, path, f'this data set is not shipped; {where}')
  if not isinstance(path, (str, os.PathLike)):
    raise errors.value(field, path, f'must be a path; {where}')
  given = os.fspath(path)
  try:
    expanded = pathlib.Path(given).expanduser()
    there = expanded.exists()
  except (OSError, RuntimeError) as error:
    # No right to look, or '~name' of nobody.
    rule = f'{errors.first_line(error)}; {where}'
    raise errors.value(field, given, rule) from error
  if not there:
    raise errors.value(field, given, f'no such file or folder; {where}')
  wrong = {'file': expanded.is_dir(), 'folder': not expanded.is_dir()}
  if wrong.get(kind):
    other = 'folder' if kind == 'file' else 'file'
    raise errors.value(field, given, f'is a {other}, must be a {kind}; {where}')
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
      rule = (
        f'array {key!r} holds Python objects, which are not read; save numbers '
        'or np.array(words, str)'
      )
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
  if not shape:
    with npz_member(path, key, field) as (stream, *_):
      return np.frombuffer(stream.read(dtype.itemsize), dtype)[0]
  whole, start = np.empty(shape, dtype), 0
  for block in npz_blocks(path, key, field):
    whole[start : start + len(block)] = block
    start += len(block)
  return whole


def npz_names(path: pathlib.Path, field: str) -> list[str]:
  """Names of the arrays of an npz archive; errors as `npz_member`."""
  with reading(path, field, 'an npz archive'), zipfile.ZipFile(path) as archive:
    return [name.removesuffix('.npy') for name in archive.namelist()]


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
