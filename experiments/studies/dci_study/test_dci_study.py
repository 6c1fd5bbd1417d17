"""Claims, table and pictures of the DCI study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.dci_study import page

FACTORS = ('azimuth', 'elevation', 'red', 'green', 'blue')


def fill(store, pca, infogan, nearest=1.0, seeds=6, elevation=1.5):
  """Disentanglement of both; errors are one less it."""
  arms = (('pca', np.nan, pca), ('infogan_wgan', 8.0, infogan))
  for method, strength, level in arms:
    for seed in range(seeds):
      value = level + 0.01 * (seed % 3)
      scores = {('sample_nearest', ''): nearest} if strength > 0 else {}
      for regressor in page.REGRESSORS:
        scores |= {
          (f'dci_gap_disentanglement_{regressor}', 'mean'): value,
          (f'dci_gap_completeness_{regressor}', 'mean'): value,
          (f'dci_gap_nrmse_seen_{regressor}', 'mean'): 1 - value,
          (f'dci_gap_nrmse_zero_shot_{regressor}', 'mean'): 1 - value,
        }
        for k, name in enumerate(FACTORS):
          error = elevation if name == 'elevation' else 0.3
          key = f'dci_gap_nrmse_zero_shot_{regressor}/{name}'
          scores[key, 'mean'] = error if method == 'pca' else 0.2
          for code in range(3):
            cell = f'dci_importance_{regressor}/{code}_{k}'
            scores[cell, 'mean'] = (code == k) - 0.5 * (code == 2)
      scores |= {(f'dci_gap_constant/{name}', 'mean'): 1.0 for name in FACTORS}
      store.add(scores, method=method, strength=strength, seed=seed)
  return store.study()


def test_claims_of_published_and_of_opposite_runs(store, judged):
  words = judged(page, fill(store, 0.2, 0.8))
  assert list(words.values()) == ['holds'] * 10
  assert len(words) == 10


def test_claims_that_do_not_hold(store, judged):
  words = list(judged(page, fill(store, 0.8, 0.2, elevation=0.5)).values())
  assert words == ['does not hold'] * 10


def test_images_off_the_data_make_the_comparison_void(store, judged):
  words = list(judged(page, fill(store, 0.2, 0.8, nearest=4.0)).values())
  assert words == ['void'] * 8 + ['holds'] * 2


def test_the_chosen_run_is_that_of_the_least_seen_error(store):
  study = fill(store, 0.2, 0.8)
  chosen = page.best_of(study, page.INFOGAN)
  values = study.scores['dci_gap_nrmse_seen_lasso', 'mean']
  assert values[chosen] == pytest.approx(values.min())


def test_importances_are_signed_and_in_their_places(store):
  study = fill(store, 0.2, 0.8)
  matrix = page.importances(study, 0, 'lasso')
  assert matrix.shape == (3, 5)
  expected = np.eye(3, 5)
  expected[2] -= 0.5
  np.testing.assert_allclose(matrix, expected)


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  sections = list(page.sections(fill(store, 0.2, 0.8)))
  section.check(sections)
  assert [part.key for part in sections] == [
    'dci_study_scores',
    'dci_study_importances',
  ]
