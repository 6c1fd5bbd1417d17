"""What the modules behind the study pages make of a store's rows."""

import numpy as np
import pandas as pd

from experiments import covariance_page, frey_page


def test_losses_are_averaged_over_epochs():
  steps = np.arange(1, 21)
  curves = pd.DataFrame(
    {
      'run': np.repeat([0, 1], 20),
      'step': np.tile(steps[::-1], 2),
      'name': 'train/loss',
      'value': np.concatenate([steps[::-1], np.full(20, 7)]).astype(float),
    }
  )
  found = frey_page.epochs(curves)
  np.testing.assert_allclose(found[0], np.arange(1.5, 20, 2))
  np.testing.assert_allclose(found[1], 7)


def test_runs_become_rows_with_the_last_value_of_every_score():
  rows = pd.DataFrame(
    {
      'run_id': ['a', 'a', 'a', 'b'],
      'variant': ['penalty=l1, projection=2'] * 3 + ['penalty=covariance'],
      'strength': [0.1, 0.1, 0.1, 0.2],
      'seed': 0,
      'step': [10, 20, 20, 20],
      'name': ['cvr', 'cvr', 'mapc', 'cvr'],
      'value': [5.0, 2.0, 0.3, 1.0],
    }
  )
  found = covariance_page.wide(rows).set_index('run_id')
  assert list(found['penalty']) == ['l1', 'covariance']
  assert list(found['cvr']) == [2, 1] and found['mapc']['a'] == 0.3


def test_strengths_at_or_below_the_noise_are_left_out():
  parts = [pd.DataFrame({'mse': [m, m]}) for m in (1e-7, 5e-8, 2e-7)]
  (kept,) = covariance_page._costly(parts)
  assert kept is parts[2]
