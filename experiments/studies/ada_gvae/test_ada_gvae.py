"""Claims about pairs, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.ada_gvae import page

ARMS = (
  ('ada_gvae', 'random_changes=False', 1.0),
  ('ada_gvae', 'random_changes=True', 1.0),
  ('group_vae', '', 1.0),
  ('vae', '', float('nan')),
)


def fill(store, gain, kl=5.0, seeds=5):
  """Pairs are `gain` above the VAE."""
  for method, variant, strength in ARMS:
    for seed in range(seeds):
      level = 0.4 + 0.01 * seed + gain * (method != 'vae')
      names = ('mig_binned', 'factor_vae_score', 'mcc')
      scores = {(name, 'mean'): level for name in names}
      scores['kl', 'mean'] = kl
      store.add(
        scores, method=method, variant=variant, strength=strength, seed=seed
      )
  return store.study()


@pytest.mark.parametrize(
  'gain, kl, word',
  [(0.2, 5, 'holds'), (-0.2, 5, 'does not hold'), (0.2, 0.1, 'void')],
)
def test_claims_hold_where_they_are_and_not_where_not(
  store, judged, gain, kl, word
):
  study = fill(store, gain, kl)
  assert list(judged(page, study).values()) == [word] * 6
  sections = list(page.sections(study))
  section.check(sections)
  (table,) = (part.body for part in sections)
  assert table['seeds'].tolist() == [5, 5, 5, 5]
  assert table['mcc'][3].startswith('0.42')


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.2, seeds=seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
