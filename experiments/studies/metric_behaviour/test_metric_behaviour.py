"""Known answers: what transforms make, and scores with a closed form."""

import functools
import itertools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import errors, metrics
from disentangle_jax.metrics import catalogue
from disentangle_jax.studies.metric_behaviour import (
  behaviour,
  drawing,
  predicted,
  transforms,
)

# Every cell of the grid, eight times: sums over it are exact, so that closed
# forms of the population hold of the sample.
GRID = np.array(list(itertools.product(range(5), repeat=3)) * 8)
KEY = jax.random.key(0)
ENTROPY = math.log(5)


@functools.cache
def scores(
  transform,
  *strength,
  names=('mig_binned', 'modularity', 'single_code_auc', 'linear_correlation'),
):
  """Cheap scores of a transform of the grid."""
  codes = getattr(transforms, transform)(KEY, jnp.array(GRID), *strength)
  # The signal alone: exact answers need codes without noise.
  return metrics.evaluate(np.asarray(codes.parts['mean']), GRID, names)


def held_scores(codes):
  """Scores whose designs hold or change a factor."""
  return metrics.evaluate(
    np.asarray(codes),
    GRID,
    ('factor_vae_score', 'beta_vae_score_changed'),
  )


def test_standardized_levels_have_mean_0_and_variance_1():
  signal = np.asarray(transforms.standardized(jnp.array(GRID)))
  np.testing.assert_allclose(signal.mean(axis=0), 0, atol=1e-6)
  np.testing.assert_allclose(signal.var(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize('ratio', [100.0, 1.0, 0.1])
def test_noise_has_the_ratio_and_unit_variance(ratio):
  factors = transforms.uniform_factors(KEY, 40000)
  codes = transforms.noise(KEY, factors, ratio)
  signal = np.asarray(codes.parts['mean'])
  rest = np.asarray(codes.vector) - signal
  # Standard errors of these variances are at most 0.7 %.
  np.testing.assert_allclose(signal.var(0) / rest.var(0), ratio, rtol=0.04)
  np.testing.assert_allclose(codes.vector.var(axis=0), 1, rtol=0.04)
  np.testing.assert_allclose(
    np.exp(codes.parts['logvar']), 1 / (1 + ratio), rtol=1e-5
  )


@pytest.mark.parametrize('degrees', [0.0, 20.0, 45.0])
def test_rotation_is_orthogonal_and_leaves_the_third_code(degrees):
  turned = np.asarray(transforms.rotated(jnp.eye(3), degrees))
  np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-6)
  np.testing.assert_allclose(turned[2], [0, 0, 1], atol=0)
  np.testing.assert_allclose(
    turned[0, 0], math.cos(math.radians(degrees)), rtol=1e-6
  )
  assert np.linalg.det(turned) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize('share', [0.2, 0.05, 0.01])
def test_rare_levels_have_their_share(share):
  factors = np.asarray(transforms.rare_levels(KEY, 40000, share))
  shares = np.stack([np.mean(factors == v, axis=0) for v in range(5)])
  error = math.sqrt(0.25 * 0.75 / 40000)
  np.testing.assert_allclose(shares[0], share, atol=4 * error)
  np.testing.assert_allclose(shares[1:], (1 - share) / 4, atol=4 * error)


def test_dependent_factors_agree_as_often_as_said_and_stay_uniform():
  factors = np.asarray(transforms.dependent_factors(KEY, 40000, 0.5))
  # Copies, and a fifth of the others by chance.
  equal = np.mean(factors[:, 0] == factors[:, 1])
  assert equal == pytest.approx(0.5 + 0.5 / 5, abs=0.01)
  assert np.mean(factors[:, 0] == factors[:, 2]) == pytest.approx(0.2, abs=0.01)
  for v in range(5):
    assert np.mean(factors[:, 1] == v) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize('name', ['spreading', 'dead_codes', 'noise_codes'])
def test_number_of_codes(name):
  transform = transforms.TRANSFORMS[name]
  widths = [
    transform.codes(KEY, jnp.array(GRID), strength).vector.shape[1]
    for strength in transform.strengths
  ]
  # One shape for the three of them: they share compiled programs.
  assert widths == [3, 4, 6]


def test_spreading_copies_the_first_factor_with_noise_of_its_own():
  codes = transforms.spreading(KEY, jnp.array(GRID), 3)
  signal = np.asarray(codes.parts['mean'])
  assert np.all(signal[:, 3:] == signal[:, :1])
  rest = np.asarray(codes.vector) - signal
  assert abs(np.corrcoef(rest[:, 0], rest[:, 3])[0, 1]) < 0.15


def test_added_codes_say_nothing():
  dead = transforms.dead_codes(KEY, jnp.array(GRID), 2)
  assert np.all(np.asarray(dead.vector)[:, 3:] == 0)
  noisy = transforms.noise_codes(KEY, jnp.array(GRID), 2)
  assert np.all(np.asarray(noisy.parts['mean'])[:, 3:] == 0)
  assert np.all(np.asarray(noisy.parts['logvar'])[:, 3:] == 0)
  np.testing.assert_allclose(noisy.vector[:, 3:].var(axis=0), 1, rtol=0.2)
  np.testing.assert_allclose(
    noisy.vector[:, :3],
    transforms.clean(jax.random.split(KEY)[0], jnp.array(GRID)).vector,
  )


def test_monotone_keeps_the_order_and_folded_the_size_alone():
  levels = jnp.stack([jnp.arange(5)] * 3, axis=1)
  for strength in (0.0, 0.5, 1.0):
    bent = transforms.monotone(KEY, levels, strength).parts['mean'][:, 0]
    assert np.all(np.diff(bent) > 0)
  half = np.asarray(transforms.folded(KEY, levels, 1.0).parts['mean'][:, 0])
  np.testing.assert_allclose(half, half[::-1], atol=1e-6)
  assert len(np.unique(half.round(4))) == 3
  # Unit variance, but for the share of the noise.
  np.testing.assert_allclose(half.var(), 1 - transforms.CLEAN, rtol=1e-5)


def test_perfect_codes_score_1():
  result = scores('clean')
  assert result['mig_binned'] == pytest.approx(1, abs=1e-5)
  assert result['modularity'] == pytest.approx(1, abs=1e-5)
  assert result['mapc'] == pytest.approx(0, abs=1e-5)
  # Extremes 1, their neighbours 3/4, the centre 1/2.
  assert result['single_code_auc'] == pytest.approx(0.8, abs=1e-5)
  held = held_scores(transforms.clean(KEY, jnp.array(GRID)).parts['mean'])
  assert held['factor_vae_score'] == 1
  assert held['beta_vae_score_changed'] == 1


def test_a_quarter_turn_of_equal_factors_closes_their_gaps():
  result = scores('rotation', 45.0)
  # Two factors of three are as much in one code as in the other.
  assert result['mig_binned'] == pytest.approx(1 / 3, abs=1e-5)
  assert result['mapc'] == pytest.approx(0, abs=1e-5)


def test_votes_of_turned_factors_are_a_coin():
  codes = transforms.rotation(KEY, jnp.array(GRID), 45.0).parts['mean']
  score = held_scores(codes)['factor_vae_score']
  # A third of the votes is right for sure, of the others every second one.
  assert score == pytest.approx(2 / 3, abs=0.03)


def test_copies_of_all_codes_have_no_gap():
  signal = np.asarray(transforms.standardized(jnp.array(GRID)))
  copies = np.concatenate([signal, signal], axis=1)
  result = metrics.evaluate(copies, GRID, ('mig_binned', 'modularity'))
  assert result['mig_binned'] == pytest.approx(0, abs=1e-5)
  assert result['modularity'] == pytest.approx(1, abs=1e-5)


def test_spreading_closes_one_gap_of_three():
  result = scores('spreading', 2, names=('mig_binned', 'linear_correlation'))
  assert result['mig_binned'] == pytest.approx(2 / 3, abs=1e-5)
  assert result['tdv'] == pytest.approx(3 / 4, abs=1e-5)


def test_merged_factors_by_their_sum():
  result = scores('merging', 1.0)
  # Of the sum of two uniform levels, I(sum; one) = H(sum) - log 5.
  counts = np.convolve(np.ones(5), np.ones(5)) / 25
  share = (-np.sum(counts * np.log(counts)) - ENTROPY) / ENTROPY
  assert result['mig_binned'] == pytest.approx((2 * share + 1) / 3, abs=1e-5)
  # The sum's code: 1 - 1 / 2; the empty one: 0; the third: 1.
  assert result['modularity'] == pytest.approx(0.5, abs=1e-5)


def test_folding_loses_the_sign():
  result = scores('folded', 1.0)
  half = -(2 * 0.4 * math.log(0.4) + 0.2 * math.log(0.2)) / ENTROPY
  assert result['mig_binned'] == pytest.approx(half, abs=1e-5)
  assert result['single_code_auc'] == pytest.approx(0.8, abs=1e-5)


def test_dead_codes_pull_modularity_alone():
  result = scores('dead_codes', 3)
  assert result['modularity'] == pytest.approx(3 / 6, abs=1e-5)
  assert result['mig_binned'] == pytest.approx(1, abs=1e-5)
  assert result['single_code_auc'] == pytest.approx(0.8, abs=1e-5)


def test_single_code_auc_with_a_rare_level():
  shares = np.array([4, 99, 99, 99, 99])
  factor = np.repeat(np.arange(5), shares)
  result = metrics.evaluate(
    factor[:, None].astype(float), factor[:, None], ('single_code_auc',)
  )
  below = np.cumsum(shares) - shares
  auc = below / (shares.sum() - shares)
  expected = np.mean(np.maximum(auc, 1 - auc))
  assert result['single_code_auc'] == pytest.approx(expected, abs=1e-5)


def test_independent_codes_are_at_chance():
  codes = jax.random.normal(KEY, (len(GRID), 3))
  result = held_scores(codes)
  # Few rows lift the votes a little above 1 / 3; see the metric's page.
  assert result['factor_vae_score'] == pytest.approx(1 / 3, abs=0.12)
  information = metrics.evaluate(np.asarray(codes), GRID, ('mig_binned',))
  bias = (20 - 1) * (5 - 1) / (2 * len(GRID)) / ENTROPY
  assert 0 <= information['mig_binned'] < bias


def test_verdicts():
  generator = np.random.default_rng(0)
  first = generator.normal(0, 0.001, 20)
  assert behaviour.verdict(first, first + 0.019) == 'invariant'
  assert behaviour.verdict(first, first + 0.1) == 'rises'
  assert behaviour.verdict(first, first - 0.1) == 'falls'
  wide = first + 0.1 + generator.normal(0, 1, 20)
  assert behaviour.verdict(first, wide) == 'invariant'
  bad = first.copy()
  bad[3] = np.nan
  assert behaviour.verdict(first, bad) == 'undefined'


def test_every_metric_of_codes_is_measured_or_left_out_with_a_reason():
  own = {n for n, m in metrics.METRICS.items() if catalogue.of_codes(m)}
  assert own == {*behaviour.scored(), *behaviour.LEFT_OUT}
  assert all(behaviour.LEFT_OUT.values())


def test_predictions_are_of_scores_and_transforms_that_exist():
  table = predicted.table()
  own = {key for n in behaviour.scored() for key in metrics.METRICS[n].SCORES}
  assert set(table) <= own
  # The others are of training points, or of more labels than there are rows.
  assert all(
    '_train' in key or key.endswith(('_1000', '_10000', '_efficiency'))
    for key in own - set(table)
  )
  for score, claims in table.items():
    assert list(claims) == list(transforms.TRANSFORMS), score
  for score, name in predicted.REASONS:
    assert table[score][name] not in ('-', '')


def test_scores_of_a_case_are_those_of_evaluate():
  case = behaviour.Case('noise', 3, 200)
  result = behaviour.scores('mig_binned', case, 2)
  codes, factors = behaviour.sample(case, 2)
  for draw in range(2):
    expected = metrics.evaluate(codes.vector[draw], factors[draw])
    np.testing.assert_allclose(
      result['mig_binned'][draw], expected['mig_binned'], atol=1e-5
    )


def test_codes_and_held_factors_of_a_case_belong_together():
  # Perfect codes win every vote only where rows and factors are in step.
  case = behaviour.Case('rotation', 0, 200)
  result = behaviour.scores('factor_vae_score', case, 2)
  np.testing.assert_array_equal(result['factor_vae_score'], [1, 1])


def test_measure_and_page(monkeypatch, tmp_path):
  few = {name: transforms.TRANSFORMS[name] for name in ('rotation', 'folded')}
  monkeypatch.setattr(transforms, 'TRANSFORMS', few)
  own = behaviour.measure('active_units', 2)
  assert own['scores']['active_units']['rotation']['verdict'] == 'invariant'
  results = json.loads(json.dumps({'metrics': {'active_units': own}}))
  paths = drawing.write(results, tmp_path)
  assert len(paths) == 3
  text = (tmp_path / 'metric_behaviour.md').read_text()
  assert '| `active_units` | = | = |' in text
  assert drawing.differences(results).empty


def test_cells_mark_where_they_differ():
  assert drawing.cell('falls', 'falls') == 'falls'
  assert drawing.cell('falls', 'invariant') == 'falls -> **=**'
  assert drawing.cell('-', 'rises') == '(rises)'


def test_refuses_what_it_does_not_measure():
  with pytest.raises(errors.ConfigError, match='compares runs'):
    behaviour.wanted(['udr'])
  with pytest.raises(errors.ConfigError, match='legal'):
    behaviour.wanted(['migg'])
  with pytest.raises(errors.ConfigError, match='at least 2'):
    behaviour.measure('sap', 1)
