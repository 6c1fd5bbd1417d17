"""Claims about content and style, in made-up studies where they are known."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.ml_vae import page

PUBLISHED = {
  'swap_classifier': 1.0,
  'swap_reconstructed': 0.8,
  'swap_local': 0.75,
  'swap_global': 0.1,
  'label_from_global': 0.8,
  'label_from_local': 0.2,
  'label_from_accumulated': 0.9,
}
OPPOSITE = {
  **PUBLISHED,
  'swap_local': 0.1,
  'swap_global': 0.75,
  'label_from_global': 0.2,
  'label_from_local': 0.8,
  'label_from_accumulated': 0.1,
}
ARMS = (page.PRODUCT, page.AVERAGE, page.STROKE)


def fill(store, levels, seeds=5, judge=1.0):
  """Groups of digits have these levels, groups of strokes 0.5."""
  for arm in ARMS:
    variant = arm.where['variant']
    for seed in range(seeds):
      scores = {
        name: (0.5 if arm is page.STROKE else level) + 0.001 * seed
        for name, level in levels.items()
      }
      scores['swap_classifier'] = judge
      store.add(
        scores,
        method='ml_vae',
        variant=variant if isinstance(variant, str) else variant[0],
        strength=1.0,
        seed=seed,
      )
  return store.study()


@pytest.mark.parametrize(
  'levels, word', [(PUBLISHED, 'holds'), (OPPOSITE, 'does not hold')]
)
def test_claims_hold_where_they_are_and_not_where_not(
  store, judged, levels, word
):
  study = fill(store, levels)
  assert list(judged(page, study).values()) == [word] * 5
  sections = list(page.sections(study))
  section.check(sections)
  assert sections[0].body['arm'].tolist() == [arm.label for arm in ARMS]


def test_a_judge_that_knows_no_digits_decides_nothing_about_pictures(
  store, judged
):
  words = list(judged(page, fill(store, PUBLISHED, judge=0.5)).values())
  assert words == ['void'] * 2 + ['holds'] * 3


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, PUBLISHED, seeds)
  if seeds:
    assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
