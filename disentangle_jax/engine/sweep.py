"""A whole study: plan, train, score, store; again and again until done."""

from collections.abc import Mapping
import pathlib
import shutil
import tempfile
import time
from typing import Any

import pandas as pd

from disentangle_jax import errors, folders
from disentangle_jax.engine import extend, ray_crew, session
from disentangle_jax.engine import progress as progress_lib
from disentangle_jax.engine.plan import (
  parse,
  planning,
  registry,
)
from disentangle_jax.engine.programs import (
  devices,
  estimate,
  hosts,
  pictures,
  scoring,
  train,
)
from disentangle_jax.engine.workdir import (
  checkpoint,
  live,
  store,
  study,
  trackers,
)


def sweep(
  config: Any,
  workdir: str | pathlib.Path | None = None,
  *,
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
  progress: progress_lib.Progress | None = None,
  command: str = '',
  as_new_setting: bool = False,
  take_over: bool = False,
  key: str = '',
  crew: ray_crew.Crew | None = None,
) -> pd.DataFrame:
  """Trains and scores every run of a study that is not in the store yet.

  Args:
    config: from `base_config`, changed to taste.
    workdir: where results go and are continued, a folder or the address of a
      bucket; None keeps nothing on disk.
    methods: your own methods, name -> module (`types.MethodModule`).
    metrics: your own metrics, name -> module.
    datasets: your own data sets, name -> module or `Dataset`.
    progress: who is told; by default a table in a notebook, and nothing
      elsewhere (`engine.progress.live()` for one there, `Progress()` for none).
    command: how this was started, for the report.
    as_new_setting: where a field of a study that is there has changed, keep
      both, as settings of their own; refused otherwise.
    take_over: in a bucket, hold the workdir whoever holds it now.
    key: of the packaged study that this is, for its own sections of the report.
    crew: workers that train in the place of this process; methods, metrics and
      data sets are then those of the package.

  Returns:
    The tidy rows of the study's runs (columns: `stored_rows.COLUMNS`).

  Raises:
    ConfigError: a setting that cannot work; nothing has been compiled.
    StoreError: the workdir cannot be used.
  """
  if workdir is None:
    folder = tempfile.mkdtemp(prefix='disentangle_jax_')
    try:
      return sweep(
        config,
        folder,
        methods=methods,
        metrics=metrics,
        datasets=datasets,
        progress=progress,
        command=command,
        as_new_setting=as_new_setting,
        take_over=take_over,
        key=key,
        crew=crew,
      )
    finally:
      shutil.rmtree(folder, ignore_errors=True)
  names = registry.of(methods, metrics, datasets)
  devices.prepare(parse.engine(config))
  whole = planning.make(config, names)
  workdir = folders.workdir(workdir)
  trackers.check(whole.config.engine, workdir)
  plan = planning.sliced(whole)
  chosen = planning.only(plan)
  if len(chosen.runs) < len(plan.runs):
    workdir = folders.only(workdir)
  with session.held(workdir, take_over):
    numbers = {run.run_id: run.number for run in whole.runs}
    shown = progress or progress_lib.usual()
    _run(chosen, numbers, workdir, shown, command, as_new_setting, key, crew)
  rows = store.read(workdir)
  return rows[rows['run_id'].isin({run.run_id for run in chosen.runs})]


def _run(
  plan, numbers, workdir, progress, command, as_new_setting, key, crew
) -> None:
  """Does what is missing in a workdir that the first host has locked."""
  mesh = devices.mesh(plan.config.engine.data_shards)
  first = hosts.index() == 0
  if not first:
    hosts.wait('planned')
  old = study.open_study(workdir, plan, numbers, as_new_setting)
  asked = plan.config.engine.runs_per_chunk
  over, trained_on = mesh.shape[devices.RUNS], devices.describe()
  if crew is not None:
    workers = crew.sizes(plan.config.given)
    sizes, over, trained_on = workers.sizes, workers.over, workers.devices
  else:
    sizes = [
      estimate.runs_per_chunk(
        group, mesh, asked, estimate.grid_points(plan, group)
      )
      for group in plan.groups
    ]
  chunks = study.chunks(old, plan, sizes, over)
  done = store.finished(workdir)
  if done:
    extend.check_constants(plan, extend.stored_scores(workdir))
  todo = [c for c in chunks if any(run.run_id not in done for run in c.runs)]
  evaluator = scoring.Evaluator(plan, mesh)
  for number, size in {c.group: c.size for c in todo[::-1]}.items():
    train.check(plan.groups[number], mesh)
    pictures.check(plan, plan.groups[number], mesh)
    evaluator.check(plan.groups[number], size)
  about = {
    'key': key or old.get('key', ''),
    'command': command or old.get('command', ''),
    'devices': trained_on,
    'hosts': hosts.number(),
    'versions': study.versions(),
    # All that something was trained with.
    'code': sorted({*old.get('code', ()), *([study.code()] if todo else [])}),
    'wall_seconds': old.get('wall_seconds') or 0.0,
  }
  moved = ''
  if first:
    study.save(workdir, old, plan, chunks, **about)
    store.clean(workdir)
    moved = store.renumber(workdir, numbers)
    store.rephase(workdir, {run.run_id: run.phase for run in plan.runs})
    unfinished = {chunk.part for chunk in todo}
    checkpoint.clean(workdir, unfinished)
    live.clean(workdir, unfinished)
    hosts.wait('planned')
  # No host begins before all have seen what is done.
  hosts.wait('ready')
  # A later phase begins when all hosts have done the earlier ones.
  depth_of = lambda chunk: plan.groups[chunk.group].depth
  by_depth = [
    hosts.share([chunk for chunk in todo if depth_of(chunk) == depth])
    for depth in sorted({depth_of(chunk) for chunk in todo})
  ]
  mine = [chunk for chunks in by_depth for chunk in chunks]
  kept = [c for c in chunks if c not in todo]
  progress.start(plan, chunks, kept, [c for c in todo if c not in mine])
  if moved:
    progress.say(f'note: {moved}')

  def write(planned, seconds):
    seconds += about['wall_seconds']
    more = {**about, 'wall_seconds': seconds, 'finished': study.now()}
    study.save(workdir, old, plan, planned, **more)

  # Host 0 alone keeps study.json.
  writer = _Writer(write if first else lambda planned, seconds: None, chunks)
  try:
    running = (
      session.Session(plan, workdir, mesh, progress, evaluator)
      if crew is None
      else crew.runner(plan, workdir, progress)
    )
    planned = chunks
    for depth, part in enumerate(by_depth):
      with hosts.together(f'trained {depth}', progress.say):
        planned = running.run(part, planned, writer.tell)
      _check_trained(chunks, depth_of, depth, workdir)
    # Scoring alone has no segments: here signals stop at once.
    with hosts.together('scored', progress.say):
      if first:
        if done:
          extend.add_metrics(plan, workdir, mesh, progress.say)
        extend.score_seeds(plan, workdir, progress.say)
  finally:
    # A terminal is given back also where the last write fails.
    try:
      writer.flush()
    finally:
      progress.finish()


def _check_trained(chunks, depth_of, depth, workdir) -> None:
  """Raises StoreError where another host could not do its runs."""
  if hosts.number() == 1:
    return
  done = store.finished(workdir)
  missing = {
    run.run_id
    for chunk in chunks
    if depth_of(chunk) == depth
    for run in chunk.runs
  } - set(done)
  if missing:
    raise errors.StoreError(
      f'{len(missing)} runs were not done by other hosts, whose lines say why; '
      'the others are stored, and the same command on all hosts goes on'
    )


class _Writer:
  """Writes study.json at once where the chunks changed, else now and then.

  The file names every run, and thousands of small chunks would rewrite it
  thousands of times: work that grows with the square of the study.

  Args:
    write: `(chunks, seconds so far)`.
    written: the chunks that the file has.
  """

  _EVERY = 30.0  # seconds

  def __init__(self, write, written):
    self._write, self._written = write, written
    self._pending, self._at = None, time.perf_counter()

  def tell(self, planned, seconds: float) -> None:
    """Another chunk is done."""
    self._pending = planned, seconds
    late = time.perf_counter() - self._at > self._EVERY
    if late or planned != self._written:
      self.flush()

  def flush(self) -> None:
    """Writes what was told last."""
    if self._pending is not None:
      self._write(*self._pending)
      self._written, self._at = self._pending[0], time.perf_counter()
      self._pending = None
