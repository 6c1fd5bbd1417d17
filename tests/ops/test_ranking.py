"""Ranks, AUC and Spearman's correlation against SciPy and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from disentangle_jax.ops import ranking


def _samples():
  rng = np.random.default_rng(0)
  return np.stack(
    [
      rng.normal(size=300),
      rng.integers(-3, 4, 300),
      -np.exp(rng.normal(size=300)),
      np.where(rng.random(300) < 0.5, 0.0, -0.0),
    ]
  ).astype(np.float32)


def test_sortable_keeps_the_order_and_comes_back():
  x = np.sort(_samples().reshape(-1))
  bits = np.array(ranking.sortable(jnp.array(x)))
  assert np.all(bits[1:].astype(np.int64) - bits[:-1].astype(np.int64) >= 0)
  np.testing.assert_array_equal(ranking.unsortable(jnp.array(bits)), x)


def test_zeros_of_both_signs_are_one_value_when_compiled():
  # XLA drops an addition of 0: it must not be what makes them equal.
  x = jnp.asarray([-0.0, 0.0, -0.0, 1.0], jnp.float32)
  np.testing.assert_array_equal(
    jax.jit(ranking.average_ranks)(x), [2.0, 2.0, 2.0, 4.0]
  )


def test_average_ranks():
  x = _samples()
  np.testing.assert_array_equal(
    ranking.average_ranks(jnp.array(x)), stats.rankdata(x, axis=1)
  )


def test_auc_with_ties():
  x = _samples()
  positive = np.random.default_rng(1).random(x.shape) < 0.3
  got = ranking.auc(jnp.array(x), jnp.array(positive))
  want = [sklearn_metrics.roc_auc_score(p, s) for p, s in zip(positive, x)]
  np.testing.assert_allclose(got, want, atol=1e-6)


def test_auc_without_negatives_is_a_half():
  scores = jnp.arange(5.0)
  assert ranking.auc(scores, jnp.ones(5, bool)) == 0.5
  assert ranking.auc(scores, jnp.zeros(5, bool)) == 0.5


def test_spearman():
  x = _samples()[:3].T
  y = np.random.default_rng(2).normal(size=(300, 2)).astype(np.float32)
  y[:, 0] += x[:, 0]
  got = np.array(ranking.spearman(jnp.array(x), jnp.array(y)))
  for i in range(3):
    for j in range(2):
      want = stats.spearmanr(x[:, i], y[:, j]).statistic
      np.testing.assert_allclose(got[i, j], want, atol=1e-5)
  assert np.all(
    np.array(ranking.spearman(jnp.ones((9, 1)), jnp.ones((9, 1)))) == 0
  )
