"""Claims and tables of the study on made-up runs."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.dynamics_content import page


def add(store, seed, pairing, x, y, ceiling=1.0):
  """One run: success in both sets; all else follows from it."""
  scores = {
    'success/ceiling': ceiling,
    'success/floor': 0.0,
    'goal_share/ceiling': 0.7,
    'goal_share/floor': 0.01,
    'latent_gap': 0.1,
    'content_auc': 1.0,
    'dynamics_auc': 0.5,
  }
  for part, success in (('x', x), ('y', y)):
    scores |= {
      f'success/{part}': success + 0.001 * seed,
      f'goal_share/{part}': 0.7 * success,
      f'planning_loss/{part}': 60.0,
      f'set_reconstruction/{part}': 30.0,
      f'prediction/{part}': 32.0,
      f'map_r2/{part}': 0.9,
      f'content_r2/{part}': 0.0,
    }
  variant = '' if pairing is None else f'pairing={pairing}'
  store.add(scores, method=page.METHOD, variant=variant, seed=seed)


def fill(store, paired, unpaired, seeds=6, **options):
  """Runs of both arms, (success of X, success of Y) in each."""
  for seed in range(seeds):
    add(store, seed, 'states', *paired, **options)
    add(store, seed, 'none', *unpaired, **options)
  return store.study()


@pytest.mark.parametrize(
  'paired, unpaired, options, expected',
  [
    ((1.0, 0.98), (1.0, 0.2), {}, ['holds'] * 5),
    # Another set in which nothing arrives, and pairs of no use.
    (
      (0.9, 0.2),
      (0.9, 0.9),
      {},
      ['does not hold'] * 3 + ['not shown', 'does not hold'],
    ),
    # Both alike, for neither can be planned in.
    ((0.1, 0.1), (0.1, 0.1), {}, ['does not hold'] + ['void'] * 4),
    ((1.0, 1.0), (1.0, 0.2), {'ceiling': 0.5}, ['void'] * 5),
    ((1.0, 0.98), (1.0, 0.2), {'seeds': 3}, ['not shown'] * 5),
  ],
)
def test_claims(store, judged, paired, unpaired, options, expected):
  study = fill(store, paired, unpaired, **options)
  assert list(judged(page, study).values()) == expected


def test_a_study_of_pairs_alone(store, judged):
  for seed in range(6):
    add(store, seed, None, 1.0, 1.0)
  study = store.study()
  assert list(judged(page, study).values()) == ['holds'] * 3
  assert list(page.arms(study)) == ['states']
  assert list(page.sets_table(study)['runs']) == [6, 6, '', '']


def test_a_spare_latent_does_not_take_the_place_of_the_laptops(store, judged):
  study = fill(store, (1.0, 0.98), (1.0, 0.2))
  spare = study._replace(runs=study.runs.assign(study=page.SPARE))
  words, others = judged(page, study), judged(page, spare)
  assert not set(words) & set(others)
  assert list(words.values()) == list(others.values())


def test_sections_of_much_and_of_nothing(store, judged):
  empty = store.study()
  assert list(page.sections(empty)) == []
  assert set(judged(page, empty).values()) == {'not run'}
  study = fill(store, (1.0, 0.9), (1.0, 0.1))
  parts = list(page.sections(study))
  section.check(parts)
  assert [part.key for part in parts] == [
    'dynamics_content_sets',
    'dynamics_content_codes',
  ]
  table = page.sets_table(study)
  assert list(table['arm']) == [
    'pairs',
    'pairs',
    'no pairs',
    'no pairs',
    'iLQR on true positions',
    'random actions',
  ]
  # What an agent on true positions has no number for stays empty.
  assert table['prediction'].iloc[-1] == ''
  assert table['steps at the goal'].iloc[-2].startswith('0.7')
  assert table['success'].iloc[0].startswith('1.0')
