"""Geometry against a plain CNN: claims, and tables by category."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import statistics, summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Yan et al. 2018'
ARMS = {
  'geometry': Arm(
    'geometry', {'method': 'grasp_geometry', 'variant.occupancy': 'learnt'}
  ),
  'cnn': Arm('cnn', {'method': 'grasp_cnn', 'variant.sees': 'view'}),
  'true grid': Arm(
    'true grid', {'method': 'grasp_geometry', 'variant.occupancy': 'true'}
  ),
  'pose alone': Arm(
    'pose alone', {'method': 'grasp_cnn', 'variant.sees': 'pose'}
  ),
}
SCORES = {
  'grasp_accuracy_seen': 'accuracy, elevations of training',
  'grasp_accuracy_new': 'accuracy, new elevations',
  'grasp_accuracy_drop': 'the former less the latter',
  'grasp_plan': 'planning',
  'grasp_plan_random': 'planning, blind',
  'grasp_plan_cem': 'planning at once (cross-entropy method)',
  'occupancy_iou': 'IoU of the guessed grid',
  'local_depth_error': 'error of the local depth',
}
CATEGORIES = ('bottle', 'bowl', 'cup', 'plate', 'mug', 'sugarbowl', 'teapot')
# Published mean gain over four elevations, percentage points.
GAINS = dict(zip(CATEGORIES, (7.7, 5.7, 4.6, 5.2, 5.3, 5.1, 8.0)))


def over_pose(study: tables.Study) -> np.ndarray:
  """Accuracy less that of the same seed's net that sees the pose alone.

  NaN where that was not run.
  """
  values = claims_lib.values_of(study, 'grasp_accuracy')
  blind = claims_lib.by_seed(study, ARMS['pose alone'], values)
  seeds = study.runs['seed']
  return values - np.array([blind.get(seed, np.nan) for seed in seeds])


def plan_over_blind(study: tables.Study) -> np.ndarray:
  """Starts that a search by the net mends, less those of a blind search."""
  plan = claims_lib.values_of(study, 'grasp_plan')
  return plan - claims_lib.values_of(study, 'grasp_plan_random')


_GUARDS = (
  Guard(
    'grasp_label_share',
    low=0.499,
    high=0.501,
    reason='half of the labels must be successes',
  ),
  Guard(
    over_pose,
    low=0.01,
    reason='a net that is no better than the pose alone reads nothing else',
  ),
)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of accuracies and of planning."""
  del study
  both = (ARMS['geometry'], ARMS['cnn'])
  two, three = f'{PAPER}, table II', f'{PAPER}, table III'
  return (
    Claim(
      statement='Geometry tells outcomes of grasps of novel objects better '
      'than the CNN, from elevations of training.',
      source=two,
      published='76.55 against 71.42 % (15 degrees), 77.25 against 71.32 (45)',
      arms=both,
      score='grasp_accuracy_seen',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='Geometry tells outcomes of grasps of novel objects better '
      'than the CNN, from new elevations.',
      source=two,
      published='75.27 against 69.50 % (30 degrees), 75.76 against 70.18 (60)',
      arms=both,
      score='grasp_accuracy_new',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='From elevations of training to new ones the CNN loses more '
      'than geometry does.',
      source=two,
      published='1.53 against 1.39 points, means over elevations',
      arms=(ARMS['cnn'], ARMS['geometry']),
      score='grasp_accuracy_drop',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='A search by the geometry net mends more bad grasps than one '
      'by the CNN.',
      source=three,
      published='61.46 against 55.85 %',
      arms=both,
      score='grasp_plan',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='A search by the CNN mends more bad grasps than a blind one.',
      source=three,
      published='no number for a blind search',
      arms=(ARMS['cnn'],),
      score=plan_over_blind,
      rule=Within('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='With the true grid outcomes are told better than by the CNN '
      '(a ceiling: where this fails the data have no room for geometry).',
      source='our own',
      published='not asked',
      arms=(ARMS['true grid'], ARMS['cnn']),
      score='grasp_accuracy',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
  )


def _names(study: tables.Study) -> set[str]:
  return {name for name, _ in study.scores.columns}


def _of_arms(study: tables.Study, name: str) -> dict[str, dict[int, float]]:
  values = claims_lib.values_of(study, name)
  return {
    label: {
      seed: value
      for seed, value in claims_lib.by_seed(study, arm, values).items()
      if np.isfinite(value)
    }
    for label, arm in ARMS.items()
  }


def _difference(of: dict[str, dict[int, float]], first: str) -> str:
  """Geometry or ceiling less the CNN, paired over seeds; '' where not run."""
  seeds = sorted(set(of[first]) & set(of['cnn']))
  if len(seeds) < 2:
    return ''
  a, b = (np.array([of[arm][seed] for seed in seeds]) for arm in (first, 'cnn'))
  return summaries.with_interval(*statistics.paired_interval(a, b), signed=True)


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per score: its mean in every arm, and geometry less the CNN."""
  rows = []
  for name, title in SCORES.items():
    if name not in _names(study):
      continue
    of, row = _of_arms(study, name), {'score': title}
    for arm, by_seed in of.items():
      own = np.array(list(by_seed.values()))
      row[arm] = summaries.mean_with_interval(own) if len(own) else ''
    row['geometry - cnn'] = _difference(of, 'geometry')
    rows.append(row)
  return pd.DataFrame(rows)


def categories_table(study: tables.Study) -> pd.DataFrame:
  """A row per category: accuracy over all elevations, and planning."""
  names, rows = _names(study), []
  for category in CATEGORIES:
    cells = sorted(
      name for name in names if name.startswith(f'grasp_accuracy/{category}_')
    )
    if not cells:
      continue
    row = {'category': category}
    means = [claims_lib.values_of(study, cell) for cell in cells]
    values = np.mean(means, axis=0)
    of = {
      label: claims_lib.by_seed(study, arm, values)
      for label, arm in ARMS.items()
    }
    for arm, by_seed in of.items():
      row[arm] = float(np.mean(list(by_seed.values()))) if by_seed else np.nan
    row['geometry - cnn'] = _difference(of, 'geometry')
    row['published gain'] = f'{GAINS[category] / 100:+.3f}'
    plan = f'grasp_plan/{category}'
    if plan in names:
      for arm in ('geometry', 'cnn'):
        own = list(_of_arms(study, plan)[arm].values())
        row[f'planning, {arm}'] = float(np.mean(own)) if own else np.nan
    iou = f'occupancy_iou/{category}'
    if iou in names:
      own = list(_of_arms(study, iou)['geometry'].values())
      row['IoU'] = float(np.mean(own)) if own else np.nan
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Tables of arms and of categories; none where no arm was run."""
  if not any(claims_lib.runs_of(study, arm).any() for arm in ARMS.values()):
    return
  table = scores_table(study)
  if len(table):
    yield Section(
      'arms',
      'Arms',
      'Novel objects. Means over seeds with 95 % bootstrap intervals; '
      'differences are paired over seeds. Chance of an accuracy is 0.5.',
      table,
    )
  table = categories_table(study)
  if len(table):
    yield Section(
      'categories',
      'Categories',
      'Accuracy over all elevations, share of bad grasps that a search mends, '
      'and the overlap of guessed and true grids, by category; the published '
      "gain is on the paper's own data.",
      table,
    )
