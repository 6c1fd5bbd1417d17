"""Claims and tables of the F-statistic study, on made-up rows."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.f_statistic import config, page


def fill(store, area, recall, seeds=6):
  """Scores of every loss: `area` and `recall` by method."""
  rng = np.random.default_rng(0)
  for classes in page.CLASSES:
    for method in page.METHODS:
      variant = f'classes={classes}'
      if method == 'f_statistic':
        variant += ', top_dimensions=2'
      for seed in range(seeds):
        noise = rng.uniform(0, 0.01, 2)
        store.add(
          {
            'single_code_auc': area.get(method, 0.8) + noise[0],
            'single_code_auc/body_0': 0.9,
            'retrieval': recall.get(method, 0.6) + noise[1],
          },
          method=method,
          variant=variant,
          seed=seed,
        )
  return store.study()


def test_claims_follow_the_scores(store, judged, tmp_path):
  good = fill(store, {'f_statistic': 0.9}, {'f_statistic': 0.9})
  words = judged(page, good)
  assert list(words.values()) == ['holds'] * 6
  other = type(store)(tmp_path / 'b')
  bad = fill(other, {'f_statistic': 0.7}, {'f_statistic': 0.4})
  assert list(judged(page, bad).values()) == ['does not hold'] * 6
  third = type(store)(tmp_path / 'c')
  # Better than triplet, worse than the histogram; found as often.
  mixed = fill(third, {'triplet': 0.7, 'histogram_loss': 0.9}, {})
  words = list(judged(page, mixed).values())
  assert words[:4] == ['holds', 'does not hold'] * 2


def test_an_embedding_that_finds_nothing_decides_nothing(store, judged):
  words = judged(page, fill(store, {}, {'f_statistic': 0.01}))
  assert set(words.values()) == {'void'}


def test_tables_have_a_row_per_loss_and_per_value(store):
  study = fill(store, {'f_statistic': 0.9}, {})
  section.check(list(page.sections(study)))
  table = page.scores_table(study)
  assert len(table) == 8
  first = table.iloc[0]
  assert first['loss'] == 'F statistic, d 2' and first['runs'] == 6
  assert first['single_code_auc'].startswith('0.90')
  areas = page.areas_table(study)
  assert list(areas['value']) == ['body 0']
  assert areas['triplet (identity)'].tolist() == pytest.approx([0.9])


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, {}, {}, seeds)
  words = judged(page, study)
  assert not {'holds', 'does not hold'} & set(words.values())
  sections = list(page.sections(study))
  assert bool(sections) == bool(seeds)


def test_the_fold_of_scores_is_that_of_the_data():
  for variant in ('', *config.VARIANTS):
    made = config.get_config(variant)
    assert made.metric_options.retrieval.fold == made.dataset.fold
