"""What a study concludes, and what it would have with fewer of its seeds.

Statements are about one score on one data set: which setting and which method
is best, which of two methods is better, whether the score rises or falls with
the strength. Each is drawn again from some of the seeds, for many choices of
them, and counted where it comes out as from all.
"""

from collections.abc import Sequence
import itertools
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

SIZES = (3, 5, 10, 20)  # numbers of seeds to ask about
CHOICES = 1000  # of seeds, at most
PAIRED = 8  # methods; of more, each is compared with the best alone
_ROUNDING = 9  # decimals of a covariance of ranks that count


class Settings(NamedTuple):
  """The scores of one data set.

  Attributes:
    values: float [C, S], one row per setting and one column per seed; NaN where
      a setting does not have a seed.
    labels: C names of settings.
    method: C names of methods.
    strength: float [C]; NaN for none.
    strength_name: C names of what is varied.
  """

  values: np.ndarray
  labels: Sequence[str]
  method: Sequence[str]
  strength: np.ndarray
  strength_name: Sequence[str]


class Statement(NamedTuple):
  """A conclusion from all seeds.

  Attributes:
    text: in words.
    shares: number of seeds -> share of the choices of so many that lead to it,
      in [0, 1].
  """

  text: str
  shares: dict[int, float]


def choices(
  count: int, size: int, most: int = CHOICES, seed: int = 0
) -> np.ndarray:
  """Which seeds are kept: all ways to choose, or a sample of them.

  Args:
    count: S, seeds that there are.
    size: seeds to choose, in [0, S], without replacement.
    most: B, ways that are looked at; where there are more, so many are drawn.
    seed: of the draws.

  Returns:
    bool [B, S], `size` of each row True.
  """
  if math.comb(count, size) <= most:
    rows = [list(row) for row in itertools.combinations(range(count), size)]
  else:
    rng = np.random.default_rng(seed)
    rows = rng.random((most, count)).argsort(axis=1)[:, :size]
  chosen = np.zeros((len(rows), count), bool)
  np.put_along_axis(chosen, np.array(rows, int).reshape(-1, size), True, axis=1)
  return chosen


def _remaining(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
  """Scores [B, C, S] that are left, NaN elsewhere.

  A setting that has no more seeds than are chosen keeps all of them: a baseline
  that was run once stands for itself.
  """
  has = np.isfinite(values)
  few = has.sum(axis=1) <= chosen.sum(axis=1)[:, None]
  left = (chosen[:, None, :] | few[:, :, None]) & has
  return np.where(left, values, np.nan)


def _means(remaining: np.ndarray) -> np.ndarray:
  """Mean over the seeds that are left, float [B, C]; NaN of none."""
  count = np.isfinite(remaining).sum(axis=2)
  with np.errstate(invalid='ignore', divide='ignore'):
    return np.nansum(remaining, axis=2) / count


def _trend(remaining: np.ndarray, strength: np.ndarray) -> np.ndarray:
  """Sign of Spearman's correlation of strength and score, float [B].

  Args:
    remaining: float [B, M, S], scores of the settings of one method.
    strength: float [M].
  """
  scores = remaining.reshape(len(remaining), -1)
  there = np.isfinite(scores)
  strengths = np.broadcast_to(strength[:, None], remaining.shape[1:]).ravel()
  strengths = np.where(there, strengths, np.nan)
  ranks = [
    stats.rankdata(x, axis=1, nan_policy='omit') for x in (strengths, scores)
  ]
  count = np.maximum(there.sum(axis=1, keepdims=True), 1)
  apart = [x - np.nansum(x, axis=1, keepdims=True) / count for x in ranks]
  covariance = np.nansum(apart[0] * apart[1], axis=1) / count[:, 0]
  return np.sign(np.round(covariance, _ROUNDING))


def _outcomes(
  settings: Settings, sign: float, chosen: np.ndarray
) -> dict[tuple[str, ...], np.ndarray]:
  """What each choice of seeds leads to.

  Returns:
    ('setting',) -> index of the best setting; ('method',) -> index of the best
    method; ('order', a, b) -> 1 where a is better at its best setting than b,
    -1 where b is; ('trend', a) -> sign of the correlation with the strength.
    Each float [B], NaN or 0 where nothing can be said.
  """
  remaining = _remaining(settings.values, chosen)
  gain = sign * _means(remaining)
  gain = np.where(np.isfinite(gain), gain, -np.inf)
  methods = list(dict.fromkeys(settings.method))
  of = {m: np.flatnonzero(np.array(settings.method) == m) for m in methods}
  best = {m: gain[:, rows].max(axis=1) for m, rows in of.items()}
  known = np.isfinite(gain).any(axis=1)
  winner = np.where(known, gain.argmax(axis=1), np.nan)
  outcomes = {('setting',): winner}
  if len(methods) > 1:
    which = np.stack([best[m] for m in methods]).argmax(axis=0)
    outcomes['method',] = np.where(known, which, np.nan)
  for a, b in itertools.combinations(methods, 2):
    both = np.isfinite(best[a]) & np.isfinite(best[b])
    order = np.sign(np.where(both, best[a], 0) - np.where(both, best[b], 0))
    outcomes['order', a, b] = order
  for m, rows in of.items():
    rows = rows[np.isfinite(settings.strength[rows])]
    if np.unique(settings.strength[rows]).size > 1:
      outcomes['trend', m] = _trend(remaining[:, rows], settings.strength[rows])
  return outcomes


def _text(settings: Settings, score: str, key, outcome: float) -> str:
  """The statement in words."""
  methods = list(dict.fromkeys(settings.method))
  if key[0] == 'setting':
    return f'{settings.labels[int(outcome)]} is the best setting'
  if key[0] == 'method':
    return f'{methods[int(outcome)]} has the best setting of all methods'
  if key[0] == 'order':
    first, second = key[1:] if outcome > 0 else key[:0:-1]
    return f'{first} is better than {second}, each at its best'
  row = list(settings.method).index(key[1])
  verb = 'rises' if outcome > 0 else 'falls'
  return f'{score} of {key[1]} {verb} with {settings.strength_name[row]}'


def _told(methods: Sequence[str], best: str, key: tuple[str, ...]) -> bool:
  """Whether a statement is shown: of two methods once, of many the best's."""
  if key[0] != 'order':
    return True
  return len(methods) > 2 and (len(methods) <= PAIRED or best in key[1:])


def statements(
  settings: Settings,
  score: str,
  sign: float,
  sizes: Sequence[int] = SIZES,
  most: int = CHOICES,
) -> list[Statement]:
  """The conclusions of a study, and how often fewer seeds lead to them.

  Args:
    settings: scores of one data set.
    score: its name.
    sign: -1 where a lower score is better.
    sizes: numbers of seeds; those below S count.
    most: choices of seeds that are looked at, for each size.

  Returns:
    What all S seeds say: best setting, best method, orders of pairs of methods,
    directions of the strength; nothing of what they leave open.
  """
  count = settings.values.shape[1]
  whole = _outcomes(settings, sign, np.ones((1, count), bool))
  sizes = [size for size in sizes if size < count]
  parts = {
    size: _outcomes(settings, sign, choices(count, size, most))
    for size in sizes
  }
  methods = list(dict.fromkeys(settings.method))
  winner = whole['setting',][0]
  best = '' if math.isnan(winner) else settings.method[int(winner)]
  said = []
  for key, (outcome,) in whole.items():
    open_end = math.isnan(outcome) or (
      key[0] in ('order', 'trend') and outcome == 0
    )
    if open_end or not _told(methods, best, key):
      continue
    shares = {
      size: float(np.mean(part[key] == outcome)) for size, part in parts.items()
    }
    said.append(Statement(_text(settings, score, key, outcome), shares))
  return said


def settings_of(
  cells: pd.DataFrame, runs: pd.DataFrame, values: np.ndarray, dataset: str
) -> Settings:
  """The scores of one data set, by setting and seed.

  Args:
    cells: of a `tables.Study`.
    runs: of the same.
    values: float [N], one score per run.
    dataset: name of the data set.

  Returns:
    The settings in the order of the cells; several runs of one setting and seed
    count as their mean.
  """
  cells = cells[cells['dataset'] == dataset]
  table = runs.assign(value=np.where(np.isfinite(values), values, np.nan))
  table = table[table['cell'].isin(cells.index)]
  wide = table.pivot_table('value', 'cell', 'seed', dropna=False)
  return Settings(
    values=wide.reindex(cells.index).to_numpy(float),
    labels=cells['label'].tolist(),
    method=cells['method'].tolist(),
    strength=cells['strength'].to_numpy(float),
    strength_name=cells['strength_name'].tolist(),
  )
