"""A hundred labels against none: claims and tables, pair by pair."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import tables
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
)
from disentangle_jax.report.section import Section

BASES = {
  'beta_vae': 'beta-VAE',
  'factor_vae': 'FactorVAE',
  'beta_tcvae': 'beta-TCVAE',
  'dip_vae_i': 'DIP-VAE-I',
}
SCORES = {
  'mig_binned': 'MIG',
  'factor_vae_score': 'FactorVAE score',
  'assigned_variance': 'variance of assigned codes',
}
# Of the mean over factors; named before any run, as for DC-IGN.
LEAST = 0.6
# Five of five leave a binomial interval that reaches below one half.
SEEDS = 6
_PAPER = 'Locatello et al. 2020, section 4.2 and figure 4'
_GUARDS = (Guard('kl', low=0.1, reason='some latent must be in use'),)


def arms(base: str) -> tuple[Arm, Arm]:
  """With labels and without."""
  name = BASES[base]
  return (
    Arm(f'S2-{name}', {'method': f's2_{base}'}),
    Arm(name, {'method': base}),
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Per pair: two scores and the assigned codes, and whether these are high."""
  del study
  statements = []
  for base, name in BASES.items():
    pair = arms(base)
    for score, title in SCORES.items():
      statements.append(
        Claim(
          statement=f'With 100 labels {name} has a higher {title}.',
          source=_PAPER,
          published='higher',
          arms=pair,
          score=score,
          rule=Difference('higher'),
          seeds=SEEDS,
          guards=_GUARDS,
        )
      )
    statements.append(
      Claim(
        statement=f'With 100 labels the codes of {name} hold their factors '
        f'(variance of assigned codes of at least {LEAST:g}).',
        source=_PAPER,
        published='not stated as a number',
        arms=pair[:1],
        score='assigned_variance',
        rule=Threshold(LEAST),
        seeds=SEEDS,
        guards=_GUARDS,
      )
    )
  return tuple(statements)


def scores_table(study: tables.Study) -> pd.DataFrame:
  """Scores of every method with intervals over seeds."""
  names = {name for name, _ in study.scores.columns}
  wanted = [*SCORES, 'assigned_rank', 'kl', 'reconstruction']
  wanted += sorted(n for n in names if n.startswith('assigned_variance/'))
  pairs = [arm for base in BASES for arm in arms(base)]
  return arms_lib.table(study, pairs, wanted, label='method')


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores with and without labels."""
  table = scores_table(study)
  if table.empty or not np.size(study.scores):
    return
  yield Section(
    's2_scores',
    'With 100 labels and without',
    'Means over seeds with 95 % intervals. assigned_variance/<factor>: share '
    "of the variance of the factor's code between its values; without labels, "
    'of the codes of the same numbers.',
    table,
  )
