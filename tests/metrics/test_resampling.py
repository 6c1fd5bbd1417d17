"""Intervals over rows: closed forms, bias of ties, coverage."""

import dataclasses
import types as python_types

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from disentangle_jax import errors, metrics, types
from disentangle_jax.metrics import arrays, base, designs, resampling
from disentangle_jax.metrics.codes import mig_binned

Z95 = 1.959964


def _data(num_rows, seed=0):
  """Factors of 3, 4 and 5 levels, and four noisy codes of them."""
  rng = np.random.default_rng(seed)
  factors = np.stack([rng.integers(0, s, num_rows) for s in (3, 4, 5)], axis=1)
  mixed = factors @ np.array(
    [[1.0, 0.3, 0.0, 0.4], [0.0, 1.0, 0.2, 0.0], [0.0, 0.0, 1.0, 0.3]]
  )
  return mixed + 0.5 * rng.normal(size=mixed.shape), factors


@dataclasses.dataclass(frozen=True)
class _TestConfig:
  num_train: int = 9
  num_test: int = 9


def _mean_metric(way, with_test=False, chosen=False):
  """A module whose score is the mean of the first code (of test rows)."""
  module = python_types.ModuleType('disentangle_jax.metrics.codes.mean')
  module.SCORES = {'mean': types.Score()}
  module.RESAMPLING = way
  module.Config = mig_binned.Config if not with_test else _TestConfig

  def make(config, data):
    del data
    num_test = getattr(config, 'num_test', 0)
    begin = config.num_train if num_test else 0
    design = designs.iid((2,), config.num_train, num_test)
    if chosen:
      draw = lambda generator, factors, rows_train: generator.choice(
        len(factors), 50
      )
      design = design._replace(draw=draw, kind='chosen')

    def score(key, codes, factors):
      del key, factors
      return {'mean': jnp.mean(codes.vector[begin:, 0])}

    return base.build(design, score, config)

  module.make = make
  return module


def _interval(module, x, resamples, seed=0):
  rows = arrays.read(x[:, None], (np.arange(len(x)) % 2)[:, None])
  modules, wanted = {'mean': module}, {'mean': ('mean',)}
  scores = arrays.evaluate(modules, wanted, rows, seed, False, resamples)
  return scores['mean']


def test_value_is_the_plain_score_and_lies_where_it_should():
  codes, factors = _data(301)
  names = ('mig_binned', 'linear_correlation', 'factor_vae_score')
  names += ('assigned_codes',)  # an entry by factor stands beside its mean
  plain = metrics.evaluate(codes, factors, names)
  sure = metrics.evaluate(codes, factors, names, resamples=20)
  assert list(sure) == list(plain)
  for name, interval in sure.items():
    assert isinstance(interval, metrics.Interval)
    assert interval.value == plain[name]
    assert interval.low <= interval.high, name
  assert 0 <= sure['mig_binned'].low < sure['mig_binned'].high <= 1
  again = metrics.evaluate(codes, factors, names, resamples=20)
  assert again == sure
  other = metrics.evaluate(codes, factors, 'mig_binned', 1, resamples=20)
  assert other['mig_binned'] != sure['mig_binned']
  narrow = metrics.evaluate(
    codes, factors, 'cvr', resamples=20, confidence=0.5
  )['cvr']
  assert sure['cvr'].low < narrow.low < narrow.high < sure['cvr'].high


@pytest.mark.parametrize('way', ['bootstrap', 'subsample', 'debiased'])
def test_the_interval_of_a_mean_is_that_of_its_standard_error(way):
  x = np.random.default_rng(3).exponential(size=601)
  module = _mean_metric(way)
  interval = _interval(module, x, 2000)
  error = np.std(x) / np.sqrt(len(x))
  # Quantiles of 2,000 samples: 5 of their standard errors.
  tolerance = 5 * error * np.sqrt(0.025 * 0.975 / 2000) / 0.0584
  assert interval.value == pytest.approx(np.mean(x), rel=1e-5)
  assert interval.low == pytest.approx(np.mean(x) - Z95 * error, abs=tolerance)
  assert interval.high == pytest.approx(np.mean(x) + Z95 * error, abs=tolerance)
  # Beside NumPy's own bootstrap of these rows.
  if way == 'bootstrap':
    rng = np.random.default_rng(7)
    own = np.quantile(
      np.mean(rng.choice(x, (2000, len(x))), axis=1), [0.025, 0.975]
    )
    assert interval[1:] == pytest.approx(tuple(own), abs=1.5 * tolerance)
  # A ninth of the rows: three times as wide, but for their own deviation.
  few = x[::9]
  wide = _interval(module, few, 2000)
  ratio = (wide.high - wide.low) / (interval.high - interval.low)
  expected = 3 * np.std(few) / np.std(x)
  assert ratio == pytest.approx(expected, rel=0.12)


def test_test_rows_are_resampled_among_themselves():
  x = np.random.default_rng(3).normal(size=900)
  interval = _interval(_mean_metric('subsample', with_test=True), x, 1000)
  width = 2 * Z95 / np.sqrt(300)
  assert interval.high - interval.low == pytest.approx(width, rel=0.15)
  assert sum(interval[1:]) / 2 == pytest.approx(interval.value, abs=width / 10)


def test_the_luck_of_a_draw_among_rows_is_no_bias():
  x = np.random.default_rng(3).normal(size=4000)
  module = _mean_metric('subsample', chosen=True)
  intervals = [_interval(module, x, 200, seed=s) for s in range(20)]
  # 50 rows are drawn: the interval is as wide as their luck asks for.
  for interval in intervals:
    width = 2 * Z95 * np.sqrt(1 / 50 + 1 / 4000)
    assert interval.high - interval.low == pytest.approx(width, rel=0.4)
    middle = sum(interval[1:]) / 2
    assert middle == pytest.approx(interval.value, abs=width / 8)
  assert sum(i.low <= np.mean(x) <= i.high for i in intervals) >= 17


def test_subsamples_take_no_row_twice_and_keep_training_rows_apart():
  rows = resampling.Rows(None, np.zeros((30, 1)), (20, 10))
  generator = np.random.default_rng(0)
  for _ in range(20):
    picked = resampling.pick(generator, rows, (10, 5), False)
    assert len(set(picked)) == 15
    assert np.sum(picked < 20) == 10 and np.all(np.diff(picked) > 0)
    picked = resampling.pick(generator, rows, (20, 10), True)
    assert np.sum(picked < 20) == 20 and len(set(picked)) < 30


def _plug_in(codes, factors):
  """The gap by scikit-learn, as `mig_binned` with 20 bins defines it."""
  bins = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
  table = np.array([[mutual_info_score(b, f) for b in bins] for f in factors.T])
  table = np.sort(table, axis=1)
  entropy = [mutual_info_score(f, f) for f in factors.T]
  return np.mean((table[:, -1] - table[:, -2]) / entropy)


def test_ties_do_not_raise_the_information_gap(monkeypatch):
  """One independent code: its gap is its information, which is 0."""
  rng = np.random.default_rng(0)
  factors = rng.integers(0, 8, (300, 1))
  codes = rng.normal(size=(300, 1))
  of = lambda c, f: metrics.evaluate(c, f, 'mig_binned', resamples=100)
  ours = of(codes, factors)['mig_binned']
  # About (20 - 1) (8 - 1) / (2 * 300) nats of bias over log 8.
  assert 0.05 < ours.value < 0.15
  # Half of the bias is taken off.
  assert sum(ours[1:]) / 2 < 0.65 * ours.value
  # Equal rows twice: the score of all rows stays, and the interval with it
  # does not rise above where that score is.
  twice = of(np.repeat(codes, 2, 0), np.repeat(factors, 2, 0))['mig_binned']
  assert twice.value == pytest.approx(ours.value, abs=1e-5)
  assert twice.high < twice.value + 0.01
  # The bootstrap, which this metric does not take, doubles the bias.
  monkeypatch.setattr(mig_binned, 'RESAMPLING', 'bootstrap', raising=False)
  tied = of(codes, factors)['mig_binned']
  assert tied.low > ours.value
  # Its samples by scikit-learn.
  index = rng.integers(0, 300, (40, 300))
  padded = np.concatenate([codes, 0 * codes], axis=1)
  samples = [_plug_in(padded[i], factors[i]) for i in index]
  assert sum(tied[1:]) / 2 == pytest.approx(np.mean(samples), abs=0.02)


@pytest.mark.parametrize(
  'change, message',
  [
    (dict(resamples=19), 'at least 20'),
    (dict(resamples=-1), 'at least 20'),
    (dict(resamples=100.0), 'an integer'),
    (dict(resamples=True), 'an integer'),
    (dict(resamples='200'), 'an integer'),
    (dict(resamples=20, confidence=0), 'between 0 and 1'),
    (dict(resamples=20, confidence=95), 'between 0 and 1'),
    (dict(resamples=20, confidence=float('nan')), 'between 0 and 1'),
    (dict(resamples=20, confidence=None), 'between 0 and 1'),
  ],
)
def test_what_gives_no_interval_is_refused_in_one_line(change, message):
  codes, factors = _data(40)
  with pytest.raises(errors.ConfigError, match=message) as caught:
    metrics.evaluate(codes, factors, 'mig_binned', **change)
  assert '\n' not in str(caught.value)


def test_rows_that_half_of_them_cannot_replace_are_refused():
  codes, factors = _data(3)
  with pytest.raises(errors.ConfigError, match='need 4 rows'):
    metrics.evaluate(codes, factors, 'mig_binned', resamples=20)
  # Every value occurs twice: two in five halves lack every pair.
  factors = np.repeat(np.arange(3), 2)[:, None]
  codes = np.random.default_rng(0).normal(size=(6, 2))
  with pytest.raises(errors.ConfigError, match='a resample of 3 ') as caught:
    metrics.evaluate(codes, factors, 'factor_vae_score', resamples=20)
  assert '\n' not in str(caught.value)


def test_codes_without_a_score_and_metrics_without_an_interval():
  codes, factors = _data(60)
  codes[3, 1] = np.nan
  with pytest.warns(UserWarning):
    got = metrics.evaluate(codes, factors, 'mig_binned', resamples=20)
  assert np.all(np.isnan(got['mig_binned']))
  runs = np.stack([_data(60, seed)[0] for seed in range(3)])
  parts = {'mean': runs, 'logvar': 0 * runs - 4}
  got = metrics.evaluate(
    runs, factors, 'udr_spearman', parts=parts, resamples=20
  )['udr_spearman']
  assert got.value.shape == (3,) and np.all(np.isfinite(got.value))
  assert np.isnan(got.low) and np.isnan(got.high)


def test_every_metric_resamples_in_a_known_way():
  for name, module in metrics.METRICS.items():
    assert resampling.way(module) in resampling.WAYS, name


# Scores whose coverage stands in the docstring of `resampling`.
COVERED = {
  'mig_binned': ('mig_binned',),
  'modularity': ('modularity',),
  'single_code_auc': ('single_code_auc',),
  'linear_correlation': ('mapc', 'cvr', 'tdv'),
  'aggregate_posterior': ('aggregate_kl', 'aggregate_frechet'),
  'frobenius_degree': ('frobenius_degree',),
  'irs': ('irs',),
  'explicitness': ('explicitness',),
  'dci_lasso': ('dci_disentanglement_lasso', 'dci_nrmse_lasso'),
  'sap': ('sap',),
}
# The scale of irs is the largest deviation, which half of the rows may lack.
# The bias of modularity is half of its deviation, and not of the form B / n.
LEAST = {'irs': 0.8, 'modularity': 0.82}


@pytest.mark.slow
@pytest.mark.parametrize('name', COVERED)
def test_coverage(name):
  """Shares of 100 intervals of 1,000 rows that hold the true score.

  That is the score of 200,000 rows; for 'subsample' the mean score of 400 other
  samples of 1,000 rows.
  """

  def of(num_rows, seed, resamples):
    codes, factors = _data(num_rows, seed)
    # As if the codes were means of posteriors of deviation 0.6.
    parts = {'mean': codes, 'logvar': np.full(codes.shape, -1.0)}
    return metrics.evaluate(
      codes, factors, name, parts=parts, resamples=resamples
    )

  intervals = [of(1000, seed, 200) for seed in range(100)]
  if resampling.way(metrics.METRICS[name]) == 'subsample':
    others = [of(1000, seed, 0) for seed in range(200, 600)]
    truth = {
      key: np.mean([scores[key] for scores in others]) for key in COVERED[name]
    }
  else:
    truth = of(200_000, 10_000, 0)
  for key in COVERED[name]:
    ends = np.array([interval[key] for interval in intervals])
    held = (ends[:, 1] <= truth[key]) & (truth[key] <= ends[:, 2])
    middle = np.mean(ends, axis=0)
    print(f'\n{key}: {np.mean(held):.2f}, truth {truth[key]:.4f},', middle)
    assert LEAST.get(key, 0.88) <= np.mean(held) <= 0.99, key
