"""Where the identity is in grouped digits: claims and table."""

from collections.abc import Iterator

import numpy as np

from disentangle_jax.report import arms, tables
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Bouchacourt et al. 2018'
# What a sweep says of the arms, and what they are called; the full size has
# groups of digits alone.
PRODUCT = Arm(
  'groups of a digit, product',
  {'variant': ("identity=('digit',), average=product", 'average=product')},
)
AVERAGE = Arm(
  'groups of a digit, average',
  {'variant': ("identity=('digit',), average=gvae", 'average=gvae')},
)
STROKE = Arm(
  'groups of a stroke, product',
  {'variant': "identity=('slant', 'thickness'), average=product"},
)
SHOWN = (
  'swap_classifier',
  'swap_reconstructed',
  'swap_local',
  'swap_global',
  'label_from_global',
  'label_from_local',
  'label_from_accumulated',
)
# Near what is reconstructed: this share of it. Near chance: 0.1 and as much.
NEAR, CHANCE = 0.8, 0.2
_GUARDS = (
  Guard('swap_classifier', low=0.9, reason='the judge must know the digits'),
  Guard(
    'swap_reconstructed',
    low=0.3,
    reason='reconstructions must show the digit at all',
  ),
)


def _less(first: str, second: str, times: float = 1.0):
  """A score less a multiple of another, one per run."""

  def difference(study: tables.Study) -> np.ndarray:
    return claims_lib.values_of(study, first) - times * claims_lib.values_of(
      study, second
    )

  return difference


def _above_chance(study: tables.Study) -> np.ndarray:
  return claims_lib.values_of(study, 'swap_global') - CHANCE


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Content holds the identity, style does not, evidence adds."""
  del study
  within = (
    (
      f'With the style redrawn at least {NEAR:g} of the digits that '
      'reconstructions show stay.',
      _less('swap_local', 'swap_reconstructed', NEAR),
      'higher',
      'pictures',
      _GUARDS,
    ),
    (
      'With the content redrawn the digit is lost: named in less than '
      f'{CHANCE:g} of the images, chance 0.1.',
      _above_chance,
      'lower',
      'pictures',
      _GUARDS,
    ),
    (
      'The digit is read from the content better than from the style.',
      _less('label_from_global', 'label_from_local'),
      'higher',
      'higher',
      (),
    ),
    (
      'The digit is read better from the content of four images of a group '
      'than from that of one.',
      _less('label_from_accumulated', 'label_from_global'),
      'higher',
      'accuracy rises with the images of a group',
      (),
    ),
  )
  every = [
    Claim(
      statement=statement,
      source=PAPER,
      published=published,
      arms=(PRODUCT,),
      score=score,
      rule=Within(direction),
      guards=guards,
    )
    for statement, score, direction, published, guards in within
  ]
  every.append(
    Claim(
      statement='It is the grouping that places the digit: read from the '
      'content better where groups share the digit than where they share the '
      'stroke.',
      source=f'{PAPER}; the comparison is ours',
      published='no number',
      arms=(PRODUCT, STROKE),
      score='label_from_global',
      rule=Difference('higher'),
    )
  )
  return tuple(every)


def sections(study: tables.Study) -> Iterator[Section]:
  """Every arm with its scores."""
  every = (PRODUCT, AVERAGE, STROKE)
  table = arms.table(study, every, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'ml_vae_arms',
      'Content and style',
      'Mean over seeds and 95 % bootstrap interval; chance is 0.1. The first '
      'four are what a classifier names right: images, reconstructions, style '
      'redrawn, content redrawn; then a linear classifier on content, style, '
      'and the content of four images.',
      table,
    )
