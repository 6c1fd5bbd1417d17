"""What pairs are worth: claims and a table of arms."""

from collections.abc import Iterator

from disentangle_jax.report import arms, tables
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


def sections(study: tables.Study) -> Iterator[Section]:
  """Every arm with its scores."""
  every = (ONE, RANDOM, LABELLED, VAE)
  table = arms.table(study, every, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'ada_gvae_arms',
      'Pairs and single images',
      'Mean over seeds and 95 % bootstrap interval, at beta 1 and equal steps.',
      table,
    )
