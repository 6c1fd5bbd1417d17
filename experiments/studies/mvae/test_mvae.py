"""Claims about entities, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.mvae import page


def fill(
  store, right=0.7, left=0.1, excess=(1.2, 2.0), seeds=5, variant='', **changed
):
  """A study with these counts, remainders and excesses of MVAE and VAE."""
  for seed in range(seeds):
    of_both = {'scene_error': 0.2, 'exchange_error': 0.3, **changed}
    scores = {
      'object_count_test': right + 0.01 * seed,
      'object_count_majority': 0.375,
      'sequential_ratio': left + 0.005 * seed,
      'sequential_real': 12.0,
      'slot_found': 0.8,
    }
    for method, own, of_method in (
      ('mvae', {**scores, **of_both}, excess[0]),
      ('scene_vae', of_both, excess[1]),
    ):
      own = {**own, 'exchange_excess': of_method + 0.01 * seed}
      store.add(own, method=method, variant=variant, seed=seed)
  return store.study()


@pytest.mark.parametrize(
  'chosen, words',
  [
    ({}, ['holds'] * 3),
    ({'right': 0.45}, ['does not hold', 'holds', 'holds']),
    ({'left': 0.3}, ['holds', 'does not hold', 'holds']),
    ({'excess': (2.0, 1.2)}, ['holds', 'holds', 'does not hold']),
    ({'scene_error': 0.9}, ['holds', 'holds', 'void']),
    ({'slot_found': 0.1}, ['void', 'void', 'holds']),
    ({'sequential_real': 0.01}, ['holds', 'void', 'holds']),
  ],
)
def test_verdicts_follow_the_rule_and_its_guards(store, judged, chosen, words):
  study = fill(store, **chosen)
  assert list(judged(page, study).values()) == words
  sections = list(page.sections(study))
  section.check(sections)
  assert len(sections[0].body) == 2


def test_every_number_of_slots_has_claims_of_its_own(store, judged):
  fill(store, variant='slots=5')
  study = fill(store, right=0.3, variant='slots=10')
  words = judged(page, study)
  assert len(words) == 6
  assert list(words.values())[:3] == ['holds'] * 3
  assert list(words.values())[3:] == ['does not hold', 'holds', 'holds']
  assert 'with 10 slots' in list(words)[3]
  assert len(next(iter(page.sections(study))).body) == 4


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, seeds=seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
