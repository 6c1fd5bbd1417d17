"""The claim about sources, in made-up studies where it is known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.ivae import page


def fill(store, gain, seeds=5):
  for method, level in (('vae', 0.6), ('ivae', 0.6 + gain)):
    for mixing in (0, 1):
      for seed in range(seeds):
        scores = {
          (name, 'mean'): level + 0.01 * seed + 0.1 * mixing
          for name in page.SCORES
        }
        scores['kl', 'mean'] = 9.0
        store.add(scores, method=method, variant=f'mixing={mixing}', seed=seed)
  return store.study()


@pytest.mark.parametrize(
  'gain, word', [(0.1, 'holds'), (-0.1, 'does not hold')]
)
def test_the_claim_is_ivae_against_vae(store, judged, gain, word):
  study = fill(store, gain)
  assert list(judged(page, study).values()) == [word] * 2
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections[0].body) == 2 + 4


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.2, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
