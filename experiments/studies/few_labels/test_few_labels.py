"""Selection, claims and shares of the variance in made-up studies."""

import math

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.few_labels import page

LABELS = 'noisy_100'
VARIANT = 'labeller=noisy, num_labels=100'


def filled(store, gain, strengths=(1.0, 4.0), seeds=6):
  """Unsupervised runs of score 0.3, 0.5 by strength; labels add `gain`.

  What runs are selected by agrees with their scores: the gap rises with it, the
  error falls.
  """
  for told in (False, True):
    for k, strength in enumerate(strengths):
      for seed in range(seeds):
        score = 0.3 + 0.2 * k + 0.01 * seed + (gain if told else 0)
        scores = {
          ('mig_binned', 'mean'): score,
          ('factor_vae_score', 'mean'): score,
          f'label_mig/{LABELS}': score,
          f'few_labels_error/{LABELS}': 1 - score,
        }
        store.add(
          scores,
          method='s2_beta_vae' if told else 'beta_vae',
          variant=VARIANT if told else '',
          seed=seed,
          hparams={'beta': strength},
        )
  return store.study()


def test_claims_hold_where_they_do_and_not_where_not(store, tmp_path, judged):
  words = judged(page, filled(store, 0.1))
  assert len(words) == 3 and set(words.values()) == {'holds'}
  worse = judged(page, filled(type(store)(tmp_path / 'b'), -0.1))
  first, second, third = worse.values()
  assert (first, second, third) == ('does not hold', 'does not hold', 'holds')


def test_the_best_of_a_seed_is_that_of_the_labels(store):
  """By the gap or the error that belongs to the labels, seed by seed."""
  for seed, gap, error, score in (
    (0, 0.9, 0.9, 0.1),
    (0, 0.2, 0.1, 0.7),
    (1, 0.1, 0.3, 0.4),
    (1, 0.3, 0.2, 0.6),
    (2, math.nan, math.nan, 0.8),
  ):
    for method in ('beta_vae', 's2_beta_vae'):
      scores = {
        ('mig_binned', 'mean'): score,
        f'label_mig/{LABELS}': gap,
        f'few_labels_error/{LABELS}': error,
      }
      variant = VARIANT if method != 'beta_vae' else ''
      store.add(scores, method=method, variant=variant, seed=seed)
  rows = page.frame(store.study())
  assert page.supervisions(rows) == (LABELS,)
  pick = lambda kind: page.selected(rows, kind, LABELS, 'mig_binned')
  np.testing.assert_allclose(pick(page.NONE), [0.1, 0.6, np.nan])
  np.testing.assert_allclose(pick(LABELS), [0.7, 0.6, np.nan])


def test_runs_are_read_from_methods_variants_and_strengths(store):
  rows = page.frame(filled(store, 0.1, seeds=1))
  assert list(rows['supervision']) == ['none', 'none', LABELS, LABELS]
  assert set(rows['method']) == {'beta_vae'}
  assert list(rows['strength']) == [1, 4, 1, 4]


@pytest.mark.parametrize('level', page.LEVELS)
def test_shares_name_the_level_that_varies(level):
  """And of noise alone, corrected, next to nothing is explained."""
  random = np.random.default_rng(0)
  table = [
    {'supervision': s, 'method': m, 'strength': b, 'seed': seed}
    for s in ('none', 'few', 'many')
    for m in ('a', 'b')
    for b in (1.0, 2.0)
    for seed in range(30)
  ]
  rows = pd.DataFrame(table)
  effect = pd.factorize(rows[level])[0] if level != 'seed' else 0.0
  rows['x'] = effect + 0.01 * random.normal(size=len(rows))
  found = page.shares(rows, 'x')
  assert sum(found.values()) == pytest.approx(1)
  assert found[level] > (0.9 if level == 'seed' else 0.99)


def test_shares_of_a_table_worked_by_hand():
  """Two supervisions, two strengths of one, two seeds: 8 + 4 + rest."""
  cells = {('none', 1.0): (0, 2), ('few', 1.0): (4, 6), ('few', 2.0): (8, 10)}
  rows = pd.DataFrame(
    [
      {'supervision': s, 'method': 'a', 'strength': b, 'seed': i, 'x': x}
      for (s, b), pair in cells.items()
      for i, x in enumerate(pair)
    ]
  )
  # Means 1 | 5, 9; few 7; grand 5. Squares: 2 x 16 + 4 x 4 = 48 between
  # supervisions, 4 x 4 = 16 between strengths, 6 x 1 within; 2 a degree.
  expected = {'supervision': 46, 'method': 0, 'strength': 14, 'seed': 10}
  found = page.shares(rows, 'x')
  for name, value in expected.items():
    assert found[name] == pytest.approx(value / 70)


@pytest.mark.parametrize('kind', ['empty', 'no labels', 'whole'])
def test_sections_of_little_are_no_error(store, judged, kind):
  if kind == 'no labels':
    store.add({('mig_binned', 'mean'): 0.3}, method='beta_vae')
  study = store.study() if kind != 'whole' else filled(store, 0.1, seeds=2)
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections) == {'empty': 0, 'no labels': 1, 'whole': 2}[kind]
  judged(page, study)
