"""Claims about dependence, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.correlated_factors import page

LAWS = {
  '0.2': 'distribution=correlated, strength=0.2',
  '0.4': 'distribution=correlated, strength=0.4',
  'none': 'distribution=uniform',
}


def fill(store, harm, help_, seeds=5):
  """Dependence entangles by `harm`; every remedy undoes `help_` of it."""
  for method in page.NAMES:
    remedy = method not in page.UNSUPERVISED
    for strength, variant in LAWS.items():
      loss = {'0.2': 1.0, '0.4': 0.5, 'none': 0.0}[strength] * harm
      pair = 0.3 + loss - help_ * remedy
      for seed in range(seeds):
        scores = {
          (page.PAIR, 'mean'): pair + 0.01 * seed,
          ('mig_binned', 'mean'): 0.8 - pair + 0.01 * seed,
          ('kl', 'mean'): 6.0,
        }
        store.add(scores, method=method, variant=variant, seed=seed)
  return store.study()


@pytest.mark.parametrize('sign, word', [(1, 'holds'), (-1, 'does not hold')])
def test_claims_follow_harm_and_help(store, judged, sign, word):
  study = fill(store, 0.1 * sign, 0.05 * sign)
  words = judged(page, study)
  assert len(words) == 3 + 2 * 6
  assert list(words.values()) == [word] * len(words)
  sections = list(page.sections(study))
  section.check(sections)
  table = sections[0].body
  assert len(table) == 3 * len(page.NAMES)
  assert table.iloc[0, 0].endswith('width 0.2')
  assert table.iloc[-1, 0].endswith('no dependence')


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.1, 0.05, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
