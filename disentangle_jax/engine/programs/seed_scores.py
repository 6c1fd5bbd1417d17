"""Scores that compare runs which differ in the seed alone."""

from collections.abc import Callable, Collection, Sequence
import json
from typing import Any

import jax
import numpy as np

from disentangle_jax import types
from disentangle_jax.engine.plan import registry, study_config, study_plan
from disentangle_jax.engine.programs import encoding, score_setup


class SeedScores:
  """Compiled programs of a study's metrics over seeds.

  Args:
    plan: names the metrics, their constants and the representations.
  """

  def __init__(self, plan: study_plan.Plan):
    self._plan = plan
    self._programs = {}

  def __call__(
    self,
    group: study_plan.Group,
    runs: Sequence[study_plan.Run],
    name: str,
    keys: Collection[str],
    state: Any,
  ) -> list[score_setup.Score]:
    """Scores of runs of one setting.

    Args:
      group: of the runs.
      runs: S of them, which differ in the seed.
      name: of the metric's module.
      keys: of the scores that are wanted.
      state: stacked states [S].

    Returns:
      Scores with values float32 [S].
    """
    scoring = self._plan.config.scoring
    cached = (id(group.method), name, len(runs))
    if cached not in self._programs:
      metric = registry.make_metric(
        name, scoring, self._plan.registry, group.dataset
      )
      self._programs[cached] = metric, _program(group, metric, scoring)
    metric, program = self._programs[cached]
    constants = {**metric.constants, 'seeds': sorted(run.seed for run in runs)}
    text = json.dumps(constants, sort_keys=True, default=str)
    scores = []
    for seed in range(scoring.metric_seeds):
      key = encoding.metric_key(name, seed)
      values = jax.device_get(program(key, state, group.dataset.arrays))
      scores += [
        score_setup.Score(score, representation, seed, np.asarray(value), text)
        for (representation, score), value in values.items()
        if score_setup.is_wanted(keys, score)
      ]
    return scores


def _program(
  group: study_plan.Group, metric: types.Metric, scoring: study_config.Scoring
) -> Callable:
  """`(key, states [S], arrays) -> {(representation, name): float32 [S]}`."""
  method, data = group.method, group.dataset
  chosen: Sequence[str] = scoring.representations
  chosen = chosen if metric.per_representation else chosen[:1]

  def score(key, state, arrays):
    noise_key, score_key, render_key = jax.random.split(key, 3)
    factors = metric.design.sample(key)
    keys = jax.random.split(render_key, len(factors))
    observation = jax.vmap(data.render, (None, 0, 0))(arrays, factors, keys)
    codes = jax.lax.map(lambda s: method.represent(s, observation), state)
    # Runs are compared with one another: equal noise would make them agree.
    noise = jax.random.normal(noise_key, codes.parts['mean'].shape)
    scores = {}
    for representation in chosen:
      scored = encoding.represent_as(codes, representation, noise)
      label = representation if metric.per_representation else ''
      for name, value in metric.score(score_key, scored, factors).items():
        scores[label, name] = value
    return scores

  return jax.jit(score)
