"""Curves of chunks that are still training, window by window.

`DIR/live/<part>.jsonl`: a line that says which runs, then a line per logged
window. A chunk that ends takes its file away, for its rows hold the same; one
that was killed leaves it, and goes on in it from its checkpoint. Scalars per
latent, the bulk of them, wait for the rows.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
import contextlib
import json
import os
import pathlib
import re
import time
from typing import Any

import numpy as np

from disentangle_jax import folders

# 'train/kl/3': one number per latent or cell of a table.
_LATENT = re.compile(r'/\d+(_\d+)*$')


class Curves:
  """Writes one chunk's file.

  Args:
    workdir: of the study, a folder.
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

  @contextlib.contextmanager
  def _told(self) -> Iterator[None]:
    try:
      yield
    except OSError as error:
      if not self._broken:
        self._say(
          f'note: {self._path}: cannot be written ({error.strerror}); curves '
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
    with self._told():
      self._path.parent.mkdir(parents=True, exist_ok=True)
      # Written aside: a reader never sees half of it.
      aside = self._path.with_name(f'.{self._path.name}.{os.getpid()}.tmp')
      aside.write_text('\n'.join(lines) + '\n', encoding='utf-8')
      os.replace(aside, self._path)

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
      if not _LATENT.search(name)
    }
    line = {'step': step, 'time': time.time(), 'alive': alive, **chosen}
    with self._told(), self._path.open('a', encoding='utf-8') as file:
      file.write(json.dumps(line) + '\n')

  def finished(self) -> None:
    """The rows are in the store."""
    self._path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
      self._path.parent.rmdir()  # when it was the last


def _lines(path: pathlib.Path) -> list[str]:
  """Whole lines of a file; a killed process may have left half of one."""
  try:
    text = path.read_text(encoding='utf-8')
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
      path.unlink(missing_ok=True)
