"""The plan of a study on a fleet, on paper.

Groups are planned with one seed of every setting and counted for all of them:
nothing of a group depends on how many seeds it has, and a million runs are
planned as fast as one seed's.
"""

from collections.abc import Iterator, Sequence
import functools
import heapq
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
from disentangle_jax.engine.workdir import checkpoint, study

# Scalars that a logged window leaves, as engine.outlook counts them.
_SCALARS = 4
# Of one number in a line of DIR/live, bytes.
_NUMBER = 12


class Fleet(NamedTuple):
  """Machines, and how chunks come to them.

  Attributes:
    name: as it was asked for.
    machines: what they are.
    hosts: number of them.
    ray: whether chunks are tasks that any host takes; else they are dealt out
      in turns to hosts that start and end together.
  """

  name: str
  machines: topologies.Machines
  hosts: int
  ray: bool

  @property
  def devices(self) -> int:
    """Of all hosts."""
    return self.hosts * self.machines.devices


class Compiled(NamedTuple):
  """What the compiler says of one group's training.

  Attributes:
    bytes: that a device holds.
    seconds: of one step of one run of a device; 0 where unknown.
    compile_seconds: that it took here.
  """

  bytes: int
  seconds: float
  compile_seconds: float


class Group(NamedTuple):
  """One group of the study on a fleet.

  Attributes:
    name: in words.
    runs: of the group.
    depth: phases before it.
    size: runs of a chunk, padding included.
    chunks: number of them.
    each: runs of a chunk on one device.
    steps: of a run.
    windows: logged ones of a run.
    seconds: of training of one chunk; 0 where no time is known.
    state: bytes of one run's state.
    bound: bytes that a run holds at most, in training or scoring.
    left: bytes that a run leaves behind.
    compiled: what the compiler says; None where it was not asked.
  """

  name: str
  runs: int
  depth: int
  size: int
  chunks: int
  each: int
  steps: int
  windows: int
  seconds: float
  state: int
  bound: int
  left: int
  compiled: Compiled | None = None

  @property
  def checkpoint(self) -> int:
    """Bytes of a chunk's checkpoint."""
    return self.size * self.state

  @property
  def live(self) -> int:
    """Bytes of the curves of one chunk while it trains, at its end."""
    return self.windows * _SCALARS * self.size * _NUMBER


class Paper(NamedTuple):
  """A study on a fleet.

  Attributes:
    study: its name.
    runs: of the study.
    fleet: the machines.
    groups: of the study.
    pack: whether a chunk's parameters and pictures are one file each.
    kept: kinds of files that a run leaves: parameters, pictures.
    study_bytes: of study.json.
    checkpoint_seconds: between checkpoints.
    compile_seconds: of a group's programs on one host, as said.
    run_bytes: that one run of the first group holds, as its compiler says; 0
      where it was not asked.
  """

  study: str
  runs: int
  fleet: Fleet
  groups: list[Group]
  pack: bool
  kept: int
  study_bytes: int
  checkpoint_seconds: float
  compile_seconds: float
  run_bytes: int = 0

  @property
  def chunks(self) -> int:
    """Of all groups."""
    return sum(group.chunks for group in self.groups)

  @property
  def files(self) -> int:
    """Of runs and rows, at the end."""
    per = self.chunks if self.pack else self.runs
    return self.kept * per + self.chunks

  @property
  def left_bytes(self) -> int:
    """Of all runs: parameters, pictures, rows."""
    return sum(group.runs * group.left for group in self.groups)

  @property
  def barriers(self) -> int:
    """Where hosts meet: planned, ready, each phase, scored."""
    return 3 + len({group.depth for group in self.groups})

  @property
  def work_seconds(self) -> float:
    """Of all chunks, one after the other on one host, without compiling."""
    return sum(group.chunks * group.seconds for group in self.groups)

  def hosts_seconds(self) -> list[float]:
    """When each host is done, losses and storage left out."""
    ends = [0.0] * self.fleet.hosts
    for depth in sorted({group.depth for group in self.groups}):
      groups = [group for group in self.groups if group.depth == depth]
      deal = _queued if self.fleet.ray else _dealt
      # A later phase begins when all are done with the earlier one.
      ends = deal(groups, max(ends), self.fleet.hosts, self.compile_seconds)
    return ends

  @property
  def seconds(self) -> float:
    """Until the last host is done."""
    return max(self.hosts_seconds())

  @property
  def busy(self) -> float:
    """Share of all hosts' time that chunks train in, 0 to 1."""
    whole = self.fleet.hosts * self.seconds
    return self.work_seconds / whole if whole else 0.0

  @property
  def padding(self) -> float:
    """Share of places in chunks that no run has, 0 to 1."""
    places = sum(group.chunks * group.size for group in self.groups)
    return 1 - self.runs / places

  @property
  def device_hours(self) -> float:
    """That are paid: all devices until the last host is done."""
    return self.fleet.devices * self.seconds / 3600

  @property
  def lost_device_hours(self) -> float:
    """At most, when one host dies: what was trained since a checkpoint.

    Hosts that stand together all go back to their last one.
    """
    longest = max((group.seconds for group in self.groups), default=0.0)
    window = max(
      (group.seconds / group.windows for group in self.groups), default=0.0
    )
    # Checkpoints are written between windows.
    interval = self.checkpoint_seconds + window
    lost = min(interval, longest) if self.checkpoint_seconds else longest
    who = 1 if self.fleet.ray else self.fleet.hosts
    each = self.fleet.machines.devices
    return who * each * (lost + self.compile_seconds) / 3600


def _in_order(groups: Sequence[Group]) -> Iterator[tuple[int, Group]]:
  for number, group in enumerate(groups):
    for _ in range(group.chunks):
      yield number, group


def _dealt(groups, began: float, hosts: int, compile_seconds: float):
  """Ends of hosts that are dealt chunks in turns."""
  ends, seen = [began] * hosts, set()
  for place, (number, group) in enumerate(_in_order(groups)):
    host = place % hosts
    if (host, number) not in seen:
      seen.add((host, number))
      ends[host] += compile_seconds
    ends[host] += group.seconds
  return ends


def _queued(groups, began: float, hosts: int, compile_seconds: float):
  """Ends of hosts that take the next chunk when they are free."""
  free, seen = [(began, host) for host in range(hosts)], set()
  for number, group in _in_order(groups):
    end, host = heapq.heappop(free)
    if (host, number) not in seen:
      seen.add((host, number))
      end += compile_seconds
    heapq.heappush(free, (end + group.seconds, host))
  return [end for end, _ in sorted(free, key=lambda pair: pair[1])]


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


def _mesh(plan: study_plan.Plan, fleet: Fleet):
  """Of one host, and its topology; ConfigError without a compiler."""
  topology = topologies.of(fleet.machines.one)
  return topology, topology.mesh(plan.config.engine.data_shards)


def _compiled(plan, group, fleet: Fleet, size: int) -> Compiled:
  """Training of a chunk, compiled for one host of a fleet."""
  topology, mesh = _mesh(plan, fleet)
  program = train.compile_group(group, mesh, size, plan.config.engine.log_every)
  cost = step_cost.of(program.text(), program.parts)
  each = size // mesh.shape[devices.RUNS]
  seconds = topology.seconds(cost) / each
  return Compiled(program.memory.total, seconds, program.compile_seconds)


def write(drawn: Sketch, fleet: Fleet, asked: Asked | None = None) -> Paper:
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
    # A worker of a crew knows of no other.
    hosts = 1 if fleet.ray else fleet.hosts
    sizes.append(estimate.spread(runs, most, over, hosts))
  said = None
  if asked.compile:
    said = _compiled(plan, plan.groups[0], fleet, sizes[0])
  step = asked.milliseconds / 1e3 or (said.seconds if said else 0.0)
  per_flop = step / max(needs[0].flops_per_step, 1.0)
  here = devices.mesh(1)
  groups = []
  for group, need, size in zip(plan.groups, needs, sizes):
    runs, each = len(group.runs) * drawn.seeds, size // over
    window = train.window_of(group.steps, engine.log_every)
    seconds = per_flop * need.flops_per_step * group.steps * each / shards
    groups.append(
      Group(
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
        bound=need.bytes_per_run,
        left=outlook.disk_bytes(plan, group, here),
        compiled=None if groups else said,
      )
    )
  total = sum(group.runs for group in groups)
  return Paper(
    study=plan.study,
    runs=total,
    fleet=fleet,
    groups=groups,
    pack=engine.pack,
    kept=int(engine.keep_params) + int(engine.keep_samples),
    study_bytes=round(drawn.other_bytes + drawn.run_bytes * total),
    checkpoint_seconds=60 * engine.checkpoint_minutes,
    compile_seconds=asked.compile_seconds,
    run_bytes=round(share() * needs[0].bytes_per_run) if asked.compile else 0,
  )


def _held(fleet: Fleet, group, need: estimate.Need, share) -> int:
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


def checkpoints_at_once(paper: Paper) -> int:
  """Bytes of all checkpoints that lie in the workdir while all hosts train."""
  largest = max(group.checkpoint for group in paper.groups)
  return checkpoint.KEPT * largest * min(paper.fleet.hosts, paper.chunks)


def milliseconds(group: Group) -> float:
  """Of a step of one run of a group on one device; 0 where unknown."""
  return 1e3 * group.seconds / (group.each * group.steps)
