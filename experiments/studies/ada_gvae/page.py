"""What pairs are worth: claims and a table of arms.

`slow_vae/page.py` takes the table for its own arms.
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Locatello et al. 2020'
SCORES = {
  'mig_binned': 'MIG',
  'factor_vae_score': 'FactorVAE score',
}
SHOWN = (*SCORES, 'mcc', 'mcc_spearman', 'dci_disentanglement_gbt', 'kl')
ONE = Arm(
  'Ada-GVAE, one change',
  {
    'method': 'ada_gvae',
    'variant.random_changes': 'False',
    'variant.average': ('', 'gvae'),
    'strength': 1.0,
  },
)
RANDOM = ONE._replace(
  label='Ada-GVAE, random changes',
  where={**ONE.where, 'variant.random_changes': 'True'},
)
LABELLED = Arm('Group-VAE', {'method': 'group_vae', 'strength': 1.0})
VAE = Arm('VAE', {'method': 'vae'})
_GUARD = Guard('kl', low=0.5, reason='latents must be in use')


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Pairs against single images at beta 1, equal steps and equal seeds."""
  del study
  published = 'reliably disentangled, on five data sets; no number for sprites'
  every = []
  for arm, words in (
    (ONE, 'Pairs that differ in one unknown factor'),
    (RANDOM, 'Pairs that differ in an unknown number of factors'),
    (LABELLED, 'Pairs whose one changed factor is known'),
  ):
    for score, name in SCORES.items():
      every.append(
        Claim(
          statement=f'{words} raise the {name} above that of a VAE.',
          source=PAPER,
          published=published,
          arms=(arm, VAE),
          score=score,
          rule=Difference('higher'),
          guards=(_GUARD,),
        )
      )
  return tuple(every)


def table_of_arms(
  study: tables.Study, arms: Sequence[Arm], scores: Sequence[str]
) -> pd.DataFrame:
  """A row per arm that has runs: seeds, and every score with its interval.

  Args:
    study: as loaded.
    arms: rows.
    scores: names; those that the study lacks are left out.

  Returns:
    The table; empty without runs.
  """
  names = {name for name, _ in study.scores.columns}
  rows = []
  for arm in arms:
    mine = claims_lib.runs_of(study, arm)
    if not mine.any():
      continue
    row = {'arm': arm.label, 'seeds': int(mine.sum())}
    for score in (score for score in scores if score in names):
      values = claims_lib.values_of(study, score)[mine]
      row[score] = summaries.mean_with_interval(values)
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every arm with its scores."""
  table = table_of_arms(study, (ONE, RANDOM, LABELLED, VAE), SHOWN)
  if len(table):
    yield Section(
      'ada_gvae_arms',
      'Pairs and single images',
      'Mean over seeds and 95 % bootstrap interval, at beta 1 and equal steps.',
      table,
    )
