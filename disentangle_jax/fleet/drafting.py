"""Writes the plan of a study on a fleet.

Groups are planned with one seed of every setting and counted for all of them:
nothing of a group depends on how many seeds it has, and a million runs are
planned as fast as one seed's.
"""

import functools
import json
import math
import pathlib
import tempfile
from typing import Any, NamedTuple

import jax

from disentangle_jax import errors, platforms
from disentangle_jax.engine import outlook, progress
from disentangle_jax.engine.plan import (
  algebra,
  group_shapes,
  parse,
  planning,
  registry,
  study_plan,
)
from disentangle_jax.engine.programs import (
  devices,
  estimate,
  memory,
  step_cost,
  topologies,
  train,
)
from disentangle_jax.engine.workdir import study
from disentangle_jax.fleet import paper


class Sketch(NamedTuple):
  """A study with one seed of every setting.

  Attributes:
    plan: of that seed.
    seeds: that it stands for.
    run_bytes: of a run in study.json.
    other_bytes: of the rest of it.
  """

  plan: study_plan.Plan
  seeds: int
  run_bytes: float
  other_bytes: int


def sketch(config: Any, runs: int = 0) -> Sketch:
  """Plans one seed of a study.

  Args:
    config: as for `engine.sweep`; not changed.
    runs: of the study, by more or fewer seeds; 0 for the config's own.

  Returns:
    The sketch.

  Raises:
    ConfigError: what a sweep would refuse; a part of a study.
  """
  given = parse.plain(config)
  for field in ('only', 'slice'):
    if str(given[field] or ''):
      rule = 'a fleet is planned for whole studies'
      raise errors.value(f'config.{field}', given[field], rule)
  seeds = len(algebra.seeds(given))
  plan = planning.make({**given, 'seeds': 1}, registry.of())
  if runs:
    seeds = -(-runs // len(plan.runs))
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder)
    old = study.open_study(workdir, plan, {run.run_id for run in plan.runs})
    contents = study.save(workdir, old, plan, ())
    size = sum(path.stat().st_size for path in workdir.glob('study.json'))
  # As the file is written; a run stands in it twice, the second time in the
  # list of its chunk.
  named = len(json.dumps({'runs': contents['runs']}, indent=1))
  listed = len(json.dumps([{'runs': list(contents['runs'])}], indent=1))
  return Sketch(plan, seeds, (named + listed) / len(plan.runs), size - named)


class Asked(NamedTuple):
  """What is known of the study's first group, and asked of a compiler.

  The other groups' follow from it: their time by their arithmetic, what they
  hold by the bounds of planning.

  Attributes:
    milliseconds: of a step of one run on one device; 0 for what the compiler
      says, or for no times.
    run_bytes: that one run holds on its device; 0 for what the compiler says,
      or for the bound.
    compile: whether the fleet's compiler is asked: for one run where memory may
      decide the size of a chunk, then for a chunk.
    compile_seconds: of a group's programs on one host.
  """

  milliseconds: float = 0.0
  run_bytes: int = 0
  compile: bool = False
  compile_seconds: float = 0.0


def _mesh(plan: study_plan.Plan, fleet: paper.Fleet):
  """Of one host, and its topology; ConfigError without a compiler."""
  topology = topologies.of(fleet.machines.one)
  return topology, topology.mesh(plan.config.engine.data_shards)


def _compiled(plan, group, fleet: paper.Fleet, size: int) -> paper.Compiled:
  """Training of a chunk, compiled for one host of a fleet."""
  topology, mesh = _mesh(plan, fleet)
  try:
    program = train.compile_group(
      group, mesh, size, plan.config.engine.log_every
    )
  except jax.errors.JaxRuntimeError as error:
    # Out of memory, or a fault of the compiler's own.
    raise errors.ConfigError(
      f'{fleet.name}: its compiler refuses a chunk of {size} runs of '
      f'{group.method_name}: {errors.first_line(error)[:160]}; '
      'config.engine.runs_per_chunk asks for less'
    ) from error
  cost = step_cost.of(program.text(), program.parts)
  each = size // mesh.shape[devices.RUNS]
  seconds = topology.seconds(cost) / each
  return paper.Compiled(program.memory.total, seconds, program.compile_seconds)


def write(
  drawn: Sketch, fleet: paper.Fleet, asked: Asked | None = None
) -> paper.Paper:
  """The plan of a study on a fleet.

  Args:
    drawn: the study.
    fleet: the machines.
    asked: of its first group; None for nothing: no times, and bounds where
      memory decides.

  Returns:
    The plan.

  Raises:
    ConfigError: a run that does not fit; data_shards that do not divide; a
      compiler that is not installed.
  """
  asked = asked or Asked()
  plan, engine = drawn.plan, drawn.plan.config.engine
  machines = fleet.machines
  over, shards = devices.mesh_shape(
    machines.devices, engine.data_shards, fleet.name
  )
  needs, points = [], []
  for group in plan.groups:
    points.append(estimate.grid_points(plan, group))
    with platforms.traced_for(machines.platform):
      needs.append(estimate.need(group, points[-1]))

  @functools.cache
  def share() -> float:
    """What the first group's run really holds over its bound."""
    each = asked.run_bytes
    if not each and asked.compile:
      mesh = _mesh(plan, fleet)[1]
      each = estimate.compiled_bytes(plan.groups[0], mesh, points[0])
    return each / needs[0].bytes_per_run if each else 1.0

  sizes = []
  for group, need in zip(plan.groups, needs):
    runs = len(group.runs) * drawn.seeds
    held = functools.partial(_held, fleet, group, need, share)
    most = engine.runs_per_chunk or estimate.fitting_runs(
      runs,
      over,
      machines.platform,
      machines.memory * over,
      need.bytes_per_run,
      held,
    )
    # As `engine.ray_crew` and a sweep of several hosts have it.
    kept = fleet.ray and engine.runs_per_chunk
    hosts = 1 if kept else fleet.hosts
    sizes.append(estimate.spread(runs, most, over, hosts))
  said = None
  if asked.compile:
    said = _compiled(plan, plan.groups[0], fleet, sizes[0])
  step = asked.milliseconds / 1e3 or (said.seconds if said else 0.0)
  known = 1.0
  if asked.run_bytes or share.cache_info().currsize:
    known = share()
  per_flop = step / max(needs[0].flops_per_step, 1.0)
  here = devices.mesh(1)
  groups = []
  for group, need, size in zip(plan.groups, needs, sizes):
    runs, each = len(group.runs) * drawn.seeds, size // over
    window = train.window_of(group.steps, engine.log_every)
    seconds = per_flop * need.flops_per_step * group.steps * each / shards
    groups.append(
      paper.Group(
        name=progress.group_name(group),
        runs=runs,
        depth=group.depth,
        size=size,
        chunks=-(-runs // size),
        each=each,
        steps=group.steps,
        windows=math.ceil(group.steps / window),
        seconds=seconds,
        state=_state_bytes(group),
        bound=math.ceil(known * need.bytes_per_run),
        left=outlook.disk_bytes(plan, group, here),
        compiled=None if groups else said,
      )
    )
  total = sum(group.runs for group in groups)
  return paper.Paper(
    study=plan.study,
    runs=total,
    fleet=fleet,
    groups=groups,
    pack=engine.pack,
    kept=int(engine.keep_params) + int(engine.keep_samples),
    study_bytes=round(drawn.other_bytes + drawn.run_bytes * total),
    checkpoint_seconds=60 * engine.checkpoint_minutes,
    compile_seconds=asked.compile_seconds,
    run_bytes=groups[0].bound if known != 1.0 else 0,
  )


def _held(fleet: paper.Fleet, group, need: estimate.Need, share) -> int:
  """What a run holds, by its bound and the first group's share of it."""
  each = math.ceil(share() * need.bytes_per_run)
  if each > fleet.machines.memory:
    raise errors.ConfigError(
      f'{fleet.name}: {group.method_name}: a run may hold '
      f'{each / 2**30:.2f} GiB of a device that has '
      f'{fleet.machines.memory / 2**30:.2f}; --compile asks what it really '
      'holds'
    )
  return each


def _state_bytes(group: study_plan.Group) -> int:
  shapes = jax.tree.leaves(group_shapes.state_shapes(group))
  return sum(memory.array_bytes(leaf.shape) for leaf in shapes)
