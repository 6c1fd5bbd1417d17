"""Claims about held mixtures, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.info_vae import page


def fill(store, gain, seeds=5):
  """InfoVAE's mismatch is that of beta 2; it knows `gain` nats more."""
  arms = [
    ('info_vae', 1.0, 1.0 + gain, 5.0),
    ('info_vae', 1000.0, 1.0, 5.0 + gain),
    ('beta_vae', 1.0, 0.3, 99.0),
    ('beta_vae', 2.0, 1.1, 5.0),
    ('beta_vae', 4.0, 2.5, 0.1),
  ]
  for method, strength, mismatch, information in arms:
    for seed in range(seeds):
      scores = {
        (page.MISMATCH, 'mean'): mismatch + 0.01 * seed,
        (page.INFORMATION, 'mean'): information + 0.01 * seed,
        (page.ERROR, 'mean'): 30 - information + 0.01 * seed,
      }
      store.add(scores, method=method, strength=strength, seed=seed)
  return store.study()


@pytest.mark.parametrize(
  'gain, word', [(0.5, 'holds'), (-0.5, 'does not hold')]
)
def test_claims_are_at_an_equal_mismatch(store, judged, gain, word):
  study = fill(store, gain)
  strongest = page.arms_of(study, 'info_vae')[-1]
  assert page.nearest(study, strongest).where['strength'] == 2.0
  assert list(judged(page, study).values()) == [word] * 3
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections[0].body) == 5


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.5, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
