"""Whether the label's prior finds the sources: a claim and a table."""

from collections.abc import Iterator

from disentangle_jax.report import arms, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Khemakhem et al. 2020'
IVAE = Arm('iVAE', {'method': 'ivae'})
VAE = Arm('VAE', {'method': 'vae'})
SCORES = {
  'field_mcc': "Pearson's correlation",
  'field_mcc_spearman': 'rank correlation',
}
SHOWN = (*SCORES, 'reconstruction/nats', 'kl')
_GUARD = Guard('kl', low=0.5, reason='latents must be in use')


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """iVAE above a VAE with the same nets, mean over mixings."""
  del study
  return tuple(
    Claim(
      statement='iVAE has a higher mean correlation coefficient with the '
      f'sources than a VAE with the same nets ({words}).',
      source=PAPER,
      published='higher, in all settings',
      arms=(IVAE, VAE),
      score=score,
      rule=Difference('higher'),
      guards=(_GUARD,),
    )
    for score, words in SCORES.items()
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """Both methods, for every mixing and together."""
  variants = sorted(set(study.runs['variant'].astype(str)))
  rows = [IVAE, VAE]
  if len(variants) > 1:
    rows += [
      Arm(f'{arm.label}, {variant}', {**arm.where, 'variant': variant})
      for variant in variants
      for arm in (IVAE, VAE)
    ]
  table = arms.table(study, rows, SHOWN)
  if len(table):
    yield Section(
      'ivae_arms',
      'Sources found',
      'Mean over runs and 95 % bootstrap interval; the KL is that to a '
      'standard normal for both.',
      table,
    )
