"""Claims, table and matrices of the study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.causal_mechanisms import page

PERMUTATION = np.eye(3)[[1, 0, 2]]
ONE = np.eye(3)[[1, 1, 1]]


def add(store, seed, experts, pretraining, table, after, clean=0.98):
  """One run: its table of wins, and what the classifier says."""
  winners = {int(np.argmax(row)) for row in table}
  scores = {
    f'specialisation/{m}_{e}': share
    for m, row in enumerate(table)
    for e, share in enumerate(row)
  }
  store.add(
    {
      **scores,
      'one_to_one': float(len(winners) == len(table)),
      'covered': len(winners),
      'judge_before': 0.4,
      'judge_after': after + 0.001 * seed,
      'judge_clean': clean,
    },
    method=page.METHOD,
    variant=f'channels=12x12, experts={experts}, pretraining={pretraining}',
    seed=seed,
  )


def fill(store, good=True, clean=0.98, seeds=10):
  """Three arms; `good` as the paper says, else the other way round."""
  first, second = (PERMUTATION, ONE) if good else (ONE, PERMUTATION)
  high, low = (0.95, 0.45) if good else (0.45, 0.95)
  for seed in range(seeds):
    add(store, seed, 3, True, first, high, clean)
    add(store, seed, 3, False, second, 0.45, clean)
    add(store, seed, 1, True, np.ones((3, 1)), low, clean)
  return store.study()


def test_tables_of_wins_are_read_back(store):
  study = fill(store, seeds=1)
  won = page.tables_of_wins(study)
  np.testing.assert_array_equal(won[0], PERMUTATION)
  np.testing.assert_array_equal(won[2], np.ones((3, 1)))
  assert list(page.arms(study)) == ['experts', 'no pre-training', 'one net']


def test_rows_of_the_maps_are_named(store):
  """By the config; by their numbers where it names others or none."""
  study = fill(store, seeds=1)
  assert page.mechanisms(study, 3) == ['0', '1', '2']
  names = ['invert', 'noise', 'shift_e']
  for static in ({'mechanisms': names}, {page.METHOD: {'mechanisms': names}}):
    study = study._replace(infos=({}, {'config': {'static': static}}))
    assert page.mechanisms(study, 3) == ['invert', 'noise', 'e']
    assert page.mechanisms(study, 4) == ['0', '1', '2', '3']
  first = page.matrices(study).axes[0]
  labels = [label.get_text() for label in first.get_yticklabels()]
  assert labels == ['invert', 'noise', 'e']


@pytest.mark.parametrize(
  ('good', 'clean', 'expected'),
  [
    (True, 0.98, 'holds'),
    (False, 0.98, 'does not hold'),
    (True, 0.5, 'void'),
  ],
)
def test_claims(store, judged, good, clean, expected):
  study = fill(store, good, clean)
  assert list(judged(page, study).values()) == [expected] * 4


@pytest.mark.parametrize(
  ('idle', 'six', 'expected'), [(1, 0.4, 'holds'), (0, 0.99, 'does not hold')]
)
def test_claims_of_numbers_of_experts(store, judged, idle, six, expected):
  """Ten mechanisms; of 16 experts six never win, or all win a share."""
  ten = np.eye(10)
  sixteen = np.concatenate([ten, np.zeros((10, 6))], axis=1)
  if not idle:
    sixteen[:, 10:] = 0.2
  for seed in range(5):
    add(store, seed, 10, True, ten, 0.95)
    add(store, seed, 6, True, ten[:, :6], six)
    add(store, seed, 16, True, sixteen, 0.95)
  study = store.study()
  info = {'config': {'static': {'mechanisms': [f'm{n}' for n in range(10)]}}}
  study = study._replace(infos=(info,))
  assert list(page.arms(study)) == ['experts', '6 experts', '16 experts']
  assert set(page.idle_experts(study)) == ({0.0, 6.0} if idle else {0.0})
  assert list(judged(page, study).values()) == [expected] * 2
  assert [part.key for part in page.sections(study)] == [
    'causal_mechanisms_experts_scores',
    'causal_mechanisms_experts_wins',
  ]


def test_sections_of_much_and_of_nothing(store, judged):
  empty = store.study()
  assert list(page.sections(empty)) == []
  assert set(judged(page, empty).values()) == {'not run'}
  study = fill(store)
  parts = list(page.sections(study))
  section.check(parts)
  assert [part.key for part in parts] == [
    'causal_mechanisms_scores',
    'causal_mechanisms_wins',
  ]
  assert list(page.arms_table(study)['one_to_one'])[:2] == [
    '10 of 10',
    '0 of 10',
  ]
