"""A fleet as events: workers that come and go, one store, chunks to be done.

Nothing sleeps: a heap holds what happens next, and time jumps there. A worker
compiles a chunk's programs once in its life, reads the chunk's checkpoint where
there is one, trains from window to window, saves when the interval is over and
once more at the end, scores, and stores. Where it is preempted, the chunk goes
back to the head of the queue with its last checkpoint, and another worker
stands in its place some time later.

Two ways of dealing chunks, as the engine has them: a queue (Ray), or hosts that
stand and fall together (`jax.distributed`): the loss of one ends the job, which
begins again with the unfinished chunks dealt out anew.

Simplifications, all named: lifetimes are exponential, so that a machine does
not age; the store serves one transfer after the other at its full rate, also
the rest of one whose worker is lost; no warning comes before a preemption (a
sweep that is told by SIGTERM in time saves first, and repeats less); chunks of
a later phase do not wait for those of an earlier one.
"""

import collections
from collections.abc import Mapping, Sequence
import heapq
import math
from typing import NamedTuple

import numpy as np

HOUR = 3600.0
# What a worker's time can go to; 'slow' is what stragglers take beyond others.
KINDS = (
  'train',
  'score',
  'compile',
  'slow',
  'storage',
  'repeated',
  'absent',
  'idle',
)
# Training that took longer is saved before it is scored, seconds; as in
# engine.session.
_WORTH_KEEPING = 60.0
# Given up after so many times of what a fleet without trouble takes.
PATIENCE = 20.0


class Transfer(NamedTuple):
  """Something that goes to the store or comes from there.

  Attributes:
    bytes: of it.
    requests: that it takes.
  """

  bytes: float = 0.0
  requests: float = 0.0


class Work(NamedTuple):
  """Equal chunks of one group.

  Attributes:
    chunks: number of them.
    train: seconds of training of one, on a worker at full speed.
    windows: parts of it between which a checkpoint may be saved.
    score: seconds.
    compile: seconds, once in the life of a worker.
    checkpoint: one of them.
    result: what a finished chunk leaves.
  """

  chunks: int
  train: float
  windows: int = 50
  score: float = 0.0
  compile: float = 0.0
  checkpoint: Transfer = Transfer()
  result: Transfer = Transfer()


class Fleet(NamedTuple):
  """Workers and their store.

  Attributes:
    workers: number of them.
    preemptions: of one worker, per hour.
    replacement: seconds until another worker stands in the place of a lost one.
    straggler_share: of workers that are slow, 0 to 1.
    straggler_factor: by which these are slower, in all that they compute.
    bandwidth: of the store, all workers together, bytes per second.
    requests: that the store answers, per second.
    checkpoint_seconds: between checkpoints; 0 for none.
    together: whether the loss of one worker ends the job of all.
  """

  workers: int
  preemptions: float = 0.0
  replacement: float = 300.0
  straggler_share: float = 0.0
  straggler_factor: float = 2.0
  bandwidth: float = math.inf
  requests: float = math.inf
  checkpoint_seconds: float = 600.0
  together: bool = False


class Outcome(NamedTuple):
  """What came of it.

  Attributes:
    seconds: to finish; infinity where it was given up.
    done: times that each chunk was finished.
    spent: kind of KINDS -> worker-seconds; together workers x seconds.
    preempted: workers that were lost.
    checkpoints: that were written.
    bytes: that went to the store and came from there.
    most_losses: of one chunk.
  """

  seconds: float
  done: np.ndarray
  spent: dict[str, float]
  preempted: int
  checkpoints: int
  bytes: float
  most_losses: int

  def share(self, kind: str) -> float:
    """Of all workers' time, 0 to 1."""
    return self.spent[kind] / max(sum(self.spent.values()), 1e-300)


class _Chunk:
  """One chunk: how much of it is in the store."""

  def __init__(self, kind: int):
    self.kind = kind
    self.saved = 0  # windows that the last checkpoint holds
    self.checkpoint = False
    self.losses = 0


class _Worker:
  """One place in the fleet; another machine stands there after a loss."""

  def __init__(self):
    self.life = 0
    self.alive = False
    self.chunk = None
    self.away_since = 0.0
    self.begin(1.0)

  def begin(self, slowness: float) -> None:
    """Another machine: nothing is compiled on it."""
    self.slowness, self.compiled = slowness, set()
    self.kind, self.since, self.windows, self.unsaved = '', 0.0, 0, 0.0


class _Simulation:
  """The heap and all that it changes."""

  def __init__(self, works: Sequence[Work], fleet: Fleet, seed: int):
    self.works, self.fleet = works, fleet
    self.random = np.random.default_rng(seed)
    kinds = [
      kind for kind, work in enumerate(works) for _ in range(work.chunks)
    ]
    self.chunks = [_Chunk(kind) for kind in kinds]
    self.done = np.zeros(len(kinds), int)
    self.left = len(kinds)
    self.queue = collections.deque(range(len(kinds)))
    self.dealt = [collections.deque() for _ in range(fleet.workers)]
    self.idle: list[int] = []
    self.workers = [_Worker() for _ in range(fleet.workers)]
    self.heap, self.order = [], 0
    self.free_at = 0.0  # the store
    self.now = 0.0
    self.spent = dict.fromkeys(KINDS, 0.0)
    self.preempted = self.checkpoints = 0
    self.bytes = 0.0
    # Bumped at each loss where all workers fall together.
    self.job = 0

  def run(self, horizon: float) -> Outcome:
    if self.fleet.together:
      self._begin_job()
    else:
      for place in range(self.fleet.workers):
        self._stand(place)
    while self.left and self.heap:
      time, _, what, place, life = heapq.heappop(self.heap)
      if time > horizon:
        break
      if what == 'phase':
        if self.workers[place].life == life:
          self.now = time
          self._phase_ends(place)
      elif what == 'stand':
        self.now = time
        self._stand(place)
      elif what == 'job':
        self.now = time
        self._begin_job()
      elif what == 'loss' and self.workers[place].life == life:
        self.now = time
        self._lose(place)
        if not self.fleet.together:
          self._put('stand', self.fleet.replacement, place)
      elif what == 'end' and self.job == life:
        self.now = time
        self._end_job()
    return self._outcome()

  def _outcome(self) -> Outcome:
    for worker in self.workers:
      if not worker.alive:
        self.spent['absent'] += self.now - worker.away_since
      elif worker.kind:
        self._spend(worker)
    return Outcome(
      math.inf if self.left else self.now,
      self.done,
      self.spent,
      self.preempted,
      self.checkpoints,
      self.bytes,
      max((chunk.losses for chunk in self.chunks), default=0),
    )

  def _spend(self, worker: _Worker) -> None:
    """Books the time since a worker's phase began."""
    seconds, worker.since = self.now - worker.since, self.now
    if worker.kind in ('train', 'score', 'compile'):
      self.spent['slow'] += seconds * (1 - 1 / worker.slowness)
      seconds /= worker.slowness
    self.spent[worker.kind] += seconds

  def _put(self, what: str, delay: float, place: int, life: int = 0) -> None:
    self.order += 1
    item = (self.now + delay, self.order, what, place, life)
    heapq.heappush(self.heap, item)

  # Workers that come and go.

  def _slowness(self) -> float:
    slow = self.random.random() < self.fleet.straggler_share
    return self.fleet.straggler_factor if slow else 1.0

  def _stand(self, place: int) -> None:
    worker = self.workers[place]
    self.spent['absent'] += self.now - worker.away_since
    worker.alive = True
    worker.begin(self._slowness())
    if self.fleet.preemptions and not self.fleet.together:
      life = self.random.exponential(HOUR / self.fleet.preemptions)
      self._put('loss', life, place, worker.life)
    self._next_chunk(place)

  def _lose(self, place: int) -> None:
    worker = self.workers[place]
    if worker.kind in ('train', 'score'):
      self.spent['repeated'] += self.now - worker.since
    else:
      self._spend(worker)
    # It was booked as training when it ended.
    self.spent['train'] -= worker.unsaved / worker.slowness
    self.spent['slow'] -= worker.unsaved * (1 - 1 / worker.slowness)
    self.spent['repeated'] += worker.unsaved
    worker.alive, worker.away_since = False, self.now
    worker.life += 1
    self.preempted += 1
    if worker.chunk is not None:
      self.chunks[worker.chunk].losses += 1
      self.queue.appendleft(worker.chunk)
      worker.chunk = None
      if self.idle and not self.fleet.together:
        self._next_chunk(self.idle.pop())
    elif place in self.idle:
      self.idle.remove(place)

  def _begin_job(self) -> None:
    """All hosts at once; unfinished chunks are dealt in turns."""
    todo = [i for i in range(len(self.chunks)) if not self.done[i]]
    count = self.fleet.workers
    self.dealt = [collections.deque(todo[k::count]) for k in range(count)]
    self.idle.clear()
    if self.fleet.preemptions:
      rate = self.fleet.preemptions * count / HOUR
      self._put('end', self.random.exponential(1 / rate), 0, self.job)
    for place in range(count):
      self._stand(place)

  def _end_job(self) -> None:
    self.job += 1
    preempted = self.preempted
    for place in range(self.fleet.workers):
      self._lose(place)
    self.preempted = preempted + 1
    self._put('job', self.fleet.replacement, 0)

  # A chunk, phase by phase.

  def _enter(self, place: int, kind: str, seconds: float) -> None:
    worker = self.workers[place]
    worker.kind, worker.since = kind, self.now
    self._put('phase', seconds, place, worker.life)

  def _transfer(self, transfer: Transfer) -> float:
    """Seconds until the store has served it, waiting included."""
    seconds = max(
      transfer.bytes / self.fleet.bandwidth,
      transfer.requests / self.fleet.requests,
    )
    self.free_at = max(self.now, self.free_at) + seconds
    self.bytes += transfer.bytes
    return self.free_at - self.now

  def _next_chunk(self, place: int) -> None:
    worker = self.workers[place]
    queue = self.dealt[place] if self.fleet.together else self.queue
    if worker.kind:
      self._spend(worker)  # It was idle.
    if not queue:
      worker.kind, worker.since = 'idle', self.now
      self.idle.append(place)
      return
    worker.chunk = queue.popleft()
    chunk = self.chunks[worker.chunk]
    worker.windows, worker.unsaved = chunk.saved, 0.0
    if chunk.kind not in worker.compiled:
      seconds = self.works[chunk.kind].compile * worker.slowness
      self._enter(place, 'compile', seconds)
      worker.step = self._compiled
    else:
      self._compiled(place)

  def _phase_ends(self, place: int) -> None:
    worker = self.workers[place]
    self._spend(worker)
    worker.step(place)

  def _compiled(self, place: int) -> None:
    worker = self.workers[place]
    chunk = self.chunks[worker.chunk]
    worker.compiled.add(chunk.kind)
    if chunk.checkpoint:
      work = self.works[chunk.kind]
      self._enter(place, 'storage', self._transfer(work.checkpoint))
      worker.step = self._train
    else:
      self._train(place)

  def _train(self, place: int) -> None:
    worker = self.workers[place]
    work = self.works[self.chunks[worker.chunk].kind]
    left = work.windows - worker.windows
    if not left:
      self._score(place)
      return
    window = work.train / work.windows * worker.slowness
    count = left
    if self.fleet.checkpoint_seconds and window:
      # Rounding must not add a window to an interval that is a multiple.
      due = self.fleet.checkpoint_seconds / window
      count = min(left, max(1, math.ceil(due - 1e-9)))
    worker.segment = count
    self._enter(place, 'train', count * window)
    worker.step = self._trained

  def _trained(self, place: int) -> None:
    worker = self.workers[place]
    work = self.works[self.chunks[worker.chunk].kind]
    worker.windows += worker.segment
    window = work.train / work.windows * worker.slowness
    worker.unsaved += worker.segment * window
    ended = worker.windows == work.windows
    worth = work.train * worker.slowness > _WORTH_KEEPING
    if worth if ended else self.fleet.checkpoint_seconds:
      self._enter(place, 'storage', self._transfer(work.checkpoint))
      worker.step = self._saved
    else:
      self._train(place)

  def _saved(self, place: int) -> None:
    worker = self.workers[place]
    chunk = self.chunks[worker.chunk]
    chunk.saved, chunk.checkpoint = worker.windows, True
    worker.unsaved = 0.0
    self.checkpoints += 1
    self._train(place)

  def _score(self, place: int) -> None:
    worker = self.workers[place]
    work = self.works[self.chunks[worker.chunk].kind]
    self._enter(place, 'score', work.score * worker.slowness)
    worker.step = self._scored

  def _scored(self, place: int) -> None:
    worker = self.workers[place]
    work = self.works[self.chunks[worker.chunk].kind]
    self._enter(place, 'storage', self._transfer(work.result))
    worker.step = self._stored

  def _stored(self, place: int) -> None:
    worker = self.workers[place]
    self.done[worker.chunk] += 1
    self.left -= 1
    worker.chunk, worker.unsaved, worker.kind = None, 0.0, ''
    self._next_chunk(place)


def calm(works: Sequence[Work], fleet: Fleet) -> Outcome:
  """The same without losses, stragglers or a store that is waited for."""
  smooth = fleet._replace(
    preemptions=0.0,
    straggler_share=0.0,
    bandwidth=math.inf,
    requests=math.inf,
  )
  return _Simulation(works, smooth, 0).run(math.inf)


def simulate(works: Sequence[Work], fleet: Fleet, seed: int = 0) -> Outcome:
  """Does all chunks on a fleet, once.

  Args:
    works: chunks, in the order in which they are dealt.
    fleet: the workers and their store.
    seed: of lifetimes and of who is slow.

  Returns:
    What came of it; given up after PATIENCE times the seconds of `calm`.
  """
  horizon = math.inf
  if fleet.preemptions:
    horizon = PATIENCE * calm(works, fleet).seconds
  return _Simulation(works, fleet, seed).run(horizon)


def trouble(spent: Mapping[str, float], quiet: Mapping[str, float]) -> str:
  """What most of the time goes to that a calm fleet has not.

  Args:
    spent: kind of KINDS -> worker-seconds of a fleet.
    quiet: of the same, from `calm`.

  Returns:
    Of KINDS, neither 'train' nor 'score'; '' where nothing was added.
  """
  added = {
    kind: spent[kind] - quiet[kind]
    for kind in KINDS
    if kind not in ('train', 'score')
  }
  most = max(added, key=added.get)
  return most if added[most] > 0 else ''


def optimal_interval(cost: float, lifetime: float) -> float:
  """Seconds between checkpoints that lose least, to first order.

  Young, "A first order approximation to the optimum checkpoint interval",
  CACM 17(9), 1974: sqrt(2 cost lifetime).

  Args:
    cost: of a checkpoint, seconds.
    lifetime: mean of what a loss ends, seconds.
  """
  return math.sqrt(2 * cost * lifetime)
