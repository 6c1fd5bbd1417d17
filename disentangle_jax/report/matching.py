"""Two methods compared where they cost the same.

Strengths of different objectives mean different things: gamma of FactorVAE is
not beta of beta-VAE. Kim and Mnih (2018, "Disentangling by factorising",
https://arxiv.org/abs/1802.05983, figures 4 to 6) therefore compare scores at
equal reconstruction error.
"""

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np


class Cell(NamedTuple):
  """The runs of one strength.

  Attributes:
    cost: float [n], e.g. reconstruction error per run.
    score: float [n].
  """

  cost: np.ndarray
  score: np.ndarray


def _means(cells: Sequence[Cell], rng: np.random.Generator | None):
  """Mean cost and score per cell; of resampled runs with a generator."""
  points = []
  for cell in cells:
    fine = np.isfinite(cell.cost) & np.isfinite(cell.score)
    cost, score = cell.cost[fine], cell.score[fine]
    if not cost.size:
      continue
    pick = slice(None)
    if rng is not None:
      pick = rng.integers(0, cost.size, cost.size)
    points.append((cost[pick].mean(), score[pick].mean()))
  points = np.array(sorted(points)).reshape(-1, 2)
  return points[:, 0], points[:, 1]


def _difference(first, second) -> float:
  """Mean over the strengths of the first that lie in the second's range."""
  (cost, score), (other_cost, other_score) = first, second
  if other_cost.size < 2 or not cost.size:
    return math.nan
  inside = (cost >= other_cost[0]) & (cost <= other_cost[-1])
  if not inside.any():
    return math.nan
  expected = np.interp(cost[inside], other_cost, other_score)
  return float(np.mean(score[inside] - expected))


def difference_at_equal_cost(
  first: Sequence[Cell],
  second: Sequence[Cell],
  level: float = 0.95,
  resamples: int = 2000,
  seed: int = 0,
) -> tuple[float, float, float, int]:
  """Score of the first minus that of the second where both cost the same.

  The mean score of the second is interpolated linearly between the mean costs
  of its strengths; the strengths of the first that fall inside that range are
  compared with it and the differences averaged. Interval: percentile bootstrap
  over the runs of every cell.

  Args:
    first: one Cell per strength.
    second: one Cell per strength.
    level: coverage aimed at, in (0, 1).
    resamples: number of bootstrap samples.
    seed: of the resampling.

  Returns:
    (difference, low, high, strengths compared); NaN and 0 where the ranges of
    cost do not meet, a NaN interval where a cell has fewer than two runs.
  """
  means = _means(first, None), _means(second, None)
  difference = _difference(*means)
  if math.isnan(difference):
    return math.nan, math.nan, math.nan, 0
  cost, other = means[0][0], means[1][0]
  compared = int(np.sum((cost >= other[0]) & (cost <= other[-1])))
  if min(cell.cost.size for cell in (*first, *second)) < 2:
    return difference, math.nan, math.nan, compared
  rng = np.random.default_rng(seed)
  drawn = [
    _difference(_means(first, rng), _means(second, rng))
    for _ in range(resamples)
  ]
  low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
  return difference, float(low), float(high), compared
