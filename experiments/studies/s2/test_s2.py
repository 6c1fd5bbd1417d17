"""Claims and tables of labels against none in made-up studies."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.s2 import page


def filled(store, better, seeds=6, kl=5.0):
  """All pairs; with labels every score is above, or below."""
  for base in page.BASES:
    for method, score in ((f's2_{base}', better), (base, 1 - better)):
      for seed in range(seeds):
        scores = {(name, 'mean'): score for name in page.SCORES}
        scores['mig_binned', 'mean'] += 0.01 * seed
        scores['assigned_variance/scale', 'mean'] = score
        store.add({**scores, 'kl': kl}, method=method, seed=seed)
  return store.study()


def test_claims_hold_where_they_do_and_not_where_not(store, tmp_path, judged):
  words = judged(page, filled(store, 0.9))
  assert list(words.values()) == ['holds'] * 16
  opposite = filled(type(store)(tmp_path / 'b'), 0.2)
  assert list(judged(page, opposite).values()) == ['does not hold'] * 16
  collapsed = filled(type(store)(tmp_path / 'c'), 0.9, kl=0.0)
  assert set(judged(page, collapsed).values()) == {'void'}


def test_the_table_has_a_row_per_method(store):
  table = page.scores_table(filled(store, 0.9, seeds=2)).set_index('method')
  assert list(table.index[:2]) == ['S2-beta-VAE', 'beta-VAE']
  assert set(table['runs']) == {2} and len(table) == 8
  column = table['assigned_variance/scale']
  assert column['S2-FactorVAE'].startswith('0.900')
  assert column['FactorVAE'].startswith('0.100')


@pytest.mark.parametrize('kind', ['empty', 'one'])
def test_sections_of_little_are_no_error(store, judged, kind):
  if kind == 'one':
    store.add({('mig_binned', 'mean'): 0.3, 'kl': 1.0}, method='beta_vae')
  study = store.study()
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections) == (kind == 'one')
  judged(page, study)
