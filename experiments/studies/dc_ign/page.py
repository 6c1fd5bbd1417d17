"""Kinds told by batches: claims, tables and the map from factor to code."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  display,
  figures,
  summaries,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
)
from disentangle_jax.report.section import Section

ARMS = (
  Arm('DC-IGN', {'method': 'dc_ign'}),
  Arm('the VAE', {'method': 'vae'}),
)
VARIANCE, RANK = 'assigned_variance', 'assigned_rank'
BOUNDS = {VARIANCE: 0.6, RANK: 0.8}
SCORES = ('beta_vae_score', VARIANCE, RANK, 'factor_vae_score', 'mig_binned')
# Five of five leave a binomial interval that reaches below one half.
SEEDS = 6
_PAPER = 'Kulkarni et al. 2015'
_GUARDS = (Guard('kl', low=0.1, reason='some latent must be in use'),)


def factors(study: tables.Study) -> tuple[str, ...]:
  """Names of the factors that one latent each was assigned."""
  names = [
    name.partition('/')[2]
    for name, _ in study.scores.columns
    if name.startswith(f'{VARIANCE}/')
  ]
  return tuple(dict.fromkeys(names))


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The score of the table, and that assigned latents hold their factors."""
  statements = [
    Claim(
      statement='DC-IGN has a higher beta-VAE score than the VAE.',
      source='Higgins et al. 2017, table "2D shapes"',
      published='99.3 +- 0.1 % against 61.58 +- 0.5 %',
      arms=ARMS,
      score='beta_vae_score',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='Latents that were assigned a factor hold more of it than the '
      "VAE's of the same number (assigned_variance, mean over factors).",
      source=f'{_PAPER}, section 4, figures',
      published='shown by figures',
      arms=ARMS,
      score=VARIANCE,
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
  ]
  words = {
    VARIANCE: 'At least 0.6 of the variance of the latent of {} is between its '
    'values.',
    RANK: 'The latent of {} rises or falls with it (rank correlation of at '
    'least 0.8).',
  }
  for name in factors(study):
    for score, text in words.items():
      statements.append(
        Claim(
          statement=text.format(name),
          source=f'{_PAPER}, section 4.1, figure of code against pose',
          published='shown by a figure',
          arms=ARMS[:1],
          score=f'{score}/{name}',
          rule=Threshold(BOUNDS[score]),
          seeds=SEEDS,
          guards=_GUARDS,
        )
      )
  return tuple(statements)


def scores_table(study: tables.Study) -> pd.DataFrame:
  """Scores of both methods with intervals over seeds, a row per score."""
  names = {name for name, _ in study.scores.columns}
  each = [f'{s}/{f}' for s in (VARIANCE, RANK) for f in factors(study)]
  rows = []
  for name in (*SCORES, *each):
    if name not in names:
      continue
    values = claims_lib.values_of(study, name)
    row = {'score': name}
    for arm in ARMS:
      mine = claims_lib.runs_of(study, arm)
      row[arm.label] = summaries.mean_with_interval(values[mine])
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """All scores of both methods, and the beta-VAE score of every run."""
  table = scores_table(study)
  if table.empty:
    return
  yield Section(
    'dc_ign_scores',
    'DC-IGN against a VAE',
    'Means over seeds with 95 % intervals. assigned_...: of the latents in the '
    'order of the kinds, whichever method trained them.',
    table,
  )
  columns = list(study.scores.columns)
  if ('beta_vae_score', 'mean') not in columns:
    return
  place = columns.index(('beta_vae_score', 'mean'))
  values = study.scores.iloc[:, place].to_numpy()
  if not np.isfinite(values).any():
    return
  described, named = display.described(study, place), display.named(study)
  figure, axes = figures.new(4.0, 2.8)
  methods = list(dict.fromkeys(named.cells['method']))
  figures.violins(axes, values, named.runs, described, methods)
  yield Section(
    'dc_ign_violins', 'beta-VAE score of every run', 'A dot per run.', figure
  )
