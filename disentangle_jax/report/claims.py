"""Claims of papers and what a study's runs say of them.

A claim is written down before the run: which runs, which score, which rule. One
function, `judge`, computes the interval and the verdict, for the page, for
Markdown and for `results/claims.json` alike.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
import json
import math
import re
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import section, statistics, tables

HOLDS, NOT_SHOWN = 'holds', 'not shown'
DOES_NOT_HOLD, VOID, NOT_RUN = 'does not hold', 'void', 'not run'
# With fewer seeds a claim is at best not shown.
LEAST_SEEDS = 5

Direction = Literal['higher', 'lower']
# A name of a score, (name, representation), or `(study) -> float [runs]`.
Score = str | tuple[str, str] | Callable[[tables.Study], np.ndarray]


class Arm(NamedTuple):
  """Some runs of a study.

  Attributes:
    label: what to call them.
    where: column -> value that they have: 'method' (without its variant),
      'variant', 'variant.<name>' (one part of it: '' where it has none),
      'strength', 'dataset', or 'hparams.<name>'; a tuple of values for any of
      them.
  """

  label: str
  where: Mapping[str, Any]


class Difference(NamedTuple):
  """The first arm minus the second, paired over seeds; 0 is no difference.

  Attributes:
    direction: the first arm's, as claimed.
  """

  direction: Direction = 'higher'

  def text(self) -> str:
    """The rule in words."""
    return (
      f'first minus second, paired over seeds: mean {self.direction} than 0, '
      '95 % bootstrap interval without 0'
    )


class Within(NamedTuple):
  """A difference within each run, such as of two scores; 0 is none.

  The claim's score is the difference.

  Attributes:
    direction: of the difference, as claimed.
  """

  direction: Direction = 'higher'

  def text(self) -> str:
    """The rule in words."""
    return (
      f'difference within runs, one per seed: mean {self.direction} than 0, '
      '95 % bootstrap interval without 0'
    )


class Trend(NamedTuple):
  """Spearman's correlation of score and strength, one per seed.

  Attributes:
    direction: 'higher' where the score is claimed to rise with the strength.
    over: the number that the score is set against: 'strength',
      'hparams.<name>' or 'variant.<name>'.
  """

  direction: Direction = 'higher'
  over: str = 'strength'

  def text(self) -> str:
    """The rule in words."""
    return (
      f'rank correlation with {self.over} per seed: mean {self.direction} than '
      '0, 95 % bootstrap interval without 0'
    )


class Threshold(NamedTuple):
  """The share of seeds on the claimed side of a bound, more than half.

  Attributes:
    bound: of the score.
    direction: of the score, as claimed.
  """

  bound: float
  direction: Direction = 'higher'

  def text(self) -> str:
    """The rule in words."""
    return (
      f'seeds {self.direction} than {self.bound:g}: 95 % binomial interval of '
      'their share above one half'
    )


class Estimate(NamedTuple):
  """A number of the whole study with an interval of its own.

  Attributes:
    compute: `(study) -> (value, low, high)`.
    bound: that the interval must leave.
    direction: as claimed.
    name: what the number is.
  """

  compute: Callable[[tables.Study], tuple[float, float, float]]
  bound: float
  direction: Direction
  name: str

  def text(self) -> str:
    """The rule in words."""
    return (
      f'{self.name}: {self.direction} than {self.bound:g} with its whole 95 % '
      'interval'
    )


Rule = Difference | Within | Trend | Threshold | Estimate


class Guard(NamedTuple):
  """What must be so, in every arm, for a claim to mean anything.

  Attributes:
    score: whose mean over runs is looked at.
    low: least value.
    high: greatest value.
    reason: what it means if it is not so.
  """

  score: Score
  low: float = -math.inf
  high: float = math.inf
  reason: str = ''


class Claim(NamedTuple):
  """One statement of a paper, and how a study decides it.

  Attributes:
    statement: one sentence.
    source: paper, with its table, figure or section.
    published: the number or words printed there.
    arms: the runs that it is about; two for a Difference.
    score: of the runs.
    rule: written down before the run.
    seeds: number that it was planned with; LEAST_SEEDS at least.
    guards: against degenerate solutions.
    repeats: the column that numbers the repetitions, where it is not the seed:
      'variant.<name>', e.g. of data sets that are drawn anew.
  """

  statement: str
  source: str
  published: str
  arms: tuple[Arm, ...]
  score: Score
  rule: Rule
  seeds: int = LEAST_SEEDS
  guards: tuple[Guard, ...] = ()
  repeats: str = 'seed'

  def rule_text(self) -> str:
    """The rule in words, and over what where that is not seeds."""
    text = self.rule.text()
    if self.repeats == 'seed':
      return text
    return f'{text}; each {self.repeats.rpartition(".")[2]} counts as a seed'


class Verdict(NamedTuple):
  """What a study says of a claim.

  Attributes:
    word: HOLDS, NOT_SHOWN, DOES_NOT_HOLD, VOID or NOT_RUN.
    value: the rule's number; NaN where there is none.
    low: lower end of its interval.
    high: upper end.
    seeds: number of seeds that it rests on.
    note: why, where the word alone does not say it.
  """

  word: str
  value: float = math.nan
  low: float = math.nan
  high: float = math.nan
  seeds: int = 0
  note: str = ''

  def figure(self) -> str:
    """'+0.12 [+0.03, +0.20]', or '' without a value."""
    if not math.isfinite(self.value):
      return ''
    if not math.isfinite(self.low):
      return f'{self.value:+.3g}'
    return f'{self.value:+.3g} [{self.low:+.3g}, {self.high:+.3g}]'


def values_of(study: tables.Study, score: Score) -> np.ndarray:
  """A score of every run.

  Args:
    study: as loaded.
    score: a name ('mean' is taken where representations differ), a name with
      its representation, or a function.

  Returns:
    float64 [runs], NaN where a run does not have it.

  Raises:
    ConfigError: a score that the study does not hold.
  """
  if callable(score):
    return np.asarray(score(study), np.float64)
  columns = list(study.scores.columns)
  names = (
    [score] if isinstance(score, tuple) else [(score, 'mean'), (score, '')]
  )
  for name in names:
    if name in columns:
      return study.scores.iloc[:, columns.index(name)].to_numpy(np.float64)
  raise errors.choices('score of a claim', names[0][0], {n for n, _ in columns})


def _column(study: tables.Study, name: str) -> np.ndarray:
  """A column of runs that arms select by."""
  runs = study.runs
  if name.startswith('hparams.'):
    key = name.removeprefix('hparams.')
    parsed = {text: json.loads(text) for text in runs['hparams'].unique()}
    return np.array([parsed[t].get(key, math.nan) for t in runs['hparams']])
  if name.startswith('variant.'):
    pattern = rf'(?:^|, ){re.escape(name.removeprefix("variant."))}=([^,]*)'
    return runs['variant'].str.extract(pattern)[0].fillna('').to_numpy(object)
  if name == 'method':
    # The page shows variants as methods of their own.
    return np.array([m.split(' (')[0] for m in runs['method']], object)
  if name not in ('variant', 'strength', 'dataset', 'seed'):
    legal = ('method', 'variant', 'variant.NAME', 'strength', 'dataset')
    legal += ('seed', 'hparams.NAME')
    raise errors.choices('arm of a claim', name, legal)
  return runs[name].to_numpy()


def runs_of(study: tables.Study, arm: Arm) -> np.ndarray:
  """Which runs an arm means.

  Args:
    study: as loaded.
    arm: which.

  Returns:
    bool [runs].
  """
  chosen = np.ones(len(study.runs), bool)
  for name, wanted in arm.where.items():
    column = _column(study, name)
    any_of = wanted if isinstance(wanted, tuple) else (wanted,)
    alike = np.zeros(len(column), bool)
    for value in any_of:
      if isinstance(value, float | int) and not isinstance(value, bool):
        numbers = pd.to_numeric(pd.Series(column), errors='coerce')
        alike |= np.isclose(numbers, value, rtol=1e-6, atol=1e-12)
      else:
        alike |= column == value
    chosen &= alike
  return chosen


def by_seed(
  study: tables.Study, arm: Arm, values: np.ndarray, repeats: str = 'seed'
) -> dict[Hashable, float]:
  """Seed -> mean of the arm's finite values.

  Args:
    study: as loaded.
    arm: which runs.
    values: float [runs].
    repeats: see Claim.
  """
  mine = runs_of(study, arm) & np.isfinite(values)
  own = pd.Series(values[mine]).groupby(_column(study, repeats)[mine]).mean()
  return {seed: float(value) for seed, value in own.items()}


def _correlations(
  study: tables.Study,
  arm: Arm,
  values: np.ndarray,
  over: str,
  repeats: str,
) -> dict[Hashable, float]:
  """Seed -> Spearman's correlation of values with a column of numbers."""
  mine = runs_of(study, arm) & np.isfinite(values)
  numbers = pd.to_numeric(pd.Series(_column(study, over)), errors='coerce')
  frame = pd.DataFrame(
    {
      'seed': _column(study, repeats)[mine],
      'over': numbers.to_numpy(np.float64)[mine],
      'value': values[mine],
    }
  )
  correlations = {}
  for seed, part in frame.groupby('seed'):
    if part['over'].nunique() > 1 and part['value'].nunique() > 1:
      ranks = part[['over', 'value']].rank()
      correlations[seed] = float(np.corrcoef(ranks.to_numpy().T)[0, 1])
  return correlations


def binomial_interval(
  successes: int, trials: int, level: float = 0.95
) -> tuple[float, float]:
  """The exact interval of a probability (Clopper and Pearson 1934).

  Args:
    successes: number of them.
    trials: number of draws.
    level: coverage, at least.

  Returns:
    (low, high) in [0, 1].
  """
  from scipy import stats

  tail = (1 - level) / 2
  low = stats.beta.ppf(tail, successes, trials - successes + 1)
  high = stats.beta.ppf(1 - tail, successes + 1, trials - successes)
  return (0.0 if successes == 0 else float(low)), (
    1.0 if successes == trials else float(high)
  )


def _word(low: float, high: float, bound: float, direction: str) -> str:
  """By which side of a bound the whole interval lies on."""
  above, below = low > bound, high < bound
  if direction == 'lower':
    above, below = below, above
  return HOLDS if above else DOES_NOT_HOLD if below else NOT_SHOWN


def judge(claim: Claim, study: tables.Study) -> Verdict:
  """What a study says of a claim.

  Args:
    claim: written down before.
    study: as loaded.

  Returns:
    The verdict. A claim without runs is NOT_RUN; one whose guard fails VOID.

  Raises:
    ConfigError: a score that the study does not hold, or arms that do not fit
      the rule.
  """
  wanted = 2 if isinstance(claim.rule, Difference) else 1
  if len(claim.arms) < wanted:
    rule = f'{type(claim.rule).__name__} needs {wanted} arms'
    raise errors.value('arms of a claim', len(claim.arms), rule)
  if not len(study.runs) or not all(
    runs_of(study, arm).any() for arm in claim.arms
  ):
    return Verdict(NOT_RUN, note='the study holds no such runs')
  for guard in claim.guards:
    measured = values_of(study, guard.score)
    for arm in claim.arms:
      own = list(by_seed(study, arm, measured, claim.repeats).values())
      mean = float(np.mean(own)) if own else math.nan
      if not guard.low <= mean <= guard.high:
        legal = f'{guard.low:g} to {guard.high:g}'
        why = f'{guard.reason}: ' if guard.reason else ''
        return Verdict(
          VOID, note=f'{why}{arm.label} has {mean:.3g}, not {legal}'
        )
  rule = claim.rule
  if isinstance(rule, Estimate):
    value, low, high = rule.compute(study)
    mine = np.any([runs_of(study, arm) for arm in claim.arms], axis=0)
    seeds = len(set(_column(study, claim.repeats)[mine]))
    word = _word(low, high, rule.bound, rule.direction)
  else:
    value, low, high, seeds, word = _of_seeds(claim, study)
  least = max(LEAST_SEEDS, claim.seeds)
  if seeds < least and word != NOT_SHOWN:
    return Verdict(
      NOT_SHOWN, value, low, high, seeds, f'{seeds} of {least} seeds'
    )
  return Verdict(word, value, low, high, seeds)


def _of_seeds(claim, study) -> tuple[float, float, float, int, str]:
  """Value, interval, seeds and word of the rules that look at each seed."""
  rule, values = claim.rule, values_of(study, claim.score)
  each = lambda arm: by_seed(study, arm, values, claim.repeats)
  if isinstance(rule, Threshold):
    own = np.array(list(each(claim.arms[0]).values()))
    sign = 1 if rule.direction == 'higher' else -1
    passed = int(np.sum(sign * own > sign * rule.bound))
    low, high = binomial_interval(passed, max(len(own), 1))
    word = _word(low, high, 0.5, 'higher')
    return passed / max(len(own), 1), low, high, len(own), word
  if isinstance(rule, Difference):
    first, second = (each(arm) for arm in claim.arms[:2])
    seeds = sorted(set(first) & set(second))
    own = np.array([first[seed] - second[seed] for seed in seeds])
  elif isinstance(rule, Within):
    own = np.array(list(each(claim.arms[0]).values()))
  else:
    own = np.array(
      list(
        _correlations(
          study, claim.arms[0], values, rule.over, claim.repeats
        ).values()
      )
    )
  if len(own) < 2:
    value = float(own[0]) if len(own) else math.nan
    return value, math.nan, math.nan, len(own), NOT_SHOWN
  ((low, high),) = statistics.bootstrap_interval([own])
  word = _word(low, high, 0.0, rule.direction)
  return float(own.mean()), float(low), float(high), len(own), word


def table(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> pd.DataFrame:
  """Published value beside ours, one row per claim."""
  return pd.DataFrame(
    [
      {
        'claim': claim.statement,
        'source': claim.source,
        'published': claim.published,
        'measured': verdict.figure(),
        'verdict': ': '.join(filter(None, (verdict.word, verdict.note))),
        'seeds': verdict.seeds,
        'rule': claim.rule_text(),
      }
      for claim, verdict in zip(claims, verdicts)
    ]
  )


def _decided(claim: Claim, study: tables.Study) -> Verdict:
  """`judge`, and NOT_RUN for a score that this sweep was not asked for."""
  try:
    return judge(claim, study)
  except errors.ConfigError as error:
    # Which scores there are, the page shows.
    return Verdict(NOT_RUN, note=str(error).partition('; legal')[0])


def sections(
  study: tables.Study, claims: Sequence[Claim]
) -> Iterator[section.Section]:
  """The table of a study's claims; none without claims."""
  if not claims:
    return
  verdicts = [_decided(claim, study) for claim in claims]
  yield section.Section(
    'claims',
    'Claims',
    'What papers say, and what these runs say of it, by the rules of the '
    "study's page.py. Measured: the number of the rule with its 95 % interval. "
    f'A claim needs {LEAST_SEEDS} seeds.',
    table(claims, verdicts),
  )


def record(
  study: tables.Study, claims: Sequence[Claim], **about: Any
) -> list[dict[str, Any]]:
  """Claims with their verdicts as JSON-able values.

  Args:
    study: as loaded.
    claims: of it.
    **about: what stands beside every one: command, date, versions.

  Returns:
    One entry per claim; one whose score the study does not hold is NOT_RUN.
  """
  entries = []
  finite = lambda x: x if math.isfinite(x) else None
  for claim in claims:
    verdict = _decided(claim, study)
    entries.append(
      {
        'statement': claim.statement,
        'source': claim.source,
        'published': claim.published,
        'verdict': verdict.word,
        'note': verdict.note,
        'value': finite(verdict.value),
        'low': finite(verdict.low),
        'high': finite(verdict.high),
        'measured': verdict.figure(),
        'seeds': verdict.seeds,
        'rule': claim.rule_text(),
        **about,
      }
    )
  return entries
