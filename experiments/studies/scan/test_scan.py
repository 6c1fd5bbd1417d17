"""Claims and tables of the SCAN study on made-up rows."""

import numpy as np
import pytest

from disentangle_jax.studies.scan import page

# Accuracy and diversity of recombined concepts, by arm.
LEVELS = {
  ('scan_operators', 'forward', 8.0): (0.8, 0.2),
  ('scan_operators', 'forward', 0.1): (0.4, 1.0),
  ('scan_operators', 'reverse', 8.0): (0.7, 3.0),
  ('jmvae_operators', '', None): (0.6, 0.9),
  ('trelbo_operators', '', None): (0.5, 0.7),
}


def fill(store, levels=None, mig=0.5, real=0.99, width=2.0, seeds=5):
  rng = np.random.default_rng(0)
  for arm, (accuracy, diversity) in {**LEVELS, **(levels or {})}.items():
    method, direction, beta = arm
    for seed in range(seeds):
      noise = lambda: rng.uniform(0, 0.01)
      own = {
        f'concept_accuracy/{name}': accuracy + noise() for name in page.SETS
      }
      own |= {
        f'concept_diversity/{name}': diversity + noise() for name in page.SETS
      }
      scores = {
        **own,
        'concept_accuracy/real': real,
        'concept_diversity/constant': 12.0,
        'concept_specificity': width + noise(),
        ('mig_binned', 'mean'): mig if beta == 8.0 else 0.05,
      }
      variant = f'direction={direction}, beta={beta}' if direction else ''
      hparams = {} if beta is None else {'eyes.beta': beta}
      store.add(
        scores, method=method, variant=variant, seed=seed, hparams=hparams
      )
  return store.study()


def test_claims_hold_where_they_are_and_not_where_not(store, tmp_path, judged):
  assert list(judged(page, fill(store)).values()) == ['holds'] * 6
  other = {
    ('scan_operators', 'forward', 8.0): (0.3, 2.5),
    ('trelbo_operators', '', None): (0.7, 0.7),
  }
  study = fill(type(store)(tmp_path / 'b'), other, width=-1.0)
  words = list(judged(page, study).values())
  assert words == ['does not hold'] * 6


@pytest.mark.parametrize(
  'options, count',
  [
    ({'mig': 0.2}, 6),
    ({'real': 0.7}, 6),
    # Constant samples: as near to uniform as one picture is.
    ({'levels': {('scan_operators', 'forward', 8.0): (0.9, 11.0)}}, 4),
  ],
)
def test_bad_eyes_judges_or_constant_samples_decide_nothing(
  store, judged, options, count
):
  words = list(judged(page, fill(store, **options)).values())
  assert words.count('void') == count


def test_tables_have_a_row_per_arm(store):
  study = fill(store)
  tables = {section.key: section for section in page.sections(study)}
  assert set(tables) == {
    'scan_accuracy',
    'scan_diversity',
    'scan_eyes',
    'scan_published',
  }
  assert [arm.label for arm in page.arms(study)] == [
    'SCAN, beta 0.1',
    'SCAN, beta 8',
    'reverse KL',
    'JMVAE',
    'TrELBO',
  ]
  assert page.betas(study) == [0.1, 8.0]
