"""Directions of three papers, in made-up studies where they are known."""

import numpy as np
import pytest

from disentangle_jax.report import section, statistics
from disentangle_jax.studies.unsupervised_study import page

BETAS = {'beta_vae': (1.0, 4.0, 8.0, 16.0), 'beta_tcvae': (1.0, 4.0, 8.0)}
STRENGTHS = {**BETAS, 'factor_vae': (10.0, 30.0)}


def fill(store, sign, spread=0.01, seeds=6, strengths=STRENGTHS):
  """Scores that favour beta_tcvae and factor_vae by 0.1 * sign.

  Args:
    store: to fill.
    sign: 1 for the published direction, -1 for the opposite one.
    spread: between seeds; where it is small, the method explains the scores.
    seeds: of every strength.
    strengths: method -> its strengths.
  """
  rng = np.random.default_rng(0)
  for method, own in strengths.items():
    for k, strength in enumerate(own):
      for seed in range(seeds):
        level = 0.5 + 0.1 * sign * (method != 'beta_vae') * (strength > 1)
        draw = rng.uniform(-spread, spread, len(page.SCORES))
        # Errors of factor_vae lie between those of beta_vae's strengths.
        cost = 10.0 * (k + 1) + (5.0 if method == 'factor_vae' else 0.0)
        scores = {
          (name, 'mean'): level + x for name, x in zip(page.SCORES, draw)
        }
        scores[page.COST] = cost + 0.1 * rng.uniform()
        scores[page.TOTAL, 'mean'] = 1.0 + 0.5 * sign
        scores[page.TOTAL, 'sampled'] = 1.0 + 0.1 * rng.uniform()
        store.add(scores, method=method, strength=strength, seed=seed)
  return store.study()


def words_of(words, start):
  return [word for said, word in words.items() if said.startswith(start)]


def test_directions_hold_where_they_do_and_not_where_not(
  store, tmp_path, judged
):
  studies = fill(store, 1), fill(type(store)(tmp_path / 'b'), -1)
  for study, word in zip(studies, ('holds', 'does not hold')):
    words = judged(page, study)
    assert words_of(words, 'beta-TCVAE') == [word] * 2
    assert words_of(words, 'FactorVAE') == [word] * 2
    assert words_of(words, 'Mean codes') == [word] * 3


def test_the_objective_explains_the_scores_where_seeds_hardly_vary(
  store, tmp_path, judged
):
  noisy = fill(store, 1, spread=1.0)
  # One strength: what differs between methods is the method.
  alone = {method: (own[1],) for method, own in STRENGTHS.items()}
  clear = fill(type(store)(tmp_path / 'b'), 1, 0.001, strengths=alone)
  start = 'Hyper-parameters and seeds'
  said = words_of(judged(page, noisy), start)
  assert said == ['holds'] * len(page.SCORES)
  said = words_of(judged(page, clear), start)
  assert said == ['does not hold'] * len(page.SCORES)


def test_betas_are_those_of_both_above_one(store):
  assert page.shared_betas(fill(store, 1)) == (4.0, 8.0)


def test_the_table_of_equal_betas_is_paired(store):
  study = fill(store, 1)
  table = page.equal_beta_table(study).set_index(['score', 'beta'])
  ours, theirs = (
    page.cells(study, method, ('sap', 'mean'))[8.0]
    for method in ('beta_tcvae', 'beta_vae')
  )
  value, low, _ = statistics.paired_interval(ours, theirs)
  row = table.loc['sap', '8']
  assert row['difference'].startswith(f'+{value:.3f} [+{low:.3f}')
  assert row['beta_tcvae is'] == 'higher'
  assert {beta for _, beta in table.index} == {'1', '4', '8'}


def test_at_equal_error_strengths_between_those_of_the_other_count(store):
  table = page.equal_error_table(fill(store, 1)).set_index('score')
  # Errors 15 and 25 lie inside 10 to 40; scores there are 0.5 against 0.6.
  assert table['strengths']['irs'] == 2
  shown = float(table['difference']['irs'].split()[0])
  np.testing.assert_allclose(shown, 0.1, atol=0.01)


@pytest.mark.parametrize(
  'strengths, seeds', [(STRENGTHS, 1), ({'beta_vae': (1.0,)}, 1), ({}, 0)]
)
def test_little_is_no_error(store, judged, strengths, seeds):
  study = fill(store, 1, seeds=seeds, strengths=strengths)
  words = judged(page, study)
  assert words and not {'holds', 'does not hold'} & set(words.values())
  sections = list(page.sections(study))
  section.check(sections)
  assert bool(sections) == bool(strengths)
