"""Nearest-neighbour mutual information against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import feature_selection

from disentangle_jax.ops import neighbors

ESTIMATE = jax.jit(
  lambda x, labels: neighbors.mutual_information(
    jax.random.key(0), x, labels, 6, 10
  )
)


def _cases():
  rng = np.random.default_rng(0)
  labels = rng.integers(0, 6, 400)
  return {
    'noisy': (labels + rng.normal(size=400), labels),
    'independent': (rng.normal(size=400), labels),
    'exact': (labels.astype(float), labels),
    'folded': (np.abs(labels - 2.5) + 0.05 * rng.normal(size=400), labels),
    'coarse': (np.round(labels / 2 + rng.normal(size=400), 0), labels),
    'rare': (labels + rng.normal(size=400), np.where(labels < 5, labels, 0)),
  }


@pytest.mark.parametrize('case', _cases())
def test_estimate_is_that_of_scikit_learn(case):
  x, labels = _cases()[case]
  if case == 'rare':
    # One point alone with its label, and a label with five points.
    labels = labels.copy()
    labels[0], labels[1:6] = 5, 4
  got = float(ESTIMATE(jnp.array(x, jnp.float32), jnp.array(labels)))
  want = [
    feature_selection.mutual_info_classif(
      x[:, None], labels, n_neighbors=10, random_state=seed
    )[0]
    for seed in range(5)
  ]
  # Equal values are separated by noise, on both sides.
  spread = 5 * np.std(want) + 2e-3
  assert got == pytest.approx(np.mean(want), abs=spread)


def test_a_constant_says_nothing():
  labels = jnp.array(np.arange(400) % 6)
  assert float(ESTIMATE(jnp.full(400, 3.0), labels)) < 0.05


def test_dense_ranks():
  x = jnp.array([3.0, -1, 3, 7, -1])
  np.testing.assert_array_equal(neighbors.dense_ranks(x), [1, 0, 1, 2, 0])
