"""A whole study: plan, train, score, store; again and again until done."""

from collections.abc import Callable, Mapping
import math
import pathlib
import shutil
import tempfile
from typing import Any

import pandas as pd

from disentangle_jax.engine import (
  checkpoint,
  devices,
  estimate,
  extend,
  hosts,
  session,
  store,
  study,
  trackers,
)
from disentangle_jax.engine import names as names_lib
from disentangle_jax.engine import plan as plan_lib
from disentangle_jax.engine import progress as progress_lib


def sweep(
  config: Any,
  workdir: str | pathlib.Path | None = None,
  *,
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
  progress: progress_lib.Progress | None = None,
  command: str = '',
) -> pd.DataFrame:
  """Trains and scores every run of a study that is not in the store yet.

  Args:
    config: from `base_config`, changed to taste.
    workdir: where results go and are continued; None keeps nothing on disk.
    methods: your own methods, name -> module with HPARAMS, STRENGTH, BATCH,
      Config and make.
    metrics: your own metrics, name -> module.
    datasets: your own data sets, name -> module or `Dataset`.
    progress: who is told; silent by default.
    command: how this was started, for the report.

  Returns:
    The tidy rows of the study's runs (columns: `engine.store.COLUMNS`).

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
      )
    finally:
      shutil.rmtree(folder, ignore_errors=True)
  names = names_lib.registry(methods, metrics, datasets)
  devices.prepare(plan_lib.plain(config)['engine'])
  plan = plan_lib.make(config, names)
  trackers.check(plan.config['engine'])
  workdir = pathlib.Path(workdir)
  chosen = plan_lib.only(plan)
  if len(chosen.runs) < len(plan.runs):
    workdir = workdir / 'only'
  with session.held(workdir):
    numbers = {run.run_id: run.number for run in plan.runs}
    shown = progress or progress_lib.Progress()
    _run(chosen, numbers, workdir, shown, command)
  rows = store.read(workdir)
  return rows[rows['run_id'].isin({run.run_id for run in chosen.runs})]


def grid_points(plan: plan_lib.Plan, group: plan_lib.Group) -> int:
  """Codes that scoring keeps per run (an upper bound)."""
  scored = any(plan.metrics)
  return math.prod(group.dataset.factor_sizes) if scored else 0


def _run(plan, numbers, workdir, progress, command) -> None:
  """Does what is missing in a workdir that the first host has locked."""
  mesh = devices.mesh(plan.config['engine']['data_shards'])
  first = hosts.index() == 0
  if not first:
    hosts.wait('planned')
  old = study.open_study(workdir, plan)
  asked = plan.config['engine']['runs_per_chunk']
  sizes = [
    estimate.runs_per_chunk(group, mesh, asked, grid_points(plan, group))
    for group in plan.groups
  ]
  chunks = study.chunks(old, plan, sizes, mesh.shape[devices.RUNS])
  done = store.finished(workdir)
  if done:
    extend.check_constants(plan, extend.stored_scores(workdir))
  todo = [c for c in chunks if any(run.run_id not in done for run in c.runs)]
  about = {
    'command': command or old.get('command', ''),
    'devices': devices.describe(),
    'hosts': hosts.number(),
    'versions': study.versions(),
    'wall_seconds': old.get('wall_seconds') or 0.0,
  }
  if first:
    study.save(workdir, old, plan, chunks, **about)
    store.clean(workdir)
    store.renumber(workdir, numbers)
    checkpoint.clean(workdir, {chunk.part for chunk in todo})
    hosts.wait('planned')
  # No host begins before all have seen what is done.
  hosts.wait('ready')
  mine = hosts.share(todo)
  kept = [c for c in chunks if c not in todo]
  progress.start(plan, chunks, kept, [c for c in todo if c not in mine])

  def save(planned, seconds):
    if first:
      seconds += about['wall_seconds']
      more = {**about, 'wall_seconds': seconds, 'finished': study.now()}
      study.save(workdir, old, plan, planned, **more)

  try:
    session.Session(plan, workdir, mesh, progress).run(mine, chunks, save)
    hosts.wait('trained')
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
) -> tuple[plan_lib.Plan, list[int], list[estimate.Need]]:
  """The plan of a sweep and what it is expected to need; nothing is trained.

  Args:
    config: as for `sweep`.
    methods: as for `sweep`.
    metrics: as for `sweep`.
    datasets: as for `sweep`.
    measure: gives the flop/s that times are worked out from.

  Returns:
    The plan, runs per chunk of each group, and each group's needs.
  """
  names = names_lib.registry(methods, metrics, datasets)
  devices.prepare(plan_lib.plain(config)['engine'])
  plan = plan_lib.only(plan_lib.make(config, names))
  mesh = devices.mesh(plan.config['engine']['data_shards'])
  rate = measure()
  asked = plan.config['engine']['runs_per_chunk']
  points = [grid_points(plan, group) for group in plan.groups]
  sizes = [
    estimate.runs_per_chunk(group, mesh, asked, n)
    for group, n in zip(plan.groups, points)
  ]
  needs = [
    estimate.need(group, n, rate) for group, n in zip(plan.groups, points)
  ]
  return plan, sizes, needs
