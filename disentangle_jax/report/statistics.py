"""Statistics of scores over seeds: summaries, intervals, comparisons, shares.

A cell is what a table row shows: all runs of one data set, method and strength
that differ in their seed alone. Resampling draws runs with replacement inside
each cell and never across cells (a stratified bootstrap), so that an interval
speaks of other seeds of the same sweep, not of other sweeps.

Every summary here is an L-statistic, a weighted sum of sorted values. The
resampled statistics of all cells of one size are therefore one matrix product
of sorted values with weights that depend on the resampling counts alone.

All functions are plain NumPy in float64; values that are not finite are left
out and the caller reports how many there were.
"""

from collections.abc import Sequence
import functools
import math
import statistics as stdlib_statistics

import numpy as np
import pandas as pd

SUMMARIES = ('mean', 'median', 'interquartile_mean')
RESAMPLES = 5000
LEVEL = 0.95


def finite(values: np.ndarray) -> np.ndarray:
  """Returns the finite entries of `values`, float64 [n]."""
  values = np.asarray(values, np.float64).ravel()
  return values[np.isfinite(values)]


def summary_weights(counts: np.ndarray, summary: str) -> np.ndarray:
  """Weights of sorted values whose multiplicities are `counts`.

  Args:
    counts: int64 [B, n], row sums n: how often each of the n sorted values was
      drawn.
    summary: one of SUMMARIES.

  Returns:
    float64 [B, n], row sums 1: the statistic of row b is weights[b] @ sorted.
  """
  n = counts.shape[1]
  cut = {'mean': 0, 'median': (n - 1) // 2, 'interquartile_mean': n // 4}
  if summary not in cut:
    raise ValueError(f'summary = {summary!r}: must be one of {SUMMARIES}')
  k = cut[summary]
  above = np.cumsum(counts, axis=1)
  below = above - counts
  # Value j fills the places below[j] .. above[j] of the sorted resample; the
  # statistic averages the places k .. n - k.
  kept = np.minimum(above, n - k) - np.maximum(below, k)
  return np.maximum(kept, 0) / (n - 2 * k)


def summarise(values: np.ndarray, summary: str = 'mean') -> float:
  """Mean, median or interquartile mean of the finite values.

  The interquartile mean drops floor(n / 4) values at each end and averages the
  rest: as robust as a median to a few failed seeds, with a narrower interval
  (Agarwal et al., 2021, "Deep reinforcement learning at the edge of the
  statistical precipice", section 4.3).

  Args:
    values: float [n], any shape is flattened.
    summary: one of SUMMARIES.

  Returns:
    The statistic in the unit of the values; NaN when none is finite.
  """
  values = finite(values)
  if not values.size:
    return math.nan
  ones = np.ones((1, values.size), np.int64)
  return float(summary_weights(ones, summary)[0] @ np.sort(values))


def _counts(rng: np.random.Generator, n: int, resamples: int) -> np.ndarray:
  return rng.multinomial(n, np.full(n, 1 / n), size=resamples)


@functools.lru_cache(maxsize=256)
def _counts_of(seed: tuple[int, ...], n: int, resamples: int) -> np.ndarray:
  """Counts that depend on the seed alone: the same for every score."""
  counts = _counts(np.random.default_rng(seed), n, resamples)
  counts.flags.writeable = False
  return counts


def bootstrap_interval(
  cells: Sequence[np.ndarray],
  summary: str = 'mean',
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> np.ndarray:
  """Percentile bootstrap interval of a summary, one per cell.

  Efron and Tibshirani, 1993, "An introduction to the bootstrap", section 13.3.
  Percentile intervals of fewer than about ten seeds are too narrow; one seed
  has no interval at all.

  Args:
    cells: G arrays of values over seeds; sizes may differ.
    summary: one of SUMMARIES.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling; the same seed gives the same interval.

  Returns:
    float64 [G, 2], low and high; NaN for cells with fewer than two finite
    values.
  """
  cells = [np.sort(finite(cell)) for cell in cells]
  interval = np.full((len(cells), 2), np.nan)
  tails = [(1 - level) / 2, (1 + level) / 2]
  sizes = np.array([cell.size for cell in cells])
  for n in sorted(set(sizes[sizes >= 2].tolist())):
    weights = summary_weights(_counts_of((seed, n), n, resamples), summary)
    where = np.flatnonzero(sizes == n)
    for part in np.array_split(where, 1 + where.size // 512):
      draws = np.stack([cells[g] for g in part]) @ weights.T  # [g, B]
      interval[part] = np.quantile(draws, tails, axis=1).T
  return interval


def stratified_interval(
  cells: Sequence[np.ndarray],
  summary: str = 'mean',
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> tuple[float, float, float]:
  """A summary of all values of several cells, resampled inside each cell.

  For a method over its strengths: the strengths are the strata, so that every
  resample holds each strength as often as the sweep does (Agarwal et al.,
  2021, section 4.2; Efron and Tibshirani, 1993, chapter 8).

  Args:
    cells: G arrays of values over seeds.
    summary: one of SUMMARIES, taken over the values of all cells together.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    (estimate, low, high); the interval is NaN when any cell with values has
    fewer than two, for such a cell would count as known without error.
  """
  cells = [cell for cell in map(finite, cells) if cell.size]
  if not cells:
    return math.nan, math.nan, math.nan
  values = np.concatenate(cells)
  estimate = summarise(values, summary)
  if min(cell.size for cell in cells) < 2:
    return estimate, math.nan, math.nan
  rng = np.random.default_rng(seed)
  counts = np.concatenate(
    [_counts(rng, cell.size, resamples) for cell in cells], axis=1
  )
  order = np.argsort(values, kind='stable')
  draws = summary_weights(counts[:, order], summary) @ values[order]
  low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
  return estimate, float(low), float(high)


def difference_interval(
  first: np.ndarray,
  second: np.ndarray,
  summary: str = 'mean',
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> tuple[float, float, float]:
  """Difference first - second of a summary with its percentile interval.

  The two cells are resampled independently (Efron and Tibshirani, 1993,
  section 8.3).

  Args:
    first: float [n], values over seeds.
    second: float [m], values over seeds.
    summary: one of SUMMARIES.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    (difference, low, high); the interval is NaN when either side has fewer
    than two finite values.
  """
  first, second = np.sort(finite(first)), np.sort(finite(second))
  difference = summarise(first, summary) - summarise(second, summary)
  if min(first.size, second.size) < 2:
    return difference, math.nan, math.nan
  rng = np.random.default_rng(seed)
  draws = summary_weights(_counts(rng, first.size, resamples), summary) @ first
  draws -= (
    summary_weights(_counts(rng, second.size, resamples), summary) @ second
  )
  low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
  return difference, float(low), float(high)


def paired_interval(
  first: np.ndarray,
  second: np.ndarray,
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> tuple[float, float, float]:
  """Mean of first - second, entry by entry, with its percentile interval.

  Two settings of the same seeds share what the seed decides; that part of the
  spread is in both and cancels.

  Args:
    first: float [n], one value per seed.
    second: float [n], of the same seeds in the same order.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    (difference, low, high) over the seeds where both are finite; the interval
    is NaN where there are fewer than two.

  Raises:
    ValueError: if the lengths differ.
  """
  first, second = np.asarray(first, float), np.asarray(second, float)
  if first.shape != second.shape:
    raise ValueError(f'{first.shape} values against {second.shape}')
  apart = first - second
  ((low, high),) = bootstrap_interval([apart], 'mean', level, resamples, seed)
  return summarise(apart), float(low), float(high)


def probability_of_improvement(
  first: Sequence[np.ndarray],
  second: Sequence[np.ndarray],
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> tuple[float, float, float]:
  """Probability that a run of the first beats a run of the second.

  P(x > y) + P(x = y) / 2 for x and y drawn from the two, the Mann-Whitney
  statistic over n m. Cell g of the first meets cell g of the second and the
  probabilities are averaged (Agarwal et al., 2021, section 4.3); for one
  setting against another give one cell each. Higher counts as better: negate
  scores of the other direction.

  Args:
    first: G arrays of values over seeds, one per stratum.
    second: as many arrays.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    (probability in [0, 1], low, high), NaN where there are no values (the
    probability) or fewer than two in some stratum (the interval).

  Raises:
    ValueError: if the numbers of strata differ.
  """
  first, second = list(map(finite, first)), list(map(finite, second))
  if len(first) != len(second):
    raise ValueError(f'{len(first)} strata against {len(second)}')
  pairs = [(a, b) for a, b in zip(first, second) if a.size and b.size]
  if not pairs:
    return math.nan, math.nan, math.nan
  rng = np.random.default_rng(seed)
  estimates, draws, known = [], 0.0, True
  for a, b in pairs:
    wins = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    estimates.append(wins.mean())
    known &= min(a.size, b.size) >= 2
    left = _counts(rng, a.size, resamples) / a.size
    right = _counts(rng, b.size, resamples) / b.size
    draws = draws + ((left @ wins) * right).sum(axis=1)
  estimate = float(np.mean(estimates))
  if not known:
    return estimate, math.nan, math.nan
  tails = [(1 - level) / 2, (1 + level) / 2]
  low, high = np.quantile(draws / len(pairs), tails)
  return estimate, float(low), float(high)


def seeds_needed(
  probability: float, power: float = 0.8, alpha: float = 0.05
) -> float:
  """Seeds per method for a rank test to tell the two apart.

  Noether, 1987, "Sample size determination for some common nonparametric
  tests", equation 4 with equal group sizes: a two-sided Wilcoxon-Mann-Whitney
  test needs N = (z_{1 - alpha / 2} + z_power)^2 / (3 (p - 1/2)^2) runs
  altogether, half of them of each method. The formula takes the variance under
  no difference, so it asks for more seeds than needed when p is near 0 or 1.

  Args:
    probability: p that a run of one beats a run of the other, in [0, 1].
    power: chance of finding the difference, in (0, 1).
    alpha: chance of a false alarm, in (0, 1).

  Returns:
    Seeds per method, rounded up; inf for p = 1/2, NaN for NaN.
  """
  if not math.isfinite(probability):
    return math.nan
  if probability == 0.5:
    return math.inf
  normal = stdlib_statistics.NormalDist()
  z = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
  return float(math.ceil(z**2 / (6 * (probability - 0.5) ** 2)))


def _shares(n, mean, within, method):
  """Nested decomposition from the sizes, means and sums of squares of cells.

  Args:
    n: int [G], runs per cell.
    mean: float [B, G], means of the cells.
    within: float [B], sum of squares around the cell means.
    method: int [G], method of each cell.

  Returns:
    Plain shares (method, strength) float [B, 2] and the same corrected for
    the sampling error of the means, float [B, 2].
  """
  codes = np.unique(method)
  member = (method == codes[:, None]).astype(float) * n  # [M, G]
  grand = (mean @ n / n.sum())[:, None]
  centre = mean @ member.T / member.sum(axis=1)  # [B, M]
  between = (centre - grand) ** 2 @ member.sum(axis=1)
  strength = ((mean - centre[:, np.searchsorted(codes, method)]) ** 2) @ n
  total = between + strength + within
  with np.errstate(divide='ignore', invalid='ignore'):
    plain = np.stack([between, strength], axis=1) / total[:, None]
    noise = within / (n.sum() - n.size)
    corrected = np.stack(
      [
        between - (codes.size - 1) * noise,
        strength - (n.size - codes.size) * noise,
      ],
      axis=1,
    )
    return plain, corrected / total[:, None]


def variance_shares(
  values: np.ndarray,
  method: np.ndarray,
  strength: np.ndarray,
  level: float = LEVEL,
  resamples: int = RESAMPLES,
  seed: int = 0,
) -> pd.DataFrame:
  """How much of a score is the method, how much the strength, how much luck.

  Nested analysis of variance: the sum of squares splits into methods, into
  strengths inside methods, and into the rest, the seed. 'share' subtracts what
  the sampling error of the means adds to the first two (epsilon squared:
  Kelley, 1935, "An unbiased correlation ratio measure"; without it 3 seeds of
  pure noise seem to be explained to a third); 'plain' is the ratio of sums of
  squares, i.e. the R^2 of a regression on one-hot settings that Locatello et
  al. (2019, "Challenging common assumptions in the unsupervised learning of
  disentangled representations", section 5.3) report. The interval is the
  percentile bootstrap moved by its bias (Efron and Tibshirani, 1993, sections
  10.2 and 13.3), cells as strata; with 5 to 20 seeds it covers about nine
  times in ten instead of nineteen in twenty.

  Args:
    values: float [N], one score per run.
    method: [N], method of each run (any hashable labels).
    strength: [N], strength of each run; read inside its method.
    level: coverage aimed at, in (0, 1).
    resamples: B, number of bootstrap samples.
    seed: of the resampling.

  Returns:
    DataFrame with index ('method', 'strength', 'seed') and columns 'share',
    'low', 'high', 'plain', all in [0, 1]; 'share' and 'plain' sum to 1. All
    NaN when no cell has two runs or the scores do not vary.
  """
  values = np.asarray(values, np.float64)
  frame = pd.DataFrame(
    {'value': values, 'method': method, 'strength': strength}
  )[np.isfinite(values)]
  table = pd.DataFrame(
    np.nan,
    index=['method', 'strength', 'seed'],
    columns=['share', 'low', 'high', 'plain'],
  )
  keys = frame.groupby(['method', 'strength'], dropna=False, observed=True)
  cells = [group['value'].to_numpy() for _, group in keys]
  if not cells or max(map(len, cells)) < 2 or np.ptp(frame['value']) == 0:
    return table
  labels = pd.factorize(pd.Index([str(key[0]) for key, _ in keys]))[0]
  n = np.array([cell.size for cell in cells])
  centre = np.array([cell.mean() for cell in cells])
  means = np.empty((resamples, n.size))
  within = np.zeros(resamples)
  observed = spread = 0.0
  for g, cell in enumerate(cells):
    residual = cell - centre[g]
    observed += residual @ residual
    # Resampled residuals vary less than the seeds do, by (n - 1) / n.
    residual = residual * math.sqrt(cell.size / max(cell.size - 1, 1))
    spread += residual @ residual
    counts = _counts_of((seed, g), cell.size, resamples)
    shift = counts @ residual / cell.size
    means[:, g] = centre[g] + shift
    within += counts @ residual**2 - cell.size * shift**2
  thirds = lambda x: np.concatenate([x, 1 - x.sum(1, keepdims=True)], axis=1)
  shares = lambda mean, rest: map(thirds, _shares(n, mean, rest, labels))
  plain, share = shares(centre[None], np.array([observed]))
  table['plain'] = plain[0]
  # A share below zero is noise; the others then keep their proportions.
  positive = np.maximum(share[0], 0)
  table['share'] = positive / positive.sum()
  if n.min() >= 2:
    # In the bootstrap's world the cell means are known: the share that the
    # resampled estimates scatter around is the plain one.
    world, _ = shares(centre[None], np.array([spread]))
    _, drawn = shares(means, within)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.nanquantile(drawn - world, tails, axis=0)
    table['low'] = np.clip(share[0] + low, 0, 1)
    table['high'] = np.clip(share[0] + high, 0, 1)
  return table


def rank_correlation(table: pd.DataFrame) -> pd.DataFrame:
  """Spearman correlation between the columns, over the rows they share.

  Spearman, 1904: the Pearson correlation of the ranks, ties given their mean
  rank. Between metrics the rows are runs; between data sets the rows are
  (method, strength, seed) or their means.

  Args:
    table: float, one row per run and one column per score; NaN is left out
      pairwise.

  Returns:
    float64 [columns, columns] in [-1, 1]; NaN where fewer than three rows
    have both or a column is constant.
  """
  values = table.to_numpy(np.float64)
  values = np.where(np.isfinite(values), values, np.nan)
  if np.isnan(values).any():
    frame = pd.DataFrame(values, index=table.index, columns=table.columns)
    return frame.corr('spearman', min_periods=3)
  if len(values) < 3:
    return pd.DataFrame(np.nan, table.columns, table.columns)
  ranks = table.rank().to_numpy()
  with np.errstate(divide='ignore', invalid='ignore'):
    matrix = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
  return pd.DataFrame(matrix, table.columns, table.columns)
