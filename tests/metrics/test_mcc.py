"""Mean correlation coefficient: closed forms, and SciPy's assignment."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

import disentangle_jax as dj
from disentangle_jax import metrics
from disentangle_jax.metrics.codes import mcc

NAMES = ('mcc', 'mcc_spearman')


def reference(codes, factors):
  """Both scores in float64 with SciPy."""
  by_rank = lambda x: np.stack([stats.rankdata(c) for c in x.T], 1)
  scores = {}
  for name, view in zip(NAMES, (lambda x: x, by_rank)):
    a, b = view(codes), view(factors)
    matrix = np.array(
      [[abs(np.corrcoef(x, y)[0, 1]) for y in b.T] for x in a.T]
    )
    pairs = optimize.linear_sum_assignment(-matrix)
    scores[name] = matrix[pairs].sum() / factors.shape[1]
  return scores


def close(got, want, tolerance=1e-5):
  for name in NAMES:
    assert got[name] == pytest.approx(want[name], abs=tolerance), name


@pytest.mark.parametrize('continuous', [False, True])
@pytest.mark.parametrize('num_codes, num_factors', [(6, 3), (3, 3), (2, 5)])
def test_against_scipy(num_codes, num_factors, continuous):
  rng = np.random.default_rng(num_codes)
  factors = rng.integers(0, 4, (300, num_factors)).astype(float)
  if continuous:
    factors += rng.normal(size=factors.shape)
  mixed = factors @ rng.normal(size=(num_factors, num_codes))
  codes = mixed + rng.normal(size=mixed.shape)
  if not continuous:
    factors = factors.astype(int)
  got = metrics.evaluate(codes, factors, 'mcc', continuous=continuous)
  assert sorted(got) == sorted(NAMES)
  close(got, reference(codes, factors))


def test_the_best_assignment_is_not_the_greedy_one():
  # Greedy takes 0.9 and is left with 0.1; the best one has 0.8 + 0.7.
  matrix = jnp.asarray([[0.9, 0.8], [0.7, 0.1]])
  np.testing.assert_allclose(mcc.assigned(matrix), [0.7, 0.8])
  # Fewer codes than factors: one goes without.
  np.testing.assert_allclose(mcc.assigned(matrix[:1]), [0.9, 0.0])
  np.testing.assert_allclose(mcc.assigned(matrix.T[:, :1]), [0.9])


def test_permuted_scaled_and_flipped_factors_score_1():
  factors = np.random.default_rng(0).integers(0, 5, (400, 4))
  codes = factors[:, [2, 0, 3, 1]] * [-1e-3, 7.0, 1.0, -200.0] + [0, 3, -9, 1e4]
  close(metrics.evaluate(codes, factors, 'mcc'), dict.fromkeys(NAMES, 1.0))
  # Two codes of four factors: half.
  half = metrics.evaluate(codes[:, :2], factors, 'mcc')
  chance = reference(codes[:, :2], factors)
  close(half, chance)
  assert half['mcc'] == pytest.approx(0.5, abs=1e-6)


def test_monotone_codes_keep_their_ranks():
  u = np.random.default_rng(1).uniform(-1, 1, (2000, 2))
  got = metrics.evaluate(u**5, u, 'mcc', continuous=True)
  assert got['mcc_spearman'] == pytest.approx(1, abs=1e-6)
  # E u^6 / sqrt(E u^10 E u^2) = (1/7) / sqrt(1/33).
  assert got['mcc'] == pytest.approx(33**0.5 / 7, abs=0.02)


def test_what_does_not_vary_counts_for_nothing():
  rng = np.random.default_rng(2)
  factors = rng.integers(0, 3, (200, 3))
  factors[:, 1] = 2
  codes = np.stack([factors[:, 0], np.full(200, 0.1), -factors[:, 2]], 1)
  close(metrics.evaluate(codes, factors, 'mcc'), dict.fromkeys(NAMES, 1.0))
  dead = np.full((200, 3), 0.1)
  close(metrics.evaluate(dead, factors, 'mcc'), dict.fromkeys(NAMES, 0.0))


def test_noise_scores_the_size_of_chance_correlations():
  rng = np.random.default_rng(3)
  codes, factors = rng.normal(size=(2, 4000, 1))
  runs = [
    metrics.evaluate(codes[i::20], factors[i::20], 'mcc', continuous=True)[
      'mcc'
    ]
    for i in range(20)
  ]
  # E |N(0, 1 / N)| = sqrt(2 / (pi N)); its error over 20 draws of 200 rows.
  want = np.sqrt(2 / (np.pi * 200))
  assert abs(np.mean(runs) - want) < 4 * 0.6 / np.sqrt(200 * 20)


def test_an_interval_over_rows_holds_the_score():
  rng = np.random.default_rng(4)
  factors = rng.integers(0, 4, (400, 2))
  codes = factors + rng.normal(size=factors.shape)
  got = dj.metrics.evaluate(codes, factors, ('mcc',), resamples=40)
  for interval in got.values():
    assert interval.low <= interval.value <= interval.high
