"""Counting, one more entity, and exchange, by a rule made before the run."""

from collections.abc import Iterator

import numpy as np

from disentangle_jax.report import arms, tables
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Nash et al. 2017'
# A count must be right so much more often than the most frequent number is.
GAIN = 0.15
# A surplus slot may change the image by so much of what a real one does.
LEFT = 0.2
SHOWN = (
  'object_count_test',
  'object_count_train',
  'object_count_map',
  'object_count_majority',
  'object_count_ceiling',
  'object_count_threshold',
  'sequential_real',
  'sequential_surplus',
  'sequential_ratio',
  'slot_found',
  'scene_error',
  'exchange_error',
  'exchange_excess',
  'reconstruction/nats',
  'kl',
)
_FOUND = Guard(
  'slot_found', low=0.25, reason='slots must decode to sprites of the scene'
)
_MOVES = Guard(
  'sequential_real', low=3.0, reason='real slots must change the image'
)
_SEEN = Guard(
  'scene_error', high=0.5, reason='a blank image exchanges without excess'
)


def numbers_of_slots(study: tables.Study) -> list[str]:
  """Values of `static.slots` that the study sets apart; [''] for none."""
  slots = study.runs['variant'].str.extract(r'(?:^|, )slots=([^,]*)')[0]
  return sorted(set(slots.fillna('')), key=lambda text: (len(text), text))


def arm(method: str, slots: str) -> Arm:
  """The runs of a method with so many slots."""
  where = {'method': method, 'variant.slots': slots}
  words = {'mvae': 'MVAE', 'scene_vae': 'VAE'}[method]
  return Arm(f'{words}, {slots} slots' if slots else words, where)


def gain(study: tables.Study) -> np.ndarray:
  """What a count is right beyond the most frequent number and GAIN."""
  right, majority = (
    claims_lib.values_of(study, f'object_count_{name}')
    for name in ('test', 'majority')
  )
  return right - majority - GAIN


def remainder(study: tables.Study) -> np.ndarray:
  """What a surplus slot changes, over a real one, less LEFT."""
  return claims_lib.values_of(study, 'sequential_ratio') - LEFT


def claims_of(slots: str) -> tuple[Claim, ...]:
  """The three claims about scenes with so many slots."""
  entities = arm('mvae', slots)
  words = f' with {slots} slots' if slots else ''
  return (
    Claim(
      statement=f'The KL of slots{words} counts the objects of new scenes '
      f'right {GAIN:g} more often than their most frequent number.',
      source=f'{PAPER}, section 4',
      published='0.726, on new scenes',
      arms=(entities,),
      score=gain,
      rule=Within('higher'),
      guards=(_FOUND,),
    ),
    Claim(
      statement=f'A slot{words} beyond the number of objects changes the image '
      f'by less than {LEFT:g} of what a slot up to it does.',
      source=f'{PAPER}, section 4',
      published='pictures',
      arms=(entities,),
      score=remainder,
      rule=Within('lower'),
      guards=(_FOUND, _MOVES),
    ),
    Claim(
      statement=f'Scenes{words} exchange an object with a smaller excess of '
      'error by MVAE than by a VAE.',
      source=f'{PAPER}, section 4',
      published='pictures',
      arms=(entities, arm('scene_vae', slots)),
      score='exchange_excess',
      rule=Difference('lower'),
      guards=(_SEEN,),
    ),
  )


def claims(study: tables.Study) -> Iterator[Claim]:
  """Those of every number of slots."""
  for slots in numbers_of_slots(study):
    yield from claims_of(slots)


def sections(study: tables.Study) -> Iterator[Section]:
  """Both methods."""
  rows = [
    arm(method, slots)
    for slots in numbers_of_slots(study)
    for method in ('mvae', 'scene_vae')
  ]
  table = arms.table(study, rows, SHOWN, count='seeds')
  if len(table):
    yield Section(
      'mvae_arms',
      'Entities and one vector',
      'Mean over seeds and 95 % bootstrap interval. A VAE has no slots to '
      'count by; its exchange swaps the latents of largest KL and is held '
      'against the nearest exchange of two sprites.',
      table,
    )
