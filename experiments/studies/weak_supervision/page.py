"""What pairs are worth beside method, strength and seed: claims and tables."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import statistics, summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference
from disentangle_jax.report.section import Section
from disentangle_jax.studies.unsupervised_study import config as unsupervised

PAPER = 'Locatello et al. 2020'
SCORES = {
  'mig_binned': 'MIG',
  'factor_vae_score': 'FactorVAE score',
  'mcc': 'mean correlation coefficient',
}
SIX = Arm('six unsupervised', {'method': tuple(unsupervised.GRID)})
ONE = Arm(
  'pairs, k = 1', {'method': 'ada_gvae', 'variant.random_changes': 'False'}
)
UNKNOWN = Arm(
  'pairs, k unknown', {'method': 'ada_gvae', 'variant.random_changes': 'True'}
)
LABELLED = Arm('labelled pairs, k = 1', {'method': 'group_vae'})
ARMS = (ONE, UNKNOWN, LABELLED)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Pairs against the mean of the six, and with against without the label."""
  del study
  every = [
    Claim(
      statement=f'{arm.label[0].upper()}{arm.label[1:]}: a higher {name} than '
      'the six unsupervised objectives, mean over their strengths.',
      source=PAPER,
      published='higher',
      arms=(arm, SIX),
      score=score,
      rule=Difference('higher'),
    )
    for arm in ARMS
    for score, name in SCORES.items()
  ]
  every += [
    Claim(
      statement='Knowing the changed factor raises the score of pairs, k = 1 '
      f'({name}).',
      source=f'{PAPER}; the comparison at these sizes is ours',
      published='no number that we could check',
      arms=(LABELLED, ONE),
      score=score,
      rule=Difference('higher'),
    )
    for score, name in SCORES.items()
  ]
  return tuple(every)


def settings(study: tables.Study) -> pd.DataFrame:
  """What every run is: 'supervision', 'method' and 'strength', by row.

  Supervision is 'none' or the label of an arm of pairs; runs of neither are
  left out (their supervision is '').
  """
  labels = np.full(len(study.runs), '', object)
  for arm, label in ((SIX, 'none'), *((arm, arm.label) for arm in ARMS)):
    labels[claims_lib.runs_of(study, arm)] = label
  return pd.DataFrame(
    {
      'supervision': labels,
      'method': study.runs['method'].astype(str).to_numpy(),
      'strength': study.runs['strength'].to_numpy(),
    }
  )


def shares(study: tables.Study, score: str) -> dict[str, tuple]:
  """How much of a score's variance is supervision, method, strength and seed.

  Nested: strengths within methods within kinds of supervision. The supervision
  is what `statistics.variance_shares` calls the method when kinds take the
  place of methods; the method within supervision is what methods explain beyond
  that.

  Args:
    study: as loaded.
    score: its name.

  Returns:
    Part -> (share, low, high); the method's interval is that of all methods
    less the supervision's share.
  """
  kinds = settings(study)
  used = (kinds['supervision'] != '').to_numpy()
  kinds = kinds[used]
  values = claims_lib.values_of(study, score)[used]
  cell = kinds['method'] + ' ' + kinds['strength'].astype(str)
  outer = statistics.variance_shares(
    values, kinds['supervision'].to_numpy(), cell.to_numpy()
  )
  inner = statistics.variance_shares(
    values, kinds['method'].to_numpy(), kinds['strength'].to_numpy()
  )
  row = lambda table, part: tuple(
    float(table.loc[part, end]) for end in ('share', 'low', 'high')
  )
  supervision, methods = row(outer, 'method'), row(inner, 'method')
  return {
    'supervision': supervision,
    'method': tuple(max(x - supervision[0], 0.0) for x in methods),
    'strength': row(inner, 'strength'),
    'seed': row(inner, 'seed'),
  }


def arms_table(study: tables.Study) -> pd.DataFrame:
  """A row per kind of supervision and method: means, and the best setting."""
  kinds = settings(study)
  names = {name for name, _ in study.scores.columns}
  rows = []
  for (kind, method), part in kinds.groupby(
    ['supervision', 'method'], sort=False
  ):
    if not kind:
      continue
    row = {'supervision': kind, 'method': method, 'runs': len(part)}
    for score in (score for score in SCORES if score in names):
      values = claims_lib.values_of(study, score)[part.index]
      row[score] = summaries.mean_with_interval(values)
      means = pd.Series(values, part['strength']).groupby(level=0).mean()
      best = means.idxmax() if means.notna().any() else np.nan
      row[f'{score}, best strength'] = f'{means.max():.3f} at {best:g}'
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every method, and what explains the scores."""
  table = arms_table(study)
  if table.empty:
    return
  yield Section(
    'weak_supervision_methods',
    'Pairs and single images',
    'Means over strengths and seeds with 95 % bootstrap intervals, and the '
    'mean over seeds of the best strength.',
    table,
  )
  names = {name for name, _ in study.scores.columns}
  rows = [
    {'score': score}
    | {
      part: summaries.with_interval(*numbers)
      for part, numbers in shares(study, score).items()
    }
    for score in SCORES
    if score in names
  ]
  rows = [row for row in rows if 'nan' not in str(row)]
  if rows:
    yield Section(
      'weak_supervision_shares',
      'What explains the scores',
      'Shares of the variance over runs with 95 % intervals, corrected for the '
      'sampling error of the means: strengths within methods within kinds of '
      'supervision. Method: what methods explain beyond their supervision.',
      pd.DataFrame(rows),
    )
