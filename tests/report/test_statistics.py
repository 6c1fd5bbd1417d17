"""Statistics against closed forms, loops over resamples, and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from disentangle_jax.report import statistics


@pytest.mark.parametrize('n', [1, 2, 3, 4, 5, 8, 50])
def test_summaries_equal_scipy(n):
  values = np.random.default_rng(n).normal(size=n)
  assert statistics.summarise(values, 'mean') == pytest.approx(values.mean())
  assert statistics.summarise(values, 'median') == pytest.approx(
    np.median(values)
  )
  assert statistics.summarise(values, 'interquartile_mean') == pytest.approx(
    stats.trim_mean(values, 0.25)
  )


def test_summaries_skip_what_is_not_finite():
  assert statistics.summarise([1.0, np.nan, 3.0, np.inf]) == 2.0
  assert math.isnan(statistics.summarise([np.nan]))
  assert math.isnan(statistics.summarise([], 'median'))


def test_unknown_summary_is_named():
  with pytest.raises(ValueError, match="'mode'"):
    statistics.summarise([1.0, 2.0], 'mode')


@pytest.mark.parametrize('summary', statistics.SUMMARIES)
@pytest.mark.parametrize('n', [3, 4, 9])
def test_resampled_statistics_equal_a_loop(summary, n):
  """The matrix product gives what sorting every resample gives."""
  rng = np.random.default_rng(0)
  values = np.sort(rng.normal(size=n))
  counts = rng.multinomial(n, np.full(n, 1 / n), size=50)
  got = statistics.summary_weights(counts, summary) @ values
  functions = {
    'mean': np.mean,
    'median': np.median,
    'interquartile_mean': lambda x: stats.trim_mean(x, 0.25),
  }
  want = [functions[summary](np.repeat(values, row)) for row in counts]
  np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_interval_of_the_mean_is_the_normal_one_for_many_values():
  values = np.random.default_rng(1).normal(2.0, 3.0, size=400)
  low, high = statistics.bootstrap_interval([values])[0]
  error = values.std() / math.sqrt(400)
  assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
  assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_intervals_agree_with_scipy():
  values = np.random.default_rng(2).gamma(2.0, size=30)
  for summary, function in (
    ('mean', np.mean),
    ('median', np.median),
  ):
    want = stats.bootstrap(
      (values,),
      function,
      method='percentile',
      random_state=3,
      n_resamples=5000,
      vectorized=True,
    ).confidence_interval
    got = statistics.bootstrap_interval([values], summary)[0]
    width = want.high - want.low
    np.testing.assert_allclose(got, want, atol=0.06 * width)


def test_intervals_cover_at_about_their_level():
  rng = np.random.default_rng(4)
  cells = list(rng.normal(size=(1000, 20)))
  intervals = statistics.bootstrap_interval(cells, resamples=1000)
  covered = np.mean((intervals[:, 0] <= 0) & (intervals[:, 1] >= 0))
  # Percentile intervals of 20 seeds are known to be a little narrow.
  assert 0.89 < covered < 0.96


def test_intervals_are_seeded_and_do_not_depend_on_the_neighbours():
  rng = np.random.default_rng(5)
  first, second = rng.normal(size=5), rng.normal(size=7)
  alone = statistics.bootstrap_interval([first])
  again = statistics.bootstrap_interval([second, first, second])
  np.testing.assert_array_equal(alone[0], again[1])
  other = statistics.bootstrap_interval([first], seed=1)
  assert not np.array_equal(alone, other)


def test_one_seed_has_no_interval():
  got = statistics.bootstrap_interval([[1.0], [], [1.0, np.nan], [1.0, 2.0]])
  assert np.isnan(got[:3]).all()
  assert np.isfinite(got[3]).all()
  estimate, low, high = statistics.stratified_interval([[1.0, 2.0], [3.0]])
  assert estimate == 2.0
  assert math.isnan(low) and math.isnan(high)


def test_strata_take_the_strength_out_of_the_interval():
  """Cells far apart, without spread inside: nothing is left to resample."""
  cells = [np.full(5, 0.0), np.full(5, 10.0)]
  assert statistics.stratified_interval(cells) == (5.0, 5.0, 5.0)
  pooled = statistics.bootstrap_interval([np.concatenate(cells)])[0]
  assert pooled[0] < 4 and pooled[1] > 6


def test_difference_interval_is_the_normal_one_for_many_values():
  rng = np.random.default_rng(6)
  a, b = rng.normal(1, 1, 300), rng.normal(0, 2, 500)
  got = statistics.difference_interval(a, b)
  error = math.sqrt(a.var() / 300 + b.var() / 500)
  assert got[0] == pytest.approx(a.mean() - b.mean())
  assert got[1] == pytest.approx(got[0] - 1.96 * error, abs=0.1 * error)
  assert got[2] == pytest.approx(got[0] + 1.96 * error, abs=0.1 * error)


def test_probability_of_improvement_is_mann_whitney():
  rng = np.random.default_rng(7)
  a = rng.integers(0, 6, 20).astype(float)
  b = rng.integers(0, 6, 30).astype(float)
  want = stats.mannwhitneyu(a, b).statistic / 600
  estimate, low, high = statistics.probability_of_improvement([a], [b])
  assert estimate == pytest.approx(want)
  assert low < want < high
  back = statistics.probability_of_improvement([b], [a])[0]
  assert estimate + back == pytest.approx(1.0)


def test_probability_of_improvement_averages_over_strata():
  a, b = [np.array([1.0, 2.0]), np.array([0.0, 0.0])], [np.zeros(2)] * 2
  assert statistics.probability_of_improvement(a, b)[0] == 0.75
  with pytest.raises(ValueError, match='2 strata against 1'):
    statistics.probability_of_improvement(a, b[:1])


@pytest.mark.parametrize('shift, most', [(0.5, 0.84), (0.8, 0.86), (1.5, 1)])
def test_the_seeds_needed_give_the_power_asked_for(shift, most):
  """Simulated rank tests with that many seeds find the shift in 80 %."""
  probability = stats.norm.cdf(shift / math.sqrt(2))
  n = int(statistics.seeds_needed(probability, power=0.8))
  rng = np.random.default_rng(8)
  a, b = rng.normal(shift, 1, (1500, n)), rng.normal(0, 1, (1500, n))
  p = stats.mannwhitneyu(a, b, axis=1, method='asymptotic').pvalue
  assert 0.77 < np.mean(p < 0.05) < most


def test_seeds_needed_at_the_ends():
  assert statistics.seeds_needed(0.5) == math.inf
  assert math.isnan(statistics.seeds_needed(math.nan))
  assert statistics.seeds_needed(0.3) == statistics.seeds_needed(0.7)
  assert statistics.seeds_needed(0.6) > statistics.seeds_needed(0.9)


def design(methods=3, strengths=4, seeds=50):
  method = np.repeat(np.arange(methods), strengths * seeds)
  strength = np.tile(np.repeat(np.arange(strengths), seeds), methods)
  return method, strength


def test_shares_of_pure_effects():
  method, strength = design(seeds=2)
  part = lambda values: statistics.variance_shares(
    values, method, strength, resamples=50
  )['share'].to_numpy()
  np.testing.assert_allclose(part(1.0 * method), [1, 0, 0], atol=1e-12)
  np.testing.assert_allclose(part(1.0 * strength), [0, 1, 0], atol=1e-12)


def test_shares_equal_the_regressions_of_the_study():
  """Plain shares are the R^2 of least squares on one-hot settings."""
  method, strength = design(2, 3, 4)
  keep = np.arange(method.size) != 5  # cells of unequal size
  method, strength = method[keep], strength[keep]
  values = np.random.default_rng(9).normal(size=method.size) + method
  table = statistics.variance_shares(values, method, strength, resamples=50)

  def explained(labels):
    one_hot = (labels[:, None] == np.unique(labels)).astype(float)
    fit = one_hot @ np.linalg.lstsq(one_hot, values, rcond=None)[0]
    return (
      1 - ((values - fit) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    )

  by_method, by_both = explained(method), explained(10 * method + strength)
  np.testing.assert_allclose(
    table['plain'], [by_method, by_both - by_method, 1 - by_both], atol=1e-12
  )


def test_the_corrected_share_of_noise_is_nothing():
  method, strength = design(3, 4, 3)
  rng = np.random.default_rng(10)
  tables = [
    statistics.variance_shares(
      rng.normal(size=method.size), method, strength, resamples=2
    )
    for _ in range(60)
  ]
  seed = np.array([table.loc['seed', 'share'] for table in tables])
  plain = np.array([table.loc['seed', 'plain'] for table in tables])
  assert plain.mean() == pytest.approx(24 / 35, abs=0.04)
  assert seed.mean() > 0.88
  sums = [table[['share', 'plain']].sum() for table in tables]
  np.testing.assert_allclose(sums, 1.0)


def test_intervals_of_shares_cover_the_truth():
  """Known effects: method 1, strength 1/2, seed 2 of the variance."""
  method, strength = design(2, 2, 8)
  effect = np.where(method == 0, -1.0, 1.0)
  effect = effect + np.where(strength == 0, -1.0, 1.0) * math.sqrt(0.5)
  truth = np.array([1, 0.5, 2]) / 3.5
  rng = np.random.default_rng(11)
  covered = []
  for i in range(150):
    values = effect + rng.normal(0, math.sqrt(2), method.size)
    table = statistics.variance_shares(
      values, method, strength, resamples=300, seed=i
    )
    covered.append((table['low'] <= truth) & (truth <= table['high']))
  # A few in a hundred short of the level at 8 seeds, as the docstring says.
  assert (np.mean(covered, axis=0) > 0.86).all()


def test_shares_without_repeats_or_without_variance_are_unknown():
  method, strength = design(2, 3, 1)
  values = np.arange(6.0)
  table = statistics.variance_shares(values, method, strength)
  assert table.isna().all(axis=None)
  method, strength = design(2, 3, 4)
  table = statistics.variance_shares(np.ones(24), method, strength)
  assert table.isna().all(axis=None)


def test_rank_correlation_equals_scipy_and_skips_missing_pairs():
  rng = np.random.default_rng(12)
  values = rng.integers(0, 5, (40, 3)).astype(float)
  frame = pd.DataFrame(values, columns=list('abc'))
  want = stats.spearmanr(values).statistic
  np.testing.assert_allclose(statistics.rank_correlation(frame), want)
  frame.loc[:9, 'a'] = np.nan
  got = statistics.rank_correlation(frame)
  assert got.loc['a', 'b'] == pytest.approx(
    stats.spearmanr(values[10:, 0], values[10:, 1]).statistic
  )
  assert got.loc['b', 'c'] == pytest.approx(want[1, 2])


def test_rank_correlation_of_constants_and_of_few_rows_is_unknown():
  frame = pd.DataFrame({'a': [1.0, 2.0, 3.0], 'b': [1.0, 1.0, 1.0]})
  got = statistics.rank_correlation(frame)
  assert math.isnan(got.loc['a', 'b'])
  assert statistics.rank_correlation(frame[:2]).isna().all(axis=None)
