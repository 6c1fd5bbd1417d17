"""Claims and tables of the attack study against NumPy."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.attack import page

KINDS = {
  'disentangled': {'c_max_gaussian': 5.0, 'weight_decay': 0.0},
  'entangled': {'c_max_gaussian': 0.0, 'weight_decay': 0.0},
  'weight decay': {'c_max_gaussian': 0.0, 'weight_decay': 0.3},
}
# Digit 1 leads; weight decay is the most robust, disentangled the least.
PUBLISHED = {'disentangled': 0.5, 'entangled': 0.3, 'weight decay': 0.1}
OPPOSITE = {'disentangled': 0.1, 'entangled': 0.3, 'weight decay': 0.5}


def fill(store, level, first=1, seeds=6, clean=0.9, kinds=tuple(KINDS)):
  """Three classes; class `first` is moved 0.1 more often than the others."""
  rng = np.random.default_rng(0)
  for kind in kinds:
    for seed in range(seeds):
      rates = level[kind] + rng.uniform(0, 0.02, 3)
      rates[first] += 0.1
      scores = {'attack_clean': clean, 'attack_classifier_accuracy': 0.98}
      for name in page.RATES:
        scores |= {f'{name}/{s}': rate for s, rate in enumerate(rates)}
        scores |= {name: rates.mean(), f'{name}/0_1': rates[0]}
        scores[f'{name}/1_2'] = rates[1]
      hparams = {**KINDS[kind], 'gamma': 1.0}
      store.add(scores, method='joint_vae', seed=seed, hparams=hparams)
  return store.study()


def test_marginals_are_seeds_by_classes_with_the_mean_behind(store):
  study = fill(store, PUBLISHED)
  rates = page.marginals(study, 'attack_target')
  assert list(rates) == list(KINDS)
  for kind, frame in rates.items():
    values = frame.to_numpy()
    assert values.shape == (6, 4)
    np.testing.assert_allclose(values[:, 3], values[:, :3].mean(1))
    assert np.all(values[:, 1] > values[:, [0, 2]].max(1))
    mine = page.kinds(study)[kind]
    expected = study.scores['attack_target', ''][mine]
    np.testing.assert_array_equal(values[:, 3], expected)


def test_only_a_clear_difference_is_counted(store):
  rates = page.marginals(fill(store, PUBLISHED), 'attack_target')
  alike = rates['entangled'].copy()
  alike[0] = rates['weight decay'][0] + np.array([1, -1, 1, -1, 1, -1])
  table = page.differences_table({**rates, 'entangled': alike})
  row = table.set_index('difference').loc['disentangled - weight decay']
  expected = rates['disentangled'].mean() - rates['weight decay'].mean()
  shown = [float(row[str(c)].split()[0]) for c in (0, 1, 2, 'all')]
  np.testing.assert_allclose(shown, expected, atol=6e-3)
  low, high = (float(x) for x in row['0'].split('[')[1].strip(']').split(','))
  assert 0 < low < shown[0] < high
  assert (row['higher in'], row['lower in']) == (3, 0)
  # One class is too noisy to tell: two of three are counted.
  row = table.set_index('difference').loc['weight decay - entangled']
  assert (row['higher in'], row['lower in']) == (0, 2)


def test_pairs_are_means_over_seeds(store):
  study = fill(store, PUBLISHED)
  mine = page.kinds(study)['entangled']
  cells = page.grid(study, 'attack_ignore', mine).set_index('source')
  rates = page.by_source(study, 'attack_ignore')[mine].mean()
  assert cells['1']['0'] == f'{rates[0]:.2f}' and cells['1']['1'] == ''
  assert cells['2']['1'] == f'{rates[1]:.2f}'


def test_claims_hold_where_they_are_and_not_where_not(store, judged):
  words = judged(page, fill(store, PUBLISHED))
  assert set(words.values()) == {'holds'} and len(words) == 8


def test_claims_do_not_hold_in_the_opposite_case(store, judged):
  words = judged(page, fill(store, OPPOSITE, first=2))
  assert set(words.values()) == {'does not hold'}


def test_a_model_that_reconstructs_little_is_no_evidence(store, judged):
  words = judged(page, fill(store, PUBLISHED, clean=0.3))
  assert set(words.values()) == {'void'}


@pytest.mark.parametrize('kinds, seeds', [(('entangled',), 1), ((), 0)])
def test_little_is_no_error(store, judged, kinds, seeds):
  study = fill(store, PUBLISHED, kinds=kinds, seeds=seeds)
  words = judged(page, study)
  assert not {'holds', 'does not hold'} & set(words.values())
  sections = list(page.sections(study))
  section.check(sections)
  # Without parameters there are no pictures.
  assert 'attack_images' not in {part.key for part in sections}
  assert bool(sections) == bool(kinds)
