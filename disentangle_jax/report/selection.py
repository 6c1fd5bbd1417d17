"""Model selection: which method wins, which strength transfers, who can choose.

Three questions of Locatello et al., 2019, "Challenging common assumptions in
the unsupervised learning of disentangled representations" (section 5), on
tables with one row per run. Everything is computed exactly from the runs at
hand; nothing here draws random numbers.
"""

from collections.abc import Sequence
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import statistics


def best_matrix(
  table: pd.DataFrame, method: Sequence[str], lower: Sequence[str] = ()
) -> pd.DataFrame:
  """How often each method gives the best run, per score.

  One run is drawn from every method, uniformly over its strengths and seeds;
  the entry is the probability that the row's method has the best of them. Ties
  are broken by chance. With F_j the share of method j's runs below v and f_j
  the share at v, the row of method i is
  sum_v f_i(v) int_0^1 prod_{j != i} (F_j(v) + t f_j(v)) dt.

  Args:
    table: float, one row per run and one column per score.
    method: N labels, the method of each run.
    lower: columns where a lower value is better.

  Returns:
    float64 [methods, columns] in [0, 1]; a column sums to 1 over the methods
    that have the score, the others are NaN.
  """
  method = np.asarray(method, object)
  result = pd.DataFrame(
    np.nan, index=list(dict.fromkeys(method)), columns=table.columns
  )
  for column in table.columns:
    values = table[column].to_numpy(np.float64)
    values = -values if column in lower else values
    runs = {m: statistics.finite(values[method == m]) for m in result.index}
    runs = {m: np.sort(v) for m, v in runs.items() if v.size}
    if not runs:
      continue
    grid = np.unique(np.concatenate(list(runs.values())))
    rank = lambda v, side, grid=grid: np.searchsorted(v, grid, side) / v.size
    below = np.stack([rank(v, 'left') for v in runs.values()])
    at = np.stack([rank(v, 'right') for v in runs.values()]) - below
    # Exact: the integrand is a polynomial of degree len(runs) - 1.
    nodes, gauss = np.polynomial.legendre.leggauss(len(runs))
    t, gauss = (nodes + 1) / 2, gauss / 2
    for i, name in enumerate(runs):
      others = np.arange(len(runs)) != i
      product = np.prod(below[others, :, None] + at[others, :, None] * t, 0)
      result.loc[name, column] = at[i] @ (product @ gauss)
  return result


def transfer(
  sources: pd.DataFrame, targets: pd.DataFrame, lower: Sequence[str] = ()
) -> pd.DataFrame:
  """Does the best setting by one score do well by another?

  For a source column and a seed s, take the setting (method and strength) with
  the best source score at s; the entry is the probability that its run of
  another seed s' != s beats a run drawn from all settings and seeds by the
  target column, averaged over s and s'. One half is what a setting chosen by
  chance reaches; the diagonal is what the spread over seeds leaves of choosing
  by the target itself (Locatello et al., 2019, section 5.4). The two tables
  are the same for transfer between metrics, and those of two data sets, with
  the same settings, for transfer between data sets.

  Args:
    sources: float, index ('setting', 'seed'), one column per score to choose
      by.
    targets: float, the same index levels, one column per score to be judged
      by.
    lower: columns where a lower value is better.

  Returns:
    float64 [source columns, target columns] in [0, 1]; NaN when there are
    fewer than two settings or two seeds to work with.
  """
  result = pd.DataFrame(
    np.nan, index=sources.columns, columns=targets.columns, dtype=float
  )
  seeds = sources.index.get_level_values('seed').unique()
  seeds = seeds.intersection(targets.index.get_level_values('seed'))
  settings = sources.index.get_level_values('setting').unique()
  settings = settings.intersection(targets.index.get_level_values('setting'))
  if len(seeds) < 2 or len(settings) < 2:
    return result

  def grid(column: pd.Series) -> np.ndarray:
    column = column[~column.index.duplicated()]
    values = column.unstack('seed').reindex(index=settings, columns=seeds)
    values = values.to_numpy(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    return -values if column.name in lower else values

  wins = {}
  for name in targets.columns:
    values = grid(targets[name])
    pool = np.sort(statistics.finite(values))
    if pool.size:
      rank = np.searchsorted(pool, values) + np.searchsorted(
        pool, values, 'right'
      )
      wins[name] = np.where(np.isnan(values), np.nan, rank / (2 * pool.size))
  for source in sources.columns:
    values = grid(sources[source])
    usable = np.flatnonzero(np.isfinite(values).any(axis=0))
    if not usable.size:
      continue
    chosen = np.nanargmax(values[:, usable], axis=0)
    for target, won in wins.items():
      other = won[chosen].copy()  # [usable seeds, seeds]
      other[np.arange(usable.size), usable] = np.nan  # never the same seed
      if np.isfinite(other).any():
        result.loc[source, target] = np.nanmean(other)
  return result


def selection_quality(
  criterion: np.ndarray, score: np.ndarray, candidates: int = 10
) -> dict[str, float]:
  """How well a criterion that needs no labels picks runs with a high score.

  Draw `candidates` runs without replacement, keep the one that the criterion
  likes best. The chance that the run of rank r (from below, among n) is kept
  is C(r - 1, k - 1) / C(n, k), so the expectation over all draws is exact. The
  question is that of Duan et al., 2020, "Unsupervised model selection for
  variational disentangled representation learning" (section 5).

  Args:
    criterion: float [N], higher is better (negate the ELBO's loss and the
      like).
    score: float [N], the supervised score of the same runs, higher is better.
    candidates: k, runs to choose from; at most the number of usable runs.

  Returns:
    'n': runs with both values; 'rank_correlation': Spearman, [-1, 1];
    'chosen': expected score of the kept run; 'chance': mean score; 'best':
    expected best score among k; 'recovered': (chosen - chance) /
    (best - chance), 1 for a perfect criterion, 0 for a blind one, negative for
    a misleading one. NaN where fewer than three runs have both.
  """
  criterion = np.asarray(criterion, np.float64)
  score = np.asarray(score, np.float64)
  both = np.isfinite(criterion) & np.isfinite(score)
  criterion, score = criterion[both], score[both]
  n = criterion.size
  names = ('rank_correlation', 'chosen', 'chance', 'best', 'recovered')
  if n < 3:
    return {'n': n} | dict.fromkeys(names, math.nan)
  k = min(candidates, n)
  total = math.comb(n, k)
  weight = np.array([math.comb(r, k - 1) / total for r in range(n)])

  def expected(by: np.ndarray) -> float:
    # Runs that tie in the criterion share their chances.
    groups = pd.Series(score).groupby(by).agg(['mean', 'size'])
    ends = groups['size'].cumsum().to_numpy()
    mass = np.diff(np.concatenate([[0], np.cumsum(weight)])[[0, *ends]])
    return float(mass @ groups['mean'].to_numpy())

  frame = pd.DataFrame({'criterion': criterion, 'score': score})
  correlation = statistics.rank_correlation(frame).iloc[0, 1]
  chosen, chance, best = expected(criterion), score.mean(), expected(score)
  gain = best - chance
  return {
    'n': n,
    'rank_correlation': float(correlation),
    'chosen': chosen,
    'chance': float(chance),
    'best': best,
    'recovered': (chosen - chance) / gain if gain > 0 else math.nan,
  }
