"""What a sweep will need, before anything is compiled."""

import math
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import devices, hosts

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


class Need(NamedTuple):
  """What one group is expected to take.

  Attributes:
    bytes_per_run: state, gradients, activations and codes of one run.
    flops_per_step: of one run, multiplications and additions.
    seconds: training time of the whole group on these devices.
  """

  bytes_per_run: int
  flops_per_step: float
  seconds: float


def matmul_rate() -> float:
  """Flop/s of a 1024 x 1024 float32 product, all devices together."""
  x = jnp.ones((1024, 1024), jnp.float32)
  product = jax.jit(jnp.matmul)
  product(x, x).block_until_ready()
  best = math.inf
  for _ in range(5):
    began = time.perf_counter()
    product(x, x).block_until_ready()
    best = min(best, time.perf_counter() - began)
  rate = 2 * 1024**3 / best
  # CPU devices share the cores that one product already used.
  many = 1 if jax.default_backend() == 'cpu' else len(jax.local_devices())
  return rate * many


def need(group: study_plan.Group, grid_points: int, rate: float = 0.0) -> Need:
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
  batch = group_shapes.example_batch(group)
  state = group_shapes.state_shapes(group)
  lowered = jax.jit(group.method.update).lower(key, state, batch, hparams)
  cost = lowered.cost_analysis() or {}
  flops = float(cost.get('flops', 0.0))
  size = lambda tree: sum(math.prod(x.shape) * 4 for x in jax.tree.leaves(tree))
  state_bytes = size(state)
  # Parameters, two moments: a gradient and an update are a third each. The
  # factor 24 on the batch covers the activations kept for the backward pass.
  codes = 0
  if group.method.represent is not None:
    shapes = jax.eval_shape(group.method.represent, state, batch['observation'])
    codes = size(shapes) // group.batch_size * grid_points
  activations = 24 * size(batch)
  per_run = 2 * state_bytes + activations + codes
  seconds = 0.0
  if rate:
    total = flops * group.steps * len(group.runs)
    seconds = total / (rate * _EFFICIENCY)
  return Need(per_run, flops, seconds)


def runs_per_chunk(
  group: study_plan.Group,
  mesh: jax.sharding.Mesh,
  asked: int,
  grid_points: int,
) -> int:
  """Runs per program, padding included.

  Args:
    group: the group.
    mesh: ('runs', 'data').
    asked: `config.engine.runs_per_chunk`; 0 to choose.
    grid_points: codes kept per run while scoring.

  Returns:
    A multiple of the mesh's 'runs' axis that spreads the group's runs evenly
    over as few chunks as memory and the backend's best size allow.
  """
  over = mesh.shape[devices.RUNS]
  most = asked
  if not most:
    most = _MOST_RUNS.get(jax.default_backend(), _MOST_RUNS_ELSEWHERE)
    budget = _MEMORY_SHARE * devices.memory_bytes() * over
    per_run = need(group, grid_points).bytes_per_run
    most = max(1, min(most, int(budget // per_run)))
  # Every host gets chunks of every group.
  count = -(-len(group.runs) // hosts.number())
  number = -(-count // max(most, over))
  size = -(-count // number)
  return devices.padded(size, over)
