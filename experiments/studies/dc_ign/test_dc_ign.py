"""Claims and tables of DC-IGN in made-up studies."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.dc_ign import page


def filled(store, better, seeds=6, kl=5.0):
  """Both methods; DC-IGN's scores are above the VAE's, or below."""
  for method, score in (('dc_ign', better), ('vae', 1 - better)):
    for seed in range(seeds):
      scores = {
        ('beta_vae_score', 'mean'): score + 0.01 * seed,
        (page.VARIANCE, 'mean'): score,
        (page.RANK, 'mean'): score,
        ('kl', ''): kl,
      }
      for name in (page.VARIANCE, page.RANK):
        scores[f'{name}/scale', 'mean'] = score
      store.add(scores, method=method, seed=seed)
  return store.study()


def test_claims_hold_where_they_do_and_not_where_not(store, tmp_path, judged):
  study = filled(store, 0.9)
  assert page.factors(study) == ('scale',)
  assert list(judged(page, study).values()) == ['holds'] * 4
  opposite = filled(type(store)(tmp_path / 'b'), 0.2)
  assert list(judged(page, opposite).values()) == ['does not hold'] * 4
  collapsed = filled(type(store)(tmp_path / 'c'), 0.9, kl=0.0)
  assert set(judged(page, collapsed).values()) == {'void'}
  few = filled(type(store)(tmp_path / 'd'), 0.9, seeds=3)
  assert set(judged(page, few).values()) == {'not shown'}


def test_the_table_has_both_methods_and_every_factor(store):
  table = page.scores_table(filled(store, 0.9)).set_index('score')
  assert list(table.index) == [
    'beta_vae_score',
    page.VARIANCE,
    page.RANK,
    f'{page.VARIANCE}/scale',
    f'{page.RANK}/scale',
  ]
  assert table.loc[page.RANK, 'DC-IGN'].startswith('0.900')
  assert table.loc[page.RANK, 'the VAE'].startswith('0.100')


@pytest.mark.parametrize('kind', ['empty', 'no scores', 'whole'])
def test_sections_of_little_are_no_error(store, judged, kind):
  if kind == 'no scores':
    store.add({'kl': 1.0}, method='vae')
  study = store.study() if kind != 'whole' else filled(store, 0.9, seeds=2)
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections) == (2 if kind == 'whole' else 0)
  judged(page, study)
