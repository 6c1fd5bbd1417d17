"""How a score follows the strength of its method, with intervals over seeds."""

import math

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import statistics

RESAMPLES = 2000


def rank_correlation(cells: dict[float, np.ndarray]) -> float:
  """Spearman's correlation of score and strength over all runs.

  Args:
    cells: strength -> scores over seeds.

  Returns:
    In [-1, 1]; NaN where scores or strengths do not vary.
  """
  strength = np.repeat(list(cells), [len(v) for v in cells.values()])
  values = pd.Series(np.concatenate(list(cells.values())))
  if values.nunique() < 2 or len(cells) < 2:
    return math.nan
  ranks = [values.rank(), pd.Series(strength).rank()]
  return float(np.corrcoef(*ranks)[0, 1])


def rank_interval(
  cells: dict[float, np.ndarray], resamples: int = RESAMPLES
) -> tuple[float, float, float]:
  """`rank_correlation`, low and high; NaN where one seed stands alone."""
  value = rank_correlation(cells)
  if min(map(len, cells.values())) < 2 or math.isnan(value):
    return value, math.nan, math.nan
  rng = np.random.default_rng(0)
  draw = lambda x: x[rng.integers(0, len(x), len(x))]
  draws = [
    rank_correlation({s: draw(v) for s, v in cells.items()})
    for _ in range(resamples)
  ]
  low, high = np.nanquantile(draws, [0.025, 0.975])
  return value, float(low), float(high)


def deviation(cells: dict[float, np.ndarray]) -> float:
  """Standard deviation between seeds, pooled over strengths (n - 1)."""
  squares = sum(np.sum(np.square(v - v.mean())) for v in cells.values())
  free = sum(len(v) - 1 for v in cells.values())
  return math.sqrt(squares / free) if free else math.nan


def _figure(value: float, low: float, high: float, sign: str = '+') -> str:
  if math.isnan(low):
    return f'{value:{sign}.3f} (no interval)'
  return f'{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]'


def table(
  cells: dict[str, dict[float, np.ndarray]], pairs: list[tuple[float, float]]
) -> str:
  """Markdown of one score: method -> strength -> scores over seeds.

  Raises:
    ConfigError: a strength of `pairs` that a method does not have.
  """
  named = [f'at {b:g} minus at {a:g}' for a, b in pairs] or ['last minus first']
  lines = [
    '| method | runs | deviation of seeds | share of the seed | rank '
    f'correlation | {" | ".join(named)} |',
    '|---' * (5 + len(named)) + '|',
  ]
  for method, own in cells.items():
    strength = np.repeat(list(own), [len(v) for v in own.values()])
    values = np.concatenate(list(own.values()))
    shares = statistics.variance_shares(
      values, np.zeros(len(values)), strength
    ).loc['seed']
    row = [
      method,
      str(len(values)),
      f'{deviation(own):.3f}',
      _figure(shares['share'], shares['low'], shares['high'], ''),
      _figure(*rank_interval(own)),
    ]
    for a, b in pairs or [(min(own), max(own))]:
      for strength in (a, b):
        if strength not in own:
          raise errors.choices('--pairs', strength, map(str, own))
      row.append(_figure(*statistics.difference_interval(own[b], own[a])))
    lines.append(f'| {" | ".join(row)} |')
  return '\n'.join(lines)


def cells_of(study, name: str, chosen: list[float]) -> dict:
  """method -> strength -> finite scores over seeds, strengths ascending.

  Raises:
    ConfigError: a score that the study does not hold.
  """
  column_of = {
    score: i
    for i, (score, representation) in enumerate(study.scores.columns)
    if representation in ('', 'mean')
  }
  if name not in column_of:
    raise errors.choices('--scores', name, column_of)
  values = study.scores.iloc[:, column_of[name]].to_numpy()
  cells = {}
  for (method, strength), part in study.runs.groupby(
    ['method', 'strength'], sort=False
  ):
    own = values[part.index.to_numpy()]
    own = own[np.isfinite(own)]
    if len(own) and (not chosen or strength in chosen):
      cells.setdefault(method, {})[float(strength)] = own
  return {method: dict(sorted(own.items())) for method, own in cells.items()}
