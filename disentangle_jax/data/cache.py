"""Tables of images on disk: read once, kept as bytes or bits, memory-mapped."""

from collections.abc import Callable, Iterable, Iterator
import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
from typing import Any

import numpy as np

from disentangle_jax import errors

# Raised when the layout of the files below changes.
_VERSION = 1


def directory(given: str | None) -> pathlib.Path:
  """The folder of the tables.

  Args:
    given: the user's choice; None for `$DISENTANGLE_JAX_CACHE` or else
      `disentangle_jax` in `$XDG_CACHE_HOME` or `~/.cache`.

  Returns:
    The path; it may not exist yet.
  """
  chosen = given or os.environ.get('DISENTANGLE_JAX_CACHE')
  if chosen:
    return pathlib.Path(chosen).expanduser()
  home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
  return pathlib.Path(home).expanduser() / 'disentangle_jax'


def fingerprint(paths: Iterable[pathlib.Path], options: Any) -> str:
  """What identifies a table: its sources as they lie there, and the options."""
  state = [
    (str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in paths
  ]
  text = json.dumps([_VERSION, state, options], default=str)
  return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def table(
  name: str,
  key: str,
  cache: str | None,
  count: int,
  shape: tuple[int, ...],
  binary: bool,
  blocks: Callable[[], Iterable[np.ndarray]],
) -> np.ndarray:
  """A table of images, from the cache or made now.

  It is written beside its final name and moved there when it is complete, so
  that nothing half-written is ever used, by this process or another.

  Args:
    name: of the data set.
    key: what `fingerprint` gives.
    cache: folder; None for the default.
    count: number of images.
    shape: of one image, [H, W, C].
    binary: images hold only 0 and 255; kept as bits.
    blocks: makes the images in order, uint8 [n, H, W, C].

  Returns:
    uint8 [count, H, W, C], or [count, ceil(H W C / 8)] of bits when `binary`,
    memory-mapped and read-only.

  Raises:
    ConfigError: the cache cannot be written, or the blocks do not fit.
  """
  folder = directory(cache)
  final = folder / f'{name}-{key}.npy'
  width = -(-int(np.prod(shape)) // 8)
  whole = (count, width) if binary else (count, *shape)
  if final.exists():
    try:
      cached = np.load(final, mmap_mode='r', allow_pickle=False)
      if cached.shape == whole and cached.dtype == np.uint8:
        return cached
    except (OSError, ValueError, EOFError):
      pass
    # Not what this module wrote: made anew below.
  with _writing(folder):
    folder.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(suffix='.partial', dir=folder)
    os.close(handle)
  try:
    _write(partial, whole, shape, binary, blocks(), folder)
    with _writing(folder):
      os.replace(partial, final)
  finally:
    pathlib.Path(partial).unlink(missing_ok=True)
  return np.load(final, mmap_mode='r', allow_pickle=False)


@contextlib.contextmanager
def _writing(folder: pathlib.Path) -> Iterator[None]:
  """Says of what the disk refuses that it is the cache; see `_write`."""
  try:
    yield
  except OSError as error:
    field = 'config.dataset.cache'
    rule = (
      f'cannot be written ({error.strerror}); name another folder with '
      f'--{field}='
    )
    raise errors.value(field, str(folder), rule) from error


def _write(partial, whole, shape, binary, blocks, folder):
  """Writes the blocks; what goes wrong in making them is not the cache's."""
  with _writing(folder):
    memory = np.lib.format.open_memmap(partial, 'w+', np.uint8, whole)
  start = 0
  for block in blocks:
    if block.shape[1:] != shape or start + len(block) > whole[0]:
      rule = f'does not fit {whole[0]} images of {shape}'
      raise errors.value('block of images', (start, block.shape), rule)
    if binary:
      if not np.isin(block, (0, 255)).all():
        got = sorted(np.unique(block).tolist())[:4]
        rule = 'must be binary: every pixel 0 or 255'
        raise errors.value('images', got, rule)
      block = np.packbits(block.reshape(len(block), -1) > 0, axis=-1)
    with _writing(folder):
      memory[start : start + len(block)] = block
    start += len(block)
  if start != whole[0]:
    rule = f'must be {whole[0]}, the product of the factor sizes'
    raise errors.value('number of images', start, rule)
  with _writing(folder):
    memory.flush()
