"""Claims and tables of all three parts, in made-up studies."""

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.covariance_penalty import page

LAMBDAS = (0.0, 0.01, 0.1, 1.0)


def autoencoders(store, sign, projections=6, seeds=1, lambdas=LAMBDAS):
  """Both penalties on the same errors; the measures part as lambda rises.

  Args:
    store: to fill.
    sign: 1 for the published direction, -1 for the opposite one.
    projections: repetitions of the linear part; 0 for the part on images.
    seeds: repetitions of the part on images.
    lambdas: of both penalties.
  """
  rng = np.random.default_rng(0)
  for penalty in page.PENALTIES:
    ours = penalty == 'covariance'
    for k, strength in enumerate(lambdas):
      for repeat in range(projections or seeds):
        noise = rng.uniform(0, 0.01, 5)
        gain = sign * k * (1.0 if ours else 0.5)
        error = 1e-4 * 10**k * (1.0 if ours or not k else 1.5**sign)
        anew = f', projection={repeat}' if projections else ''
        store.add(
          {
            (page.ERROR, 'mean'): error * (1 + noise[0]),
            ('cvr', 'mean'): 10 - gain + noise[1],
            # Least lambda of our penalty has the least of all.
            ('mapc', 'mean'): 0.5
            - 0.1 * sign * (ours and k > 0) * (4 - k)
            + 0.01 * noise[2],
            ('tdv', 'mean'): 0.5 + 0.1 * gain + 0.01 * noise[3],
            ('ud90', 'mean'): 7.2 - 0.9 * gain + noise[4],
          },
          method=page.AUTOENCODER,
          variant=f'penalty={penalty}{anew}',
          strength=strength,
          seed=0 if projections else repeat,
        )
  study = store.study()
  name = page.LINEAR if projections else 'shapes3d'
  return study._replace(runs=study.runs.assign(dataset=name))


def exclusive_or(store, units, accuracy=1.0, seeds=10):
  """Units in use without and with the penalty, first and second layer."""
  for strength, (first, second) in zip((0.0, 0.2), units):
    for seed in range(seeds):
      store.add(
        {
          'layer_units/hidden_1': first,
          'layer_units/hidden_2': second,
          'layer_ud90/hidden_1': first,
          'layer_ud90/hidden_2': second,
          'layer_covariance/0_1': 0.5 + seed,
          'layer_covariance/3_3': 2.0,
        },
        method=page.CLASSIFIER,
        strength=strength,
        seed=seed,
        training={'train/accuracy': {100: 0.5, 200: accuracy}},
      )
  return store.study()


def test_runs_become_rows_with_penalty_and_repetition(store):
  for penalty, cvr in (('l1', 2.0), ('covariance', 1.0)):
    store.add(
      {('cvr', 'mean'): cvr, ('mapc', 'mean'): 0.3},
      method=page.AUTOENCODER,
      variant=f'penalty={penalty}, projection=2',
      strength=0.1,
    )
  frame = page.wide(store.study())
  assert list(frame['penalty']) == ['covariance', 'l1']
  assert list(frame['cvr']) == [1, 2] and list(frame['mapc']) == [0.3, 0.3]
  assert list(frame['repeat']) == [2, 2]


def test_strengths_at_or_below_the_noise_are_left_out():
  parts = [pd.DataFrame({page.ERROR: [m, m]}) for m in (1e-7, 5e-8, 2e-7)]
  (kept,) = page.above_noise(parts)
  assert kept is parts[2]


@pytest.mark.parametrize('projections, count', [(6, 7), (0, 7)])
def test_autoencoders_hold_where_they_do_and_not_where_not(
  store, tmp_path, judged, projections, count
):
  given = {'projections': projections, 'seeds': 6}
  words = judged(page, autoencoders(store, 1, **given))
  assert list(words.values()) == ['holds'] * count
  opposite = autoencoders(type(store)(tmp_path / 'b'), -1, **given)
  words = judged(page, opposite)
  assert list(words.values()) == ['does not hold'] * count


def test_at_equal_error_the_difference_is_the_interpolated_one(store):
  study = autoencoders(store, 1)
  # Ours at error 1e-3 is between l1's two: 10 - 1 against 10 - 0.5 k.
  value, low, high, count = page.at_equal_error(study, 'cvr')
  errors = np.log([1.5e-3, 1.5e-2, 1.5e-1])
  expected = [
    (10 - k) - np.interp(np.log(1e-4 * 10**k), errors, [9.5, 9.0, 8.5])
    for k in (2, 3)
  ]
  assert count == 2 and low < value < high
  np.testing.assert_allclose(value, np.mean(expected), atol=0.02)


def test_the_tables_of_autoencoders_are_those_of_the_runs(store):
  study = autoencoders(store, 1)
  measures = page.measures_table(study, entries=10)
  assert len(measures) == 8 and set(measures['repetitions']) == {6}
  frame = page.wide(study)
  own = frame[(frame['penalty'] == 'l1') & (frame['strength'] == 0.1)]
  row = measures[(measures['penalty'] == 'l1') & (measures['lambda'] == '0.1')]
  assert row['cvr'].item().startswith(f'{own["cvr"].mean():.2f} [')
  error = float(row['1,000 x squared error'].item().split()[0])
  expected = 1000 * own[page.ERROR].mean() / 10
  np.testing.assert_allclose(error, expected, rtol=6e-3)
  same = page.same_strength_table(study).set_index('lambda')
  assert same['cvr, covariance - l1']['1'].startswith('-1.5')
  assert same['error, l1 / covariance']['1'].startswith('1.5')
  assert set(page.equal_error_table(study)['measure']) == set(page.MEASURES)


UNITS = ((4, 4), (2, 1))


def test_exclusive_or_holds_where_it_does_and_not_where_not(
  store, tmp_path, judged
):
  words = judged(page, exclusive_or(store, UNITS))
  assert list(words.values()) == ['holds'] * 4
  more = exclusive_or(type(store)(tmp_path / 'b'), ((1, 3), (4, 4)))
  assert list(judged(page, more).values()) == ['does not hold'] * 4
  unsolved = exclusive_or(type(store)(tmp_path / 'c'), UNITS, accuracy=0.7)
  assert set(judged(page, unsolved).values()) == {'void'}


def test_the_table_and_matrices_of_exclusive_or(store):
  study = exclusive_or(store, UNITS, seeds=2)
  table = page.units_table(study)
  assert list(table['units']) == ['4, 4', '4, 4', '2, 1', '2, 1']
  assert list(table['accuracy']) == ['1'] * 4
  first, second = page.hidden_covariances(study, 1)
  np.testing.assert_array_equal(first, [[0, 1.5], [0, 0]])
  np.testing.assert_array_equal(second, [[0, 0], [0, 2]])


@pytest.mark.parametrize('kind', ['empty', 'one', 'no l1', 'xor', 'no scores'])
def test_little_is_no_error(store, judged, kind):
  if kind == 'one':
    study = autoencoders(store, 1, projections=1, lambdas=(0.0,))
  elif kind == 'no l1':
    study = autoencoders(store, 1)
    mine = study.runs['variant'].str.contains('covariance')
    runs = study.runs[mine].reset_index(drop=True)
    scores = study.scores[mine.to_numpy()].reset_index(drop=True)
    study = study._replace(runs=runs, scores=scores)
  elif kind == 'xor':
    study = exclusive_or(store, UNITS, seeds=1)
  else:
    if kind == 'no scores':
      given = {'method': page.AUTOENCODER, 'variant': 'penalty=l1'}
      store.add({'kl': 1.0}, strength=0.1, **given)
    study = store.study()
  words = judged(page, study)
  assert bool(words) == (kind != 'empty')
  sections = list(page.sections(study))
  section.check(sections)
  assert bool(sections) == (kind != 'empty')
  decided = {'holds', 'does not hold'} & set(words.values())
  # What needs no second penalty is decided without it.
  assert bool(decided) == (kind == 'no l1')
