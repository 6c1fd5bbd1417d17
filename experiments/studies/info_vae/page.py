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
  'elbo/dimension_wise_kl',
  ERROR,
  'kl',
  'mig_binned',
)
KEPT = (
  ('know more of the image (index-code information)', INFORMATION, 'higher'),
  ('give a smaller reconstruction error', ERROR, 'lower'),
)
_NAMES = {
  'info_vae': 'InfoVAE, lambda {:g}',
  'beta_vae': 'beta-VAE, beta {:g}',
}


def arms_of(study: tables.Study, method: str) -> list[Arm]:
  """A method at every strength of the study, the least first."""
  mine = study.runs['method'].astype(str) == method
  values = sorted(set(study.runs['strength'][mine].dropna()))
  return [
    Arm(_NAMES[method].format(value), {'method': method, 'strength': value})
    for value in values
  ]


def nearest(study: tables.Study, arm: Arm) -> Arm:
  """The beta-VAE whose mixture is as far from the prior as an arm's.

  Of the study's betas the one whose mean `aggregate_kl` is nearest to the arm's
  on a logarithmic scale; the first where nothing was scored.
  """
  every = arms_of(study, 'beta_vae')
  names = {name for name, _ in study.scores.columns}
  if not every or MISMATCH not in names:
    return every[0] if every else Arm('beta-VAE', {'method': 'beta_vae'})
  values = claims_lib.values_of(study, MISMATCH)
  mean = lambda arm: np.mean(values[claims_lib.runs_of(study, arm)])
  away = [abs(np.log(mean(other) / mean(arm))) for other in every]
  return every[int(np.argmin(np.nan_to_num(away, nan=np.inf)))]


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The mixture is held, and codes keep more than at an equal mismatch."""
  weights = arms_of(study, 'info_vae')
  if not weights:
    return ()
  least, *held = weights
  every = []
  for arm in held:
    every.append(
      Claim(
        statement='At alpha = 1 the discrepancy brings the mixture of '
        f'posteriors nearer to the prior ({arm.label}): a lower KL of its '
        f'moments than at {least.where["strength"]:g}.',
        source=PAPER,
        published='the mixture matches the prior',
        arms=(arm, least),
        score=MISMATCH,
        rule=Difference('lower'),
      )
    )
    every += [
      Claim(
        statement=f'At an equal mismatch of the mixture the codes of '
        f'{arm.label}, {words} than those of a beta-VAE.',
        source=PAPER,
        published='more information, better reconstructions',
        arms=(arm, nearest(study, arm)),
        score=score,
        rule=Difference(direction),
      )
      for words, score, direction in KEPT
    ]
  return tuple(every)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every weight of both methods."""
  rows = [*arms_of(study, 'info_vae'), *arms_of(study, 'beta_vae')]
  table = arms.table(study, rows, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'info_vae_arms',
      'What is held and what is kept',
      'Mean over seeds and 95 % bootstrap interval. aggregate_kl is the '
      'mismatch of mean and covariance of all sampled codes.',
      table,
    )
