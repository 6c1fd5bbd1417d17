"""Binning and mutual information against NumPy and scikit-learn."""

import fractions

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from disentangle_jax import errors
from disentangle_jax.ops import discrete


def _reference_bins(row, num_bins):
  # In float64: float32 edges put values of a lattice in a bin beside theirs.
  edges = np.histogram(row.astype(float), num_bins)[1]
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


def _exact_bins(column, num_bins):
  """By fractions: the number of edges that do not lie above a value."""
  values = [fractions.Fraction(float(v)) for v in column]
  low, high = min(values), max(values)
  return [
    sum(num_bins * (v - low) >= k * (high - low) for k in range(1, num_bins))
    for v in values
  ]


@pytest.mark.parametrize('num_bins', [2, 7, 20, 100])
def test_bins_are_exact_on_lattices_and_beside_their_edges(num_bins):
  rng = np.random.default_rng(0)
  lattice = np.linspace(-1, 1, num_bins + 1)
  columns = [
    lattice,
    lattice + 0.1,
    lattice * 3e-7 - 1,
    lattice * 1e20 / 3,
    lattice / 7e9,
    lattice**3,
    np.tanh(4 * lattice),
    rng.normal(size=num_bins + 1) ** 9,
  ]
  x = np.stack(columns, axis=1).astype(np.float32)
  # The edges in float32, and the numbers beside them.
  low, high = x.min(axis=0).astype(float), x.max(axis=0).astype(float)
  inner = np.linspace(0, 1, num_bins + 1)[1:-1, None]
  edges = (low + inner * (high - low)).astype(np.float32)
  beside = [np.nextafter(edges, np.float32(to)) for to in (-np.inf, np.inf)]
  x = np.concatenate([x, edges, *beside, 1e-12 * x])
  # Subnormal numbers count as zero on most devices.
  x[np.abs(x) < np.finfo(np.float32).tiny] = 0
  x = np.clip(x, x[: num_bins + 1].min(axis=0), x[: num_bins + 1].max(axis=0))
  got = np.array(
    jax.jit(discrete.histogram_bins, static_argnums=1)(x, num_bins)
  )
  for d in range(x.shape[1]):
    np.testing.assert_array_equal(got[:, d], _exact_bins(x[:, d], num_bins), d)


def test_too_many_bins_are_refused():
  with pytest.raises(errors.ConfigError, match='num_bins = 5000'):
    discrete.histogram_bins(jnp.zeros((3, 1)), 5000)


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
