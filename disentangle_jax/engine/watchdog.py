"""A line when nothing has moved for minutes: a wait that never ends looks slow.

A dead-lock between threads (batched LAPACK calls on a CPU, `ops/linalg.py`) or
a device that is gone shows as silence. The process's own CPU time tells it from
work: a compile that takes long uses the cores, a dead-lock does not.
"""

from collections.abc import Callable, Iterator
import contextlib
import threading
import time

# Below this share of one core the process is waiting, not working.
_IDLE = 0.05


class Watchdog:
  """Watches the loop over chunks.

  Args:
    say: told in one line.
    minutes: of silence before the first line, each next wait twice as long; 0
      for never.
    clock: seconds, for tests.
    cpu: seconds of CPU that the process has used.
  """

  def __init__(
    self,
    say: Callable[[str], None],
    minutes: float,
    clock: Callable[[], float] = time.monotonic,
    cpu: Callable[[], float] = time.process_time,
  ):
    self._say, self._minutes = say, minutes
    self._clock, self._cpu = clock, cpu
    self.moved('starting')

  def moved(self, doing: str = '') -> None:
    """Something happened; `doing` says what comes next, if that is new."""
    if doing:
      self._doing = doing
    self._since, self._used = self._clock(), self._cpu()
    self._patience = 60 * self._minutes

  def look(self) -> None:
    """Says so if nothing has moved for too long."""
    waited = self._clock() - self._since
    if not self._minutes or waited < self._patience:
      return
    self._patience *= 2
    used = self._cpu() - self._used
    text = f'note: {self._doing}: nothing has moved for {waited / 60:.0f} min'
    if used < _IDLE * waited:
      text += (
        f', and the process has used {used:.0f} s of CPU: it seems to wait for '
        'something that never comes. On a CPU: a decomposition of `jnp.linalg` '
        'under vmap? (use disentangle_jax.ops.linalg)'
      )
    self._say(text)

  @contextlib.contextmanager
  def watch(self) -> Iterator[None]:
    """Looks every few seconds while the block runs."""
    if not self._minutes:
      yield
      return
    over = threading.Event()

    def loop():
      while not over.wait(min(10.0, 6 * self._minutes)):
        self.look()

    threading.Thread(target=loop, daemon=True).start()
    try:
      yield
    finally:
      over.set()
