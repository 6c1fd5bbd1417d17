"""Scoring: all metrics of all runs of a chunk, on the device."""

from collections.abc import Callable, Iterator, Mapping
import math
from typing import Any

import jax
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import (
  code_scores,
  devices,
  memory,
  model_scores,
  score_program,
  score_setup,
  together,
)
from disentangle_jax.metrics import designs


class Evaluator:
  """Scores the groups of one study; programs are shared between them.

  Args:
    plan: names the metrics, their constants and the representations.
    mesh: ('runs', 'data').
    wanted: metric module -> keys; the plan's by default.
  """

  def __init__(
    self,
    plan: study_plan.Plan,
    mesh: jax.sharding.Mesh,
    wanted: Mapping[str, tuple[str, ...]] | None = None,
  ):
    self._setup = score_setup.ScoreSetup(plan, mesh, wanted)
    self._over = mesh.shape[devices.RUNS]
    encode = code_scores.Encoder(self._setup)
    self._codes = code_scores.CodeScores(self._setup, encode)
    self._models = model_scores.ModelScores(self._setup)

  def check(self, group: study_plan.Group, size: int) -> None:
    """Traces what would score a chunk, where a user wrote a part of it.

    A score that fails would otherwise do so after training. The package's own
    metrics on its own methods are traced by its tests.

    Args:
      group: to be trained.
      size: runs in its program.

    Raises:
      ConfigError: names the metric and what went wrong.
    """
    state = group_shapes.stacked_shapes(group, size)
    key, arrays = jax.random.key(0), group.dataset.arrays

    def of_model(name, probe):
      context = ()
      if probe.fit is not None:
        context = jax.eval_shape(probe.fit, key, arrays)
      if model_scores.is_mean(probe):
        program = self._models.means_program(
          group, {name: probe}, probe.examples
        )
        return program.shapes(key, {name: context}, state, arrays)
      program = self._models.whole_program(group, name, probe)
      return program.shapes(key, context, state, arrays)

    def of_codes(name, metric):
      factors = jax.eval_shape(metric.design.sample, key)
      points = designs.points_of(factors).shape[:-1]
      rows = jax.ShapeDtypeStruct(
        (math.prod(points), *group.dataset.observation_shape),
        group.dataset.dtype,
      )
      one = memory.one_run(state)
      codes = jax.eval_shape(group.method.represent, one, rows)
      grid = lambda x: jax.ShapeDtypeStruct((*points, *x.shape[1:]), x.dtype)
      return jax.eval_shape(
        metric.score, key, jax.tree.map(grid, codes), factors
      )

    registered = methods_lib.METHODS.get(group.method_name)
    theirs = group.contract.module is not registered
    named = self._setup.registry.metrics
    own = lambda name: (
      theirs or metrics_lib.METRICS.get(name) is not named[name]
    )
    kinds = {types.Probe: of_model, types.Metric: of_codes}
    for kind, trace in kinds.items():
      for name, metric in self._setup.metrics(group, kind).items():
        if not own(name) or getattr(metric, 'over', '') == 'seeds':
          continue
        try:
          trace(name, metric)
        except errors.ConfigError:
          raise
        except Exception as error:
          rule = (
            f'fails on method {group.method_name}: '
            f'{type(error).__name__}: {errors.first_line(error)}'
          )
          raise errors.value('config.metrics', name, rule) from error

  def prepare(
    self, group: study_plan.Group, size: int
  ) -> Iterator[score_program.Prepared]:
    """Compiles all that will score a chunk, several programs at once.

    What does not fit is known before training, not after it.

    Args:
      group: to be trained.
      size: runs in its program.

    Yields:
      Each program, in order, as soon as it is compiled.
    """
    state = group_shapes.stacked_shapes(group, size)
    of_codes = self._codes.prepare(group, state)
    of_models = self._models.prepare(group, state)
    yield from together.done([*of_codes, *of_models])

  def scores(
    self,
    group: study_plan.Group,
    state: Any,
    say: Callable[[str], None] = lambda text: None,
  ) -> list[score_setup.Score]:
    """Scores all runs of a chunk; in halves where memory runs out.

    Args:
      group: their group.
      state: stacked states [R].
      say: told in one line when it goes on in halves.

    Returns:
      One entry per score, representation and metric seed.

    Raises:
      jax.errors.JaxRuntimeError: memory ran out with one run per device.
    """
    runs = jax.tree.leaves(state)[0].shape[0]
    # Every device has a run, so that halves are cut in whole ones of these.
    half = self._over * -(-runs // (2 * self._over))
    try:
      return self.scores_at_once(group, state)
    except jax.errors.JaxRuntimeError as error:
      if not errors.out_of_memory(error) or half >= runs:
        raise
    say(
      f'note: {group.method_name}: the device ran out of memory while scoring '
      f'{runs} runs; going on with {half}'
    )
    parts = [slice(0, half), slice(half, runs)]
    scores = [
      self.scores(group, jax.tree.map(lambda x, p=part: x[p], state), say)
      for part in parts
    ]
    return [
      first._replace(values=np.concatenate([first.values, second.values]))
      for first, second in zip(*scores, strict=True)
    ]

  def scores_at_once(
    self, group: study_plan.Group, state: Any
  ) -> list[score_setup.Score]:
    """Scores all runs of a chunk at once."""
    return [
      *self._models.means(group, state),
      *self._codes.scores(group, state),
      *self._models.wholes(group, state),
    ]
