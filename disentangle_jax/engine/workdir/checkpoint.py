"""Checkpoints inside a chunk: what a killed sweep continues from.

`DIR/checkpoints/<part>/<step>/` holds the stacked state as Orbax writes it,
`<step>.npz` beside it the scalars logged so far. Orbax writes folders of this
machine: in a bucket the folder is one object, `<step>.tar`. Randomness is a
function of seed and absolute step, so that state and step are all there is to
keep, and the rows of a continued sweep equal those of an uninterrupted one bit
for bit.
"""

from collections.abc import Callable, Collection, Iterator
import contextlib
import io
import pathlib
import signal
import threading
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from disentangle_jax import errors, folders, storage
from disentangle_jax.engine.programs import hosts

KEPT = 2


class Progress(NamedTuple):
  """A chunk between two segments.

  Attributes:
    step: steps done.
    state: stacked states [R].
    diverged: int32 [R].
    ends: the step that each logged row ends at.
    logged: one dict of float32 [R] per row.
    seconds: of training so far.
  """

  step: int
  state: Any
  diverged: Any
  ends: list[int]
  logged: list[dict[str, Any]]
  seconds: float


class Stop:
  """Whether the user or the machine asked to stop."""

  def __init__(self):
    self.asked = False

  @contextlib.contextmanager
  def listen(self, say: Callable[[str], None]) -> Iterator[None]:
    """Takes SIGINT and SIGTERM as a wish to stop after the current segment.

    The second one stops at once. Outside of the main thread, where Python
    allows no handlers, signals keep their meaning.

    Args:
      say: told once what happens.
    """
    if threading.current_thread() is not threading.main_thread():
      yield
      return

    def handle(number, frame):
      del frame
      if self.asked:
        raise KeyboardInterrupt
      self.asked = True
      name = signal.Signals(number).name
      say(f'{name}: stopping after this segment; once more stops at once')

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, handle) for kind in kinds}
    try:
      yield
    finally:
      for kind, handler in before.items():
        signal.signal(kind, handler)

  def check(self) -> None:
    """Raises KeyboardInterrupt if stopping was asked for."""
    if self.asked:
      raise KeyboardInterrupt


def clean(workdir: pathlib.Path, unfinished: Collection[str]) -> None:
  """Removes checkpoints of finished chunks, and half-written ones.

  Args:
    workdir: the study, locked.
    unfinished: parts that are still to be done.
  """
  for folder in storage.listed(folders.checkpoints(workdir)):
    if folder.name not in unfinished:
      storage.remove(folder)
    elif not storage.is_bucket(folder):
      for path in folder.glob('*.orbax-checkpoint-tmp*'):
        storage.remove(path)
  _remove_if_empty(folders.checkpoints(workdir))


def _remove_if_empty(folder: pathlib.Path) -> None:
  if not storage.is_bucket(folder):  # which has no empty folders
    with contextlib.suppress(OSError):
      folder.rmdir()


def steps(folder: pathlib.Path) -> list[int]:
  """Steps of the complete checkpoints of a chunk, ascending."""
  names = [path.stem for path in storage.listed(folder, '.npz')]
  return sorted(int(name) for name in names if name.isdigit())


def _checkpointer():
  """Orbax for this process alone: hosts keep chunks of their own."""
  import orbax.checkpoint as ocp  # slow to import

  me = hosts.index()
  return ocp.StandardCheckpointer(
    multiprocessing_options=ocp.options.MultiprocessingOptions(
      primary_host=me,
      active_processes={me},
      barrier_sync_key_prefix=f'host_{me}',
    )
  )


class Keeper:
  """Saves and restores one chunk.

  Args:
    workdir: the study, locked.
    part: name of the chunk's part of the store.
    identity: what a checkpoint must have been made with to be continued.
    minutes: between checkpoints; 0 for none but the one on a signal.
    stop: the wish to stop.
    say: told what is continued, and what cannot be read.
  """

  def __init__(
    self,
    workdir: pathlib.Path,
    part: str,
    identity: str,
    minutes: float,
    stop: Stop,
    say: Callable[[str], None],
  ):
    self._folder = (folders.checkpoints(workdir) / part).absolute()
    self._identity = identity
    self._every = 60 * minutes
    self._last = time.monotonic()
    self._stop = stop
    self._say = say

  def due(self) -> bool:
    """Whether to save now."""
    late = self._every and time.monotonic() - self._last > self._every
    return bool(late) or self._stop.asked

  def save(self, progress: Progress) -> None:
    """Writes a checkpoint, then stops if that was asked for.

    Raises:
      StoreError: it cannot be written; older ones are left as they were.
      KeyboardInterrupt: stopping was asked for.
    """
    names = list(progress.logged[0])
    logged = jax.device_get(progress.logged)
    arrays = {f'log/{n}': np.stack([row[n] for row in logged]) for n in names}
    try:
      tree = {'state': progress.state, 'diverged': progress.diverged}
      if hosts.number() > 1:
        # Orbax writes no array of one host's devices, and NumPy's on host 0
        # alone: with several hosts they stand beside the log.
        leaves = jax.tree.leaves(jax.device_get(tree))
        arrays |= {f'leaf/{i}': leaf for i, leaf in enumerate(leaves)}
      else:
        target = self._folder / str(progress.step)
        with (
          storage.folder_to_write(target) as path,
          _checkpointer() as checkpointer,
        ):
          checkpointer.save(path, tree, force=True)
      buffer = io.BytesIO()
      np.savez(
        buffer,
        identity=self._identity,
        ends=np.array(progress.ends),
        seconds=progress.seconds,
        **arrays,
      )
      # Last: a checkpoint without this file is none.
      path = self._folder / f'{progress.step}.npz'
      storage.write_bytes(path, buffer.getvalue())
    except (OSError, ValueError) as error:
      if isinstance(error, errors.StoreError):
        raise
      raise errors.StoreError(
        f'{self._folder}: cannot be written: {str(error).splitlines()[0][:160]}'
      ) from error
    for step in steps(self._folder)[:-KEPT]:
      self._remove(step)
    self._last = time.monotonic()
    self._stop.check()

  def restore(self, state: Any, diverged: Any) -> Progress | None:
    """The newest checkpoint that can be read.

    Args:
      state: the first state, for its shapes and shardings.
      diverged: the first one.

    Returns:
      Where to continue; None to begin anew.
    """
    for step in reversed(steps(self._folder)):
      try:
        restored = self._read(step, state, diverged)
      except Exception as error:
        reason = errors.first_line(error)[:120]
        self._say(
          f'note: checkpoint {self._folder / str(step)} cannot be read and is '
          f'left out ({reason})'
        )
        continue
      if restored is None:
        self._say(
          f'note: checkpoint {self._folder / str(step)} was made with other '
          'settings or versions and is left out'
        )
        continue
      self._say(f'continuing from step {step:,} of a checkpoint')
      return restored
    return None

  def finished(self) -> None:
    """The chunk is in the store: its checkpoints are of no more use."""
    storage.remove(self._folder)
    _remove_if_empty(self._folder.parent)

  def _remove(self, step: int) -> None:
    storage.remove_folder(self._folder / str(step))
    storage.remove(self._folder / f'{step}.npz')

  def _read(self, step: int, state, diverged) -> Progress | None:
    import orbax.checkpoint as ocp

    source = storage.source(self._folder / f'{step}.npz')
    with np.load(source, allow_pickle=False) as file:
      arrays = dict(file)
    if str(arrays['identity']) != self._identity:
      return None
    shapes = lambda tree: jax.tree.map(ocp.utils.to_shape_dtype_struct, tree)
    # All leaves have a leading run axis and are spread over devices by it.
    spread = jax.tree.leaves(state)[0].sharding
    diverged = jax.device_put(diverged, spread)
    placed = {'state': state, 'diverged': diverged}
    if 'leaf/0' in arrays:
      olds, tree = jax.tree.flatten(placed)
      leaves = [arrays[f'leaf/{i}'] for i in range(len(olds))]
      # A file of NumPy's knows no bfloat16, and gives its bytes.
      leaves = [
        jax.device_put(leaf.view(old.dtype), old.sharding)
        for leaf, old in zip(leaves, olds)
      ]
      restored = jax.tree.unflatten(tree, leaves)
    else:
      with (
        storage.folder_to_read(self._folder / str(step)) as path,
        _checkpointer() as checkpointer,
      ):
        restored = checkpointer.restore(path, shapes(placed))
    ends = arrays['ends'].tolist()
    names = [name for name in arrays if name.startswith('log/')]
    logged = [
      {name.removeprefix('log/'): arrays[name][i] for name in names}
      for i in range(len(ends))
    ]
    seconds = float(arrays['seconds'])
    return Progress(
      step, restored['state'], restored['diverged'], ends, logged, seconds
    )
