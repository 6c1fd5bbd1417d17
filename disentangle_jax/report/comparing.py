"""Statistics of two studies set side by side: which wins, how often, where.

Ideas of Agarwal et al. (2021, "Deep reinforcement learning at the edge of the
statistical precipice", section 4), in the words of `statistics`: cells hold
values over seeds, and resampling never crosses them.
"""

from collections.abc import Sequence
import math

import numpy as np

from disentangle_jax.report import statistics


def improvement_matrix(cells: Sequence[np.ndarray]) -> np.ndarray:
  """Probability that a run of one setting beats a run of another.

  P(x > y) + P(x = y) / 2, the Mann-Whitney statistic over n m, of every pair.
  Higher counts as better: negate scores of the other direction.

  Args:
    cells: G arrays of values over seeds.

  Returns:
    float64 [G, G] in [0, 1], row against column, 1/2 on the diagonal; entries
    (a, b) and (b, a) sum to 1. NaN where a cell has no finite value.
  """
  cells = [np.sort(statistics.finite(cell)) for cell in cells]
  matrix = np.full((len(cells), len(cells)), math.nan)
  for a, row in enumerate(cells):
    for b, column in enumerate(cells):
      if row.size and column.size:
        below = np.searchsorted(column, row, 'left').sum()
        upto = np.searchsorted(column, row, 'right').sum()
        matrix[a, b] = (below + upto) / (2 * row.size * column.size)
  return matrix


def performance_profile(
  cells: Sequence[np.ndarray],
  thresholds: np.ndarray,
  level: float = statistics.LEVEL,
  resamples: int = 2000,
  seed: int = 0,
) -> np.ndarray:
  """Share of runs above each threshold, with its pointwise interval.

  The run-score distribution of Agarwal et al. (2021, section 4.2), 1 minus the
  empirical distribution function of all runs; the percentile bootstrap draws
  runs again inside each cell.

  Args:
    cells: G arrays of values over seeds.
    thresholds: float [T].
    level: coverage aimed at by the interval of one threshold, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    float64 [T, 3]: share of runs with a greater value, low, high, in [0, 1].
    NaN without values; the interval is NaN where a cell has fewer than two.
  """
  thresholds = np.asarray(thresholds, np.float64)
  cells = [cell for cell in map(statistics.finite, cells) if cell.size]
  profile = np.full((thresholds.size, 3), math.nan)
  if not cells:
    return profile
  total = sum(cell.size for cell in cells)
  above = [cell[:, None] > thresholds for cell in cells]  # [n, T]
  profile[:, 0] = sum(part.sum(axis=0) for part in above) / total
  if min(cell.size for cell in cells) < 2:
    return profile
  rng = np.random.default_rng(seed)
  draws = np.zeros((resamples, thresholds.size))
  for cell, part in zip(cells, above):
    even = np.full(cell.size, 1 / cell.size)
    draws += rng.multinomial(cell.size, even, size=resamples) @ part
  tails = [(1 - level) / 2, (1 + level) / 2]
  profile[:, 1:] = np.quantile(draws / total, tails, axis=0).T
  return profile
