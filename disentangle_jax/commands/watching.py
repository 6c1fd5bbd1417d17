"""What a sweep does beside training: the page anew, and word to the user.

Both hang on the end of a chunk (`Progress.on_chunk`) and take no time of it.
"""

from collections.abc import Callable
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

from disentangle_jax import errors, invocation

# The page takes at most a tenth of a sweep's time.
_SHARE = 10


class Pages:
  """Writes the page again after chunks, in a process of its own.

  A page of a study with few and quick chunks would take more time than they:
  the next one waits until ten times as long has gone by as the last one took.

  Where one cannot be written, for want of disk for one, the page before stays
  and the study goes on; the user is told once.

  Args:
    workdir: of the study.
    say: told of the first page that cannot be written.
    clock: seconds, for tests.
  """

  def __init__(
    self,
    workdir: Any,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
  ):
    self._workdir, self._say, self._clock = workdir, say, clock
    self._process: subprocess.Popen | None = None
    self._listener: threading.Thread | None = None
    self._last, self._told = '', False
    self._began = clock()
    self._took, self._ended = 0.0, -1e9

  def _command(self) -> list[str]:
    gentle = ['nice', '-n', '10'] if shutil.which('nice') else []
    own = [sys.executable, '-m', 'disentangle_jax', 'report', '--refresh']
    return [*gentle, *own, f'--workdir={self._workdir}', '--figures=none']

  def chunk_done(self, chunk: Any, lost: int) -> None:
    """A chunk is in the store: its runs may come into the page."""
    del chunk, lost
    self._look()
    quiet = self._clock() - self._ended
    if self._process is not None or quiet < _SHARE * self._took:
      return
    self._began = self._clock()
    # The accelerator is the sweep's own.
    environment = {**os.environ, 'JAX_PLATFORMS': 'cpu'}
    self._last = ''
    try:
      self._process = subprocess.Popen(
        self._command(),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors='replace',
      )
    except OSError as error:
      self._failed(error.strerror or errors.first_line(error))
      return
    # Read along: a full pipe would hold the process up.
    listen = threading.Thread(
      target=self._listen, args=(self._process,), daemon=True
    )
    listen.start()
    self._listener = listen

  def _listen(self, process: subprocess.Popen) -> None:
    for line in process.stderr or ():
      self._last = line.strip() or self._last

  def _look(self) -> None:
    process, listener = self._process, self._listener
    if process is None or process.poll() is None:
      return
    self._took = self._clock() - self._began
    self._ended = self._clock()
    self._process = None
    if process.returncode:
      if listener is not None:
        listener.join(1.0)
      said = self._last.removeprefix('error: ')
      self._failed(said or f'its process ended with code {process.returncode}')

  def _failed(self, reason: str) -> None:
    if not self._told:
      self._say(
        f'note: the page is not written again: {reason}; the one before '
        'stays, and the study goes on'
      )
    self._told = True

  def stop(self) -> None:
    """Ends what is being written: the last page comes from the sweep."""
    if self._process is not None:
      self._process.terminate()
      self._process.wait()
      self._process = None


class Notices:
  """Runs a command of the user's at the end, and when runs diverge.

  The command is given to the shell, with DISENTANGLE_EVENT ('finished',
  'diverged', 'failed'), DISENTANGLE_TEXT (a line) and DISENTANGLE_WORKDIR in
  its environment.

  Args:
    command: as typed; '' for none.
    workdir: of the study.
    say: told where it cannot be started.
  """

  _PATIENCE = 20.0  # seconds that the last one may take

  def __init__(self, command: str, workdir: Any, say: Callable[[str], None]):
    self._command, self._workdir, self._say = command, workdir, say
    self._running: list[subprocess.Popen] = []

  def send(self, event: str, text: str) -> None:
    """Starts the command and does not wait for it."""
    if not self._command:
      return
    environment = {
      **os.environ,
      'DISENTANGLE_EVENT': event,
      'DISENTANGLE_TEXT': text,
      'DISENTANGLE_WORKDIR': str(self._workdir),
    }
    try:
      self._running.append(
        subprocess.Popen(
          self._command,
          shell=True,
          env=environment,
          stdin=subprocess.DEVNULL,
        )
      )
    except OSError as error:
      self._say(f'note: --notify={self._command}: {error.strerror}')

  def chunk_done(self, chunk: Any, lost: int) -> None:
    """Word of runs that diverged."""
    if lost:
      runs = len(chunk.runs)
      self.send('diverged', f'{lost} of {runs} runs of a chunk diverged')

  def wait(self) -> None:
    """Lets the last ones end; a command that failed is a note."""
    for process in self._running:
      try:
        code = process.wait(self._PATIENCE)
      except subprocess.TimeoutExpired:
        continue
      if code:
        self._say(f'note: --notify={self._command}: ended with code {code}')


def last_page(
  workdir: Any, write: Callable[[], pathlib.Path], notices: Notices
) -> pathlib.Path:
  """Writes the page at the end of a study, and sends word of it.

  Args:
    workdir: of the study.
    write: writes the page and gives its path.
    notices: are sent 'finished' or 'failed'.

  Raises:
    StoreError: it cannot be drawn or written. All runs are in the store: the
      line says how the page is made alone.
  """
  try:
    page = write()
  except Exception as error:
    reason = errors.first_line(error)
    if not isinstance(error, errors.StoreError):
      reason = f'{type(error).__name__}: {reason}'
    said = (
      f'the runs are done and kept, and their page could not be written: '
      f'{reason}; again with: '
      + invocation.line('report', f'--workdir={workdir}')
    )
    notices.send('failed', said)
    notices.wait()
    raise errors.StoreError(said) from error
  notices.send('finished', f'{workdir}: report: {page}')
  notices.wait()
  return page
