"""Nearest-neighbour mutual information against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
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


MANY = jax.jit(
  lambda x, labels: neighbors.mutual_information(
    jax.random.key(0), x, labels, 40, 10
  )
)
# Levels of a code of 10,000 rows: ties everywhere, ties in tens, hardly a tie.
LEVELS = (2, 40, 1000, 100000)


@pytest.mark.parametrize('offset', [0.0, 100.0])
@pytest.mark.parametrize('levels', LEVELS)
def test_independent_codes_with_ties_say_nothing(levels, offset):
  rng = np.random.default_rng(0)
  codes = rng.integers(0, levels, 10000) / (levels - 1) + offset
  labels = rng.integers(0, 32, 10000)
  got = float(MANY(jnp.array(codes, jnp.float32), jnp.array(labels)))
  assert got < 2e-3 * np.log(32)


@pytest.mark.parametrize('levels', [2, 7, 40])
def test_a_copy_says_all_there_is(levels):
  labels = np.random.default_rng(1).integers(0, levels, 10000)
  entropy = stats.entropy(np.bincount(labels))
  for codes in (labels, labels / 39 - 3, -labels * 1e-3):
    got = float(MANY(jnp.array(codes, jnp.float32), jnp.array(labels)))
    assert got == pytest.approx(entropy, abs=2e-3)


def test_a_coarse_code_says_what_its_levels_say():
  # Two of 16 values on a level, all equally frequent: log 16 - log 2.
  labels = np.random.default_rng(2).permutation(np.arange(9600) % 16)
  got = float(MANY(jnp.array(labels // 2 / 7, jnp.float32), jnp.array(labels)))
  assert got == pytest.approx(np.log(8), abs=3e-3)


def test_a_constant_says_nothing():
  labels = jnp.array(np.arange(400) % 6)
  assert float(ESTIMATE(jnp.full(400, 3.0), labels)) < 0.05
  many = jnp.arange(10000) % 32
  assert float(MANY(jnp.full(10000, 1e3), many)) < 0.01


def test_dense_ranks():
  x = jnp.array([3.0, -1, 3, 7, -1])
  np.testing.assert_array_equal(neighbors.dense_ranks(x), [1, 0, 1, 2, 0])
