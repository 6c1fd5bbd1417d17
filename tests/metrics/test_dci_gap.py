"""Zero-shot DCI on codes whose answers are known."""

import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import lit_solid
from disentangle_jax.metrics.models import dci_gap

SMALL = {'resolution': 8, 'azimuths': 4, 'elevations': 6, 'levels': 6}
CONFIG = dci_gap.Config(
  num_train=600, num_test=300, num_gap=300, num_alphas=20, max_depth=8
)


@pytest.fixture(scope='module')
def scores_of():
  """`(code) -> scores` of a code that is a function of the true factors."""
  data = data_lib.load('lit_solid', part='seen', **SMALL)
  # An image that shows its factors, so that codes can be made of them.
  show = lambda arrays, factors, key: factors.astype(jnp.float32)
  plain = data.sample

  def sample(key, arrays, index):
    rows = plain(key, arrays, index)
    return {**rows, 'observation': rows['factors'].astype(jnp.float32)}

  data = data._replace(render=show, sample=sample, observation_shape=(5,))
  probe = dci_gap.make(CONFIG, data)
  context = jax.jit(probe.fit)(jax.random.key(0), data.arrays)

  @jax.jit
  def run(matrix):
    represent = lambda state, x: types.Codes(x @ state, {})
    method = python_types.SimpleNamespace(represent=represent)
    return probe.score(
      jax.random.key(1), context, method, matrix, data.arrays, None
    )

  return run, context, data


def test_true_factors_are_read_without_error_seen_and_unseen(scores_of):
  run, _, _ = scores_of
  scores = run(jnp.diag(jnp.array([1.0, -2, 3, 1, 0.5])))
  for name in ('lasso', 'forest'):
    assert scores[f'dci_gap_disentanglement_{name}'] > 0.99
    assert scores[f'dci_gap_completeness_{name}'] > 0.99
    assert scores[f'dci_gap_nrmse_seen_{name}'] < 0.05
  assert scores['dci_gap_nrmse_zero_shot_lasso'] < 0.05
  # Weights have signs.
  assert scores['dci_importance_lasso/1_1'] < -0.9
  assert scores['dci_importance_forest/1_1'] > 0.9


def test_a_rotation_costs_disentanglement_and_no_linear_error(scores_of):
  run, _, _ = scores_of
  turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))
  scores = run(jnp.asarray(turned, jnp.float32))
  assert scores['dci_gap_disentanglement_lasso'] < 0.6
  assert scores['dci_gap_nrmse_seen_lasso'] < 0.05


def test_constant_codes_are_as_good_as_the_mean(scores_of):
  run, (_, factors), data = scores_of
  scores = run(jnp.zeros((5, 3)))
  np.testing.assert_allclose(scores['dci_gap_nrmse_seen_lasso'], 1, atol=0.05)
  for name in data.factor_names:
    np.testing.assert_allclose(
      scores[f'dci_gap_nrmse_zero_shot_lasso/{name}'],
      scores[f'dci_gap_constant/{name}'],
      rtol=1e-4,
    )
  # By NumPy, from the whole grid.
  grid = factorial.grid(data.factor_sizes)
  gap = lit_solid.in_gap(grid, data.factor_values)
  seen = grid[~gap].astype(float)
  error = np.sqrt(np.mean((grid[gap] - seen.mean(0)) ** 2, axis=0))
  for k, name in enumerate(data.factor_names):
    expected = error[k] / seen.std(0)[k]
    found = scores[f'dci_gap_constant/{name}']
    np.testing.assert_allclose(found, expected, atol=0.12)
    expected = error[k] / grid[gap].std(0)[k]
    found = scores[f'dci_gap_constant_own/{name}']
    np.testing.assert_allclose(found, expected, rtol=0.12)
  # Seen and left-out images have no combination in common.
  flat = lambda x: np.asarray(factorial.flat_index(x, data.factor_sizes))
  ends = CONFIG.num_train + CONFIG.num_test
  assert not set(flat(factors[:ends])) & set(flat(factors[ends:]))
  assert gap[flat(factors[ends:])].all() and not gap[flat(factors[:ends])].any()


def test_constants_of_the_whole_grid_are_the_published_ones():
  """Elevation, red, green, blue of the grid of 40, 16, 12, 12, 12 points."""
  data = data_lib.load('lit_solid', part='all')
  grid = factorial.grid(data.factor_sizes)
  gap = lit_solid.in_gap(grid, data.factor_values)
  seen = grid[~gap].astype(float)
  error = np.sqrt(np.mean((grid[gap] - seen.mean(0)) ** 2, axis=0))
  np.testing.assert_allclose(
    (error / seen.std(0))[1:], [1.10, 1.27, 0.99, 0.99], atol=6e-3
  )
  np.testing.assert_allclose(
    (error / grid[gap].std(0))[1:], [2.20, 2.12, 1.36, 1.36], atol=6e-3
  )
  assert gap.sum() == 123_200


def test_what_leaves_nothing_out_is_refused():
  data = data_lib.load('lit_solid', part='all', **SMALL)
  with pytest.raises(errors.ConfigError, match='leaves 0 combinations out'):
    dci_gap.make(CONFIG, data)
