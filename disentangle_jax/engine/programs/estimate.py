"""What a sweep will need, before anything is compiled."""

from collections.abc import Callable
import math
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, platforms, types
from disentangle_jax.data import kinds
from disentangle_jax.engine.plan import group_shapes, registry, study_plan
from disentangle_jax.engine.programs import (
  arithmetic,
  code_scores,
  devices,
  hosts,
  memory,
  step_memory,
  train,
)
from disentangle_jax.metrics import designs as metric_designs

# Runs per program where the memory allows more. On 2 CPU cores throughput is
# flat beyond about 8 runs (docs/performance.md); smaller chunks lose less when
# a sweep is killed.
_MOST_RUNS = {'cpu': 24}
_MOST_RUNS_ELSEWHERE = 128
# Share of a large matrix product's rate that a training step reached, measured
# with the quickstart (docs/performance.md). A rough guide, no promise.
_EFFICIENCY = 0.12
# Share of a device's memory that a chunk may plan for.
_MEMORY_SHARE = 0.6
# What compiled steps hold beside the states is at most so many times what a
# walk of the trace says, and small things of their own (docs/performance.md has
# the figures of every kind of system).
_SCRATCH = {'tpu': 1.08, **dict.fromkeys(platforms.GPUS, 1.38)}
_SCRATCH_ELSEWHERE = 1.9
_SMALL = 2**12
# A v5e and a v6e keep scratch in their vector memory, but for copies of states
# that loops make: at most so many times the states were found. Where there is
# more than twice what fits, so large arrays are among it that little may stay.
_VECTOR_MEMORY = 128 * 2**20
_COPIES = 0.75
# Runs that states are counted together for: alone each would be padded.
_TOGETHER = 8


class Need(NamedTuple):
  """What one group is expected to take.

  Attributes:
    bytes_per_run: what one run holds on its device at most, in training or
      scoring; compiled programs hold about half of it and more, small ones
      on a TPU less (docs/performance.md).
    flops_per_step: of one run, multiplications and additions.
    seconds: training time of the whole group on these devices.
    compile_seconds: of its programs; 0 where they were not compiled.
    scoring_seconds: of the whole group.
    disk_bytes: that a run leaves behind, about.
    timed: whether training was timed; else it is worked out from arithmetic.
    state_bytes: of one run.
    scratch_bytes: what a run holds beside its state while it trains.
    data_bytes: of the data set's arrays, once for all runs of a device.
    copied_bytes: of them, what a step copies for itself.
    vector_bytes: what scratch may take outside the device's main memory.
  """

  bytes_per_run: int
  flops_per_step: float
  seconds: float
  compile_seconds: float = 0.0
  scoring_seconds: float = 0.0
  disk_bytes: int = 0
  timed: bool = False
  state_bytes: int = 0
  scratch_bytes: int = 0
  data_bytes: int = 0
  copied_bytes: int = 0
  vector_bytes: int = 0

  def training_bytes(self, runs: int, at_once: int = 0) -> int:
    """What runs hold on a device while they train, at most.

    Args:
      runs: of the program on one device.
      at_once: of them in one vmap while the others wait; 0 for all.

    Returns:
      Bytes.
    """
    states = runs * self.state_bytes
    scratch = (at_once or runs) * self.scratch_bytes + self.copied_bytes
    if scratch <= 2 * self.vector_bytes:
      copies = min(scratch, int(_COPIES * states))
      scratch = max(scratch - self.vector_bytes, copies)
    return self.data_bytes - self.copied_bytes + states + scratch


def matmul_rate() -> float:
  """Flop/s of a large float32 product, all devices together."""
  # An accelerator is through with a small one before the host calls it again.
  size = 1024 if jax.default_backend() == 'cpu' else 8192
  x = jnp.ones((size, size), jnp.float32)
  product = jax.jit(jnp.matmul)
  product(x, x).block_until_ready()
  best = math.inf
  for _ in range(5):
    began = time.perf_counter()
    product(x, x).block_until_ready()
    best = min(best, time.perf_counter() - began)
  rate = 2 * size**3 / best
  # CPU devices share the cores that one product already used.
  many = 1 if jax.default_backend() == 'cpu' else len(jax.local_devices())
  return rate * many


def grid_points(plan: study_plan.Plan, group: study_plan.Group) -> int:
  """Codes that scoring keeps per run (an upper bound).

  As many as the metrics of codes draw, or the whole grid where that is less;
  probes keep none. A grid of scenes has more points than any memory.
  """
  known, drawn = {}, 0
  for name in group.metrics:
    metric = registry.shared_metric(
      known, name, plan.config.scoring, plan.registry, group.dataset
    )
    if isinstance(metric, types.Metric):
      points = metric_designs.points_of(
        jax.eval_shape(metric.design.sample, jax.random.key(0))
      )
      drawn += math.prod(points.shape[:-1]) * plan.config.scoring.metric_seeds
  if not drawn:
    return 0
  if group.dataset.render is None:
    return drawn
  most = max(drawn, code_scores.SMALL_GRID)
  return min(kinds.num_examples(group.dataset), most)


def _size(tree: Any) -> int:
  """Bytes of arrays or shapes of 4-byte values."""
  return sum(memory.least_bytes(x.shape) for x in jax.tree.leaves(tree))


def _arrays_size(arrays: Any) -> int:
  """Bytes of a data set's arrays as a program takes them."""
  least = lambda x: memory.least_bytes(x.shape, x.dtype.itemsize)
  return sum(map(least, jax.tree.leaves(arrays)))


def _copied_bytes(arrays: Any) -> int:
  """Of a data set's arrays that a step copies for itself.

  A TPU keeps those that examples are looked up in a second time, every example
  in a place of its own.
  """
  if platforms.current() != 'tpu':
    return 0
  return sum(
    memory.least_bytes(x.shape, x.dtype.itemsize, outermost=1)
    for x in jax.tree.leaves(arrays)
    if x.shape
  )


def _code_bytes(group: study_plan.Group, state: Any, points: int) -> int:
  """Of the codes that scoring keeps of a run, each an array of its own."""
  if group.method.represent is None or not points:
    return 0
  one = group_shapes.example_batch(group)['observation'][:1]
  codes = jax.eval_shape(group.method.represent, state, one)
  return sum(
    memory.array_bytes((points, *x.shape[1:])) for x in jax.tree.leaves(codes)
  )


def need(
  group: study_plan.Group,
  grid_points: int,
  rate: float = 0.0,
) -> Need:
  """Estimates one group from the shapes and the arithmetic of its step.

  Args:
    group: traced, not compiled.
    grid_points: codes kept per run while scoring.
    rate: flop/s from `matmul_rate`, or 0 to leave the time out.

  Returns:
    The estimate; 0 seconds without a rate.
  """
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  key = jax.random.key(0)
  state = group_shapes.state_shapes(group)
  sample = group_shapes.sampler(group.contract, group.config, group.dataset)

  def step(state, key, arrays, index, hparams):
    batch = {**sample(key, arrays, index), 'step': jnp.zeros((), jnp.int32)}
    return group.method.update(key, state, batch, hparams)

  index = jax.ShapeDtypeStruct((group.batch_size,), jnp.int32)
  stacked = group_shapes.stacked_shapes(group, _TOGETHER)
  state_bytes = -(-_size(stacked) // _TOGETHER)
  if train.runs_at_once(group, _TOGETHER) < _TOGETHER:
    state_bytes *= 2  # those that wait are copied beside those that are done
  traced = memory.trace(step, state, key, group.dataset.arrays, index, hparams)
  flops = arithmetic.count(traced)
  factor = _SCRATCH.get(platforms.current(), _SCRATCH_ELSEWHERE)
  scratch = int(factor * step_memory.scratch_of(traced)) + _SMALL
  per_run = state_bytes + max(scratch, _code_bytes(group, state, grid_points))
  copied = _copied_bytes(group.dataset.arrays)
  seconds = 0.0
  if rate:
    total = flops * group.steps * len(group.runs)
    seconds = total / (rate * _EFFICIENCY)
  return Need(
    per_run,
    flops,
    seconds,
    state_bytes=state_bytes,
    scratch_bytes=scratch,
    data_bytes=_arrays_size(group.dataset.arrays) + copied,
    copied_bytes=copied,
    vector_bytes=_VECTOR_MEMORY if platforms.current() == 'tpu' else 0,
  )


def compiled_bytes(
  group: study_plan.Group, mesh: jax.sharding.Mesh, grid_points: int
) -> int:
  """What one run holds on its device, as the compiler counts it.

  Compiles the training of one run per device, for a single step: a minute for
  large nets. The data set's arrays, which all runs share, are left out.

  Args:
    group: traced, not compiled.
    mesh: ('runs', 'data').
    grid_points: codes kept per run while scoring.

  Returns:
    Bytes.
  """
  over = mesh.shape[devices.RUNS]
  held = train.compile_group(group, mesh, over, log_every=1).memory
  with platforms.traced_for(mesh.devices.flat[0].platform):
    state = group_shapes.state_shapes(group)
    # Arrays that no step reads are no arguments of the program.
    arguments = held.arguments - held.donated
    shared = min(_arrays_size(group.dataset.arrays), arguments)
    scoring = _size(state) + _code_bytes(group, state, grid_points)
    return max(held.total - shared, scoring)


def fitting_runs(
  runs: int,
  over: int,
  platform: str,
  room: int,
  bound: int,
  compiled: Callable[[], int],
) -> int:
  """Runs that one program may hold: as many as pay, or as memory allows.

  Args:
    runs: of the group.
    over: devices that runs are spread over.
    platform: of the devices, as JAX names it.
    room: memory of all these devices, bytes.
    bound: of what one run holds, bytes, before anything is compiled.
    compiled: gives what the compiler says of one run, bytes; called only where
      the bound goes beyond what a chunk may plan for.

  Returns:
    Runs, 1 at least.

  Raises:
    ConfigError: from `compiled`.
  """
  most = _MOST_RUNS.get(platform, _MOST_RUNS_ELSEWHERE)
  most = min(most, devices.padded(runs, over))
  if most * bound > _MEMORY_SHARE * room:
    # Memory may decide: then the compiler says how much a run takes.
    most = max(1, min(most, int(_MEMORY_SHARE * room // compiled())))
  return most


def spread(runs: int, most: int, over: int, host_count: int) -> int:
  """Runs per program, padding included, when hosts share a group evenly.

  Args:
    runs: of the group.
    most: that one program may hold.
    over: devices of a host that runs are spread over.
    host_count: hosts; each gets chunks of every group.

  Returns:
    A multiple of `over`.
  """
  count = -(-runs // host_count)
  number = -(-count // max(most, over))
  return devices.padded(-(-count // number), over)


def runs_per_chunk(
  group: study_plan.Group,
  mesh: jax.sharding.Mesh,
  asked: int,
  grid_points: int,
  memory_bytes: int = 0,
  host_count: int = 0,
) -> int:
  """Runs per program, padding included.

  Args:
    group: the group.
    mesh: ('runs', 'data').
    asked: `config.engine.runs_per_chunk`; 0 to choose.
    grid_points: codes kept per run while scoring.
    memory_bytes: of a device; 0 for this machine's own.
    host_count: that share the group; 0 for the hosts of this sweep.

  Returns:
    A multiple of the mesh's 'runs' axis that spreads the group's runs evenly
    over as few chunks as memory and the backend's best size allow.

  Raises:
    ConfigError: a single run does not fit.
  """
  over = mesh.shape[devices.RUNS]
  most = asked
  if not most:
    platform = mesh.devices.flat[0].platform
    room = (memory_bytes or devices.memory_bytes()) * over
    with platforms.traced_for(platform):
      needed = need(group, grid_points)
    room = max(0, room - over * needed.data_bytes)

    def compiled() -> int:
      each = compiled_bytes(group, mesh, grid_points)
      if over * each > room:
        raise errors.ConfigError(
          f'{group.method_name}: one run holds {each / 2**30:.2f} GiB, a '
          f'device has {room / over / 2**30:.2f} beside its data; lower '
          'config.batch_size or the sizes of its net'
        )
      return each

    runs = len(group.runs)
    most = fitting_runs(
      runs, over, platform, room, needed.bytes_per_run, compiled
    )
  return spread(len(group.runs), most, over, host_count or hosts.number())
