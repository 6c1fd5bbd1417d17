"""Many small files as one: what the runs of a chunk left, in a zip file.

Where `config.engine.pack` is on, `DIR/params/<part>.zip` holds the files
`<run_id>.safetensors` of a chunk, and `DIR/samples/<part>.zip` its pictures:
for drives that are slow with thousands of small files. Readers name a run's own
file; where it is not there, it is looked for in the packs beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import errno
import io
import os
from typing import Any
import zipfile

from disentangle_jax import errors, storage

ENDING = '.zip'


def write(pack: Any, files: Iterable[tuple[Any, bytes]]) -> None:
  """Writes files as one.

  Args:
    pack: path of the pack, beside which the files would have been.
    files: (path, content), as for `storage.write_all`.

  Raises:
    StoreError: it cannot be written.
  """
  buffer = io.BytesIO()
  # What is in it is compressed, or does not get smaller.
  with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_STORED) as file:
    for path, content in files:
      file.writestr(zipfile.ZipInfo(path.name), content)
  storage.write_bytes(pack, buffer.getvalue())


# Address of a pack -> names in it. A pack is named for the runs in it: another
# one has another name.
_NAMES: dict[str, tuple[str, ...]] = {}


def _names(pack: Any) -> tuple[str, ...]:
  if str(pack) not in _NAMES:
    with zipfile.ZipFile(storage.source(pack)) as file:
      _NAMES[str(pack)] = tuple(file.namelist())
  return _NAMES[str(pack)]


def _index(folder: Any) -> dict[str, Any]:
  """Name of a file -> the pack that holds it."""
  index = {}
  for pack in storage.listed(folder, ENDING):
    index |= dict.fromkeys(_names(pack), pack)
  return index


def stems(folder: Any, ending: str) -> set[str]:
  """Names without their ending of all files in a folder, packed ones too.

  Raises:
    StoreError: a pack that cannot be read, or a bucket that cannot be reached.
  """
  names = {path.name for path in storage.listed(folder, ending)}
  try:
    names |= set(_index(folder))
  except (OSError, zipfile.BadZipFile) as error:
    raise errors.StoreError(
      f'{folder}: has a pack that cannot be read: {error}'
    ) from error
  return {name.removesuffix(ending) for name in names if name.endswith(ending)}


def sources(paths: Sequence[Any]) -> Iterator[Any]:
  """As `storage.sources`, of files that may be packed.

  Raises:
    BadZipFile: a damaged pack.
    StoreError: a bucket that cannot be reached.
  """
  if not paths:
    return
  apart = _apart(paths)
  direct = storage.sources([path for path in paths if path.name in apart])
  index, opened = None, {}
  with contextlib.ExitStack() as stack:
    for path in paths:
      missing = errno.ENOENT, os.strerror(errno.ENOENT), str(path)
      read_from = FileNotFoundError(*missing)
      if path.name in apart:
        read_from = next(direct)
      if isinstance(read_from, FileNotFoundError):
        index = _index(path.parent) if index is None else index
        if pack := index.get(path.name):
          if pack not in opened:
            file = zipfile.ZipFile(storage.source(pack))
            opened[pack] = stack.enter_context(file)
          read_from = io.BytesIO(opened[pack].read(path.name))
      yield read_from


def _apart(paths: Sequence[Any]) -> set[str]:
  """Names of the files that lie apart; a single one of a bucket may not."""
  if not storage.is_bucket(paths[0]):
    return {path.name for path in paths if path.exists()}
  if len(paths) == 1:
    return {paths[0].name}  # Asking for it is as quick as asking whether it is.
  return {path.name for path in storage.listed(paths[0].parent)}


def source(path: Any) -> Any:
  """One of `sources`.

  Raises:
    FileNotFoundError: an object that is missing.
    BadZipFile: a damaged pack.
    StoreError: a bucket that cannot be reached.
  """
  (read_from,) = sources([path])
  if isinstance(read_from, OSError):
    raise read_from
  return read_from
