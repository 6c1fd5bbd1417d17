"""Chunks as Ray tasks, for machines that come and go.

Ray has the scheduler, the leases and the heartbeats. A chunk is one task on the
kind of device that the plan asks for; where a worker is lost, Ray gives its
task to another one, which goes on from the chunk's checkpoint, for every worker
sees the same workdir. The driver alone plans, holds the workdir, shows the
progress of all and scores what compares seeds.
"""

from collections.abc import Callable, Mapping, Sequence
import functools
import json
import os
import socket
import time
from typing import Any, NamedTuple

from disentangle_jax import errors, folders
from disentangle_jax.engine import progress as progress_lib
from disentangle_jax.engine import session
from disentangle_jax.engine.plan import parse, planning, registry, study_plan
from disentangle_jax.engine.programs import devices, estimate, scoring
from disentangle_jax.engine.workdir import study

# Of a task, that a user may set; numbers.
OPTIONS = ('num_cpus', 'num_gpus', 'memory')
# Times that a chunk whose worker was lost is given to another one.
RETRIES = 20
# Windows of a chunk are told to the driver so often, seconds.
_EVERY = 1.0
# Seconds that workers have to save a checkpoint when the driver is interrupted.
_PATIENCE = 120.0


class Sizes(NamedTuple):
  """What a worker says of itself and of the plan on its devices.

  Attributes:
    sizes: runs per program of each group.
    over: devices that runs are spread over.
    versions: of its packages.
    devices: in words.
  """

  sizes: list[int]
  over: int
  versions: dict[str, str]
  devices: str


def _ray() -> Any:
  try:
    import ray
  except ImportError as error:
    raise errors.ConfigError('--ray: needs Ray; pip install ray') from error
  return ray


def _reach(address: str) -> None:
  """Refuses HOST:PORT where nothing listens: Ray itself waits for minutes."""
  host, colon, port = address.rpartition(':')
  if not colon or not port.isdecimal():
    return
  try:
    socket.create_connection((host.rpartition('/')[2], int(port)), 5).close()
  except OSError as error:
    rule = (
      f'no Ray cluster answers ({error.strerror or error}); start one with '
      '`ray start --head`, or use --ray=local'
    )
    raise errors.value('--ray', address, rule) from None


class Crew:
  """The workers of a Ray cluster, in the place of this process's own devices.

  Args:
    address: 'auto', 'local' for a cluster of this machine alone, or HOST:PORT.
    options: of the tasks, such as {'num_gpus': 1}; {} for a GPU or TPU where
      there are any, else all CPUs of the smallest machine.

  Raises:
    ConfigError: Ray is not installed, or no cluster is at the address.
  """

  def __init__(self, address: str, options: Mapping[str, Any]):
    ray = _ray()
    _reach(address)
    if not ray.is_initialized():
      where = {} if address == 'local' else {'address': address}
      try:
        ray.init(
          **where,
          log_to_driver=False,
          logging_level='error',
          configure_logging=True,
          include_dashboard=False if address == 'local' else None,
        )
      except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise errors.value(
          '--ray',
          address,
          f'no Ray cluster answers ({errors.first_line(error)[:160]}); start '
          'one with `ray start --head`, or use --ray=local',
        ) from error
    self._options = dict(options) or self._usual()
    self._address = address

  def _usual(self) -> dict[str, Any]:
    """What a chunk takes where nothing was said."""
    alive = [node for node in _ray().nodes() if node['Alive']]
    for kind, options in (
      ('GPU', lambda count: {'num_gpus': 1}),
      ('TPU', lambda count: {'resources': {'TPU': count}}),
    ):
      counts = [
        node['Resources'][kind] for node in alive if kind in node['Resources']
      ]
      if counts:
        return options(min(counts))
    cpus = [node['Resources'].get('CPU', 0) for node in alive]
    return {'num_cpus': min([count for count in cpus if count] or [1])}

  def _workers(self) -> int:
    """Tasks that the cluster can do at the same time, as it is now."""
    asked = {
      'CPU': self._options.get('num_cpus', 0),
      'GPU': self._options.get('num_gpus', 0),
      **self._options.get('resources', {}),
    }
    there = [node['Resources'] for node in _ray().nodes() if node['Alive']]
    fits = lambda node: min(
      int(node.get(kind, 0) // amount)
      for kind, amount in asked.items()
      if amount
    )
    if not any(asked.values()):
      return 1
    return max(1, sum(map(fits, there)))

  def _task(self, function: Callable, **more: Any) -> Any:
    return _ray().remote(function).options(**self._options, **more)

  def sizes(self, given: Mapping[str, Any]) -> Sizes:
    """Chunks as they fit a worker's devices.

    Args:
      given: the study's config as plain values.

    Raises:
      ConfigError: a run that does not fit; a worker with other versions.
    """
    task = self._task(_sizes, max_retries=RETRIES)
    workers = self._workers()
    found = self._own_errors(lambda: _ray().get(task.remote(given, workers)))
    mine = study.versions()
    other = {
      name: found.versions.get(name)
      for name, version in mine.items()
      if found.versions.get(name) != version
    }
    if other:
      said = ', '.join(
        f'{name} {version} (here {mine[name]})'
        for name, version in other.items()
      )
      rule = f'its workers have other versions: {said}; rows would not compare'
      raise errors.value('--ray', self._address, rule)
    return found

  def runner(
    self,
    plan: study_plan.Plan,
    workdir: Any,
    progress: progress_lib.Progress,
  ) -> 'Runner':
    """Does chunks of a planned study."""
    return Runner(self, plan, workdir, progress)

  def submit(
    self, given: Mapping[str, Any], chunk: study.Chunk, workdir: str, tell: Any
  ) -> Any:
    """Gives a chunk to whichever worker is free; a reference to its end."""
    spec = (chunk.group, chunk.part, chunk.size, [r.run_id for r in chunk.runs])
    task = self._task(_train, max_retries=RETRIES)
    return task.remote(given, spec, workdir, tell)

  @staticmethod
  def _own_errors(call: Callable[[], Any]) -> Any:
    """The call; errors of ours inside a worker come out as they were."""
    ray = _ray()
    try:
      return call()
    except ray.exceptions.RayTaskError as error:
      cause = error.cause
      if isinstance(cause, errors.ConfigError | errors.StoreError):
        raise type(cause)(str(cause)) from None
      raise
    except ray.exceptions.RayError as error:
      raise errors.StoreError(
        f'workers were lost {RETRIES + 1} times with one chunk '
        f'({errors.first_line(error)[:160]}); the same command goes on from '
        'its checkpoint'
      ) from error

  def result(self, reference: Any) -> Any:
    """What a task gave.

    Raises:
      ConfigError: as the worker met it.
      StoreError: the same, or workers were lost again and again.
    """
    return self._own_errors(lambda: _ray().get(reference))


class Runner:
  """Does chunks as `session.Session` does, on a crew.

  Args:
    crew: the workers.
    plan: of the study.
    workdir: that all workers see.
    progress: who is told of all of them.
  """

  def __init__(
    self,
    crew: Crew,
    plan: study_plan.Plan,
    workdir: Any,
    progress: progress_lib.Progress,
  ):
    self._crew, self._plan = crew, plan
    self._workdir, self._progress = workdir, progress
    self._began = time.perf_counter()

  def run(
    self, chunks: Sequence[study.Chunk], planned: Sequence[study.Chunk], save
  ) -> list[study.Chunk]:
    """Does the chunks, as many at once as there are workers.

    Args:
      chunks: to be done.
      planned: all chunks of the study.
      save: `(planned chunks, seconds so far)`: keeps study.json true.

    Returns:
      All chunks of the study, as they are planned now.

    Raises:
      ConfigError: as a worker met it.
      StoreError: the same; a chunk whose workers were lost again and again.
      KeyboardInterrupt: stopping was asked for; workers have saved.
    """
    ray = _ray()
    planned = list(planned)
    tell = ray.remote(_Letters).options(num_cpus=0).remote()
    # The driver's own address of the folder: workers may stand elsewhere.
    where = str(self._workdir)
    if isinstance(self._workdir, os.PathLike):
      where = os.path.abspath(self._workdir)
    given = self._plan.config.given
    waiting = {
      self._crew.submit(given, chunk, where, tell): chunk for chunk in chunks
    }
    news = _News(self._progress, chunks)
    try:
      while waiting:
        done, _ = ray.wait(list(waiting), timeout=0.5)
        news.read(tell)
        for reference in done:
          chunk = waiting.pop(reference)
          pieces, lost = self._crew.result(reference)
          news.read(tell)
          planned = self._replaced(planned, chunk, pieces)
          self._progress.chunk_done(chunk, lost)
          save(planned, time.perf_counter() - self._began)
    except BaseException:
      self._cancel(list(waiting))
      raise
    finally:
      ray.kill(tell)
    return planned

  def _replaced(self, planned, chunk, pieces) -> list[study.Chunk]:
    """The plan, where memory made a worker cut a chunk."""
    if [part for part, _, _ in pieces] == [chunk.part]:
      return planned
    by_id = {run.run_id: run for run in chunk.runs}
    cut = [
      study.Chunk(chunk.group, part, size, tuple(by_id[i] for i in run_ids))
      for part, size, run_ids in pieces
    ]
    place = [one.part for one in planned].index(chunk.part)
    return [*planned[:place], *cut, *planned[place + 1 :]]

  def _cancel(self, references: list) -> None:
    """Workers save a checkpoint and stop, as on SIGINT."""
    ray = _ray()
    for reference in references:
      ray.cancel(reference, force=False)
    ray.wait(references, num_returns=len(references), timeout=_PATIENCE)


class _News:
  """What workers tell, in the one table of the driver."""

  def __init__(
    self, progress: progress_lib.Progress, chunks: Sequence[study.Chunk]
  ):
    self._progress = progress
    self._chunks = {chunk.part: chunk for chunk in chunks}
    self._hosts: dict[str, str] = {}
    self._windows: dict[str, Callable] = {}

  def read(self, tell: Any) -> None:
    """Shows all that has come."""
    for kind, part, *more in _ray().get(tell.take.remote()):
      getattr(self, f'_{kind}')(self._chunks[part], *more)

  def _begin(self, chunk: study.Chunk, host: str) -> None:
    if chunk.part in self._hosts:
      self._progress.lost_chunk(chunk)
      self._progress.say(
        f'note: chunk {chunk.part} was lost with its worker '
        f'({self._hosts[chunk.part]}) and goes on at {host}'
      )
    self._hosts[chunk.part] = host

  def _compiling(self, chunk: study.Chunk) -> None:
    self._progress.compiling(chunk)

  def _training(self, chunk: study.Chunk) -> None:
    self._windows[chunk.part] = self._progress.window(chunk)

  def _window(self, chunk, step: int, alive: int, scalars) -> None:
    self._windows[chunk.part](step, alive, scalars)

  def _scoring(self, chunk: study.Chunk) -> None:
    self._progress.scoring(chunk)

  def _say(self, chunk: study.Chunk, text: str) -> None:
    self._progress.say(f'{self._hosts.get(chunk.part, "a worker")}: {text}')


# From here on: what runs on the workers.


class _Letters:
  """An actor between workers and driver."""

  def __init__(self):
    self._letters = []

  def put(self, letter: tuple) -> None:
    self._letters.append(letter)

  def take(self) -> list[tuple]:
    letters, self._letters = self._letters, []
    return letters


class _Telling(progress_lib.Progress):
  """Tells the driver; letters and chunk change from task to task."""

  def __init__(self):
    super().__init__()
    self.tell, self.part, self.lost = None, '', 0

  def _put(self, kind: str, *more: Any) -> None:
    # Not waited for: Ray would lend the CPU of a waiting task to another one.
    self.tell.put.remote((kind, self.part, *more))

  def compiling(self, chunk) -> None:
    self._put('compiling')

  def window(self, chunk):
    self._put('training')
    last = [time.monotonic()]

    def on_window(step, alive, scalars):
      if time.monotonic() - last[0] >= _EVERY:
        last[0] = time.monotonic()
        self._put('window', step, alive, dict(scalars))

    return on_window

  def scoring(self, chunk) -> None:
    self._put('scoring')

  def chunk_done(self, chunk, lost: int) -> None:
    self.lost += lost

  def say(self, text: str) -> None:
    self._put('say', text)


def _sizes(given: Mapping[str, Any], workers: int) -> Sizes:
  plan = _plan(json.dumps(given))
  mesh = devices.mesh(plan.config.engine.data_shards)
  asked = plan.config.engine.runs_per_chunk
  # Workers take chunks from a queue: what was asked for is kept.
  sharing = 1 if asked else workers
  sizes = [
    estimate.runs_per_chunk(
      group,
      mesh,
      asked,
      estimate.grid_points(plan, group),
      host_count=sharing,
    )
    for group in plan.groups
  ]
  over = mesh.shape[devices.RUNS]
  return Sizes(sizes, over, study.versions(), devices.describe())


@functools.lru_cache(maxsize=1)
def _plan(text: str) -> study_plan.Plan:
  given = json.loads(text)
  devices.prepare(parse.engine(given))
  return planning.only(planning.sliced(planning.make(given, registry.of())))


@functools.lru_cache(maxsize=1)
def _session(text: str, workdir: str) -> tuple[session.Session, _Telling]:
  """A worker's own, with its compiled programs, for all chunks that it gets."""
  plan = _plan(text)
  mesh = devices.mesh(plan.config.engine.data_shards)
  telling = _Telling()
  evaluator = scoring.Evaluator(plan, mesh)
  folder = folders.workdir(workdir)
  return session.Session(plan, folder, mesh, telling, evaluator), telling


def _train(given, spec, workdir: str, tell) -> tuple[list, int]:
  """Trains, scores and stores one chunk.

  Args:
    given: the study's config as plain values.
    spec: (group, part, size, run_ids).
    workdir: that the driver holds.
    tell: the driver's letters.

  Returns:
    The pieces (part, size, run_ids) that the chunk was done in, and how many of
    its runs diverged.
  """
  text = json.dumps(given)
  running, telling = _session(text, workdir)
  group, part, size, run_ids = spec
  telling.tell, telling.part, telling.lost = tell, part, 0
  host = f'{socket.gethostname()}, process {os.getpid()}'
  tell.put.remote(('begin', part, host))
  by_id = {run.run_id: run for run in _plan(text).groups[group].runs}
  chunk = study.Chunk(group, part, size, tuple(by_id[i] for i in run_ids))
  pieces = running.run([chunk], [chunk], lambda planned, seconds: None)
  return [
    (one.part, one.size, [run.run_id for run in one.runs]) for one in pieces
  ], telling.lost
