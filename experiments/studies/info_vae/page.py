"""Whether a held mixture leaves more of the image in the codes: claims."""

from collections.abc import Iterator

import numpy as np

from disentangle_jax.report import arms, tables
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report.claims import Arm, Claim, Difference
from disentangle_jax.report.section import Section

PAPER = 'Zhao et al. 2019'
MISMATCH = 'aggregate_kl'
INFORMATION = 'elbo/index_code_mi'
ERROR = 'reconstruction/nats'
SHOWN = (
  MISMATCH,
  'aggregate_frechet',
  'frobenius_degree',
  INFORMATION,
  'elbo/total_correlation',
  ERROR,
  'kl',
  'mig_binned',
)


def info(study: tables.Study, least: bool = False) -> Arm:
  """InfoVAE at the greatest weight of the study, or at the least."""
  mine = study.runs['method'].astype(str) == 'info_vae'
  weights = study.runs['strength'][mine].dropna()
  where = {'method': 'info_vae'}
  if len(weights):
    where['strength'] = float(weights.min() if least else weights.max())
  return Arm(f'InfoVAE, lambda {where.get("strength", np.nan):g}', where)


def betas(study: tables.Study) -> list[Arm]:
  """beta-VAE at every beta of the study."""
  mine = study.runs['method'].astype(str) == 'beta_vae'
  values = sorted(set(study.runs['strength'][mine].dropna()))
  return [
    Arm(f'beta-VAE, beta {beta:g}', {'method': 'beta_vae', 'strength': beta})
    for beta in values
  ]


def nearest(study: tables.Study) -> Arm:
  """The beta-VAE whose mixture is as far from the prior as InfoVAE's.

  Of the study's betas the one whose mean `aggregate_kl` is nearest to that of
  InfoVAE on a logarithmic scale; the first where nothing was scored.
  """
  every = betas(study)
  names = {name for name, _ in study.scores.columns}
  if not every or MISMATCH not in names:
    return every[0] if every else Arm('beta-VAE', {'method': 'beta_vae'})
  values = claims_lib.values_of(study, MISMATCH)
  mean = lambda arm: np.mean(values[claims_lib.runs_of(study, arm)])
  away = [abs(np.log(mean(arm) / mean(info(study)))) for arm in every]
  return every[int(np.argmin(np.nan_to_num(away, nan=np.inf)))]


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The mixture is held, and codes keep more than at an equal mismatch."""
  strongest = info(study)
  held = Claim(
    statement='At alpha = 1 the discrepancy brings the mixture of posteriors '
    'nearer to the prior: a lower KL of its moments than at lambda = 1.',
    source=PAPER,
    published='the mixture matches the prior',
    arms=(strongest, info(study, least=True)),
    score=MISMATCH,
    rule=Difference('lower'),
  )
  at_equal = [
    Claim(
      statement='At an equal mismatch of the mixture the codes of InfoVAE '
      f'{words} than those of a beta-VAE.',
      source=PAPER,
      published='more information, better reconstructions',
      arms=(strongest, nearest(study)),
      score=score,
      rule=Difference(direction),
    )
    for words, score, direction in (
      (
        'know more of the image (index-code information)',
        INFORMATION,
        'higher',
      ),
      ('give a smaller reconstruction error', ERROR, 'lower'),
    )
  ]
  return (held, *at_equal)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every weight of both methods."""
  mine = study.runs['method'].astype(str) == 'info_vae'
  weights = sorted(set(study.runs['strength'][mine].dropna()))
  rows = [
    Arm(
      f'InfoVAE, lambda {weight:g}',
      {'method': 'info_vae', 'strength': weight},
    )
    for weight in weights
  ]
  table = arms.table(study, [*rows, *betas(study)], SHOWN, count='seeds')
  if len(table):
    yield Section(
      'info_vae_arms',
      'What is held and what is kept',
      'Mean over seeds and 95 % bootstrap interval. aggregate_kl is the '
      'mismatch of mean and covariance of all sampled codes.',
      table,
    )
