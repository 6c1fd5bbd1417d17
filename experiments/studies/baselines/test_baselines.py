"""The order of the published table, in made-up studies."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.baselines import page

LEVELS = {
  'raw_pixels': 0.45,
  'pca': 0.8,
  'ica': 0.3,
  'untrained_vae': 0.35,
  'vae': 0.6,
  'beta_vae': 0.95,
}


def fill(store, levels, seeds=6):
  rng = np.random.default_rng(0)
  for method, level in levels.items():
    for seed in range(seeds):
      score = level + rng.uniform(0, 0.02)
      scores = {(page.SCORE, 'mean'): score, (page.FITTED, 'mean'): score + 0.1}
      store.add(scores, method=method, seed=seed)
  return store.study()


def test_the_published_order_holds_where_it_is_and_not_where_not(
  store, tmp_path, judged
):
  words = judged(page, fill(store, LEVELS))
  assert list(words.values()) == ['holds'] * len(page.ORDER)
  reverse = {method: 1 - level for method, level in LEVELS.items()}
  words = judged(page, fill(type(store)(tmp_path / 'b'), reverse))
  assert list(words.values()) == ['does not hold'] * len(page.ORDER)


def test_the_order_is_the_published_one():
  printed = {
    method: float(text.split(' ')[0])
    for method, (_, text) in page.PUBLISHED.items()
  }
  assert all(printed[first] > printed[second] for first, second in page.ORDER)


def test_a_method_that_is_missing_leaves_its_claims_undecided(store, judged):
  without = {m: x for m, x in LEVELS.items() if m != 'beta_vae'}
  study = fill(store, without)
  words = judged(page, study)
  assert [w for s, w in words.items() if 'a beta-VAE' in s] == ['not run'] * 2
  table, _ = page.sections(study)
  assert len(table.body) == 5
  mean = study.scores[page.SCORE, 'mean'][study.runs['method'] == 'pca'].mean()
  here = table.body.set_index('method')['here']
  assert here['PCA'].startswith(f'{mean:.3f} [')


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, LEVELS, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections) == 2 * seeds
