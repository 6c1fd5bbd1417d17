"""What a sweep will take, before it starts: its plan, and a little of it done.

Times of a machine come from steps and scores that it really does, within a
budget of seconds; shapes and arithmetic fill in where the budget ends.
"""

from collections.abc import Callable, Collection, Mapping
import math
import pathlib
import statistics
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import folders
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import (
  group_shapes,
  parse,
  planning,
  registry,
  study_plan,
)
from disentangle_jax.engine.programs import (
  arithmetic,
  devices,
  estimate,
  pictures,
  scoring,
  topologies,
  train,
)
from disentangle_jax.engine.workdir import store, study

# Steps of a trial: as many as take so long, seconds; one at least.
_LONG_ENOUGH = 1.0
# A metric that states no COST counts so much per run, seconds of a core.
_UNSTATED = 0.5
# Stores of finished studies hold 5 to 16 bytes a row, and pictures take a
# quarter of their pixels (docs/performance.md).
_ROW_BYTES, _PICTURE_SHARE = 10, 0.25


class Outlook(NamedTuple):
  """What a sweep is expected to take.

  Attributes:
    plan: the study.
    sizes: runs per program of each group.
    needs: of each group, as (bytes, seconds): `estimate.Need`.
    left: run_ids that are still to be done.
    report_seconds: of the page; 0 where no times are told.
  """

  plan: study_plan.Plan
  sizes: list[int]
  needs: list[estimate.Need]
  left: Collection[str]
  report_seconds: float

  @property
  def seconds(self) -> float:
    """All of it."""
    parts = (
      need.seconds + need.compile_seconds + need.scoring_seconds
      for need in self.needs
    )
    return sum(parts) + self.report_seconds

  @property
  def disk_bytes(self) -> int:
    """What the runs that are left will leave behind, about."""
    return sum(
      need.disk_bytes * runs
      for need, runs in zip(self.needs, map(len, self.runs_left()))
    )

  def runs_left(self) -> list[list[study_plan.Run]]:
    """Those of each group that are still to be done."""
    return [
      [run for run in group.runs if run.run_id in self.left]
      for group in self.plan.groups
    ]


def dry_run(
  config: Any,
  *,
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
  measure: Callable[[], float] = estimate.matmul_rate,
  memory_bytes: int = 0,
  topology: topologies.Topology | None = None,
  workdir: str | pathlib.Path | None = None,
  budget: float = 0.0,
) -> Outlook:
  """The plan of a sweep and what it is expected to take; nothing is stored.

  Args:
    config: as for `sweep`.
    methods: as for `sweep`.
    metrics: as for `sweep`.
    datasets: as for `sweep`.
    measure: gives the flop/s that times are worked out from.
    memory_bytes: of a device, in the place of this machine's own; 0 for that.
    topology: devices in the place of this machine's own. The training of one
      run is then compiled for them, and no time is told.
    workdir: where the sweep would go on; what is there already is not counted.
    budget: seconds after which no other group is compiled and timed; 0 for
      none. What is compiled is kept for the sweep itself.

  Returns:
    The outlook.

  Raises:
    ConfigError: what a sweep would refuse; a run that does not fit.
    StoreError: the workdir holds another study.
  """
  names = registry.of(methods, metrics, datasets)
  devices.prepare(parse.engine(config))
  whole = planning.make(config, names)
  sliced = planning.sliced(whole)
  plan = planning.only(sliced)
  left = {run.run_id for run in plan.runs}
  if workdir is not None:
    folder = folders.workdir(workdir)
    if len(plan.runs) < len(sliced.runs):
      folder = folders.only(folder)
    study.open_study(folder, plan, {run.run_id for run in whole.runs})
    left -= store.finished(folder)
  shards = plan.config.engine.data_shards
  mesh = topology.mesh(shards) if topology else devices.mesh(shards)
  if topology and not memory_bytes:
    memory_bytes = topology.memory
  for group in plan.groups:
    train.check(group, mesh)
    pictures.check(plan, group, mesh)
  rate = 0.0 if topology else measure()
  asked = plan.config.engine.runs_per_chunk
  points = [estimate.grid_points(plan, group) for group in plan.groups]
  sizes = [
    estimate.runs_per_chunk(group, mesh, asked, n, memory_bytes)
    for group, n in zip(plan.groups, points)
  ]
  needs = [
    estimate.need(group, n, rate)._replace(
      disk_bytes=disk_bytes(plan, group, mesh)
    )
    for group, n in zip(plan.groups, points)
  ]
  if topology:
    needs = [
      need._replace(bytes_per_run=estimate.compiled_bytes(group, mesh, n))
      for need, group, n in zip(needs, plan.groups, points)
    ]
    return Outlook(plan, sizes, needs, left, 0.0)
  cores = len(jax.local_devices())
  scoring_each = [
    _stated_scoring(plan, group) / cores + _encoding(group, n, rate)
    for group, n in zip(plan.groups, points)
  ]
  trials = _trials(plan, mesh, sizes, needs, scoring_each, left, budget)
  needs = _timed(plan, sizes, needs, scoring_each, left, trials)
  report = progress.report_time(len(plan.runs))
  return Outlook(plan, sizes, needs, left, report)


class _Trial(NamedTuple):
  """What a group was seen to take.

  Attributes:
    compile_seconds: of training and, where they were tried, of all scores.
    step_seconds: of one step of a whole chunk.
    scoring_seconds: of a whole chunk; None where scores were not tried.
  """

  compile_seconds: float
  step_seconds: float
  scoring_seconds: float | None


def _trials(
  plan, mesh, sizes, needs, scoring_each, left, budget
) -> dict[int, _Trial]:
  """Groups of which something is left to do, until the time is up."""
  trials, began = {}, time.perf_counter()
  evaluator = scoring.Evaluator(plan, mesh)
  for g, group in enumerate(plan.groups):
    if time.perf_counter() - began >= budget:
      break
    if not any(run.run_id in left for run in group.runs):
      continue
    # One step of a chunk, as the arithmetic says.
    guess = needs[g].seconds / group.steps / len(group.runs) * sizes[g]
    affordable = scoring_each[g] * sizes[g] < budget
    trials[g] = _tried(
      plan, group, mesh, sizes[g], guess, evaluator if affordable else None
    )
  return trials


def _tried(plan, group, mesh, size, guess, evaluator) -> _Trial:
  """Compiles a chunk's training, does a few of its steps and scores it."""
  began = time.perf_counter()
  window = train.window_of(group.steps, plan.config.engine.log_every)
  # The sweep's own program where that is short: its cache then holds it.
  steps = min(window, max(1, int(_LONG_ENOUGH / max(guess, 1e-9))))
  program = train.compile_group(group, mesh, size, window=steps)
  compile_seconds = time.perf_counter() - began
  arrays = group.dataset.arrays
  inputs = train.make_inputs(group.runs[:size], size)
  frozen = jax.tree.map(
    lambda x: np.zeros(x.shape, x.dtype), train.frozen_shapes(group, size)
  )
  state = program.init(inputs, arrays, program.index, frozen)
  diverged = jnp.full(size, train.NEVER, jnp.int32)
  # The first call pays for memory that the second one has.
  for start in (0, steps):
    jax.block_until_ready(state)
    began = time.perf_counter()
    state, diverged, _ = program.segment(
      inputs, jnp.int32(start), state, diverged, arrays, program.index, steps
    )
    jax.block_until_ready(state)
    step_seconds = (time.perf_counter() - began) / steps
  if evaluator is None:
    return _Trial(compile_seconds, step_seconds, None)
  began = time.perf_counter()
  for _ in evaluator.prepare(group, size):
    pass
  compile_seconds += time.perf_counter() - began
  began = time.perf_counter()
  evaluator.scores(group, state)
  return _Trial(compile_seconds, step_seconds, time.perf_counter() - began)


def _stated_scoring(plan: study_plan.Plan, group: study_plan.Group) -> float:
  """Seconds of one core that scoring a run takes, as its metrics state it."""
  modules = plan.registry.metrics
  costs = [getattr(modules[n], 'COST', _UNSTATED) for n in group.metrics]
  draws = plan.config.scoring.metric_seeds
  return draws * len(plan.config.scoring.representations) * sum(costs)


def _encoding(group: study_plan.Group, points: int, rate: float) -> float:
  """Seconds that encoding a run's points takes, as its arithmetic says.

  A large net on the whole grid takes longer than all scores of the codes.
  """
  if not points or not rate or group.method.represent is None:
    return 0.0
  state = group_shapes.state_shapes(group)
  batch = group_shapes.example_batch(group)['observation']
  flops = arithmetic.flops(group.method.represent, state, batch)
  return flops / group.batch_size * points / rate


def _timed(
  plan, sizes, needs, scoring_each, left, trials
) -> list[estimate.Need]:
  """The needs with times of what is left to do."""
  told = lambda g: needs[g].seconds / len(plan.groups[g].runs)
  # What a run really takes over what its arithmetic says.
  shares = [
    trial.step_seconds * plan.groups[g].steps / sizes[g] / told(g)
    for g, trial in trials.items()
    if told(g)
  ]
  share = statistics.median(shares) if shares else 1.0
  timed = []
  for g, group in enumerate(plan.groups):
    runs = sum(run.run_id in left for run in group.runs)
    chunks = -(-runs // sizes[g])
    stated = scoring_each[g] * runs
    trial = trials.get(g)
    if trial is None:
      seconds = told(g) * runs * share
      more = {'seconds': seconds, 'scoring_seconds': stated}
    else:
      seconds = trial.step_seconds * group.steps * chunks
      scored = trial.scoring_seconds
      more = {
        'seconds': seconds,
        'compile_seconds': trial.compile_seconds,
        'scoring_seconds': stated if scored is None else scored * chunks,
        'timed': True,
      }
    timed.append(needs[g]._replace(**more))
  return timed


def disk_bytes(
  plan: study_plan.Plan, group: study_plan.Group, mesh: jax.sharding.Mesh
) -> int:
  """Bytes that a run leaves behind, about: parameters, pictures, rows.

  Args:
    plan: the study.
    group: of the run.
    mesh: ('runs', 'data').
  """
  engine = plan.config.engine
  size = mesh.shape[devices.RUNS]
  state = group_shapes.stacked_shapes(group, size)
  count = 0.0
  if engine.keep_params and hasattr(state, 'params'):
    count += _bytes(state.params) / size
  drawn = pictures.program(group, mesh, engine.eval_memory)
  if engine.keep_samples and drawn is not None:
    images = jax.eval_shape(drawn, state, group.dataset.arrays)
    count += _PICTURE_SHARE * _bytes(images) / size
  windows = math.ceil(
    group.steps / train.window_of(group.steps, engine.log_every)
  )
  keys = sum(len(plan.metrics[name]) for name in group.metrics)
  draws = plan.config.scoring.metric_seeds
  rows = 4 * windows + keys * draws * len(plan.config.scoring.representations)
  return round(count + rows * _ROW_BYTES)


def _bytes(tree: Any) -> int:
  """Of arrays, typed keys aside."""
  leaves = jax.tree.leaves(tree)
  return sum(
    x.size * x.dtype.itemsize
    for x in leaves
    if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
  )
