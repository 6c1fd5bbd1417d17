"""Claims and table of the InfoGAN-CR study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.infogan_cr import page


def fill(store, scores, contrasts, nearest=1.5, seeds=10):
  """Two arms; the first number of a pair is that with the contrast."""
  for arm, (score, contrast) in enumerate(zip(scores, contrasts)):
    for seed in range(seeds):
      shift = 0.01 * (seed % 3)
      curve = {s: 1.6 for s in range(100, 1000, 100)} | {1000: contrast}
      store.add(
        {
          ('factor_vae_score', 'mean'): score + (1 + arm) * shift,
          'sample_nearest': nearest,
          'sample_classes': 2.5,
        },
        method='infogan_cr',
        strength=2.0 - 2.0 * arm,
        seed=seed,
        hparams={'lambda_contrast': 2.0 - 2.0 * arm},
        training={page.CONTRAST: curve, page.INFORMATION: curve},
      )
  return store.study()


def test_the_most_that_critics_can_know():
  """A posterior of deviation 1 around the code itself; five equal logits."""
  np.testing.assert_allclose(page.MOST_INFORMATION, -1.12896, atol=1e-5)
  np.testing.assert_allclose(page.BLIND, -np.log(0.2))


@pytest.mark.parametrize(
  ('scores', 'contrasts', 'nearest', 'expected'),
  [
    ((0.8, 0.6), (0.3, 1.2), 1.5, ['holds', 'holds']),
    ((0.6, 0.8), (1.2, 0.3), 1.5, ['does not hold', 'does not hold']),
    ((0.8, 0.6), (0.3, 1.2), 4.0, ['void', 'void']),
  ],
)
def test_claims(store, judged, scores, contrasts, nearest, expected):
  study = fill(store, scores, contrasts, nearest)
  assert list(judged(page, study).values()) == expected


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  study = fill(store, (0.8, 0.6), (0.3, 1.2))
  sections = list(page.sections(study))
  section.check(sections)
  assert [part.key for part in sections] == [
    'infogan_cr_scores',
    'infogan_cr_contrast',
  ]
  contrasts = list(sections[0].body['contrast (nats)'])
  assert contrasts[0].startswith('0.3') and contrasts[1].startswith('1.2')
