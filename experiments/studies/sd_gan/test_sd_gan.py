"""Claims and sections of the SD-GAN study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.sd_gan import page


def fill(store, area, control=0.6, real=0.95, diversity=0.8, nearest=1.5):
  """Both methods alike, five seeds of each arm."""
  for method in page.METHODS:
    for paired in (True, False):
      for seed in range(5):
        store.add(
          {
            page.AREA: (area if paired else control) + 0.003 * seed,
            page.REAL: real,
            page.DIVERSITY: diversity,
            'sample_nearest': nearest,
            'sample_classes': 9.0,
          },
          method=f'{method}',
          variant=f'paired={paired}',
          seed=seed,
        )
  return store.study()


@pytest.mark.parametrize(
  ('scores', 'expected'),
  [
    ({'area': 0.9}, ['holds', 'holds']),
    ({'area': 0.5}, ['does not hold', 'does not hold']),
    # Copies have an area above the real one, and are no success.
    ({'area': 0.98, 'diversity': 0.1}, ['holds', 'does not hold']),
    ({'area': 0.9, 'real': 0.995}, ['void', 'void']),
    ({'area': 0.9, 'nearest': 4.0}, ['void', 'void']),
  ],
)
def test_claims(store, judged, scores, expected):
  words = list(judged(page, fill(store, **scores)).values())
  assert words == 2 * expected


def test_the_lesser_margin_counts(store):
  study = fill(store, 0.9, diversity=0.52)
  paired = page.margin(study)[:5]
  np.testing.assert_allclose(paired, 0.02, atol=1e-9)
  control = page.margin(study)[5]
  np.testing.assert_allclose(control, 0.1 - 0.35, atol=1e-9)


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  sections = list(page.sections(fill(store, 0.9)))
  section.check(sections)
  assert [part.key for part in sections] == ['sd_gan_scores']
  table = sections[0].body
  assert list(table.columns)[1:] == [
    'SD-GAN',
    'SD-GAN, single images',
    'SD-BEGAN',
    'SD-BEGAN, single images',
  ]
