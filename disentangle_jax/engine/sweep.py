"""A whole study: plan, train, score, store; again and again until done."""

from collections.abc import Callable, Mapping
import pathlib
import shutil
import tempfile
from typing import Any

import jax
import pandas as pd

from disentangle_jax import errors, folders
from disentangle_jax.engine import extend, session
from disentangle_jax.engine import progress as progress_lib
from disentangle_jax.engine.plan import (
  group_shapes,
  parse,
  planning,
  registry,
  study_plan,
)
from disentangle_jax.engine.programs import (
  devices,
  estimate,
  hosts,
  pictures,
  scoring,
  topologies,
  train,
)
from disentangle_jax.engine.workdir import checkpoint, store, study, trackers


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
) -> pd.DataFrame:
  """Trains and scores every run of a study that is not in the store yet.

  Args:
    config: from `base_config`, changed to taste.
    workdir: where results go and are continued, a folder or the address of a
      bucket; None keeps nothing on disk.
    methods: your own methods, name -> module (`types.MethodModule`).
    metrics: your own metrics, name -> module.
    datasets: your own data sets, name -> module or `Dataset`.
    progress: who is told; silent by default.
    command: how this was started, for the report.
    as_new_setting: where a field of a study that is there has changed, keep
      both, as settings of their own; refused otherwise.
    take_over: in a bucket, hold the workdir whoever holds it now.
    key: of the packaged study that this is, for its own sections of the report.

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
    shown = progress or progress_lib.Progress()
    _run(chosen, numbers, workdir, shown, command, as_new_setting, key)
  rows = store.read(workdir)
  return rows[rows['run_id'].isin({run.run_id for run in chosen.runs})]


def check(
  plan: study_plan.Plan, group: study_plan.Group, mesh: jax.sharding.Mesh
) -> None:
  """Traces training and pictures under the mesh; nothing is compiled.

  What would fail after training fails here.

  Raises:
    ConfigError: a method that cannot be split over devices, or whose extras do
      not fit its observations.
  """
  train.check(group, mesh)
  program = pictures.program(group, mesh, plan.config.engine.eval_memory)
  if not plan.config.engine.keep_samples or program is None:
    return
  state = group_shapes.stacked_shapes(group, mesh.shape[devices.RUNS])
  try:
    jax.eval_shape(program, state, group.dataset.arrays)
  except (TypeError, ValueError) as error:
    raise errors.ConfigError(
      f'method {group.method_name}: its pictures cannot be drawn: '
      f'{errors.first_line(error)}; config.engine.keep_samples = False leaves '
      'them out'
    ) from error


def _run(
  plan, numbers, workdir, progress, command, as_new_setting, key
) -> None:
  """Does what is missing in a workdir that the first host has locked."""
  mesh = devices.mesh(plan.config.engine.data_shards)
  first = hosts.index() == 0
  if not first:
    hosts.wait('planned')
  old = study.open_study(workdir, plan, numbers, as_new_setting)
  asked = plan.config.engine.runs_per_chunk
  sizes = [
    estimate.runs_per_chunk(
      group, mesh, asked, estimate.grid_points(plan, group)
    )
    for group in plan.groups
  ]
  chunks = study.chunks(old, plan, sizes, mesh.shape[devices.RUNS])
  done = store.finished(workdir)
  if done:
    extend.check_constants(plan, extend.stored_scores(workdir))
  todo = [c for c in chunks if any(run.run_id not in done for run in c.runs)]
  evaluator = scoring.Evaluator(plan, mesh)
  for number, size in {c.group: c.size for c in todo[::-1]}.items():
    check(plan, plan.groups[number], mesh)
    evaluator.check(plan.groups[number], size)
  about = {
    'key': key or old.get('key', ''),
    'command': command or old.get('command', ''),
    'devices': devices.describe(),
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
    checkpoint.clean(workdir, {chunk.part for chunk in todo})
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

  def save(planned, seconds):
    if first:
      seconds += about['wall_seconds']
      more = {**about, 'wall_seconds': seconds, 'finished': study.now()}
      study.save(workdir, old, plan, planned, **more)

  try:
    running = session.Session(plan, workdir, mesh, progress, evaluator)
    planned = chunks
    for depth, part in enumerate(by_depth):
      planned = running.run(part, planned, save)
      hosts.wait(f'trained {depth}')
    # Scoring alone has no segments: here signals stop at once.
    if first:
      if done:
        extend.add_metrics(plan, workdir, mesh, progress.say)
      extend.score_seeds(plan, workdir, progress.say)
    hosts.wait('scored')
  finally:
    progress.finish()


def dry_run(
  config: Any,
  *,
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
  measure: Callable[[], float] = estimate.matmul_rate,
  memory_bytes: int = 0,
  topology: topologies.Topology | None = None,
) -> tuple[study_plan.Plan, list[int], list[estimate.Need]]:
  """The plan of a sweep and what it is expected to need; nothing is trained.

  Args:
    config: as for `sweep`.
    methods: as for `sweep`.
    metrics: as for `sweep`.
    datasets: as for `sweep`.
    measure: gives the flop/s that times are worked out from.
    memory_bytes: of a device, in the place of this machine's own; 0 for that.
    topology: devices in the place of this machine's own. The training of one
      run is then compiled for them, and no time is told.

  Returns:
    The plan, runs per chunk of each group, and each group's needs.

  Raises:
    ConfigError: what a sweep would refuse; a run that does not fit.
  """
  names = registry.of(methods, metrics, datasets)
  devices.prepare(parse.engine(config))
  plan = planning.only(planning.sliced(planning.make(config, names)))
  shards = plan.config.engine.data_shards
  mesh = topology.mesh(shards) if topology else devices.mesh(shards)
  if topology and not memory_bytes:
    memory_bytes = topology.memory
  for group in plan.groups:
    check(plan, group, mesh)
  rate = 0.0 if topology else measure()
  asked = plan.config.engine.runs_per_chunk
  points = [estimate.grid_points(plan, group) for group in plan.groups]
  sizes = [
    estimate.runs_per_chunk(group, mesh, asked, n, memory_bytes)
    for group, n in zip(plan.groups, points)
  ]
  needs = [
    estimate.need(group, n, rate) for group, n in zip(plan.groups, points)
  ]
  if topology:
    needs = [
      need._replace(bytes_per_run=estimate.compiled_bytes(group, mesh, n))
      for need, group, n in zip(needs, plan.groups, points)
    ]
  return plan, sizes, needs
