"""Curves of chunks that are still training, window by window.

`DIR/live/<part>.jsonl`: a line that says which runs, then a line per logged
window. A chunk that ends takes its file away, for its rows hold the same; one
that was killed leaves it, and goes on in it from its checkpoint. Scalars per
latent, the bulk of them, wait for the rows. An object of a bucket cannot grow:
there the file is put anew, now and then.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
import contextlib
import json
import pathlib
import time
from typing import Any

import numpy as np

from disentangle_jax import errors, folders, storage, stored_rows

# Seconds between two of a chunk's puts into a bucket.
_EVERY = 30.0


class Curves:
  """Writes one chunk's file.

  Args:
    workdir: of the study.
    part: name of the chunk's part of the store.
    about: what its first line says: 'runs' (run_ids), 'group', 'steps',
      'batch_size'.
    say: told once where the file cannot be written; training goes on.
  """

  def __init__(
    self,
    workdir: pathlib.Path,
    part: str,
    about: Mapping[str, Any],
    say: Callable[[str], None],
  ):
    self._path = folders.live(workdir, part)
    self._about = dict(about)
    self._say, self._broken = say, False
    # As training began; of a bucket all lines, and when they were put.
    self._lines: list[str] = []
    self._put = 0.0

  @contextlib.contextmanager
  def _told(self) -> Iterator[None]:
    try:
      yield
    except (OSError, errors.StoreError) as error:
      if not self._broken:
        reason = getattr(error, 'strerror', None) or errors.first_line(error)
        self._say(
          f'note: {self._path}: cannot be written ({reason}); curves '
          'come with the rows of finished runs'
        )
      self._broken = True

  def begin(self, step: int) -> None:
    """Training begins behind `step` steps; later lines are of a killed try."""
    lines = [json.dumps(self._about)]
    lines += [
      line
      for line in _lines(self._path)[1:]
      if json.loads(line)['step'] <= step
    ]
    self._lines = lines
    self._write_whole()

  def window(
    self, step: int, alive: int, scalars: Mapping[str, np.ndarray]
  ) -> None:
    """A window has ended.

    Args:
      step: that it ends at.
      alive: runs whose loss is finite.
      scalars: name -> float32 [R].
    """
    chosen = {
      name: [float(f'{value:.6g}') for value in values]
      for name, values in scalars.items()
      if not stored_rows.LATENT.search(name)
    }
    line = {'step': step, 'time': time.time(), 'alive': alive, **chosen}
    if storage.is_bucket(self._path):
      self._lines.append(json.dumps(line))
      if time.monotonic() - self._put > _EVERY:
        self._write_whole()
      return
    with self._told(), self._path.open('a', encoding='utf-8') as file:
      file.write(json.dumps(line) + '\n')

  def _write_whole(self) -> None:
    with self._told():
      content = '\n'.join(self._lines) + '\n'
      storage.write_bytes(self._path, content.encode())
    self._put = time.monotonic()

  def finished(self) -> None:
    """The rows are in the store."""
    storage.remove(self._path)
    if not storage.is_bucket(self._path):
      with contextlib.suppress(OSError):
        self._path.parent.rmdir()  # when it was the last


def _lines(path: pathlib.Path) -> list[str]:
  """Whole lines of a file; a killed process may have left half of one."""
  try:
    text = storage.read_bytes(path).decode()
  except OSError:
    return []
  whole = []
  for line in text.splitlines(keepends=True):
    try:
      json.loads(line)
    except ValueError:
      break
    if not line.endswith('\n'):
      break
    whole.append(line.rstrip('\n'))
  return whole


def clean(workdir: pathlib.Path, unfinished: Collection[str]) -> None:
  """Removes the files of chunks that are not planned any more.

  Args:
    workdir: the study, locked.
    unfinished: parts that are still to be done.
  """
  for path in folders.live_parts(workdir):
    if path.stem not in unfinished:
      storage.remove(path)
