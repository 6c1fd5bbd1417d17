"""Claims and table of the InfoGAN study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.infogan import page


def fill(store, information, accuracy, nearest=1.5, seeds=8):
  """Two arms; the first number of a pair is that of InfoGAN."""
  for arm, (bound, right) in enumerate(zip(information, accuracy)):
    for seed in range(seeds):
      shift = 0.01 * (seed % 3)
      curve = {s: 0.0 for s in range(100, 1000, 100)} | {1000: bound + shift}
      store.add(
        {
          ('clustering_accuracy', 'mean'): right + shift,
          'sample_nearest': nearest,
          'sample_classes': 9.0,
        },
        method='infogan',
        strength=1.0 - arm,
        seed=seed,
        hparams={'generator_information': 1.0 - arm},
        training={'train/information_categorical': curve},
      )
  return store.study()


def test_the_bound_at_the_end_is_that_of_the_last_steps(store):
  study = fill(store, (2.25, 0.0), (0.6, 0.3), seeds=1)
  np.testing.assert_allclose(page.information_at_the_end(study), [2.25, 0.0])


@pytest.mark.parametrize(
  ('information', 'accuracy', 'nearest', 'expected'),
  [
    ((2.25, 0.0), (0.6, 0.3), 1.5, ['holds'] * 3),
    ((0.1, 2.0), (0.3, 0.6), 1.5, ['does not hold'] * 3),
    ((2.25, 0.0), (0.6, 0.3), 4.0, ['void'] * 3),
  ],
)
def test_claims(store, judged, information, accuracy, nearest, expected):
  study = fill(store, information, accuracy, nearest)
  assert list(judged(page, study).values()) == expected


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  study = fill(store, (2.25, 0.0), (0.6, 0.3))
  sections = list(page.sections(study))
  section.check(sections)
  assert [part.key for part in sections] == [
    'infogan_scores',
    'infogan_information',
  ]
