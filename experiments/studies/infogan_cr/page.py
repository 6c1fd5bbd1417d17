"""Does the contrast of pairs raise the FactorVAE score: claim, table, curve."""

from collections.abc import Iterator
import math

import pandas as pd

from disentangle_jax.report import arms, stored, summaries, tables
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
  runs_of,
)
from disentangle_jax.report.section import Section
from disentangle_jax.studies.infogan import page as infogan

PAPER = 'Lin et al. 2020'
CONTRAST = f'{stored.TRAINING}contrast'
INFORMATION = f'{stored.TRAINING}information_continuous'
# Of five codes, all with deviation 1: log 2 - 0.919 for each, where all are
# read off the image without error.
MOST_INFORMATION = 5 * (math.log(2) - 0.5 * math.log(2 * math.pi))
BLIND = math.log(5)
ARMS = (
  Arm('with the contrast', {'strength': 2.0}),
  Arm('without', {'strength': 0.0}),
)
_SCORES = (
  'factor_vae_score',
  'factor_vae_active',
  'sample_classes',
  'sample_nearest',
  'sample_coverage',
  'sample_spread',
)
GUARDS = (
  Guard(
    'sample_nearest', high=3.0, reason='draws must lie as near as the data do'
  ),
  Guard(
    'sample_classes', low=1.5, reason='half of the shapes must be among draws'
  ),
)


def contrast_at_the_end(study: tables.Study):
  """Cross entropy of the second critic at the end, nats, float64 [runs]."""
  return infogan.at_the_end(study, CONTRAST)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What section 3 of the paper says of sprites."""
  del study
  return (
    Claim(
      statement='The FactorVAE score is higher where the contrastive term is '
      'switched on than where it stays off.',
      source=f'{PAPER}, table 1',
      published='0.88 with the term, 0.82 without',
      arms=ARMS,
      score='factor_vae_score',
      rule=Difference('higher'),
      seeds=10,
      guards=GUARDS,
    ),
    Claim(
      statement='With the term the second critic names the shared code: its '
      'cross entropy falls below half of log 5, that of a blind one (nats).',
      source=f'{PAPER}, section 3; the bound is ours',
      published='no number',
      arms=ARMS[:1],
      score=contrast_at_the_end,
      rule=Threshold(BLIND / 2, 'lower'),
      seeds=10,
      guards=GUARDS,
    ),
  )


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: its seeds, what both critics know of codes, scores."""
  table = arms.table(study, ARMS, _SCORES)
  if len(table):
    present = [arm for arm in ARMS if runs_of(study, arm).any()]
    for name, heading in (
      (CONTRAST, 'contrast (nats)'),
      (INFORMATION, 'information (nats)'),
    ):
      ends = infogan.at_the_end(study, name)
      table.insert(
        2,
        heading,
        [
          summaries.mean_with_interval(ends[runs_of(study, arm)])
          for arm in present
        ],
      )
  return table


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of both arms, and how the contrast falls.

  Args:
    study: as loaded.

  Yields:
    The table and the figure that the study has numbers for.
  """
  table = scores_table(study)
  if len(table):
    yield Section(
      'infogan_cr_scores',
      'Codes and draws',
      'Mean over seeds with 95 % interval; what critics know is the mean of '
      f'the last tenth of the logged steps. contrast: {BLIND:.2f} nats for a '
      'critic that sees nothing. information: of five codes with deviation 1, '
      f'at most {MOST_INFORMATION:.2f} nats. sample_nearest above 3 or '
      'sample_classes below 1.5 makes the claims void.',
      table,
    )
  figure = infogan.curves_figure(
    study, CONTRAST, ARMS, BLIND, 'cross entropy (nats)'
  )
  if figure is not None:
    yield Section(
      'infogan_cr_contrast',
      'Which code do two images share?',
      'Cross entropy of the second critic against the step: median and '
      'quartiles over seeds. It begins anew where the term is switched on; the '
      'line is log 5, that of a critic that sees nothing.',
      figure,
    )
