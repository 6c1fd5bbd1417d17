"""Plans in both sets of pictures: claims, and a table of arms and sets."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import summaries, tables
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
  Within,
)
from disentangle_jax.report.section import Section

METHOD = 'dynamics_content'
PAPER = 'Banijamali et al. 2017'
SETS = {'x': 'with actions (X)', 'y': 'without actions (Y)'}
BOUNDS = {'ceiling': 'iLQR on true positions', 'floor': 'random actions'}
# Names of scores that stand for each set, and their columns.
OF_SETS = {
  'success': 'success',
  'success_blocked': 'success, line blocked',
  'goal_share': 'steps at the goal',
  'planning_loss': 'planning loss',
  'set_reconstruction': 'reconstruction',
  'prediction': 'prediction',
  'map_r2': 'R2 of z',
  'content_r2': 'R2 of w',
}
OF_BOTH = {
  'latent_gap': 'gap of z',
  'content_auc': 'w tells sets',
  'dynamics_auc': 'z tells sets',
}
# What "the same in both sets" means: ten tasks in a hundred.
MARGIN = 0.1
# Study of the variant whose claims have names of their own.
SPARE = 'dynamics_content_spare'
SUCCESS = 0.95
_WORKS = (
  Guard('success/ceiling', low=SUCCESS, reason='the tasks must be solvable'),
  Guard('success/floor', high=0.2, reason='and not by chance'),
)
GUARDS = (
  *_WORKS,
  Guard(
    'success/x',
    low=0.5,
    reason='where no set can be planned in they are alike for nothing',
  ),
)


def arm(pairing: str) -> Arm:
  """The runs of a pairing."""
  label = {'states': 'pairs', 'none': 'no pairs'}[pairing]
  return Arm(label, {'method': METHOD, 'variant.pairing': pairing})


def arms(study: tables.Study) -> dict[str, Arm]:
  """The arms that the study has runs of; all runs are pairs where none says."""
  own = {name: arm(name) for name in ('states', 'none')}
  present = {
    name: one
    for name, one in own.items()
    if claims_lib.runs_of(study, one).any()
  }
  alone = Arm('pairs', {'method': METHOD})
  if not present and claims_lib.runs_of(study, alone).any():
    return {'states': alone}
  return present


def gap(name: str):
  """`(study) -> float [runs]`, a score of X less that of Y."""

  def difference(study):
    of = lambda part: claims_lib.values_of(study, f'{name}/{part}')
    return of('x') - of('y')

  return difference


def alike(name: str):
  """`(study) -> float [runs]`, MARGIN less the distance of the two sets."""
  return lambda study: MARGIN - np.abs(gap(name)(study))


def worse(name: str):
  """`(study) -> float [runs]`, the lower one of the two sets."""
  return lambda study: np.minimum(
    *(claims_lib.values_of(study, f'{name}/{part}') for part in SETS)
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of plans, and what pairs have to do with it.

  Of `:spare` the same by the same rules under names of its own, so that its
  verdicts stand beside those of the laptop's and not in their place.
  """
  asked = _claims(study)
  if SPARE not in set(study.runs['study']):
    return asked
  named = lambda text: f'With a spare latent: {text[0].lower()}{text[1:]}'
  return tuple(one._replace(statement=named(one.statement)) for one in asked)


def _claims(study):
  own = arms(study)
  paired = own.get('states', arm('states'))
  unpaired = own.get('none', arm('none'))
  table = f'{PAPER}, table 1'
  within = lambda name, what, published: Claim(
    statement=f'With pairs {what} of Y lies within 10 points of that of X '
    f'({MARGIN:g} less the distance of the two).',
    source=f'{table}; the margin is ours',
    published=published,
    arms=(paired,),
    score=alike(name),
    rule=Within('higher'),
    guards=GUARDS,
  )
  claims_of_pairs = (
    Claim(
      statement='With pairs most runs reach the goal in both sets: the lower '
      f'success of the two is above {SUCCESS:g}.',
      source=f'{table}; the bound is ours',
      published='100 / 100 %',
      arms=(paired,),
      score=worse('success'),
      rule=Threshold(SUCCESS, 'higher'),
      guards=_WORKS,
    ),
    within('success', 'success', '100 / 100 %'),
    within('goal_share', 'the share of steps at the goal', 'not stated'),
  )
  if 'none' not in own and own:
    return claims_of_pairs
  return (
    *claims_of_pairs,
    Claim(
      statement='Without pairs success is lower in Y than in X (X less Y).',
      source=f'{PAPER}, equation 6; the comparison is ours',
      published='not stated',
      arms=(unpaired,),
      score=gap('success'),
      rule=Within('higher'),
      guards=GUARDS,
    ),
    Claim(
      statement='Pairs raise the success of Y.',
      source=f'{PAPER}, equation 6; the comparison is ours',
      published='not stated',
      arms=(paired, unpaired),
      score='success/y',
      rule=Difference('higher'),
      guards=GUARDS,
    ),
  )


def _names(study: tables.Study) -> set[str]:
  return {name for name, _ in study.scores.columns}


def _mean(study: tables.Study, name: str, mine: np.ndarray) -> str:
  """Mean with interval of a score; '' where there is none."""
  if name not in _names(study):
    return ''
  values = claims_lib.values_of(study, name)[mine]
  values = values[np.isfinite(values)]
  return summaries.mean_with_interval(values) if len(values) else ''


def sets_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm and set, then what bounds them from both sides."""
  rows, own = [], arms(study)
  for one in own.values():
    mine = claims_lib.runs_of(study, one)
    for part, title in SETS.items():
      row = {'arm': one.label, 'set': title, 'runs': int(mine.sum())}
      for name, column in OF_SETS.items():
        row[column] = _mean(study, f'{name}/{part}', mine)
      rows.append(row)
  every = np.ones(len(study.runs), bool)
  for part, title in BOUNDS.items():
    if own and f'success/{part}' in _names(study):
      row = {'arm': title, 'set': 'true positions', 'runs': ''}
      for name, column in OF_SETS.items():
        row[column] = _mean(study, f'{name}/{part}', every)
      rows.append(row)
  return pd.DataFrame(rows)


def codes_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: what codes say of the two sets."""
  rows = []
  for one in arms(study).values():
    mine = claims_lib.runs_of(study, one)
    row = {'arm': one.label}
    for name, column in OF_BOTH.items():
      row[column] = _mean(study, name, mine)
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Plans and predictions by set, and how alike codes are.

  Args:
    study: as loaded.

  Yields:
    Two tables; none where nothing was run.
  """
  table = sets_table(study)
  if not len(table):
    return
  yield Section(
    'dynamics_content_sets',
    'Plans in both sets',
    'Means over seeds with 95 % bootstrap intervals. Success: share of tasks '
    'that end within 2 pixels of the goal, the same tasks for all; line '
    'blocked: of those whose straight line meets an obstacle. Reconstruction '
    'and prediction in nats per picture. R2: of the true position by a linear '
    'map, the worse axis. iLQR on true positions and random actions bound what '
    'plans can be worth. Pairs are supervision: they say which two pictures '
    'show one state.',
    table,
  )
  yield Section(
    'dynamics_content_codes',
    'Codes of both sets',
    'Gap: distance of the codes of one position in both sets, deviations of z. '
    'The others are areas under ROC curves of a linear discriminant: content '
    'should tell the sets apart (1), z should not (0.5).',
    codes_table(study),
  )
