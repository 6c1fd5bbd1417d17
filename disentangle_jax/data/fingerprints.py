"""What data are in a data set: a short hash of its files or of its arrays.

Two runs on files of one name and different content are different runs. Sets
that are drawn from their options alone have no fingerprint.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import jax
import numpy as np

from disentangle_jax import types
from disentangle_jax.data import cache

# Hexadecimal digits that are kept: 64 bits.
_DIGITS = 16
# Files from this size on are hashed once and remembered, bytes.
_LARGE = 2**24


def of_arrays(dataset: types.Dataset) -> str:
  """The fingerprint of a set that a user made in Python.

  Args:
    dataset: any. Functions have no fingerprint: a set whose functions differ
      needs another name.

  Returns:
    Of names, sizes, shapes and arrays.
  """
  about = [
    dataset.name,
    dataset.kind,
    dataset.factor_names,
    dataset.factor_sizes,
    dataset.observation_shape,
    dataset.fields,
  ]
  digest = hashlib.sha256(json.dumps(about, default=str).encode())
  for path, leaf in jax.tree_util.tree_flatten_with_path(dataset.arrays)[0]:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      leaf = jax.random.key_data(leaf)
    array = np.asarray(leaf)
    where = f'{jax.tree_util.keystr(path)} {array.dtype} {array.shape}'
    digest.update(where.encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
  return digest.hexdigest()[:_DIGITS]


def paths(module: Any, config: Any) -> list[pathlib.Path]:
  """The files and folders that a data set's options name.

  Args:
    module: of the data set; `FILES` names the fields of its Config that hold
      paths, 'path' where it says nothing.
    config: its frozen Config.

  Returns:
    Those that are there.
  """
  if getattr(config, 'source', 'file') != 'file':
    return []
  defaults = {field.name: field.default for field in dataclasses.fields(config)}
  given = {
    field: getattr(config, field)
    for field in getattr(module, 'FILES', ('path',))
    if field in defaults
  }
  named = [
    pathlib.Path(path).expanduser()
    for field, path in given.items()
    if path != defaults[field]
  ]
  return [path for path in named if path.exists()]


def of_files(named: list[pathlib.Path]) -> str:
  """The fingerprint of files, wherever they lie.

  Args:
    named: files and folders; of a folder all files count that are not hidden.

  Returns:
    Of their content and, inside folders, their names; '' without files.
  """
  if not named:
    return ''
  digest = hashlib.sha256()
  for path in named:
    for name, file in _files(path):
      digest.update(f'{name} {_sha256(file)}\n'.encode())
  return digest.hexdigest()[:_DIGITS]


def _files(path: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
  """(name that counts, file) of a file or folder, in order."""
  if path.is_file():
    yield '', path
    return
  for file in sorted(path.rglob('*')):
    name = file.relative_to(path)
    hidden = any(part.startswith('.') for part in name.parts)
    if file.is_file() and not hidden:
      yield name.as_posix(), file


def _sha256(file: pathlib.Path) -> str:
  """Hash of a file; of large ones kept under path, size and time."""
  state = file.stat()
  memory = None
  if state.st_size >= _LARGE:
    key = [str(file.resolve()), state.st_size, state.st_mtime_ns]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    memory = cache.directory(None) / 'fingerprints' / name
    with contextlib.suppress(OSError):
      return memory.read_text()
  with file.open('rb') as opened:
    digest = hashlib.file_digest(opened, 'sha256').hexdigest()
  if memory is not None:
    # A cache that cannot be written costs time alone.
    with contextlib.suppress(OSError):
      memory.parent.mkdir(parents=True, exist_ok=True)
      memory.write_text(digest)
  return digest
