"""A study on a fleet, on paper: chunks, bytes, times, and what they cost."""

from collections.abc import Iterator, Sequence
import heapq
from typing import NamedTuple

from disentangle_jax.engine.programs import topologies
from disentangle_jax.engine.workdir import checkpoint

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
    bound: bytes that a run holds at most, in training or scoring: what planning
      bounds it by, times the compiler's share of that where it is known.
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
      where that is not known.
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
    """Where hosts meet: planned, ready, each phase, scored, reported."""
    return 4 + len({group.depth for group in self.groups})

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


def checkpoints_at_once(paper: Paper) -> int:
  """Bytes of all checkpoints that lie in the workdir while all hosts train."""
  largest = max(group.checkpoint for group in paper.groups)
  return checkpoint.KEPT * largest * min(paper.fleet.hosts, paper.chunks)


def milliseconds(group: Group) -> float:
  """Of a step of one run of a group on one device; 0 where unknown."""
  return 1e3 * group.seconds / (group.each * group.steps)
