"""To train with a few labels or to select by them: claims and shares."""

from collections.abc import Iterator, Mapping
import functools
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import statistics, stored, summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Estimate
from disentangle_jax.report.section import Section

SCORES = {'mig_binned': 'MIG', 'factor_vae_score': 'FactorVAE score'}
NONE = 'none'
LEVELS = ('supervision', 'method', 'strength', 'seed')
# What runs are selected by, and whether more of it is better.
BY_LABELS, BY_ERROR = ('label_mig', True), ('few_labels_error', False)
_PAPER = 'Locatello et al. 2020, section 4'
# The strengths that a run of a method may have been swept over.
_STRENGTHS = ('beta', 'lambda_od', 'gamma')


def frame(study: tables.Study) -> pd.DataFrame:
  """One row per run: what supervised it, and its scores.

  Args:
    study: as loaded.

  Returns:
    DataFrame with 'supervision' ('<labeller>_<count>', or NONE), 'method' (of
    the unsupervised loss), 'strength' (its hyper-parameter's value), 'seed',
    and a column per score of the mean representation.
  """
  runs = study.runs.astype({'method': str, 'variant': str})
  method = runs['method'].str.replace(r' \(.*', '', regex=True)
  part = lambda name, missing: (
    runs['variant'].str.extract(rf'(?:^|, ){name}=([^,]*)')[0].fillna(missing)
  )
  told = part('labeller', 'perfect') + '_' + part('num_labels', '100')
  rows = pd.DataFrame(
    {
      'supervision': np.where(method.str.startswith('s2_'), told, NONE),
      'method': method.str.removeprefix('s2_'),
      'strength': [_strength(text) for text in runs['hparams']],
      'seed': runs['seed'].to_numpy(),
    }
  )
  for place, (name, representation) in enumerate(study.scores.columns):
    if representation in ('', 'mean'):
      rows[name] = study.scores.iloc[:, place].to_numpy(np.float64)
  return rows


def _strength(text: str) -> float:
  given = stored.loads(text)
  return next((given[n] for n in _STRENGTHS if n in given), math.nan)


def supervisions(rows: pd.DataFrame) -> tuple[str, ...]:
  """Kinds of labels that some runs were trained with, in the order of runs."""
  return tuple(s for s in rows['supervision'].unique() if s != NONE)


def selected(
  rows: pd.DataFrame, supervision: str, labels: str, score: str
) -> pd.Series:
  """The score of the best model of every seed, chosen by labels.

  Args:
    rows: from `frame`.
    supervision: of the models chosen from.
    labels: '<labeller>_<count>', the labels chosen by.
    score: of the chosen.

  Returns:
    float, indexed by seed; a seed in which no model can be chosen is NaN.
  """
  name, more = BY_LABELS if supervision == NONE else BY_ERROR
  name = f'{name}/{labels}'
  mine = rows[rows['supervision'] == supervision]
  chosen = {}
  for seed, models in mine.groupby('seed'):
    judged = models[name] if name in models else pd.Series(dtype=float)
    judged = judged[np.isfinite(judged)]
    best = judged.idxmax() if more and len(judged) else None
    if not more and len(judged):
      best = judged.idxmin()
    chosen[seed] = math.nan if best is None else models.at[best, score]
  return pd.Series(chosen, dtype=float).sort_index()


def _paired(first: pd.Series, second: pd.Series) -> tuple[float, float, float]:
  first, second = first.align(second, join='inner')
  if not len(first):
    return math.nan, math.nan, math.nan
  return statistics.paired_interval(first.to_numpy(), second.to_numpy())


def trained_against_selected(
  study: tables.Study, labels: str, score: str
) -> tuple[float, float, float]:
  """Trained with labels minus selected by them, paired over seeds."""
  rows = frame(study)
  if score not in rows:
    return math.nan, math.nan, math.nan
  trained = selected(rows, labels, labels, score)
  return _paired(trained, selected(rows, NONE, labels, score))


def selected_against_all(
  study: tables.Study, labels: str, score: str
) -> tuple[float, float, float]:
  """Selected by labels minus the mean of all unsupervised ones, by seed."""
  rows = frame(study)
  if score not in rows:
    return math.nan, math.nan, math.nan
  of_all = rows[rows['supervision'] == NONE].groupby('seed')[score].mean()
  return _paired(selected(rows, NONE, labels, score), of_all)


def _in_words(labels: str) -> str:
  labeller, _, count = labels.rpartition('_')
  return f'{int(count):,} {labeller} labels'


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Per kind of labels: training beats selecting, selecting beats chance."""
  statements = []
  for labels in supervisions(frame(study)):
    words = _in_words(labels)
    arm = Arm('all models', {})
    for score, title in SCORES.items():
      statements.append(
        Claim(
          statement=f'Training with {words} gives a higher {title} than '
          'selecting an unsupervised model by them, of as many models.',
          source=f'{_PAPER}.3',
          published='training is better',
          arms=(arm,),
          score=score,
          rule=Estimate(
            functools.partial(
              trained_against_selected, labels=labels, score=score
            ),
            0.0,
            'higher',
            'trained minus selected, best of each seed',
          ),
        )
      )
    statements.append(
      Claim(
        statement=f'Selecting an unsupervised model by {words} gives a higher '
        'MIG than taking any.',
        source=f'{_PAPER}.1',
        published='labels identify good models',
        arms=(arm,),
        score='mig_binned',
        rule=Estimate(
          functools.partial(
            selected_against_all, labels=labels, score='mig_binned'
          ),
          0.0,
          'higher',
          'selected minus mean of all, by seed',
        ),
      )
    )
  return tuple(statements)


def shares(rows: pd.DataFrame, score: str) -> Mapping[str, float]:
  """How much of a score is supervision, method, strength, seed.

  Nested analysis of variance: the sum of squares of the cells' means about
  those of the level above, the rest is the seed. From each level the part is
  taken that the sampling error of the means adds (epsilon squared, Kelley
  1935); what falls below zero counts as 0, and the rest keeps its proportions.

  Args:
    rows: from `frame`.
    score: one of its columns.

  Returns:
    level -> share, in [0, 1], of sum 1; NaN where nothing varies or no cell
    has two runs.
  """
  rows = rows[np.isfinite(rows[score])]
  value = rows[score].to_numpy()
  nothing = dict.fromkeys(LEVELS, math.nan)
  if not len(value) or np.ptp(value) == 0:
    return nothing
  above, groups_above = np.full(len(value), value.mean()), 1
  squares, freedom = [], []
  for depth in range(1, len(LEVELS)):
    cells = rows.groupby(list(LEVELS[:depth]), dropna=False)[score]
    mean = cells.transform('mean').to_numpy()
    squares.append(np.sum((mean - above) ** 2))
    freedom.append(cells.ngroups - groups_above)
    above, groups_above = mean, cells.ngroups
  if len(value) <= groups_above:
    return nothing
  within = np.sum((value - above) ** 2)
  noise = within / (len(value) - groups_above)
  explained = np.array(squares) - noise * np.array(freedom)
  rest = np.sum((value - value.mean()) ** 2) - explained.sum()
  parts = np.maximum([*explained, rest], 0)
  return dict(zip(LEVELS, parts / parts.sum()))


def shares_table(rows: pd.DataFrame) -> pd.DataFrame:
  """Shares of the variance, a row per score, in per cent."""
  table = []
  for score, title in SCORES.items():
    if score in rows:
      of_score = shares(rows, score)
      percent = {k: f'{100 * v:.0f} %' for k, v in of_score.items()}
      table.append({'score': title, **percent})
  return pd.DataFrame(table)


def arms_table(rows: pd.DataFrame) -> pd.DataFrame:
  """Both ways to use labels, and all models, with intervals over seeds."""
  table = []
  for labels in supervisions(rows):
    for score, title in SCORES.items():
      if score not in rows:
        continue
      mean = summaries.mean_with_interval
      of_seed = lambda kind, score=score: (
        rows[rows['supervision'] == kind].groupby('seed')[score].mean()
      )
      table.append(
        {
          'labels': _in_words(labels),
          'score': title,
          'trained, selected': mean(
            selected(rows, labels, labels, score).to_numpy()
          ),
          'unsupervised, selected': mean(
            selected(rows, NONE, labels, score).to_numpy()
          ),
          'trained, all': mean(of_seed(labels).to_numpy()),
          'unsupervised, all': mean(of_seed(NONE).to_numpy()),
        }
      )
  return pd.DataFrame(table)


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of both ways, and the shares of the variance."""
  rows = frame(study)
  table = arms_table(rows)
  if not table.empty:
    yield Section(
      'few_labels_scores',
      'To train with labels or to select by them',
      'The best model of each seed as the labels judge it, and the mean of all '
      'models, over seeds with 95 % intervals.',
      table,
    )
  explained = shares_table(rows)
  if not explained.empty:
    yield Section(
      'few_labels_shares',
      'What decides over a score',
      'Shares of the variance over all runs: supervision (none, or which '
      'labels), method within it, strength within that, and the seed.',
      explained,
    )
