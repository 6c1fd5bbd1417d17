"""Intervals over rows: how far a score of given arrays is sure.

An interval says how far the score would move with other rows of the same
source; it holds no spread between trained models, which takes several seeds.
Training and test rows are resampled apart, so that no row serves for both.

`bootstrap`, for smooth means over rows: n of n rows with replacement, and the
quantiles of the scores of such samples (Efron & Tibshirani 1993, "An
introduction to the bootstrap", chapter 13).

The other two take m of n rows without replacement. Rows taken twice would be
ties that a score mistakes for structure: plug-in information rises, trees and
neighbours find a row's copy, pairs have no difference. With t the score and
r = (t_m - t_n) sqrt(m / (n - m)), the quantiles of r over subsamples stand for
those of t_n less what it estimates (Politis & Romano 1994,
https://doi.org/10.1214/aos/1176325770, section 2; the factor is that of the
delete-d jackknife, Efron & Tibshirani 1993, section 11.7): the variance of a
mean over m of n rows about that of all n is (n - m) / m of the variance sought.

`subsample`, the default: m = n // 2, the interval is t_n less the quantiles of
r - mean(r). It is one for the expected score of n such rows: most of these
scores depend on n by definition (penalties, training sets, extremes, draws).

`debiased`, for information of binned or paired values: m = 4 n // 5, the
interval is t_n less the quantiles of r. As it follows the mean of r, it is
moved by half of a bias B / n and by 9/8 of a bias B / n^2, towards the score of
endlessly many rows. It may leave t_n out: so few rows have a biased score.

Ends are cut to the range of the score. NaN where a resample has no score, e.g.
accuracies at more labels than a subsample has rows.

Coverage of nominal 95 %: the share of 100 samples of 1,000 rows, 200 resamples
each, whose interval holds the true score (its standard error is 0.02). Codes
are linear in factors of 3, 4 and 5 levels with noise of deviation 0.5. True is
the score of 200,000 rows; for `subsample` the mean score of 400 other samples
of 1,000 rows. `pytest -m slow -s tests/metrics/test_resampling.py` measures it.

| score | way | true | mean interval | coverage |
|---|---|---|---|---|
| `mig_binned` | debiased | 0.481 | 0.459 to 0.502 | 0.94 |
| `modularity` | debiased | 0.963 | 0.942 to 0.985 | 0.88 |
| `mapc` | bootstrap | 0.218 | 0.200 to 0.252 | 0.91 |
| `cvr` | bootstrap | 1.525 | 1.475 to 1.625 | 0.94 |
| `tdv` | bootstrap | 0.899 | 0.892 to 0.907 | 0.94 |
| `aggregate_kl` | bootstrap | 5.909 | 5.643 to 6.259 | 0.96 |
| `aggregate_frechet` | bootstrap | 11.28 | 10.75 to 11.96 | 0.96 |
| `frobenius_degree` | bootstrap | 3.145 | 2.997 to 3.354 | 0.97 |
| `dci_disentanglement_lasso` | subsample | 0.454 | 0.380 to 0.516 | 0.93 |
| `dci_nrmse_lasso` | subsample | 0.413 | 0.393 to 0.432 | 0.90 |
| `explicitness` | subsample | 0.939 | 0.928 to 0.949 | 0.95 |
| `sap` | subsample | 0.223 | 0.187 to 0.256 | 0.99 |
| `single_code_auc` | subsample | 0.807 | 0.802 to 0.811 | 0.92 |
| `irs` | subsample | 0.532 | 0.508 to 0.557 | 0.86 |

Short of 95 %: `irs`, whose scale is the largest deviation, which half of the
rows may lack. With the bootstrap in their place, `single_code_auc` held the
score of 200,000 rows in 0.23 of the samples, `modularity` in 0.64, `mig_binned`
in 0.79. Trees, neighbours and scores of chosen pairs or batches: not measured.
"""

from collections.abc import Mapping
import fractions
import functools
from types import ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.metrics import designs

WAYS = {
  'bootstrap': 'bootstrap (rows with replacement)',
  'subsample': 'subsample (half of the rows, without replacement)',
  'debiased': 'debiased (4/5 of the rows, without replacement)',
  None: 'none',
}
_SHARES = {
  'bootstrap': fractions.Fraction(1),
  'subsample': fractions.Fraction(1, 2),
  'debiased': fractions.Fraction(4, 5),
}
LEAST_RESAMPLES = 20
# Rows that each of training and testing needs: half of them are still two.
_LEAST_ROWS = 4
# Row numbers on the device at once: designs of a million points would take
# gigabytes for all resamples.
_MOST_NUMBERS = 2**23


class Interval(NamedTuple):
  """A score with an interval over rows.

  Attributes:
    value: score of all rows, float; float [S] for `udr`.
    low: lower end, in the range of the score; NaN where there is no interval.
    high: upper end, >= low.
  """

  value: Any
  low: float
  high: float


def check(resamples: Any, confidence: Any) -> None:
  """Refuses numbers of resamples and levels that give no interval.

  Args:
    resamples: 0 for none.
    confidence: nominal coverage.

  Raises:
    ConfigError: `resamples` is neither 0 nor an integer of at least 20, or
      `confidence` is not strictly between 0 and 1.
  """
  whole = isinstance(resamples, int | np.integer)
  whole = whole and not isinstance(resamples, bool)
  if not whole or (resamples != 0 and resamples < LEAST_RESAMPLES):
    rule = f'must be 0, or an integer of at least {LEAST_RESAMPLES}'
    raise errors.value('resamples', resamples, rule)
  real = isinstance(confidence, int | float | np.floating)
  if not real or not 0 < confidence < 1:
    raise errors.value('confidence', confidence, 'must be between 0 and 1')


def way(module: ModuleType) -> str | None:
  """How rows are resampled for a metric: its RESAMPLING, or 'subsample'."""
  return getattr(module, 'RESAMPLING', 'subsample')


class Rows(NamedTuple):
  """The rows that a metric reads, those for training first.

  Attributes:
    codes: leaves float32 [N, ...].
    labels: [N, K].
    counts: numbers of rows for training and for testing; their sum is N.
  """

  codes: types.Codes
  labels: np.ndarray
  counts: tuple[int, int]


def taken(rows: Rows, module: ModuleType) -> tuple[int, int]:
  """Rows of a resample, for training and for testing.

  Args:
    rows: all rows.
    module: of the metric.

  Returns:
    the two numbers.

  Raises:
    ConfigError: too few rows.
  """
  for count in rows.counts:
    if 0 < count < _LEAST_ROWS:
      rule = f'intervals need {_LEAST_ROWS} rows for each, training and testing'
      raise errors.value('factors', f'{count} rows', rule)
  share = _SHARES[way(module)]
  train, test = (int(count * share) for count in rows.counts)
  return train, test


@functools.lru_cache(maxsize=128)
def _program(score, keys):
  """Scores of a block of resamples as one compiled program."""

  def run(key, codes, labels, numbers, index, factor):
    def one(inputs):
      number, points, changed = inputs
      own = jax.tree.map(lambda x: x[points], codes)
      factors = labels[points]
      if changed is not None:
        factors = types.Intervention(factors, changed)
      values = score(jax.random.fold_in(key, number), own, factors)
      return {name: values[name] for name in keys}

    return jax.lax.map(one, (numbers, index, factor))

  return jax.jit(run)


def pick(
  generator: np.random.Generator,
  rows: Rows,
  counts: tuple[int, int],
  replace: bool,
) -> np.ndarray:
  """Numbers of random rows, training rows first, each part in its order.

  Args:
    generator: of the draws.
    rows: to choose from.
    counts: of a resample, for training and for testing.
    replace: whether a row may be taken twice.

  Returns:
    int [sum of counts].
  """
  begins = (0, rows.counts[0])
  return np.concatenate(
    [
      begin + np.sort(generator.choice(total, count, replace))
      for begin, total, count in zip(begins, rows.counts, counts)
      if count
    ]
  )


def _arrange(generator, metric, rows, counts, replace):
  """Row numbers int32 [...] in the metric's arrangement, and the factors."""
  picked = pick(generator, rows, counts, replace)
  arrangement = metric.design.draw(generator, rows.labels[picked], counts[0])
  index = picked[designs.points_of(arrangement)].astype(np.int32)
  changed = getattr(arrangement, 'factor', None)
  return index, changed


def replicates(
  metric: types.Metric,
  keys: tuple[str, ...],
  rows: Rows,
  counts: tuple[int, int],
  replace: bool,
  resamples: int,
  seed: tuple[int, ...],
) -> dict[str, np.ndarray]:
  """Scores of resampled rows.

  Row numbers are drawn on the host; blocks of resamples run one after the other
  in one compiled program.

  Args:
    metric: made for `counts` points where its design has a point per row.
    keys: wanted scores.
    rows: all rows.
    counts: rows of a resample, for training and for testing.
    replace: whether a row may be taken twice.
    resamples: R.
    seed: of the draws.

  Returns:
    key -> float32 [R].

  Raises:
    ConfigError: a resample cannot supply the points that the metric needs.
  """
  generator = np.random.default_rng(seed)

  def draw():
    try:
      return _arrange(generator, metric, rows, counts, replace)
    except errors.ConfigError as error:
      rule = f'a resample of {sum(counts)} rows does not do: {error}'
      raise errors.value('resamples', resamples, rule) from error

  draws = [draw()]
  size = max(1, _MOST_NUMBERS // draws[0][0].size)
  # Blocks of one length share one program; the last one is filled up.
  size = -(-resamples // -(-resamples // min(size, resamples)))
  program = _program(metric.score, keys)
  key = jax.random.key(generator.integers(2**31))
  codes, labels = jax.device_put((rows.codes, rows.labels))
  blocks = []
  for begin in range(0, resamples, size):
    while len(draws) < min(size, resamples - begin):
      draws.append(draw())
    draws += draws[-1:] * (size - len(draws))
    index, changed = zip(*draws)
    changed = None if changed[0] is None else np.stack(changed)
    numbers = np.arange(begin, begin + size, dtype=np.uint32)
    block = program(key, codes, labels, numbers, np.stack(index), changed)
    blocks.append(jax.device_get(block))
    draws = []
  join = lambda name: np.concatenate([block[name] for block in blocks])
  return {name: join(name)[:resamples] for name in keys}


def percentile(samples: np.ndarray, confidence: float) -> tuple[float, float]:
  """The quantiles between which `confidence` of the samples lie.

  Args:
    samples: float [R]; NaN makes both NaN.
    confidence: in (0, 1).

  Returns:
    (low, high).
  """
  tail = (1 - confidence) / 2
  samples = np.asarray(samples, np.float64)
  if not np.all(np.isfinite(samples)):
    return float('nan'), float('nan')
  low, high = np.quantile(samples, [tail, 1 - tail])
  return float(low), float(high)


def rescaled(
  value: float,
  samples: np.ndarray,
  share: float,
  confidence: float,
  debiased: bool,
) -> tuple[float, float]:
  """The interval of scores of subsamples; see the module docstring.

  Args:
    value: score of all n rows.
    samples: float [R], scores of subsamples of m rows.
    share: m / n.
    confidence: in (0, 1).
    debiased: whether the interval follows the mean of the subsamples.

  Returns:
    (low, high).
  """
  root = np.asarray(samples, np.float64) - value
  root = root * np.sqrt(share / (1 - share))
  if not debiased:
    root = root - np.mean(root)
  low, high = percentile(root, confidence)
  return value - high, value - low


def intervals(
  module: ModuleType,
  metric: types.Metric,
  values: Mapping[str, float],
  rows: Rows,
  resamples: int,
  confidence: float,
  seed: tuple[int, ...],
) -> dict[str, Interval]:
  """Scores with their intervals.

  Args:
    module: of the metric, whose RESAMPLING is not None.
    metric: made for `taken` rows.
    values: key -> score of all rows, the wanted ones.
    rows: all rows.
    resamples: number of resamples.
    confidence: nominal coverage, in (0, 1).
    seed: of the draws.

  Returns:
    key -> Interval.

  Raises:
    ConfigError: a resample cannot supply the points that the metric needs.
  """
  keys, counts = tuple(values), taken(rows, module)
  how = way(module)
  samples = replicates(
    metric, keys, rows, counts, how == 'bootstrap', resamples, seed
  )
  share = sum(counts) / sum(rows.counts)
  result = {}
  for key, value in values.items():
    if how == 'bootstrap':
      ends = percentile(samples[key], confidence)
    else:
      ends = rescaled(value, samples[key], share, confidence, how == 'debiased')
    # 'key/<factor>' is as 'key', unless it has an entry of its own.
    entries = module.SCORES
    score = entries.get(key) or entries[key.partition('/')[0]]
    low, high = np.clip(ends, score.low, score.high)
    result[key] = Interval(value, float(low), float(high))
  return result
