"""The chunks of a planned study, one after the other, on one host's devices."""

from collections.abc import Collection, Mapping, Sequence
import contextlib
import json
import pathlib
import time

import jax
import numpy as np

from disentangle_jax import errors
from disentangle_jax.engine import loop, watchdog
from disentangle_jax.engine import progress as progress_lib
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import (
  devices,
  hosts,
  pictures,
  scoring,
  together,
  train,
)
from disentangle_jax.engine.workdir import (
  checkpoint,
  exported,
  live,
  rows,
  store,
  study,
  trackers,
)

# Share of a device's memory that a compiled program may ask for.
MEMORY_SHARE = 0.9
# Training that took longer is saved before it is scored, seconds.
_WORTH_KEEPING = 60.0


class Session:
  """Trains, scores and stores chunks of a study.

  Args:
    plan: the study.
    workdir: its folder, locked.
    mesh: ('runs', 'data').
    progress: who is told.
    evaluator: of the plan.
  """

  def __init__(
    self,
    plan: study_plan.Plan,
    workdir: pathlib.Path,
    mesh: jax.sharding.Mesh,
    progress: progress_lib.Progress,
    evaluator: scoring.Evaluator,
  ):
    self._plan, self._workdir, self._mesh = plan, workdir, mesh
    self._engine = plan.config.engine
    self._progress = progress
    self._evaluator = evaluator
    self._stop = checkpoint.Stop()
    self._watchdog = watchdog.Watchdog(
      progress.say, self._engine.watchdog_minutes
    )
    self._programs = {}
    self._pictures = {}
    self._began = time.perf_counter()
    # Groups whose chunks were cut once, because memory ran out.
    self._shrunk = set()

  def run(
    self, chunks: Sequence[study.Chunk], planned: Sequence[study.Chunk], save
  ) -> list[study.Chunk]:
    """Does the chunks; a wish to stop ends it between two of them.

    Args:
      chunks: to be done by this host.
      planned: all chunks of the study.
      save: `(planned chunks, seconds so far)`: keeps study.json true.

    Returns:
      All chunks of the study, as they are planned now.

    Raises:
      ConfigError: memory ran out, and going on with fewer runs did not help.
      KeyboardInterrupt: stopping was asked for.
    """
    todo, planned = list(chunks), list(planned)
    listening = self._stop.listen(self._progress.say)
    with listening, self._watchdog.watch():
      while todo:
        chunk = todo[0]
        size = self._do(chunk)
        if size < chunk.size:
          # Those of the group that are still to come would not fit either.
          large = {
            c.part for c in todo if c.group == chunk.group and c.size > size
          }
          planned = _cut(planned, large, size)
          todo = _cut(todo, large, size)
        else:
          todo.pop(0)
        save(planned, time.perf_counter() - self._began)
        self._stop.check()
    return planned

  def _do(self, chunk: study.Chunk) -> int:
    """Runs a chunk and gives its size; or the smaller one to be tried."""
    try:
      program, scoring_bytes = self._compiled(chunk)
    except jax.errors.JaxRuntimeError as error:
      if not errors.out_of_memory(error):
        raise
      why = 'its programs do not fit the device, says their compiler'
      return self._smaller(chunk, chunk.size // 2, why)
    room = MEMORY_SHARE * devices.memory_bytes()
    what, most = max(scoring_bytes, key=lambda pair: pair[1])
    if most > room:
      return self._smaller(
        chunk,
        int(chunk.size * room / most),
        f'{what} needs {most / 2**30:.2f} GiB per device, of '
        f'{devices.memory_bytes() / 2**30:.2f}',
      )
    try:
      trained = self._trained(chunk, program)
    except jax.errors.JaxRuntimeError as error:
      if not errors.out_of_memory(error):
        raise
      if chunk.group in self._shrunk:
        raise self._too_large(chunk, 'the device ran out of memory') from error
      size = self._smaller(
        chunk, chunk.size // 2, 'the device ran out of memory'
      )
      self._shrunk.add(chunk.group)
      return size
    self._finish(chunk, *trained)
    return chunk.size

  def _too_large(self, chunk: study.Chunk, why: str) -> errors.ConfigError:
    method = self._plan.groups[chunk.group].method_name
    return errors.ConfigError(
      f'{method}: {why}, with {chunk.size} runs per program; lower '
      f'config.engine.runs_per_chunk (below {chunk.size}, in a new folder: '
      'the old one keeps its plan), config.batch_size, or '
      'config.engine.eval_memory_mib if it happened while scoring'
    )

  def _smaller(self, chunk: study.Chunk, size: int, why: str) -> int:
    """The size to go on with.

    Raises:
      ConfigError: no smaller one, or one of several hosts, whose plan is one
        for all.
    """
    over = self._mesh.shape[devices.RUNS]
    method = self._plan.groups[chunk.group].method_name
    size = max(over, size // over * over)
    if size >= chunk.size or hosts.number() > 1:
      raise self._too_large(chunk, why)
    self._progress.say(
      f'note: {method}: {why}, with {chunk.size} runs per program; going on '
      f'with {size}'
    )
    key = (chunk.group, chunk.size)
    for programs in (self._programs, self._pictures):
      programs.pop(key, None)
    return size

  def _compiled(
    self, chunk: study.Chunk
  ) -> tuple[train.Program, list[tuple[str, int]]]:
    """All programs of a chunk: nothing is trained that cannot be scored.

    Returns:
      The training, and what every program is for with the bytes that it needs.
    """
    group = self._plan.groups[chunk.group]
    key = (chunk.group, chunk.size)
    if key not in self._programs:
      self._progress.compiling(chunk)
      self._watchdog.moved(f'compiling {group.method_name}')
      program, scores = together.done(
        [
          lambda: train.compile_group(
            group, self._mesh, chunk.size, self._engine.log_every
          ),
          lambda: list(self._evaluator.prepare(group, chunk.size)),
        ]
      )
      needs = [
        ('the program', program.memory.total),
        *((f'scoring ({one.name})', one.bytes) for one in scores),
      ]
      self._programs[key] = program, needs
      budget = self._engine.eval_memory
      self._pictures[key] = pictures.program(group, self._mesh, budget)
    return self._programs[key]

  def _keeper(self, chunk: study.Chunk) -> checkpoint.Keeper:
    """Checkpoints of a chunk; others than of these very settings do not fit."""
    identity = json.dumps(
      [chunk.size, self._engine.log_every, study.versions()], sort_keys=True
    )
    return checkpoint.Keeper(
      self._workdir,
      chunk.part,
      identity,
      self._engine.checkpoint_minutes,
      self._stop,
      self._progress.say,
    )

  def _frozen(self, chunk: study.Chunk):
    """States of the earlier phase's runs, from the parameters they left."""
    before = self._plan.groups[chunk.group].before
    if before is None:
      return ()
    earlier = [run.after for run in chunk.runs]
    return exported.group_states(self._workdir, before, earlier, chunk.size)

  def _trained(
    self, chunk: study.Chunk, program: train.Program
  ) -> tuple[train.Trained, checkpoint.Keeper, live.Curves, trackers.Trackers]:
    """Trains a chunk, or goes on where a checkpoint is."""
    group, keeper = self._plan.groups[chunk.group], self._keeper(chunk)
    curves = live.Curves(
      self._workdir,
      chunk.part,
      {
        'group': progress_lib.group_name(group),
        'runs': [run.run_id for run in chunk.runs],
        'steps': group.steps,
        'batch_size': group.batch_size,
      },
      self._progress.say,
    )
    tracked = trackers.Trackers(
      self._workdir, self._plan, chunk.runs, self._progress.say
    )
    window = self._progress.window(chunk)
    self._watchdog.moved(f'training {group.method_name}')

    def on_window(step: int, alive: int, scalars: Mapping) -> None:
      self._watchdog.moved()
      window(step, alive, scalars)

    trained = loop.train_chunk(
      program,
      group,
      chunk.runs,
      chunk.size,
      on_window,
      keeper,
      self._frozen(chunk),
      (curves, tracked),
    )
    return trained, keeper, curves, tracked

  def _finish(
    self,
    chunk: study.Chunk,
    trained: train.Trained,
    keeper: checkpoint.Keeper,
    curves: live.Curves,
    tracked: trackers.Trackers,
  ) -> None:
    """Scores a trained chunk and stores it.

    Raises:
      ConfigError: memory ran out with a single run per device; what was
        trained is kept for the next call.
    """
    plan, workdir, runs = self._plan, self._workdir, chunk.runs
    group = plan.groups[chunk.group]
    self._progress.scoring(chunk)
    self._watchdog.moved(f'scoring {group.method_name}')
    state = trained.state
    saved = trained.seconds > _WORTH_KEEPING
    if saved:
      # Scoring may be killed: no step is repeated because of it.
      keeper.save(loop.last_progress(trained))
    try:
      scores = self._evaluator.scores(group, state, self._progress.say)
    except jax.errors.JaxRuntimeError as error:
      if not errors.out_of_memory(error):
        raise
      if not saved:
        keeper.save(loop.last_progress(trained))
      raise errors.ConfigError(
        f'{group.method_name}: the device ran out of memory while scoring a '
        'single run; what was trained is kept, and the same command goes on '
        'with scoring: lower config.engine.eval_memory_mib or '
        'config.engine.eval_block, or leave out a metric'
      ) from error
    # The rows are what marks a run as finished: all that it needs comes first,
    # and nothing else may keep them from being written.
    pack = chunk.part if self._engine.pack else ''
    if self._engine.keep_params and hasattr(state, 'params'):
      exported.write_params(workdir, runs, state, group, pack)
    pictures = self._pictures[chunk.group, chunk.size]
    if self._engine.keep_samples and pictures is not None:
      with self._told(f'pictures of {group.method_name}'):
        images = jax.device_get(pictures(state, group.dataset.arrays))
        exported.write_pictures(workdir, group, runs, images, pack)
    store.append(
      workdir, chunk.part, rows.of_chunk(plan.study, runs, trained, scores)
    )
    tracked.finished(int(trained.steps[-1]), scores)
    keeper.finished()
    curves.finished()
    lost = int(np.sum(trained.diverged[: len(runs)] != train.NEVER))
    self._progress.chunk_done(chunk, lost)

  @contextlib.contextmanager
  def _told(self, what: str):
    """Says what went wrong with something that a run can do without."""
    try:
      yield
    except errors.StoreError:
      raise  # A full disk: the rows would not fit either.
    except Exception as error:
      self._progress.say(
        f'note: {what} left out: {type(error).__name__}: '
        f'{errors.first_line(error)}'
      )


def _cut(
  chunks: Sequence[study.Chunk], large: Collection[str], size: int
) -> list[study.Chunk]:
  """The chunks, with those named by part cut to programs of `size` runs."""
  pieces = []
  for chunk in chunks:
    pieces += study.split(chunk, size) if chunk.part in large else [chunk]
  return pieces


@contextlib.contextmanager
def held(workdir: pathlib.Path, take_over: bool = False):
  """Locks the folder for all hosts: the first one holds it; `store.lock`."""
  if hosts.index():
    yield
    return
  with store.lock(workdir, take_over):
    yield
