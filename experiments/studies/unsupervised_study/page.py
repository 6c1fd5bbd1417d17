"""Which published directions the six objectives show: claims and tables."""

from collections.abc import Iterator
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  display,
  figures,
  matching,
  statistics,
  summaries,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Estimate,
  Within,
)
from disentangle_jax.report.section import Section

# Scores of the mean representation that the tables compare.
SCORES = (
  'mig_binned',
  'factor_vae_score',
  'beta_vae_score',
  'sap',
  'modularity',
  'explicitness',
  'irs',
)
COST = ('reconstruction/nats', 'mean')
TOTAL = 'gaussian_total_correlation'
_CHEN = 'Chen et al. 2018'
_KIM = 'Kim and Mnih 2018'
_LOCATELLO = 'Locatello et al. 2019'


def methods_of(study: tables.Study) -> np.ndarray:
  """Method of every run without what the sweep sets apart, object [runs]."""
  return np.array([m.split(' (')[0] for m in study.runs['method']], object)


def shared_betas(study: tables.Study) -> tuple[float, ...]:
  """Betas above 1 that beta_vae and beta_tcvae both have.

  At 1 the two are the same objective.
  """
  methods, strengths = methods_of(study), study.runs['strength'].to_numpy()
  ours, theirs = (
    set(strengths[methods == name]) for name in ('beta_tcvae', 'beta_vae')
  )
  return tuple(sorted(beta for beta in ours & theirs if beta > 1))


def cells(
  study: tables.Study, method: str, column: tuple[str, str]
) -> dict[float, np.ndarray]:
  """Strength -> values over seeds, in the order of the seeds; {} without any.

  Args:
    study: as loaded.
    method: whose.
    column: name and representation of a score.
  """
  columns = list(study.scores.columns)
  if column not in columns:
    return {}
  values = study.scores.iloc[:, columns.index(column)]
  mine = study.runs[methods_of(study) == method].sort_values('seed')
  return {
    float(strength): values.iloc[part.index].to_numpy()
    for strength, part in mine.groupby('strength')
  }


def at_equal_error(
  study: tables.Study, name: str
) -> tuple[float, float, float, int]:
  """factor_vae minus beta_vae at equal reconstruction error.

  Args:
    study: as loaded.
    name: of a score of the mean representation.

  Returns:
    As `matching.difference_at_equal_cost`; NaN and 0 where it is not known.
  """
  groups = []
  for method in ('factor_vae', 'beta_vae'):
    score = cells(study, method, (name, 'mean'))
    cost = cells(study, method, COST)
    if not score or not cost:
      return math.nan, math.nan, math.nan, 0
    groups.append([matching.Cell(cost[s], score[s]) for s in score])
  return matching.difference_at_equal_cost(*groups)


def shares(study: tables.Study, name: str) -> pd.DataFrame:
  """`statistics.variance_shares` of a score of the mean representation."""
  return statistics.variance_shares(
    claims_lib.values_of(study, (name, 'mean')),
    methods_of(study),
    study.runs['strength'].to_numpy(),
  )


def _share_of_method(name: str):
  def compute(study: tables.Study) -> tuple[float, float, float]:
    row = shares(study, name).loc['method']
    return float(row['share']), float(row['low']), float(row['high'])

  return compute


def _dependence(study: tables.Study) -> np.ndarray:
  """Total correlation of mean codes less that of sampled ones, in nats."""
  mean, sampled = (
    claims_lib.values_of(study, (TOTAL, kind)) for kind in ('mean', 'sampled')
  )
  return mean - sampled


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The directions of three papers."""
  betas = shared_betas(study)
  tcvae, beta_vae = (
    Arm(name, {'method': name, 'strength': betas})
    for name in ('beta_tcvae', 'beta_vae')
  )
  regular = ('beta_vae', 'factor_vae', 'dip_vae_ii', 'beta_tcvae')
  regular += ('annealed_vae',)
  present = set(methods_of(study))
  return (
    *(
      Claim(
        'beta-TCVAE is above beta-VAE at equal beta, mean over the betas above '
        f'1 that both have ({name}).',
        f'{_CHEN}, section 6',
        'higher',
        (tcvae, beta_vae),
        (name, 'mean'),
        Difference('higher'),
      )
      for name in ('mig_binned', 'factor_vae_score')
    ),
    *(
      Claim(
        f'FactorVAE is above beta-VAE at equal reconstruction error ({name}).',
        f'{_KIM}, figures 4 to 6',
        'higher',
        tuple(Arm(m, {'method': m}) for m in ('factor_vae', 'beta_vae')),
        (name, 'mean'),
        Estimate(
          lambda study, name=name: at_equal_error(study, name)[:3],
          0.0,
          'higher',
          f'{name}, factor_vae minus beta_vae, at equal reconstruction error',
        ),
      )
      for name in ('factor_vae_score', 'mig_binned')
    ),
    *(
      Claim(
        'Hyper-parameters and seeds matter more than the objective: it '
        f'explains less than half of the variance ({name}).',
        f'{_LOCATELLO}, section 5.3',
        '0.37 on average over scores and data sets',
        (Arm('all', {}),),
        (name, 'mean'),
        Estimate(_share_of_method(name), 0.5, 'lower', 'share of the method'),
      )
      for name in SCORES
    ),
    *(
      Claim(
        'Mean codes stay dependent where sampled ones are independent: their '
        f'Gaussian total correlation is higher ({method}).',
        f'{_LOCATELLO}, section 5.2',
        'higher',
        (Arm(method, {'method': method}),),
        _dependence,
        Within('higher'),
      )
      for method in regular
      if method in present
    ),
  )


def settings_table(study: tables.Study) -> pd.DataFrame:
  """Every method and strength with the scores that there are."""
  columns = list(study.scores.columns)
  chosen = [(name, (name, 'mean')) for name in SCORES[:4]]
  chosen += [('reconstruction (nats)', COST)]
  chosen += [(f'TC ({kind})', (TOTAL, kind)) for kind in ('mean', 'sampled')]
  chosen = [(head, column) for head, column in chosen if column in columns]
  rows = []
  for cell, mine in study.runs.groupby('cell'):
    row = {
      'method': study.cells['method'][cell],
      'strength': f'{study.cells["strength"][cell]:g}',
    }
    for head, column in chosen:
      values = study.scores.iloc[mine.index, columns.index(column)]
      row[head] = summaries.mean_with_interval(values.to_numpy())
    rows.append(row)
  return pd.DataFrame(rows)


def _direction(low: float, high: float) -> str:
  if low > 0:
    return 'higher'
  return 'lower' if high < 0 else 'not shown'


def equal_beta_table(study: tables.Study) -> pd.DataFrame:
  """beta_tcvae minus beta_vae, score by score and beta by beta."""
  rows = []
  for name in SCORES:
    ours, theirs = (
      cells(study, method, (name, 'mean'))
      for method in ('beta_tcvae', 'beta_vae')
    )
    for beta in sorted(set(ours) & set(theirs)):
      if len(ours[beta]) != len(theirs[beta]):
        continue
      value, low, high = statistics.paired_interval(ours[beta], theirs[beta])
      rows.append(
        {
          'score': name,
          'beta': f'{beta:g}',
          'difference': summaries.with_interval(value, low, high, signed=True),
          'beta_tcvae is': _direction(low, high),
        }
      )
  return pd.DataFrame(rows)


def equal_error_table(study: tables.Study) -> pd.DataFrame:
  """factor_vae minus beta_vae at equal reconstruction error, per score."""
  rows = []
  for name in SCORES:
    if not cells(study, 'factor_vae', (name, 'mean')):
      continue
    value, low, high, count = at_equal_error(study, name)
    text = summaries.with_interval(value, low, high, signed=True)
    rows.append(
      {
        'score': name,
        'strengths': count,
        'difference': text if count else 'errors do not overlap',
        'factor_vae is': _direction(low, high) if count else 'not comparable',
      }
    )
  return pd.DataFrame(rows)


def shares_of(study: tables.Study) -> dict[str, pd.DataFrame]:
  """Score -> its shares of the variance, of scores that have them."""
  columns = set(study.scores.columns)
  found = {
    name: shares(study, name) for name in SCORES if (name, 'mean') in columns
  }
  return {
    name: table for name, table in found.items() if table['share'].notna().all()
  }


def sections(study: tables.Study) -> Iterator[Section]:
  """All settings, both comparisons, and what explains the scores."""
  if not {(name, 'mean') for name in SCORES} & set(study.scores.columns):
    return
  yield Section(
    'unsupervised_study_settings',
    'Scores of every setting',
    'Means over seeds with 95 % intervals; mean representation. TC is the '
    'Gaussian total correlation in nats.',
    settings_table(study),
  )
  table = equal_beta_table(study)
  if len(table):
    yield Section(
      'unsupervised_study_equal_beta',
      'beta_tcvae minus beta_vae at equal beta',
      'Paired over seeds, with 95 % intervals. At beta 1 the two are the same '
      'objective.',
      table,
    )
  table = equal_error_table(study)
  if len(table):
    yield Section(
      'unsupervised_study_equal_error',
      'factor_vae minus beta_vae at equal reconstruction error',
      'With 95 % intervals; strengths: those of factor_vae that beta_vae has '
      'errors around.',
      table,
    )
  explained = shares_of(study)
  if not explained:
    return
  yield Section(
    'unsupervised_study_shares',
    'What explains the scores',
    'Shares of the variance over runs with 95 % intervals, corrected for the '
    'sampling error of the means (epsilon squared): noise shows as noise.',
    pd.DataFrame(
      [
        {'score': name}
        | {
          part: summaries.with_interval(row['share'], row['low'], row['high'])
          for part, row in table.iterrows()
        }
        for name, table in explained.items()
      ]
    ),
  )
  figure, axes = figures.new(5.5, 0.7 + 0.3 * len(explained))
  names = display.of(study.infos)
  named = {names.score(name): table for name, table in explained.items()}
  figures.variance_shares(axes, named)
  yield Section(
    'unsupervised_study_variance_shares',
    'Shares of method, strength and seed',
    'The table above, drawn.',
    figure,
  )
