"""`evaluate` on plain arrays, names, descriptions, bad input."""

import pathlib

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from disentangle_jax import errors, metrics
from disentangle_jax.metrics import catalogue
from disentangle_jax.metrics.codes import downstream_gbt

CHEAP = ('mig_binned', 'modularity', 'linear_correlation')


def _data(num_rows=300, seed=0):
  rng = np.random.default_rng(seed)
  factors = np.stack([rng.integers(0, s, num_rows) for s in (3, 4)], axis=1)
  noise = rng.normal(size=(num_rows, 3))
  return np.concatenate([factors, noise[:, :1]], axis=1) + 0.1 * noise, factors


def test_names_of_levels_do_not_matter():
  codes, factors = _data()
  words = np.array(['circle', 'square', 'heart', 'star'])[factors]
  shifted = 10.0 * factors - 3
  want = metrics.evaluate(codes, factors, CHEAP)
  assert metrics.evaluate(codes, words, CHEAP) == want
  assert metrics.evaluate(codes, shifted, CHEAP) == want
  assert list(want) == [
    'mig_binned',
    'modularity',
    'mapc',
    'cvr',
    'tdv',
    'ud90',
  ]


def test_single_scores_and_families_can_be_asked_for():
  codes, factors = _data()
  assert list(metrics.evaluate(codes, factors, 'tdv')) == ['tdv']
  assert metrics.resolve(['tdv', 'mapc']) == {
    'linear_correlation': ('mapc', 'tdv')
  }
  assert set(metrics.resolve('dci')) == {'dci_gbt', 'dci_lasso', 'dci_forest'}
  assert metrics.resolve('dci_completeness_gbt') == {
    'dci_gbt': ('dci_completeness_gbt',)
  }
  assert 'active_units' in metrics.resolve('unsupervised')


def test_an_unknown_name_is_one_line_with_the_nearest():
  with pytest.raises(errors.ConfigError) as caught:
    metrics.resolve(['mig_bined'])
  message = str(caught.value)
  assert "did you mean 'mig_binned'" in message and '\n' not in message
  assert message.startswith('config.metrics')


def test_a_test_set_is_used_as_given():
  codes, factors = _data(400)
  given = dict(test_codes=codes[300:], test_factors=factors[300:])
  whole = metrics.evaluate(codes[:300], factors[:300], 'sap', **given)
  # A test set that contradicts the training rows is felt.
  given['test_factors'] = (factors[300:] + 1) % [3, 4]
  wrong = metrics.evaluate(codes[:300], factors[:300], 'sap', **given)
  assert whole['sap'] > wrong['sap'] + 0.1
  # Metrics without a test set look at the training rows alone.
  alone = metrics.evaluate(codes[:300], factors[:300], 'mig_binned')
  both = metrics.evaluate(codes[:300], factors[:300], 'mig_binned', **given)
  assert alone == both


def test_scores_depend_on_the_seed_only_where_they_draw():
  codes, factors = _data()
  first = metrics.evaluate(codes, factors, ('mig_binned', 'factor_vae_score'))
  again = metrics.evaluate(codes, factors, ('mig_binned', 'factor_vae_score'))
  other = metrics.evaluate(
    codes, factors, ('mig_binned', 'factor_vae_score'), seed=1
  )
  assert first == again
  assert first['mig_binned'] == other['mig_binned']


def test_designed_scores_from_rows():
  codes, factors = _data()
  got = metrics.evaluate(
    codes, factors, ('factor_vae_score', 'beta_vae_score_changed')
  )
  assert got['factor_vae_score'] > 0.99
  assert got['beta_vae_score_changed'] > 0.9


def test_continuous_factors():
  rng = np.random.default_rng(0)
  factors = rng.random((300, 2))
  codes = np.concatenate([factors[:, ::-1], rng.random((300, 1))], axis=1)
  names = ('sap', 'mig_binned', 'dci_lasso')
  got = metrics.evaluate(codes, factors, names, continuous=True)
  correlation = np.corrcoef(codes.T)[:2, 2]
  assert got['sap'] == pytest.approx(1, abs=np.max(correlation**2) + 0.05)
  assert got['dci_nrmse_lasso'] < 0.01
  assert got['mig_binned'] > 0.7
  with pytest.raises(errors.ConfigError, match='continuous=True'):
    metrics.evaluate(codes, factors, 'mig_binned')
  with pytest.raises(errors.ConfigError, match='no continuous form'):
    metrics.evaluate(codes, factors, 'explicitness', continuous=True)


def test_factorized_support_of_a_full_lattice_and_of_a_diagonal():
  # Ten batches, each the whole lattice of three codes.
  lattice = np.tile(np.stack(np.indices((3, 4, 5)), -1).reshape(-1, 3), (10, 1))
  score = lambda codes: metrics.evaluate(codes, lattice, 'factorized_support')[
    'factorized_support'
  ]
  assert score(lattice) == 0
  # Two equal codes 0 .. 10: the corner (0, 10) is farthest, from (5, 5).
  steps = np.tile(np.resize(np.arange(11.0), 60), 10)
  want = 50 / steps.var()
  assert score(np.stack([steps, steps], 1)) == pytest.approx(want, rel=1e-5)
  # A code that does not vary has no pair.
  assert score(np.stack([steps, 0 * steps], 1)) == 0


def test_constant_factors_are_not_among_those_that_a_mean_is_over():
  rng = np.random.default_rng(0)
  factors = rng.integers(0, 3, (2000, 2))
  codes = rng.normal(size=(2000, 5))
  more = np.concatenate([factors, 0 * factors], axis=1)
  for given in (factors, more):
    scores = metrics.evaluate(codes, given, 'tdv')
    # The two largest of five equal variances.
    assert scores['tdv'] == pytest.approx(0.4, abs=0.03)
  assert np.isnan(metrics.evaluate(codes, 0 * factors, 'tdv')['tdv'])
  right = np.array([[1, 0, 0], [1, 1, 0]])
  accuracy = downstream_gbt.accuracy_of(
    np.ones((2, 3), int), right, np.array([True, True, False])
  )
  assert accuracy == pytest.approx(0.75)


@pytest.mark.parametrize('num_values', [21, 11, 15])
def test_codes_on_a_lattice_fall_in_the_bins_of_their_values(num_values):
  rng = np.random.default_rng(0)
  factors = rng.integers(0, num_values, (4000, 2))
  codes = np.linspace(-1, 1, num_values).astype(np.float32)[factors]
  bins = [
    np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T.astype(float)
  ]
  information = np.array(
    [[mutual_info_score(b, f) for b in bins] for f in factors.T]
  )
  entropy = [mutual_info_score(f, f) for f in factors.T]
  gaps = np.abs(information[:, 0] - information[:, 1]) / entropy
  scores = metrics.evaluate(codes, factors, ('mig_binned', 'independence'))
  assert scores['mig_binned'] == pytest.approx(gaps.mean(), abs=1e-5)
  if num_values == 21:
    assert gaps.mean() < 0.9  # 0.915 with edges that are rounded
  assert scores['mutual_info_score'] == pytest.approx(
    mutual_info_score(*bins), abs=1e-5
  )


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_codes_that_are_not_finite_score_nan_and_say_so(bad):
  codes, factors = _data()
  codes[5, 1] = bad
  with pytest.warns(UserWarning, match='1 of 300 rows'):
    got = metrics.evaluate(codes, factors, CHEAP)
  assert all(np.isnan(value) for value in got.values())


def test_constant_factors_and_codes_have_documented_values():
  codes, factors = _data()
  with_constant = np.concatenate([factors, 0 * factors[:, :1]], axis=1)
  want = metrics.evaluate(codes, factors, 'mig_binned')
  got = metrics.evaluate(codes, with_constant, 'mig_binned')
  assert got == pytest.approx(want)
  nothing = metrics.evaluate(codes, 0 * factors, 'mig_binned')
  assert nothing == {'mig_binned': 0.0}
  one_code = metrics.evaluate(codes[:, :1], factors, 'mig_binned')
  assert 0.4 < one_code['mig_binned'] < 0.6


@pytest.mark.parametrize(
  'change, message',
  [
    (dict(codes=np.zeros(5)), 'codes'),
    (dict(codes=np.zeros((5, 2))), 'as many rows'),
    (dict(factors=np.zeros(300)), 'factors'),
    (dict(factors=np.full((300, 2), np.nan)), 'finite'),
    (dict(codes=np.full((300, 2), 'a')), 'numbers'),
    (dict(codes=np.zeros((2, 300, 2))), r'\[N, D\]'),
    (dict(test_codes=np.zeros((3, 3))), 'together'),
    (
      dict(test_codes=np.zeros((3, 2)), test_factors=np.zeros((3, 2))),
      'columns',
    ),
    (dict(metrics='kl'), 'codes are not enough'),
    (dict(metrics='z_max_variance'), 'full grid'),
    (dict(metrics='active_units_kl'), 'logvar'),
    (dict(metrics='udr'), r'\[S, N, D\]'),
    (
      dict(metrics='active_units', parts={'mean': np.zeros((9, 2))}),
      'rows of',
    ),
  ],
)
def test_bad_input_is_one_clear_line(change, message):
  codes, factors = _data()
  arguments = dict(codes=codes, factors=factors, metrics='mig_binned')
  with pytest.raises(errors.ConfigError, match=message) as caught:
    metrics.evaluate(**{**arguments, **change})
  assert '\n' not in str(caught.value)


def test_a_value_that_training_never_saw():
  codes, factors = _data(300)
  test_factors = np.where(factors == 0, 7, factors)
  got = metrics.evaluate(
    codes, factors, 'sap', test_codes=codes, test_factors=test_factors
  )
  assert np.isfinite(got['sap'])


def test_every_score_is_described():
  rows = metrics.describe()
  assert len({row.name for row in rows}) == len(rows)
  for row in rows:
    assert row.definition and row.source and row.constants, row.name
    assert row.direction in ('higher', 'lower', 'none')
    low, high = row.range
    assert low < high


def test_every_metric_has_a_citation():
  for name, module in metrics.METRICS.items():
    assert module.CITATION, name


def test_every_metric_says_what_it_deviates_in():
  for name, module in metrics.METRICS.items():
    assert 'Source:' in module.__doc__, name
    assert 'Known failure modes:' in module.__doc__, name


def test_the_docs_are_current():
  page = pathlib.Path(__file__).parents[2] / 'docs' / 'metrics.md'
  assert page.read_text(encoding='utf-8') == catalogue.to_markdown(
    metrics.METRICS
  ), 'run: python -m disentangle_jax.metrics > docs/metrics.md'
