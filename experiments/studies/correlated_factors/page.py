"""What dependence entangles, and what undoes it: claims and a table."""

from collections.abc import Iterator

from disentangle_jax.report import arms, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section
from disentangle_jax.studies.correlated_factors import config

CORRELATED = 'Träuble et al. 2021'
SUPPORT = 'Roth et al. 2023'
PAIR = f'pair_entanglement/{config.PAIR[0]}_{config.PAIR[1]}'
SHOWN = (
  PAIR,
  'pair_entanglement',
  'mig_binned',
  'mcc',
  'dci_disentanglement_gbt',
  'factorized_support',
  'reconstruction/nats',
  'kl',
)
NAMES = {
  'beta_vae': 'beta-VAE',
  'beta_tcvae': 'beta-TCVAE',
  'factor_vae': 'FactorVAE',
  'ada_gvae': 'Ada-GVAE',
  's2_beta_vae': 'S2-beta-VAE, 100 labels',
  'hfs_vae': 'HFS',
  'hfs_tcvae': 'HFS-TC',
}
UNSUPERVISED = ('beta_vae', 'beta_tcvae', 'factor_vae')
NONE = 'none'
# Widths that claims are made of: both sizes of the study have them.
NARROW, WIDE = '0.2', '0.4'
_GUARD = Guard('kl', low=0.5, reason='latents must be in use')


def law(strength: str) -> dict[str, str]:
  """Columns of runs under a band of this width, or under none."""
  if strength == NONE:
    return {'variant.distribution': 'uniform'}
  return {
    'variant.distribution': 'correlated',
    'variant.strength': strength,
  }


def arm(methods: str | tuple[str, ...], strength: str, label: str = '') -> Arm:
  """Some methods under one law of the two factors."""
  label = label or NAMES[methods]
  words = 'no dependence' if strength == NONE else f'width {strength}'
  return Arm(f'{label}, {words}', {'method': methods, **law(strength)})


def unsupervised(strength: str) -> Arm:
  """The three unsupervised objectives together."""
  return arm(UNSUPERVISED, strength, 'three unsupervised objectives')


def _claim(statement, source, published, pair_of_arms, score, direction):
  return Claim(
    statement=statement,
    source=source,
    published=published,
    arms=pair_of_arms,
    score=score,
    rule=Difference(direction),
    guards=(_GUARD,),
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What dependence does to objectives, and what three remedies do to it."""
  del study
  every = [
    _claim(
      f'Under a band of width {NARROW} the two dependent factors are more '
      f'entangled by {NAMES[method]} than without dependence.',
      CORRELATED,
      'entangled in all models, the more the narrower the band',
      (arm(method, NARROW), arm(method, NONE)),
      PAIR,
      'higher',
    )
    for method in UNSUPERVISED
  ]
  for name, score, direction in (
    ('entangles the dependent pair less', PAIR, 'lower'),
    ('has a higher MIG', 'mig_binned', 'higher'),
  ):
    every += [
      _claim(
        f'Under a band of width {NARROW} Ada-GVAE {name} than the three '
        'unsupervised objectives, mean over them.',
        CORRELATED,
        'weak supervision undoes most of it',
        (arm('ada_gvae', NARROW), unsupervised(NARROW)),
        score,
        direction,
      ),
      _claim(
        f'Under a band of width {NARROW} a beta-VAE with 100 labels of the '
        f'dependent images {name} than one without.',
        f'{CORRELATED}; there labels correct a trained model',
        'a few labels undo it',
        (arm('s2_beta_vae', NARROW), arm('beta_vae', NARROW)),
        score,
        direction,
      ),
    ]
    every += [
      _claim(
        f'Under a band of width {strength} {NAMES[method]} {name} than '
        f'{NAMES[base]}.',
        SUPPORT,
        'DCI-D up to 60 % higher, most under strong dependence',
        (arm(method, strength), arm(base, strength)),
        score,
        direction,
      )
      for method, base in (('hfs_vae', 'beta_vae'), ('hfs_tcvae', 'beta_tcvae'))
      for strength in (NARROW, WIDE)
    ]
  return tuple(every)


def widths(study: tables.Study) -> list[str]:
  """The bands of a study, narrow ones first, then none."""
  found = set()
  for text in study.runs['variant'].astype(str).unique():
    for part in text.split(', '):
      if part.startswith('strength='):
        found.add(part.partition('=')[2])
  return [*sorted(found, key=float), NONE]


def sections(study: tables.Study) -> Iterator[Section]:
  """Every method under every band."""
  rows = [
    arm(method, strength) for strength in widths(study) for method in NAMES
  ]
  table = arms.table(study, rows, SHOWN, label='method, band', count='runs')
  if len(table):
    yield Section(
      'correlated_factors_arms',
      'Methods under dependence',
      f'The {config.PAIR[0]} and the {config.PAIR[1]} depend on each other in '
      'training, in a band of this width over values from 0 to 1; scores are '
      'taken on all combinations alike. Mean over runs and 95 % bootstrap '
      'interval.',
      table,
    )
