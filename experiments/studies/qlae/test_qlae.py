"""Claims about quantisation, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.qlae import page


def fill(store, gain, seeds=5):
  """Both halves together are `gain` above each alone and neither."""
  for quantised in (True, False):
    for decay in (2.0, 0.0):
      level = 0.5 + gain * (quantised and decay > 0)
      for seed in range(seeds):
        scores = {
          (page.SCORE, 'mean'): level + 0.01 * seed,
          ('infomec_explicitness', 'mean'): 0.4,
        }
        store.add(
          scores,
          method='qlae',
          variant=f'quantised={quantised}',
          strength=decay,
          seed=seed,
        )
  return store.study()


@pytest.mark.parametrize(
  'gain, word', [(0.1, 'holds'), (-0.1, 'does not hold')]
)
def test_claims_are_both_against_the_rest(store, judged, gain, word):
  study = fill(store, gain)
  assert list(judged(page, study).values()) == [word] * 3
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections[0].body) == 4


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.2, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
