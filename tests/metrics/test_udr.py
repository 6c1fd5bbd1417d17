"""UDR against the reference's arithmetic in NumPy and scikit-learn."""

import jax
import numpy as np
import pytest
from scipy import stats
from sklearn import linear_model

from disentangle_jax import types
from disentangle_jax.metrics import arrays
from disentangle_jax.metrics.codes import udr

NUM_POINTS, NUM_CODES = 300, 4


@pytest.fixture(scope='module')
def runs():
  """Five runs: like, permuted and flipped, rotated, one code dead, diverged."""
  rng = np.random.default_rng(0)
  base = rng.normal(size=(NUM_POINTS, NUM_CODES)) * [1, 2, 0.5, 1]
  rotation = np.linalg.qr(rng.normal(size=(NUM_CODES, NUM_CODES)))[0]
  codes = np.stack(
    [
      base,
      -base[:, [2, 0, 3, 1]] + 0.3 * rng.normal(size=base.shape),
      base @ rotation,
      base * [1, 1, 0, 1],
      base * np.nan,
    ]
  )
  logvar = np.full(codes.shape, -3.0)
  logvar[3, :, 2] = 0
  return codes.astype(np.float32), logvar.astype(np.float32)


@pytest.fixture(scope='module')
def found(runs):
  codes, logvar = runs
  metric = udr.make(udr.Config(num_train=NUM_POINTS), arrays.dataset((3, 4)))
  assert metric.over == 'seeds'
  factors = metric.design.sample(jax.random.key(0))
  assert factors.shape == (NUM_POINTS, 2)
  parts = {'mean': codes, 'logvar': logvar}
  scores = jax.jit(metric.score)(
    jax.random.key(0), types.Codes(codes, parts), factors
  )
  return {key: np.asarray(value) for key, value in scores.items()}


def _pair(matrix, rows, columns):
  matrix = matrix[rows][:, columns]
  peak = lambda m, axis: m.max(axis) ** 2 / np.maximum(m.sum(axis), 1e-12)
  both = peak(matrix, 0), peak(matrix, 1)
  return (
    (both[0].mean() + both[1].mean()) / 2,
    np.concatenate(both).mean(),
  )


def _reference(codes, logvar, similarity):
  kl = 0.5 * (codes**2 + np.exp(logvar) - logvar - 1)
  informative = kl.mean(axis=1) > 0.01
  deviation = codes.std(axis=1, keepdims=True)
  z = codes - codes.mean(axis=1, keepdims=True)
  z = z / np.where(deviation > 1e-9, deviation, 1)
  z = z * informative[:, None, :]
  scores = np.full((2, 4, 4), np.nan)
  for i in range(4):
    for j in range(4):
      if i != j:
        matrix = similarity(z[i], z[j])
        scores[:, i, j] = _pair(matrix, informative[i], informative[j])
  return np.nanmedian(scores, axis=1)


def _lasso(a, b):
  model = linear_model.Lasso(alpha=0.1, max_iter=10000, tol=1e-10)
  return np.abs(model.fit(a, b).coef_).T


def _spearman(a, b):
  matrix = np.zeros((NUM_CODES, NUM_CODES))
  for i in range(NUM_CODES):
    for j in range(NUM_CODES):
      if np.ptp(a[:, i]) > 0 and np.ptp(b[:, j]) > 0:
        matrix[i, j] = abs(stats.spearmanr(a[:, i], b[:, j]).statistic)
  return matrix


@pytest.mark.parametrize('kind', ['lasso', 'spearman'])
def test_scores_are_those_of_the_reference(runs, found, kind):
  codes, logvar = (x[:4].astype(float) for x in runs)
  similarity = {'lasso': _lasso, 'spearman': _spearman}[kind]
  means, paper = _reference(codes, logvar, similarity)
  np.testing.assert_allclose(found[f'udr_{kind}'][:4], means, atol=1e-4)
  np.testing.assert_allclose(found[f'udr_{kind}_paper'][:4], paper, atol=1e-4)


def test_a_diverged_run_is_nan_and_harms_no_other(found):
  for values in found.values():
    assert np.isnan(values[4]) and np.all(np.isfinite(values[:4]))


def test_twins_reach_the_cap_of_the_soft_threshold(runs):
  codes, logvar = (np.stack([x[0]] * 3) for x in runs)
  metric = udr.make(udr.Config(num_train=NUM_POINTS), arrays.dataset((3, 4)))
  parts = {'mean': codes, 'logvar': logvar}
  scores = jax.jit(metric.score)(
    jax.random.key(0), types.Codes(codes, parts), np.zeros((NUM_POINTS, 2))
  )
  # Of unit variance a code predicts itself with 1 - alpha; sample
  # correlations between the others stay below the penalty.
  np.testing.assert_allclose(scores['udr_lasso'], 0.9, atol=0.05)
  assert np.all(scores['udr_spearman'] > 0.8)


def test_without_informative_codes_the_score_is_zero(runs):
  codes = 0 * runs[0][:3]
  metric = udr.make(udr.Config(num_train=NUM_POINTS), arrays.dataset((3, 4)))
  scores = jax.jit(metric.score)(
    jax.random.key(0),
    types.Codes(codes, {'mean': codes, 'logvar': codes}),
    np.zeros((NUM_POINTS, 2)),
  )
  for values in scores.values():
    np.testing.assert_array_equal(values, 0)
