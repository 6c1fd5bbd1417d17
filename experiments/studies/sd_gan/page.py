"""Pairs of SD-GANs and of their controls: claims, scores, sheets of images."""

from collections.abc import Iterator

import numpy as np

from disentangle_jax.report import arms, tables
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Within,
  values_of,
)
from disentangle_jax.report.section import Section

PAPER = 'Donahue et al. 2018'
METHODS = {'sd_gan': 'SD-GAN', 'sd_began': 'SD-BEGAN'}
PUBLISHED = {'sd_gan': 0.823, 'sd_began': 0.928}
AREA, DIVERSITY = 'pair_verification_auc', 'pair_diversity'
REAL = 'pair_verification_auc_real'
# How far from the real area, and how varied inside a pair.
NEAR, VARIED = 0.1, 0.5
_SCORES = (
  AREA,
  REAL,
  'pair_verification_auc_seen',
  'pair_verification_accuracy',
  'pair_verification_accuracy_real',
  DIVERSITY,
  'identity_diversity',
  'sample_classes',
  'sample_nearest',
  'sample_coverage',
  'sample_spread',
)
# Half of the values of the factor that the classifier of draws names: 10 digits
# of the laptop form, 4 shapes.
_HALF = {'shapes3d': 2.0}
PICTURES = {
  'identities_by_observations': (
    'Identities and observations',
    'A row per z_I and a column per z_O, both drawn anew.',
  ),
  'interpolation': (
    'Interpolation',
    'Rows walk from one z_I to another, columns from one z_O to another.',
  ),
}


def guards(study: tables.Study) -> tuple[Guard, ...]:
  """When the data or a model make every claim void."""
  names = set(study.runs['dataset'].str.split(' ').str[0])
  half = min((_HALF.get(name, 5.0) for name in names), default=5.0)
  return (
    Guard(REAL, 0.8, 0.99, 'the data are too hard or too easy'),
    Guard(
      'sample_nearest',
      high=3.0,
      reason='draws must lie as near as the data do',
    ),
    Guard(
      'sample_classes',
      low=half,
      reason='half of the digits, or shapes, must be among draws',
    ),
  )


def arm(method: str, paired: bool) -> Arm:
  """The runs of a method whose critic sees pairs, or of its control."""
  label = METHODS[method] if paired else f'{METHODS[method]}, single images'
  return Arm(label, {'method': method, 'variant.paired': str(paired)})


ARMS = tuple(
  arm(method, paired) for method in METHODS for paired in (True, False)
)


def margin(study: tables.Study) -> np.ndarray:
  """The lesser of two margins in a run, above 0 where both bounds hold.

  Args:
    study: as loaded.

  Returns:
    float [runs], least of 0.1 less the distance of the area to the real one,
    and pair_diversity less 0.5.
  """
  near = NEAR - np.abs(values_of(study, AREA) - values_of(study, REAL))
  return np.minimum(near, values_of(study, DIVERSITY) - VARIED)


def claims(study: tables.Study) -> Iterator[Claim]:
  """What the paper says of both methods."""
  checks = guards(study)
  for method, name in METHODS.items():
    yield Claim(
      statement=f'{name}: pairs of one z_I are told from pairs of two better '
      'than those of the same model whose critic sees single images (area '
      'under the ROC curve).',
      source=f'{PAPER}, table 1; the control is ours',
      published=f'{PUBLISHED[method]:.3f}; no control',
      arms=(arm(method, True), arm(method, False)),
      score=AREA,
      rule=Difference('higher'),
      guards=checks,
    )
    yield Claim(
      statement=f'{name}: the area lies within {NEAR:g} of that of real pairs '
      f'while pair_diversity is at least {VARIED:g} (lesser of both margins).',
      source=f'{PAPER}, table 1',
      published=f'{PUBLISHED[method]:.3f} against 0.913 of real pairs',
      arms=(arm(method, True),),
      score=margin,
      rule=Within('higher'),
      guards=checks,
    )


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of every arm, and what its first seed draws.

  Args:
    study: as loaded.

  Yields:
    The table, and a figure per picture that the runs have left.
  """
  table = arms.by_score(study, ARMS, _SCORES)
  if table.empty:
    return
  yield Section(
    'sd_gan_scores',
    'Pairs and draws',
    'Mean over seeds with 95 % interval. The _real rows are of identities that '
    'no model saw, _seen of those that all could see. An area above the real '
    'one is no success by itself: a generator whose pairs do not differ has '
    'it, and pair_diversity 0.',
    table,
  )
  yield from arms.sheets(study, ARMS, PICTURES, 'sd_gan', 2.8)
