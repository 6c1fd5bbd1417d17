"""Whether sparse change in time finds the factors: claims and table."""

from collections.abc import Iterator

from disentangle_jax.report import arms, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Klindt et al. 2021'
SHOWN = (
  'mcc',
  'mcc_spearman',
  'mig_binned',
  'factor_vae_score',
  'active_units',
  'kl',
)
# Transition -> what its pairs are.
TRANSITIONS = {
  'laplace': 'a Laplace walk of the factors',
  'uniform': 'pairs with a random number of changed factors',
}
_GUARD = Guard('kl', low=0.5, reason='latents must be in use')


def slow(transition: str) -> Arm:
  """SlowVAE, in its closed form, on one kind of pairs."""
  return Arm(
    f'SlowVAE, {transition}',
    {
      'method': 'slow_vae',
      'variant.pair_transition': transition,
      'variant.entropy': ('', 'exact'),
    },
  )


def baseline(study: tables.Study) -> Arm:
  """beta-VAE at the greatest beta of the study, the best of those tried.

  By its own mean correlation coefficient on tuning seeds; see README.md.
  """
  runs = study.runs
  betas = runs['strength'][runs['method'].astype(str) == 'beta_vae'].dropna()
  where = {'method': 'beta_vae'}
  if len(betas):
    where['strength'] = float(betas.max())
  return Arm('beta-VAE', where)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Both transitions against the beta-VAE, for both correlations."""
  every = []
  for transition, words in TRANSITIONS.items():
    for score in ('mcc', 'mcc_spearman'):
      every.append(
        Claim(
          statement=f'On {words} SlowVAE has a higher {score} than a beta-VAE.',
          source=PAPER,
          published='higher; beta 8',
          arms=(slow(transition), baseline(study)),
          score=score,
          rule=Difference('higher'),
          guards=(_GUARD,),
        )
      )
  return tuple(every)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every arm with its scores."""
  runs = study.runs
  single = runs[runs['method'].astype(str) == 'beta_vae']
  every = [slow(transition) for transition in TRANSITIONS]
  every += [
    Arm(f'beta-VAE, beta {beta:g}', {'method': 'beta_vae', 'strength': beta})
    for beta in sorted(set(single['strength'].dropna()))
  ]
  table = arms.table(study, every, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'slow_vae_arms',
      'Sparse change and single images',
      'Mean over seeds and 95 % bootstrap interval, at equal steps.',
      table,
    )
