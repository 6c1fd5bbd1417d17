"""Colours of moving shapes, drawn frame by frame or at once: claims, sheets."""

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

PAPER = 'Tulyakov et al. 2018'
ARMS = (
  Arm('MoCoGAN', {'method': 'mocogan'}),
  Arm('GAN of clips', {'method': 'video_gan'}),
)
_SCORES = (
  'acd',
  'acd_relative',
  'acd_motion',
  'acd_diversity',
  'acd_area',
  'acd_empty',
  'acd_real',
)
# Of what real clips have.
LEAST, MOST = 0.5, 2.0
# RGB from 0 to 255: rounding of float32, no difference of colours.
NONE = 0.01
MOVES = (
  Guard('acd_motion', LEAST, MOST, 'shapes must move as those of the data'),
  Guard(
    'acd_area', LEAST, MOST, 'shapes must be as large as those of the data'
  ),
)
VARIED = Guard(
  'acd_diversity', LEAST, MOST, 'clips must differ in colour as the data do'
)
PICTURES = {
  'clips_by_rows': ('Clips', 'A clip per row.'),
  'clips_twice_as_long': (
    'Longer clips',
    'Twice as many frames as clips of the training had.',
  ),
  'contents_in_one_motion': (
    'Contents in one motion',
    'One z_M for all rows, a z_C for each.',
  ),
  'motions_of_one_content': (
    'Motions of one content',
    'One z_C for all rows, a z_M for each.',
  ),
}


def below_none(study: tables.Study) -> np.ndarray:
  """How far the ACD of the data lies below NONE, float [runs]."""
  return NONE - values_of(study, 'acd_real')


def claims(study: tables.Study) -> Iterator[Claim]:
  """What the paper says of shapes."""
  del study
  yield Claim(
    statement='Shapes of the data keep their colour: the average content '
    f'distance (ACD, RGB from 0 to 255) is below {NONE:g} (what is left).',
    source=f'{PAPER}, section 4.1',
    published='0',
    arms=ARMS[:1],
    score=below_none,
    rule=Within('higher'),
  )
  yield Claim(
    statement='MoCoGAN keeps the colour of a shape better than a GAN of whole '
    'clips: its ACD is lower.',
    source=f'{PAPER}, section 4.1',
    published='1.79 against 5.02 (VGAN)',
    arms=ARMS,
    score='acd',
    rule=Difference('lower'),
    guards=(*MOVES, VARIED),
  )
  yield Claim(
    statement="The same of ACD over the distance between a model's own clips "
    '(acd_relative), whose value does not fall when all clips become alike.',
    source='this study',
    published='not reported',
    arms=ARMS,
    score='acd_relative',
    rule=Difference('lower'),
    guards=MOVES,
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of both arms, and what the first seed of each draws.

  Args:
    study: as loaded.

  Yields:
    The table, and a figure per picture that the runs have left.
  """
  table = arms.by_score(study, ARMS, _SCORES)
  if table.empty:
    return
  yield Section(
    'mocogan_scores',
    'Colours within and between clips',
    'Mean over seeds with 95 % interval. acd and acd_real are distances of RGB '
    'from 0 to 255; motion, diversity and area are relative to clips of the '
    f'data, and outside of {LEAST:g} to {MOST:g} they make the claim void.',
    table,
  )
  yield from arms.sheets(study, ARMS, PICTURES, 'mocogan', 2.4)
