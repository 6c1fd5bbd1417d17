"""Claims and table of the MoCoGAN study on made-up runs."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.mocogan import page


def fill(store, distances, diversity=0.9, area=1.0, real=0.0, seeds=5):
  """Two arms; the first number of a pair is that of MoCoGAN."""
  for method, distance in zip(('mocogan', 'video_gan'), distances):
    for seed in range(seeds):
      store.add(
        {
          'acd': distance + 0.1 * (seed % 3),
          'acd_relative': (distance + 0.1 * (seed % 3)) / (100 * diversity),
          'acd_motion': 1.1,
          'acd_diversity': diversity,
          'acd_area': area,
          'acd_empty': 0.0,
          'acd_real': real,
        },
        method=method,
        seed=seed,
      )
  return store.study()


@pytest.mark.parametrize(
  ('settings', 'expected'),
  [
    ({'distances': (5.0, 9.0)}, ['holds', 'holds', 'holds']),
    ({'distances': (9.0, 5.0)}, ['holds', 'does not hold', 'does not hold']),
    ({'distances': (5.0, 9.0), 'diversity': 0.3}, ['holds', 'void', 'holds']),
    ({'distances': (5.0, 9.0), 'area': 2.5}, ['holds', 'void', 'void']),
    ({'distances': (5.0, 9.0), 'real': 3.0}, ['does not hold', *['holds'] * 2]),
    ({'distances': (5.0, 9.0), 'seeds': 3}, ['not shown'] * 3),
  ],
)
def test_claims(store, judged, settings, expected):
  assert list(judged(page, fill(store, **settings)).values()) == expected


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  sections = list(page.sections(fill(store, (5.0, 9.0))))
  section.check(sections)
  assert [part.key for part in sections] == ['mocogan_scores']
  assert list(sections[0].body.columns) == ['score', 'MoCoGAN', 'GAN of clips']
