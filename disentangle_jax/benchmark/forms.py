"""Ways to train the same runs, each with a measured rate.

A form has `name`, `runs`, `compile_seconds`, `rate()`: the run-steps/s of one
measurement, and `peak_mib()`. Compiling and the first call are not part of it.
"""

from collections.abc import Sequence
import gc
import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors
from disentangle_jax.benchmark import machine
from disentangle_jax.engine import loop
from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import devices, estimate, train
from disentangle_jax.nn import nets

LOOP = 'loop, one by one'
EAGER, COMPILED = 'PyTorch eager', 'PyTorch compiled'
# Images that PyTorch draws from.
_IN_MEMORY = 4096


def engine_name(runs: int) -> str:
  """What the engine's form is called at a number of runs per program."""
  return f'engine, {runs} run{"s" if runs > 1 else ""}'


class Engine:
  """The engine at one number of runs per program.

  Args:
    group: what to train; its `steps` are one measurement.
    runs: per program.
    mesh: ('runs', 'data').

  Attributes:
    group: with so many runs.
    best: run-steps/s of the best measurement so far; 0 before the first.
    compiled_mib: that the program holds, per device, as its compiler says.
    state: stacked states after the last measurement; None before the first.
  """

  peak_mib = staticmethod(machine.peak_mib)

  def __init__(self, group: study_plan.Group, runs: int, mesh):
    self.name = engine_name(runs)
    self.runs, self.best, self.state = runs, 0.0, None
    self._size = devices.padded(runs, mesh.shape[devices.RUNS])
    self.group = group._replace(runs=(group.runs * runs)[:runs])
    self._program = train.compile_group(group, mesh, self._size, group.steps)
    self.compile_seconds = self._program.compile_seconds
    self.compiled_mib = self._program.memory.total / 2**20

  def rate(self) -> float:
    """Run-steps/s of one measurement."""
    runs = self.group.runs
    self.state = None  # its memory is free again
    trained = loop.train_chunk(self._program, self.group, runs, self._size)
    self.state = trained.state
    rate = self.group.steps * len(runs) / trained.seconds
    self.best = max(self.best, rate)
    return rate


class Loop:
  """One run at a time: a jitted step, called from Python, on one device."""

  name, runs = LOOP, 1
  peak_mib = staticmethod(machine.peak_mib)

  def __init__(self, group: study_plan.Group):
    began = time.perf_counter()
    sample = group_shapes.sampler(group.contract, group.config, group.dataset)
    index = jnp.arange(group.batch_size)
    run = group.runs[0]
    hparams = {k: jnp.float32(v) for k, v in run.hparams.items()}

    def step(key, t, state):
      data_key, update_key = jax.random.split(jax.random.fold_in(key, t))
      batch = {**sample(data_key, group.dataset.arrays, index), 'step': t}
      return group.method.update(update_key, state, batch, hparams)

    self._key = jax.random.key(run.seed)
    batch = group_shapes.example_batch(group)
    self._init = lambda: group.method.init(self._key, batch, hparams)
    self._step = jax.jit(step, donate_argnums=2)
    self._steps = group.steps
    jax.block_until_ready(self._step(self._key, 0, self._init()))
    self.compile_seconds = time.perf_counter() - began

  def rate(self) -> float:
    """Run-steps/s of one measurement."""
    state = self._init()
    jax.block_until_ready(state)
    began = time.perf_counter()
    for t in range(self._steps):
      state, _ = self._step(self._key, t, state)
    jax.block_until_ready(state)
    return self._steps / (time.perf_counter() - began)


class Torch:
  """PyTorch, one run at a time, images in memory.

  Products of float32 are at the precision that JAX takes on that backend, on a
  GPU TensorFloat-32, but for `static.precision` of 'float32'.

  Args:
    group: what to train.
    compiled: through `torch.compile`.

  Raises:
    ConfigError: PyTorch is not installed, cannot use this backend, or has no
      counterpart of the method.
  """

  runs = 1

  def __init__(self, group: study_plan.Group, compiled: bool):
    try:
      import torch

      from disentangle_jax.benchmark import torch_nets
    except ImportError as error:
      raise errors.ConfigError(
        f'--torch: PyTorch cannot be imported ({error}); pip install torch, '
        'or leave the flag out'
      ) from error
    self.name = COMPILED if compiled else EAGER
    backend = jax.default_backend()
    if backend == 'gpu' and not torch.cuda.is_available():
      raise errors.ConfigError(
        '--torch: this PyTorch does not see the GPU that JAX uses'
      )
    self._wait = torch.cuda.synchronize if backend == 'gpu' else lambda: None
    if getattr(group.config, 'precision', 'auto') != 'float32':
      # As JAX's own choice on a GPU; PyTorch's is full precision.
      torch.set_float32_matmul_precision('high')
    # PyTorch takes its own memory of a GPU.
    self._peak = torch.cuda.max_memory_allocated if backend == 'gpu' else None
    device = 'cuda' if backend == 'gpu' else 'cpu'
    images = _images(group)
    began = time.perf_counter()
    self.step = torch_nets.Step(group, device, compiled, images)
    ours = nets.count_parameters(group_shapes.state_shapes(group).params)
    if self.step.num_parameters != ours:
      raise errors.ConfigError(
        f'--torch: {self.step.num_parameters:,} parameters there, {ours:,} '
        'here: the nets differ'
      )
    for _ in range(3):
      self.step()
    self._wait()
    self.steps = group.steps
    self.compile_seconds = time.perf_counter() - began

  def rate(self) -> float:
    """Run-steps/s of one measurement."""
    began = time.perf_counter()
    for _ in range(self.steps):
      self.step()
    self._wait()
    return self.steps / (time.perf_counter() - began)

  def peak_mib(self) -> float:
    """Most memory so far: PyTorch's own of a GPU, or of this process."""
    return self._peak() / 2**20 if self._peak else machine.peak_mib()


def _images(group: study_plan.Group) -> np.ndarray:
  """float32 [N, H, W, C], a draw from the data set."""
  data = group.dataset
  index = jnp.arange(_IN_MEMORY)
  batch = jax.jit(data.sample)(jax.random.key(0), data.arrays, index)
  return np.asarray(batch['observation'])


def floors(group: study_plan.Group) -> dict[str, float]:
  """What one run-step must do at least.

  Args:
    group: what is trained.

  Returns:
    'flops': multiplications and additions of one step of one run.
    'bytes': its state read once and written once.
  """
  state_bytes = sum(
    math.prod(x.shape) * x.dtype.itemsize
    for x in jax.tree.leaves(group_shapes.state_shapes(group))
  )
  return {
    'flops': estimate.need(group, 0).flops_per_step,
    'bytes': 2.0 * state_bytes,
  }


def measure(forms: Sequence[Any], repeats: int) -> list[dict[str, Any]]:
  """Rates of all forms, taken in turns; the best of each.

  A shared machine's slow moments then hit all alike.

  Args:
    forms: from this module.
    repeats: measurements of each.

  Returns:
    One dict per form: 'form', 'runs', 'run_steps_per_s', 'all' (every
    measurement), 'compile_s', 'peak_mib'; of the engine 'compiled_mib'.
  """
  rates, peaks = [[] for _ in forms], {}
  for _ in range(repeats):
    for form, found in zip(forms, rates):
      gc.collect()
      found.append(form.rate())
      # Of the first turn: later ones show the largest form's.
      peaks.setdefault(form.name, form.peak_mib())
  return [
    {
      'form': form.name,
      'runs': form.runs,
      'run_steps_per_s': max(found),
      'all': found,
      'compile_s': form.compile_seconds,
      'peak_mib': peaks[form.name],
      **(
        {'compiled_mib': form.compiled_mib} if isinstance(form, Engine) else {}
      ),
    }
    for form, found in zip(forms, rates)
  ]
