"""Every metric of codes on every transform, and the verdict on each.

Scores are those that `metrics.evaluate` gives of rows: designs that hold or
change a factor draw among the rows. All draws of a case are one vmapped call,
and all transforms of one shape share a compiled program: the transforms make
codes outside of it. Keys of a draw are the same at all strengths, so that ends
are compared in pairs.
"""

from collections.abc import Iterable, Mapping
import dataclasses
import functools
import math
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, metrics, types
from disentangle_jax.metrics import arrays, catalogue
from disentangle_jax.report import statistics
from disentangle_jax.studies.metric_behaviour import predicted, transforms

ROWS = 1000
# Seconds of these grow fast with the rows.
MOST_ROWS = {
  'dci_gbt': 3000,
  'downstream_gbt': 3000,
  'downstream_logistic': 3000,
  'retrieval': 3000,
}
# A hundred labels for training take more than a hundred rows.
LEAST_ROWS = {'downstream_gbt': 300, 'downstream_logistic': 300}
# Groups of a design that chooses its points, where the defaults stand for
# 10,000 rows.
GROUPS = {
  'factor_vae_score': {'num_variance': 960, 'num_train': 1000, 'num_test': 500},
  'beta_vae_score': {'num_train': 1000, 'num_test': 500},
  'beta_vae_score_changed': {'num_train': 1000, 'num_test': 500},
  'fairness': {'num_train': 1000, 'num_contexts': 100},
}
LEFT_OUT = {
  'udr': 'compares runs with each other, not codes with factors',
  'clustering_accuracy': 'scores a discrete latent',
  'z_max_variance': 'asks for points of a full grid, not for rows',
}
# A difference that no reader would act upon.
TOLERANCE = 0.02
ERRORS = 3


def scored() -> tuple[str, ...]:
  """Names of the metrics in the study."""
  return tuple(
    name
    for name, module in metrics.METRICS.items()
    if catalogue.of_codes(module) and name not in LEFT_OUT
  )


class Case(NamedTuple):
  """One transform at one strength.

  Attributes:
    transform: its name.
    strength: one of its strengths.
    num_rows: N.
    bins: the constant `num_bins`; None for the metric's own.
  """

  transform: str
  strength: float
  num_rows: int
  bins: int | None = None


def cases(name: str) -> dict[str, tuple[Case, ...]]:
  """Transform -> its cases for a metric, in the order of the strengths."""
  least, most = LEAST_ROWS.get(name, 0), MOST_ROWS.get(name, math.inf)
  fields = {f.name for f in dataclasses.fields(metrics.METRICS[name].Config)}
  by_transform = {}
  for key, transform in transforms.TRANSFORMS.items():
    if key == 'rows':
      own = [Case(key, n, n) for n in transform.strengths if least <= n <= most]
    elif key == 'bins':
      usable = transform.strengths if 'num_bins' in fields else ()
      own = [Case(key, bins, ROWS, bins) for bins in usable]
    else:
      own = [Case(key, s, ROWS) for s in transform.strengths]
    if own:
      by_transform[key] = tuple(own)
  return by_transform


@functools.cache
def _sampler(name: str, num_rows: int, width: int | None):
  """`(keys, strength) -> (codes, factors)`; one program for all strengths."""
  transform = transforms.TRANSFORMS[name]

  def one_draw(key, strength):
    factor_key, code_key = jax.random.split(key)
    level = strength if width is None else width
    factors = transform.factors(factor_key, num_rows, level)
    return transform.codes(code_key, factors, level), factors

  return jax.jit(jax.vmap(one_draw, (0, None)))


@functools.lru_cache(maxsize=128)
def sample(
  case: Case, num_draws: int, seed: int = 0
) -> tuple[types.Codes, np.ndarray]:
  """Codes and factors of all draws of a case.

  Returns:
    Codes [draws, N, D], int32 factors [draws, N, 3].
  """
  widths = transforms.TRANSFORMS[case.transform].widths
  width = case.strength if widths else None
  sampler = _sampler(case.transform, case.num_rows, width)
  keys = jax.random.split(jax.random.key(seed), num_draws)
  codes, factors = sampler(keys, jnp.float32(case.strength))
  return jax.tree.map(np.asarray, codes), np.asarray(factors)


def config_of(name: str, case: Case) -> tuple[Any, int]:
  """A metric's constants for a case, and its rows for training."""
  config = metrics.METRICS[name].Config()
  num_train = case.num_rows
  if name in GROUPS:
    config = dataclasses.replace(config, **GROUPS[name])
  else:
    num_test = 0
    if any(f.name == 'num_test' for f in dataclasses.fields(config)):
      num_test = int(case.num_rows * arrays.TEST_SHARE)
    num_train = case.num_rows - num_test
    config = arrays.rows_of(config, num_train, num_test)
  if case.bins is not None:
    config = dataclasses.replace(config, num_bins=case.bins)
  return config, num_train


@functools.cache
def _program(name: str, config: Any):
  data = arrays.dataset(transforms.SIZES)
  metric = metrics.METRICS[name].make(config, data)
  return metric, jax.jit(jax.vmap(metric.score))


def scores(
  name: str, case: Case, num_draws: int, seed: int = 0
) -> dict[str, np.ndarray]:
  """What a metric gives on a case.

  Args:
    name: of the metric.
    case: transform, strength, rows.
    num_draws: fresh factors, noise and design per draw.
    seed: of all of them.

  Returns:
    Score -> float32 [draws].
  """
  config, num_train = config_of(name, case)
  metric, score = _program(name, config)
  codes, factors = sample(case, num_draws, seed)
  arrangements = [
    metric.design.draw(np.random.default_rng([seed, draw]), rows, num_train)
    for draw, rows in enumerate(factors)
  ]
  chosen = isinstance(arrangements[0], types.Intervention)
  index = np.stack([a.points if chosen else a for a in arrangements])
  draw = np.arange(num_draws).reshape(-1, *[1] * (index.ndim - 1))
  take = lambda x: x[draw, index]
  points = take(factors)
  if chosen:
    held = np.stack([a.factor for a in arrangements])
    points = types.Intervention(points, held)
  parts = {part: take(codes.parts[part]) for part in metric.needs}
  keys = jax.random.split(jax.random.key(seed + 1), num_draws)
  values = score(keys, types.Codes(take(codes.vector), parts), points)
  return {
    key: np.asarray(values[key])
    for key in metrics.METRICS[name].SCORES
    if key in predicted.table()
  }


def verdict(first: np.ndarray, last: np.ndarray) -> str:
  """What lies between two ends of a transform, draw by draw.

  Args:
    first: float [draws], without the transform (or with the least of it).
    last: float [draws], with the most of it, same draws.

  Returns:
    'invariant': the mean difference is at most `TOLERANCE` or `ERRORS` of its
    standard errors; 'falls' or 'rises': the paired 95 % bootstrap interval
    excludes 0; 'unclear' otherwise; 'undefined' where a score is not finite.
  """
  change = np.asarray(last, float) - np.asarray(first, float)
  if change.size < 2 or not np.all(np.isfinite(change)):
    return 'undefined'
  error = np.std(change, ddof=1) / math.sqrt(change.size)
  if abs(np.mean(change)) <= max(TOLERANCE, ERRORS * error):
    return 'invariant'
  _, low, high = statistics.paired_interval(last, first)
  if low <= 0 <= high:
    return 'unclear'
  return 'rises' if low > 0 else 'falls'


def _number(value: float) -> float | None:
  return float(f'{value:.5g}') if math.isfinite(value) else None


def _summary(cases_: tuple[Case, ...], values: np.ndarray) -> dict[str, Any]:
  """One score under one transform; values float [strengths, draws]."""
  intervals = statistics.bootstrap_interval(list(values))
  change, low, high = statistics.paired_interval(values[-1], values[0])
  return {
    'strengths': [case.strength for case in cases_],
    'rows': [case.num_rows for case in cases_],
    'mean': [_number(x) for x in np.mean(values, axis=1)],
    'low': [_number(x) for x in intervals[:, 0]],
    'high': [_number(x) for x in intervals[:, 1]],
    'change': [_number(x) for x in (change, low, high)],
    'verdict': verdict(values[0], values[-1]),
  }


def measure(name: str, num_draws: int, seed: int = 0) -> dict[str, Any]:
  """One metric on all its transforms.

  Args:
    name: of the metric.
    num_draws: per case, two or more.
    seed: of all randomness.

  Returns:
    For `results/metric_behaviour.json`: seconds (wall and of the processor,
    compilation included), draws, and score -> transform -> summary.

  Raises:
    ConfigError: fewer than two draws.
  """
  if num_draws < 2:
    raise errors.value('--draws', num_draws, 'must be at least 2')
  wall, processor = time.perf_counter(), time.process_time()
  by_score: dict[str, dict[str, Any]] = {}
  for key, own in cases(name).items():
    results = [scores(name, case, num_draws, seed) for case in own]
    for score in results[0]:
      values = np.stack([result[score] for result in results])
      by_score.setdefault(score, {})[key] = _summary(own, values)
  _program.cache_clear()
  return {
    'draws': num_draws,
    'seconds': round(time.perf_counter() - wall, 1),
    'cpu_seconds': round(time.process_time() - processor, 1),
    'scores': by_score,
  }


def wanted(names: Iterable[str]) -> tuple[str, ...]:
  """The metrics asked for, all for none.

  Raises:
    ConfigError: a name that the study does not have.
  """
  legal = scored()
  names = tuple(names)
  for name in names:
    if name in LEFT_OUT:
      raise errors.value('--metrics', name, f'left out: {LEFT_OUT[name]}')
    if name not in legal:
      raise errors.choices('--metrics', name, legal)
  return names or legal


def all_scores(
  results: Mapping[str, Any],
) -> dict[str, dict[str, dict[str, Any]]]:
  """Score -> transform -> summary, in the order of the metrics."""
  return {
    score: own
    for name in scored()
    if name in results['metrics']
    for score, own in results['metrics'][name]['scores'].items()
  }
