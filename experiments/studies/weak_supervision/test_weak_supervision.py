"""Claims and shares of variance, in made-up studies where they are known."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.weak_supervision import page

PAIRS = (
  ('ada_gvae', 'random_changes=False'),
  ('ada_gvae', 'random_changes=True'),
  ('group_vae', ''),
)


def fill(store, gain=0.0, label=0.0, of_method=0.0, spread=0.01, seeds=6):
  """Pairs are `gain` above the six, labelled ones `label` above pairs.

  `of_method` is the distance of one unsupervised method to the next; `spread`
  that between seeds.
  """
  rng = np.random.default_rng(0)
  methods = [(name, '') for name in page.unsupervised.GRID]
  for number, (method, variant) in enumerate([*methods, *PAIRS]):
    level = 0.4 + (of_method * (number - 2.5) if number < 6 else gain)
    level += label * (method == 'group_vae')
    for strength in (1.0, 2.0, 4.0):
      for seed in range(seeds):
        draw = level + spread * rng.normal()
        store.add(
          {(name, 'mean'): draw for name in page.SCORES},
          method=method,
          variant=variant,
          strength=strength,
          seed=seed,
        )
  return store.study()


@pytest.mark.parametrize('sign, word', [(1, 'holds'), (-1, 'does not hold')])
def test_claims_hold_where_they_are_and_not_where_not(
  store, judged, sign, word
):
  study = fill(store, gain=0.2 * sign, label=0.1 * sign)
  assert list(judged(page, study).values()) == [word] * 12
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections) == 2
  table = sections[0].body
  assert len(table) == 9 and set(table['runs']) == {18}
  kinds = table['supervision'].tolist()
  assert kinds == ['none'] * 6 + [arm.label for arm in page.ARMS]


@pytest.mark.parametrize(
  'levels, part',
  [
    ({'gain': 0.5, 'spread': 0.01}, 'supervision'),
    ({'of_method': 0.2, 'spread': 0.01}, 'method'),
    ({'spread': 1.0}, 'seed'),
  ],
)
def test_shares_are_of_what_varies(store, levels, part):
  shares = page.shares(fill(store, **levels), 'mcc')
  assert max(shares, key=lambda name: shares[name][0]) == part
  assert shares[part][0] > 0.85
  total = sum(share for share, _, _ in shares.values())
  assert total == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, 0.2, seeds=seeds)
  if seeds:
    assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
