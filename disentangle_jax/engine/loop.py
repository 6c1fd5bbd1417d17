"""The segments of a chunk, one after the other, with checkpoints between."""

from collections.abc import Mapping, Sequence
import time
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import checkpoint


class Recorder(Protocol):
  """Who is given the logged scalars of a chunk, window by window."""

  def begin(self, step: int) -> None:
    """Training begins behind so many steps."""

  def window(
    self, step: int, alive: int, scalars: Mapping[str, np.ndarray]
  ) -> None:
    """A window has ended: scalars float32 [R], of runs without padding."""


def train_chunk(
  program: train.Program,
  group: study_plan.Group,
  runs: Sequence[study_plan.Run],
  size: int,
  on_window=lambda step, alive, scalars: None,
  keeper: checkpoint.Keeper | None = None,
  frozen: Any = (),
  recorders: Sequence[Recorder] = (),
) -> train.Trained:
  """Trains the runs of one chunk to the last step.

  Args:
    program: the group's program.
    group: their group.
    runs: at most `size` runs.
    size: runs in the program; the rest is padding.
    on_window: called with (steps done, runs still finite, name -> median of a
      scalar over them), those scalars that `progress.SCALARS` names.
    keeper: saves and restores checkpoints; None for neither.
    frozen: states [size] of the runs that these start from, or ().
    recorders: are given every window.

  Returns:
    States and the logged scalars; padding is still in the run axis.
  """
  arrays = group.dataset.arrays
  inputs = train.make_inputs(runs, size)
  began = time.perf_counter()
  state = program.init(inputs, arrays, program.index, frozen)
  diverged = jnp.full(size, train.NEVER, jnp.int32)
  ends, logged, before = [], [], 0.0
  pending, start = None, 0
  restored = keeper.restore(state, diverged) if keeper else None
  if restored is not None:
    start, state, diverged, ends, logged, before = restored
  for recorder in recorders:
    recorder.begin(start)

  def report(diverged, scalars, step):
    _report(diverged, scalars, step, len(runs), on_window, recorders)

  while start < group.steps:
    steps = min(program.window, group.steps - start)
    state, diverged, scalars = program.segment(
      inputs, jnp.int32(start), state, diverged, arrays, program.index, steps
    )
    start += steps
    ends.append(start)
    logged.append(scalars)
    # One window stays in flight while the host looks at the one before, so
    # that the device never waits for the host.
    if pending is not None:
      report(pending, logged[-2], ends[-2])
    pending = diverged if start == group.steps else jnp.copy(diverged)
    if keeper and start < group.steps and keeper.due():
      spent = before + time.perf_counter() - began
      kept = checkpoint.Progress(start, state, diverged, ends, logged, spent)
      try:
        keeper.save(kept)
      finally:
        # Saving may end in a stop: this window is in the checkpoint then.
        report(pending, logged[-1], start)
        pending = None
  if pending is None:
    # Nothing was left to train: scoring alone had been interrupted.
    _report(diverged, logged[-1], start, len(runs), on_window, ())
  else:
    report(pending, logged[-1], start)
  jax.block_until_ready(state)
  seconds = before + time.perf_counter() - began
  logged = jax.device_get(logged)
  return train.Trained(
    state=state,
    diverged=np.asarray(diverged),
    steps=np.array(ends),
    scalars={
      name: np.stack([row[name] for row in logged]) for name in logged[0]
    },
    seconds=seconds,
  )


def last_progress(trained: train.Trained) -> checkpoint.Progress:
  """A trained chunk as a checkpoint: what is left is to score it."""
  names = list(trained.scalars)
  logged = [
    {name: trained.scalars[name][row] for name in names}
    for row in range(len(trained.steps))
  ]
  ends = [int(step) for step in trained.steps]
  return checkpoint.Progress(
    ends[-1],
    trained.state,
    trained.diverged,
    ends,
    logged,
    trained.seconds,
  )


def _report(diverged, scalars, step, count, on_window, recorders) -> None:
  alive = np.asarray(diverged)[:count] == train.NEVER
  medians = {}
  for name in progress.SCALARS:
    if name in scalars and alive.any():
      medians[name] = float(np.median(np.asarray(scalars[name])[:count][alive]))
  on_window(step, int(alive.sum()), medians)
  if recorders:
    own = {n: np.asarray(x)[:count] for n, x in jax.device_get(scalars).items()}
    for recorder in recorders:
      recorder.window(step, int(alive.sum()), own)
