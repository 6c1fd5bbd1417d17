"""Claims and tables of the grasping study on made-up rows."""

import numpy as np
import pytest

from disentangle_jax.studies.grasp_geometry import page

ACCURACY = {'geometry': 0.78, 'cnn': 0.72, 'true grid': 0.9, 'pose alone': 0.6}
METHODS = {
  'geometry': ('grasp_geometry', 'occupancy=learnt'),
  'true grid': ('grasp_geometry', 'occupancy=true'),
  'cnn': ('grasp_cnn', 'sees=view'),
  'pose alone': ('grasp_cnn', 'sees=pose'),
}


def fill(store, accuracy=None, blind=0.3, share=0.5, seeds=5, fall=0.01):
  """Runs of all arms; planning follows the accuracy, new ones fall off."""
  rng = np.random.default_rng(0)
  for arm, level in {**ACCURACY, **(accuracy or {})}.items():
    if level is None:
      continue
    method, variant = METHODS[arm]
    loss = fall * (2 if arm == 'cnn' else 1)
    for seed in range(seeds):
      seen = level + rng.uniform(0, 0.004)
      scores = {
        'grasp_accuracy': seen - loss / 2,
        'grasp_accuracy_seen': seen,
        'grasp_accuracy_new': seen - loss,
        'grasp_accuracy_drop': loss + rng.uniform(0, 1e-3),
        'grasp_label_share': share,
        'grasp_plan': seen - 0.2,
        'grasp_plan_random': blind,
        'grasp_accuracy/bowl_15': seen,
        'grasp_accuracy/bowl_30': seen - loss,
        'grasp_plan/bowl': seen - 0.1,
      }
      if arm == 'geometry':
        scores |= {'occupancy_iou': 0.5, 'occupancy_iou/bowl': 0.4}
      store.add(scores, method=method, variant=variant, seed=seed)
  return store.study()


def test_claims_hold_where_they_are_and_not_where_not(store, tmp_path, judged):
  assert list(judged(page, fill(store)).values()) == ['holds'] * 6
  worse = {'geometry': 0.7, 'true grid': 0.69}
  other = fill(type(store)(tmp_path / 'b'), worse, blind=0.9, fall=-0.01)
  words = judged(page, other)
  assert list(words.values()) == ['does not hold'] * 6


@pytest.mark.parametrize(
  'options, count',
  [({'share': 0.6}, 6), ({'accuracy': {'cnn': 0.6}}, 6)],
)
def test_unequal_labels_or_a_blind_net_decide_nothing(
  store, judged, options, count
):
  words = list(judged(page, fill(store, **options)).values())
  assert words.count('void') == count


def test_without_the_blind_net_nothing_is_decided(store, judged):
  words = judged(page, fill(store, {'pose alone': None}))
  assert set(words.values()) == {'void'}


def test_tables_have_means_and_paired_differences(store):
  study = fill(store)
  arms, categories = page.sections(study)
  table = page.scores_table(study).set_index('score')
  row = table.loc['accuracy, elevations of training']
  assert row['geometry'].startswith('0.78')
  assert row['geometry - cnn'].startswith('+0.0')
  assert table.loc['IoU of the guessed grid', 'cnn'] == ''
  assert table.loc['IoU of the guessed grid', 'geometry - cnn'] == ''
  bowls = page.categories_table(study).set_index('category').loc['bowl']
  values = study.scores['grasp_accuracy', ''].to_numpy()
  assert np.isclose(bowls['geometry'], values[:5].mean())
  assert bowls['IoU'] == 0.4 and bowls['published gain'] == '+0.057'
  assert (arms.key, categories.key) == ('arms', 'categories')
