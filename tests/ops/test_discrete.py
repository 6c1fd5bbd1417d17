"""Binning and mutual information against NumPy and scikit-learn."""

import jax.numpy as jnp
import numpy as np
from sklearn import metrics as sklearn_metrics

from disentangle_jax.ops import discrete


def _reference_bins(row, num_bins):
  edges = np.histogram(row, num_bins)[1]
  return np.digitize(row, edges[:-1]) - 1


def test_bins_are_those_of_numpy():
  rng = np.random.default_rng(0)
  columns = [
    rng.normal(size=500),
    rng.integers(0, 40, 500),
    rng.integers(0, 21, 500) / 7 - 3,
    rng.integers(0, 2, 500),
  ]
  x = np.stack(columns, axis=1).astype(np.float32)
  got = np.array(discrete.histogram_bins(jnp.array(x), 20))
  for d in range(x.shape[1]):
    np.testing.assert_array_equal(got[:, d], _reference_bins(x[:, d], 20))


def test_a_constant_column_falls_in_one_bin():
  bins = discrete.histogram_bins(jnp.full((7, 1), 0.3), 20)
  assert len(np.unique(bins)) == 1


def test_mutual_information_is_that_of_scikit_learn():
  rng = np.random.default_rng(1)
  a = rng.integers(0, 7, (3000, 4))
  b = np.stack(
    [a[:, 0], (a[:, 1] + rng.integers(0, 3, 3000)) % 5, 0 * a[:, 0]], axis=1
  )
  counts = discrete.contingency(jnp.array(a), 7, jnp.array(b), 7)
  got = np.array(discrete.mutual_information(counts))
  for i in range(4):
    for j in range(3):
      want = sklearn_metrics.mutual_info_score(a[:, i], b[:, j])
      np.testing.assert_allclose(got[i, j], want, atol=2e-6)
  # Nothing is known about, or from, a constant: exactly nothing.
  np.testing.assert_array_equal(got[:, 2], 0)


def test_counts_are_exact():
  rng = np.random.default_rng(2)
  a = rng.integers(0, 3, (400, 2))
  b = rng.integers(0, 4, (400, 1))
  got = np.array(discrete.contingency(jnp.array(a), 3, jnp.array(b), 4))
  for d in range(2):
    want = np.zeros((3, 4))
    for n in range(400):
      want[a[n, d], b[n, 0]] += 1
    np.testing.assert_array_equal(got[d, 0], want)


def test_entropy_of_a_uniform_variable():
  got = discrete.entropy(jnp.array([[5.0, 5, 5, 5], [20, 0, 0, 0]]))
  np.testing.assert_allclose(got, [np.log(4), 0], atol=1e-6)
