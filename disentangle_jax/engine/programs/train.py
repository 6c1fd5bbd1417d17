"""Training: scan over steps, vmap over runs, shard_map over devices.

All randomness of a run is a function of (seed, absolute step, example index):
where a segment begins, which runs share the program and how the batch is split
do not matter.
"""

from collections.abc import Callable, Sequence
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np

from disentangle_jax import errors, platforms
from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import devices, memory, program_text

# Runs of a device that a TPU trains in one vmap where a step convolves: it puts
# one run's step into its vector memory, and with more runs every one is slower
# (docs/performance.md).
_CONVOLVED_AT_ONCE = {'tpu': 1}
# `diverged` holds this while a run is finite.
NEVER = np.iinfo(np.int32).max
MAX_ROWS = 500


class Inputs(NamedTuple):
  """What tells the runs of a chunk apart; all have a leading run axis.

  Attributes:
    keys: typed PRNG keys [R], from the seeds alone.
    hparams: name -> float32 [R].
  """

  keys: jax.Array
  hparams: dict[str, jax.Array]


class Program(NamedTuple):
  """The compiled training of one group.

  Attributes:
    init: `(inputs, arrays, index, frozen) -> state` [R]; `frozen` are states
      [R] of the earlier phase's runs, or ().
    segment: `(inputs, start, state, diverged, arrays, index) ->
      (state, diverged, scalars)`: `window` steps from `start`; scalars are
      means over the window, float32 [R] each.
    window: steps per call.
    index: int32 [batch_size], the example numbers.
    compile_seconds: of both programs.
    memory: that the compiled segment holds, per device, as its compiler says;
      donated is the state.
    parts: in which the runs of a device are trained, one after the other.
    text: `() -> text` of the compiled segment.
  """

  init: Any
  segment: Any
  window: int
  index: jax.Array
  compile_seconds: float
  memory: program_text.Memory
  parts: int
  text: Callable[[], str]


def window_of(steps: int, log_every: int) -> int:
  """Steps per call, hence per logged row.

  Args:
    steps: of the whole run.
    log_every: what the user asked for; 0 for about fifty rows.

  Returns:
    The largest divisor of `steps` that is at most the wanted window and keeps
    the rows at 500 or fewer; the wanted window where no divisor does (the last
    window is then shorter and compiles once more).
  """
  least = -(-steps // MAX_ROWS)
  wanted = max(log_every or -(-steps // 50), least)
  fits = [n for n in range(least, wanted + 1) if steps % n == 0]
  return fits[-1] if fits else min(wanted, steps)


def make_inputs(runs: Sequence[study_plan.Run], size: int) -> Inputs:
  """Stacks seeds and hyper-parameters, padded to `size` with the last run."""
  padded = [*runs, *[runs[-1]] * (size - len(runs))]
  seeds = np.array([run.seed for run in padded], np.uint32)
  names = list(padded[0].hparams)
  return Inputs(
    keys=jax.vmap(jax.random.key)(seeds),
    hparams={
      name: jnp.asarray([run.hparams[name] for run in padded], jnp.float32)
      for name in names
    },
  )


def _one_run_fns(group: study_plan.Group):
  """init and segment of a single run, to be vmapped."""
  sample = group_shapes.sampler(group.contract, group.config, group.dataset)
  method = group.method

  def init(inputs, arrays, index, frozen):
    # Key 2**32 - 1 of the run: no step count gets there.
    key = jax.random.fold_in(inputs.keys, np.uint32(2**32 - 1))
    batch = jax.eval_shape(sample, key, arrays, index)
    batch = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch)
    batch['step'] = jnp.zeros((), jnp.int32)
    earlier = () if group.before is None else (frozen,)
    return method.init(key, batch, inputs.hparams, *earlier)

  def segment(inputs, start, state, diverged, arrays, index, *, window):
    def step(carry, t):
      state, diverged = carry
      key = jax.random.fold_in(inputs.keys, t)
      data_key, update_key = jax.random.split(key)
      # The same for all runs: a branch on it stays a branch under vmap.
      batch = {**sample(data_key, arrays, index), 'step': t}
      state, scalars = method.update(update_key, state, batch, inputs.hparams)
      bad = jnp.where(jnp.isfinite(scalars['loss']), NEVER, t)
      return (state, jnp.minimum(diverged, bad)), scalars

    steps = start + jnp.arange(window, dtype=jnp.int32)
    (state, diverged), scalars = jax.lax.scan(step, (state, diverged), steps)
    means = jax.tree.map(lambda x: jnp.mean(x.astype(jnp.float32)), scalars)
    return state, diverged, means

  return init, segment


def _convolves(jaxpr: Any) -> bool:
  """Whether a traced function has a convolution, at any depth."""
  return any(
    equation.primitive.name == 'conv_general_dilated'
    or any(map(_convolves, memory.inner(equation)))
    for equation in jaxpr.eqns
  )


def runs_alone() -> bool:
  """Whether convolving runs are trained one by one, where it is traced for."""
  return _CONVOLVED_AT_ONCE.get(platforms.current()) == 1


def runs_at_once(group: study_plan.Group, on_device: int) -> int:
  """Runs of a device that are trained in one vmap; the others wait.

  Args:
    group: what to train.
    on_device: runs of its program on one device.

  Returns:
    A divisor of `on_device`; all of them but for convolutions where these are
    faster in parts on the platform that is traced for.
  """
  most = _CONVOLVED_AT_ONCE.get(platforms.current(), on_device)
  if on_device <= most:
    return on_device
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  state = group_shapes.state_shapes(group)
  batch = group_shapes.example_batch(group)
  key = jax.random.key(0)
  step = memory.trace(group.method.update, key, state, batch, hparams)
  return memory.divisor(on_device, most) if _convolves(step) else on_device


def functions(
  group: study_plan.Group,
  mesh: jax.sharding.Mesh,
  window: int,
  together: int = 0,
):
  """The jitted, not yet compiled `init` and `segment` of a group.

  Args:
    group: what to train.
    mesh: ('runs', 'data').
    window: steps of a segment.
    together: runs of a device in one vmap, a divisor of them; 0 for
      `runs_at_once`.

  JAX tracks what varies over a mesh so that gradients of replicated parameters
  are summed where a batch is split. Where none is, nothing passes between
  devices, and without tracking every loop may start from plain zeros.
  """
  tracked = mesh.shape[devices.DATA] > 1
  one_init, one_segment = _one_run_fns(group)
  runs, data = P(devices.RUNS), P(devices.DATA)

  def init(inputs, arrays, index, frozen):
    return jax.vmap(one_init, (0, None, None, 0))(inputs, arrays, index, frozen)

  def segment(inputs, start, state, diverged, arrays, index):
    def of_runs(runs):
      inputs, state, diverged = runs
      step = lambda *a: one_segment(*a, window=window)
      return jax.vmap(step, (0, None, 0, 0, None, None))(
        inputs, start, state, diverged, arrays, index
      )

    def of_one(run):
      inputs, state, diverged = run
      return one_segment(
        inputs, start, state, diverged, arrays, index, window=window
      )

    on_device = diverged.shape[0]
    at_once = together or runs_at_once(group, on_device)
    if at_once == 1 and (on_device > 1 or runs_alone()):
      # No axis of one run: with it a TPU turns kernels around in memory.
      return jax.lax.map(of_one, (inputs, state, diverged))
    if at_once == on_device:
      return of_runs((inputs, state, diverged))
    # A whole window of some runs, then of the next ones.
    parts = jax.tree.map(
      lambda x: x.reshape(-1, at_once, *x.shape[1:]),
      (inputs, state, diverged),
    )
    return jax.tree.map(
      lambda x: x.reshape(on_device, *x.shape[2:]), jax.lax.map(of_runs, parts)
    )

  init = jax.shard_map(
    init,
    mesh=mesh,
    in_specs=(runs, P(), data, runs),
    out_specs=runs,
    check_vma=tracked,
  )
  segment = jax.shard_map(
    segment,
    mesh=mesh,
    in_specs=(runs, P(), runs, runs, P(), data),
    out_specs=runs,
    check_vma=tracked,
  )
  return jax.jit(init), jax.jit(segment, donate_argnums=(2, 3))


def frozen_shapes(group: study_plan.Group, size: int) -> Any:
  """Shapes of the states [size] that a group starts from; () for none."""
  if group.before is None:
    return ()
  return group_shapes.stacked_shapes(group.before, size)


def check(group: study_plan.Group, mesh: jax.sharding.Mesh) -> None:
  """Traces a group's training under the mesh, nothing is compiled.

  Raises:
    ConfigError: a loop whose carry starts from plain zeros, where a batch is
      split over devices.
  """
  size = mesh.shape[devices.RUNS]
  init, segment = functions(group, mesh, 1)
  inputs = make_inputs(group.runs[:1], size)
  index = jnp.arange(group.batch_size, dtype=jnp.int32)
  arrays, start = group.dataset.arrays, jnp.zeros((), jnp.int32)
  diverged = jnp.full(size, NEVER, jnp.int32)
  frozen = frozen_shapes(group, size)
  try:
    state = jax.eval_shape(init, inputs, arrays, index, frozen)
    jax.eval_shape(segment, inputs, start, state, diverged, arrays, index)
  except TypeError as error:
    if mesh.shape[devices.DATA] == 1 or '{V:' not in str(error):
      raise
    raise errors.value(
      'config.engine.data_shards',
      mesh.shape[devices.DATA],
      f'method {group.method_name} has a loop that starts from plain zeros '
      'and cannot be split over devices; start it from `ops.axis.like`, or '
      'use 1',
    ) from error


def _shapes(tree: Any) -> Any:
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)), tree
  )


def traced(
  group: study_plan.Group,
  mesh: jax.sharding.Mesh,
  size: int,
  window: int,
  platform: str = '',
) -> tuple[Any, Any]:
  """`init` and `segment` of a group, traced and not lowered.

  Args:
    group: what to train.
    mesh: ('runs', 'data'); its devices may be described ones.
    size: runs, a multiple of the mesh's 'runs' axis.
    window: steps of a segment.
    platform: to trace for; that of the mesh by default.

  Returns:
    Two `jax.stages.Traced`.
  """
  init, segment = functions(group, mesh, window)
  inputs = make_inputs(group.runs[:1], size)
  index = jnp.arange(group.batch_size, dtype=jnp.int32)
  frozen = frozen_shapes(group, size)
  # Shapes alone: the devices may be elsewhere.
  inputs, arrays, numbers = _shapes((inputs, group.dataset.arrays, index))
  start = jax.ShapeDtypeStruct((), jnp.int32)
  diverged = jax.ShapeDtypeStruct((size,), jnp.int32)
  with platforms.traced_for(platform or mesh.devices.flat[0].platform):
    state = jax.eval_shape(init, inputs, arrays, numbers, frozen)
    return (
      init.trace(inputs, arrays, numbers, frozen),
      segment.trace(inputs, start, state, diverged, arrays, numbers),
    )


def compile_group(
  group: study_plan.Group,
  mesh: jax.sharding.Mesh,
  size: int,
  log_every: int = 0,
  window: int = 0,
) -> Program:
  """Compiles a group's training once, for chunks of `size` runs.

  Args:
    group: what to train.
    mesh: ('runs', 'data').
    size: runs per chunk, a multiple of the mesh's 'runs' axis.
    log_every: see `window_of`.
    window: steps per call, in place of those; 0 for them.

  Returns:
    The program.
  """
  began = time.perf_counter()
  window = window or window_of(group.steps, log_every)
  on_device = size // mesh.shape[devices.RUNS]
  with platforms.traced_for(mesh.devices.flat[0].platform):
    together = runs_at_once(group, on_device)
  compiled_init, compiled = (
    part.lower().compile() for part in traced(group, mesh, size, window)
  )

  def any_segment(inputs, start, state, diverged, arrays, index, steps):
    if steps == window:
      return compiled(inputs, start, state, diverged, arrays, index)
    _, shorter = functions(group, mesh, steps)
    with platforms.traced_for(mesh.devices.flat[0].platform):
      return shorter(inputs, start, state, diverged, arrays, index)

  return Program(
    init=compiled_init,
    segment=any_segment,
    window=window,
    index=jnp.arange(group.batch_size, dtype=jnp.int32),
    compile_seconds=time.perf_counter() - began,
    memory=program_text.memory_of(compiled),
    parts=on_device // together,
    text=compiled.as_text,
  )


class Trained(NamedTuple):
  """A chunk after its last step.

  Attributes:
    state: stacked states [R].
    diverged: int32 [R], the first step with a non-finite loss, or NEVER.
    steps: int [windows], the step that each logged row ends at.
    scalars: name -> float32 [windows, R].
    seconds: wall time of the training calls.
  """

  state: Any
  diverged: np.ndarray
  steps: np.ndarray
  scalars: dict[str, np.ndarray]
  seconds: float
