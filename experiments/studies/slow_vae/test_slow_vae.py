"""Claims about change in time, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.slow_vae import page


def fill(store, gain, seeds=5):
  """SlowVAE is `gain` above beta 4, which is above beta 1."""
  arms = [
    ('slow_vae', f'pair_transition={kind}', 0.5, 0.6 + gain)
    for kind in page.TRANSITIONS
  ]
  arms += [('beta_vae', '', 1.0, 0.2), ('beta_vae', '', 4.0, 0.6)]
  for method, variant, strength, level in arms:
    for seed in range(seeds):
      scores = {
        (name, 'mean'): level + 0.01 * seed for name in ('mcc', 'mcc_spearman')
      }
      scores['kl', 'mean'] = 5.0
      store.add(
        scores, method=method, variant=variant, strength=strength, seed=seed
      )
  return store.study()


@pytest.mark.parametrize(
  'gain, word', [(0.1, 'holds'), (-0.1, 'does not hold')]
)
def test_claims_are_against_the_greatest_beta(store, judged, gain, word):
  study = fill(store, gain)
  assert list(judged(page, study).values()) == [word] * 4
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections[0].body) == 4


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.2, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
