"""What quantisation and decay do, together and each alone."""

from collections.abc import Iterator

from disentangle_jax.report import arms, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Hsu et al. 2023'
SCORE = 'infomec_modularity'
SHOWN = (
  SCORE,
  'infomec_explicitness',
  'infomec_compactness',
  'modularity',
  'mig_binned',
  'reconstruction/nats',
)
_GUARD = Guard(
  'infomec_explicitness', low=0.05, reason='codes must tell of the factors'
)


def greatest_decay(study: tables.Study) -> float:
  """The decay of the study's runs that have one; 0 where none has."""
  decays = study.runs['strength'].dropna()
  return float(decays.max()) if len(decays) else 0.0


def arm(study: tables.Study, quantised: bool, decays: bool) -> Arm:
  """One of the four."""
  words = 'quantised' if quantised else 'not quantised'
  words += ', decay' if decays else ', no decay'
  return Arm(
    words,
    {
      'variant.quantised': str(quantised),
      'strength': greatest_decay(study) if decays else 0.0,
    },
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Both halves of the method against neither, and against each alone."""
  both = arm(study, True, True)
  others = {
    'without quantisation and decay': arm(study, False, False),
    'of quantisation without decay': arm(study, True, False),
    'of decay without quantisation': arm(study, False, True),
  }
  return tuple(
    Claim(
      statement='Quantised latents with weight decay have a higher InfoM than '
      f'an autoencoder {words}.',
      source=PAPER,
      published='higher, on four sets',
      arms=(both, other),
      score=SCORE,
      rule=Difference('higher'),
      guards=(_GUARD,),
    )
    for words, other in others.items()
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """The four autoencoders."""
  rows = [
    arm(study, quantised, decays)
    for quantised in (True, False)
    for decays in (True, False)
  ]
  table = arms.table(study, rows, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'qlae_arms',
      'Quantisation and decay',
      'Mean over seeds and 95 % bootstrap interval. InfoMEC is estimated by '
      'neighbours for all four, so that discrete and continuous codes meet the '
      f'same estimate; decay {greatest_decay(study):g}.',
      table,
    )
