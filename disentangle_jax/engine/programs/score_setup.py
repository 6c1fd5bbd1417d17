"""What scoring programs share: the metrics, the devices, the form of scores."""

from collections.abc import Callable, Collection, Mapping
import json
from typing import Any, NamedTuple

import jax
from jax.sharding import PartitionSpec as P
import numpy as np

from disentangle_jax import types
from disentangle_jax.engine.plan import registry, study_plan
from disentangle_jax.engine.programs import devices, score_program


class Score(NamedTuple):
  """One score of all runs of a chunk.

  Attributes:
    name: its key.
    representation: 'mean', 'sampled', or '' where they do not differ.
    metric_seed: which draw of the design.
    values: float32 [R].
    constants: JSON of what the number depends on.
  """

  name: str
  representation: str
  metric_seed: int
  values: np.ndarray
  constants: str


def is_wanted(keys: Collection[str], name: str) -> bool:
  """Whether a score was asked for; 'kl' stands for 'kl/3' too."""
  return any(name == key or name.startswith(f'{key}/') for key in keys)


class ScoreSetup:
  """The metrics of one study and the devices that its runs are scored on.

  Args:
    plan: names the metrics, their constants and the representations.
    mesh: ('runs', 'data').
    wanted: metric module -> keys; the plan's by default.

  Attributes:
    scoring: `config.scoring` of the study.
    block: rows that are encoded at once, at most.
    budget: bytes that scoring may hold at once on a device.
    platform: of the devices.
    registry: what names mean.
    wanted: metric module -> keys.
  """

  def __init__(
    self,
    plan: study_plan.Plan,
    mesh: jax.sharding.Mesh,
    wanted: Mapping[str, tuple[str, ...]] | None = None,
  ):
    self.scoring = plan.config.scoring
    self.block = plan.config.engine.eval_block
    self.budget = plan.config.engine.eval_memory
    self.registry = plan.registry
    self.wanted = plan.metrics if wanted is None else wanted
    # Keeps the data sets alive whose identity the caches of programs go by.
    self._plan = plan
    self._mesh = mesh
    self.platform = mesh.devices.flat[0].platform
    self._metrics = {}

  def metrics(self, group: study_plan.Group, kind: type) -> dict[str, Any]:
    """The study's metrics of a kind that a group can be scored by."""
    shared = {
      name: registry.shared_metric(
        self._metrics, name, self.scoring, self.registry, group.dataset
      )
      for name in self.wanted
      if name in group.metrics
    }
    return {name: m for name, m in shared.items() if isinstance(m, kind)}

  def representations(
    self, metric: types.Metric | types.Probe
  ) -> tuple[str, ...]:
    """Those that a metric is computed on; the first, if they do not differ."""
    chosen = self.scoring.representations
    return chosen if metric.per_representation else chosen[:1]

  def scores(
    self,
    name: str,
    metric: types.Metric | types.Probe,
    representation: str,
    seed: int,
    values: Mapping[str, np.ndarray],
  ) -> list[Score]:
    """Those of a metric's values that were asked for.

    Args:
      name: of its module.
      metric: made from it.
      representation: that the values are of.
      seed: of the metric's draw.
      values: key -> float32 [R].

    Returns:
      One entry per score.
    """
    constants = json.dumps(metric.constants, sort_keys=True, default=str)
    label = representation if metric.per_representation else ''
    return [
      Score(key, label, seed, value, constants)
      for key, value in values.items()
      if is_wanted(self.wanted[name], key)
    ]

  def program(
    self, build: Callable[[int], Callable], in_specs: tuple[P, ...]
  ) -> score_program.ScoreProgram:
    """A program of this study's devices.

    Args:
      build: `(budget) -> function` of the runs of a device.
      in_specs: of its arguments.

    Returns:
      The program; its results have a leading run axis.
    """
    return score_program.ScoreProgram(
      build, self._mesh, in_specs, P(devices.RUNS), self.budget
    )
