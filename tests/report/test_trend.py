"""How scores follow the strength."""

import made_up
import numpy as np
import pytest
import scipy.stats

from disentangle_jax import errors
from disentangle_jax.report import tables, trend


def _cells(slope, noise, strengths=(0.0, 1.0, 2.0, 3.0), seeds=6):
  rng = np.random.default_rng(0)
  draw = lambda s: slope * s + noise * rng.normal(size=seeds)
  return {s: draw(s) for s in strengths}


def test_rank_correlation_is_that_of_scipy():
  cells = _cells(0.5, 1.0)
  # With ties, as accuracies have.
  cells = {s: np.round(v, 1) for s, v in cells.items()}
  strength = np.repeat(list(cells), 6)
  values = np.concatenate(list(cells.values()))
  expected = scipy.stats.spearmanr(strength, values).statistic
  assert trend.rank_correlation(cells) == pytest.approx(expected)
  value, low, high = trend.rank_interval(cells, 300)
  assert value == pytest.approx(expected) and low < value < high


def test_intervals_see_a_trend_and_no_trend():
  _, low, high = trend.rank_interval(_cells(1.0, 0.5), 300)
  assert low > 0
  _, low, high = trend.rank_interval(_cells(0.0, 1.0), 300)
  assert low < 0 < high
  assert np.isnan(trend.rank_interval({0.0: np.ones(1), 1.0: np.zeros(2)})[1])
  assert np.isnan(trend.rank_correlation({0.0: np.ones(3), 1.0: np.ones(3)}))


def test_deviation_leaves_the_strength_out():
  cells = _cells(10.0, 0.3, seeds=500)
  assert trend.deviation(cells) == pytest.approx(0.3, rel=0.05)
  pair = {0.0: np.array([1.0, 3.0]), 5.0: np.array([7.0])}
  assert trend.deviation(pair) == pytest.approx(np.sqrt(2))


def test_table_has_a_row_per_method_and_a_column_per_pair():
  cells = {'steady': _cells(1.0, 0.1), 'noise': _cells(0.0, 1.0)}
  text = trend.table(cells, [(0.0, 1.0), (1.0, 3.0)])
  head, _, steady, noise = text.splitlines()
  assert head.count('|') == steady.count('|') == noise.count('|') == 8
  first, second = (float(c.split()[0]) for c in steady.split('|')[6:8])
  means = {s: v.mean() for s, v in cells['steady'].items()}
  assert first == pytest.approx(means[1.0] - means[0.0], abs=1e-3)
  assert second == pytest.approx(means[3.0] - means[1.0], abs=1e-3)
  assert 'last minus first' in trend.table(cells, [])
  with pytest.raises(errors.ConfigError, match='--pairs'):
    trend.table(cells, [(0.0, 7.0)])


def test_cells_are_the_scores_of_the_store(store):
  rows = made_up.rows_of()
  study = tables.load([store])
  cells = trend.cells_of(study, 'sap', [1.0, 4.0])
  assert list(cells['beta_vae']) == [1.0, 4.0]
  pick = rows[
    (rows['method'] == 'beta_vae')
    & (rows['strength'] == 4)
    & (rows['representation'] == 'mean')
    & (rows['name'] == 'sap')
  ]
  got = cells['beta_vae'][4.0]
  assert sorted(got) == pytest.approx(sorted(pick['value']))
  with pytest.raises(errors.ConfigError, match='--scores'):
    trend.cells_of(study, 'sapp', [])
