"""Codes against the factors that they were assigned: closed forms, SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from disentangle_jax import data as data_lib
from disentangle_jax import errors, metrics, types
from disentangle_jax.metrics.codes import assigned_codes

GRID = np.stack(np.meshgrid(range(3), range(4), range(5)), -1).reshape(-1, 3)
BOTH = ('assigned_variance', 'assigned_rank')


def _scores(codes, factors=GRID):
  return metrics.evaluate(codes, factors, 'assigned_codes')


def test_closed_forms():
  """A perfect, a folded and a foreign code."""
  codes = GRID * [2.0, -1.0, 1.0] + [0.0, 5.0, 0.0]
  codes[:, 2] = np.abs(GRID[:, 2] - 2)  # a function, without its order
  scores = _scores(codes)
  for k, (share, rank) in enumerate(((1, 1), (1, 1), (1, 0))):
    assert scores[f'assigned_variance/factor_{k}'] == pytest.approx(share)
    assert scores[f'assigned_rank/factor_{k}'] == pytest.approx(rank, abs=1e-6)
  assert scores['assigned_variance'] == pytest.approx(1)
  assert scores['assigned_rank'] == pytest.approx(2 / 3)
  # Half of a sum of two independent factors, scaled alike, is either one's.
  unit = (GRID - GRID.mean(0)) / GRID.std(0)
  scores = _scores(np.stack([unit[:, 0] + unit[:, 1]] * 2, 1))
  assert scores['assigned_variance/factor_0'] == pytest.approx(0.5, abs=1e-5)
  assert scores['assigned_variance/factor_1'] == pytest.approx(0.5, abs=1e-5)
  # No third code: 0, and it counts.
  assert scores['assigned_variance/factor_2'] == 0
  assert scores['assigned_variance'] == pytest.approx(1 / 3, abs=1e-5)
  # Codes in the wrong order hold nothing of their factors.
  assert max(_scores(unit[:, [1, 2, 0]]).values()) < 1e-5


def test_against_scipy_on_noisy_codes():
  random = np.random.default_rng(0)
  factors = np.stack([random.integers(0, n, 500) for n in (3, 4, 5)], 1)
  factors[:3] = [[2, 3, 4], [0, 0, 0], [1, 2, 1]]
  codes = 0.7 * factors + random.normal(size=factors.shape) + 100
  scores = _scores(codes, factors)
  for k, size in enumerate((3, 4, 5)):
    groups = [codes[factors[:, k] == v, k] for v in range(size)]
    f = stats.f_oneway(*groups).statistic
    ratio = f * (size - 1) / (len(codes) - size)  # between over within
    share = ratio / (1 + ratio)
    rank = abs(stats.spearmanr(codes[:, k], factors[:, k]).statistic)
    got = [scores[f'{name}/factor_{k}'] for name in BOTH]
    np.testing.assert_allclose(got, [share, rank], atol=2e-5)
  for name in BOTH:
    each = [scores[f'{name}/factor_{k}'] for k in range(3)]
    assert scores[name] == pytest.approx(np.mean(each))


def test_constant_factors_are_not_counted():
  factors = GRID * [1, 0, 1]
  scores = metrics.evaluate(GRID[:, [0, 2]], factors, 'assigned_codes')
  # The second code is the second varying factor's.
  assert scores['assigned_rank/factor_2'] == pytest.approx(1)
  assert scores['assigned_rank'] == pytest.approx(1)
  assert 'assigned_rank/factor_1' not in scores


SPRITES = data_lib.load('dsprites', resolution=8, orientations=1)


def test_names_choose_the_factors():
  config = assigned_codes.Config(assigned=('position_y', 'scale'))
  metric = assigned_codes.make(config, SPRITES)
  assert metric.constants['assigned'] == ('position_y', 'scale')
  factors = metric.design.sample(jax.random.key(0))
  vector = factors[:, jnp.array([4, 1])].astype(jnp.float32)
  scores = metric.score(jax.random.key(0), types.Codes(vector, {}), factors)
  named = {f'{name}/{f}' for name in BOTH for f in ('position_y', 'scale')}
  assert set(scores) == {*BOTH, *named}
  np.testing.assert_allclose(list(scores.values()), 1, rtol=1e-5)


@pytest.mark.parametrize(
  'assigned, said',
  [
    (('colour',), "unknown 'colour'"),
    (('scale', 'scale'), 'names scale twice'),
    (('orientation',), 'orientation has one value'),
    ('scale', 'must be a tuple'),
  ],
)
def test_names_that_are_refused(assigned, said):
  config = assigned_codes.Config(assigned=assigned)
  with pytest.raises(errors.ConfigError, match=said) as error:
    assigned_codes.make(config, SPRITES)
  assert '\n' not in str(error.value)
