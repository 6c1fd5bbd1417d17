"""Where factors part: closed forms, and a graph search beside ours."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import errors, metrics, types
from disentangle_jax.metrics import arrays
from disentangle_jax.metrics.codes import pair_entanglement

RNG = np.random.default_rng(0)
FACTORS = RNG.integers(0, (3, 4, 5), (3000, 3))


def joined_at(importance, a, b, threshold):
  """Whether edges of at least the threshold join factors a and b."""
  reached, new = {a}, {a}
  while new:
    codes = {
      d
      for d in range(len(importance))
      for k in new
      if importance[d, k] >= threshold
    }
    new = {
      k
      for k in range(importance.shape[1])
      for d in codes
      if importance[d, k] >= threshold
    } - reached
    reached |= new
  return b in reached


def test_thresholds_are_those_of_a_search():
  for _ in range(20):
    importance = RNG.dirichlet(np.ones(5) * 0.4, size=4).T
    got = np.asarray(pair_entanglement.thresholds(jnp.asarray(importance)))
    np.testing.assert_array_equal(got, got.T)
    for a, b in itertools.combinations(range(4), 2):
      edges = np.float32(importance).ravel()
      want = max(t for t in edges if joined_at(np.float32(importance), a, b, t))
      assert got[a, b] == want


def score(codes, factors=FACTORS, sizes=(3, 4, 5), **options):
  """All scores of codes that are given."""
  config = pair_entanglement.Config(num_train=len(codes), **options)
  metric = pair_entanglement.make(config, arrays.dataset(sizes))
  codes = types.Codes(jnp.asarray(codes, jnp.float32), {})
  factors = jnp.asarray(factors, jnp.int32)
  return jax.jit(metric.score)(jax.random.key(0), codes, factors)


@pytest.mark.parametrize('importance', pair_entanglement.IMPORTANCES)
def test_codes_of_their_own_and_codes_that_are_shared(importance):
  options = {'importance': importance, 'num_rounds': 10}
  # Factors 0 and 1 in one code, the third one in two equal codes.
  both = FACTORS[:, 0] + 10 * FACTORS[:, 1]
  got = score(np.stack([both, FACTORS[:, 2], FACTORS[:, 2]], 1), **options)
  pair = lambda a, b: got[f'pair_entanglement/factor_{a}_factor_{b}']
  assert pair(0, 1) > 0.95
  assert pair(0, 2) < 0.05 and pair(1, 2) < 0.05
  mean = np.mean([pair(0, 1), pair(0, 2), pair(1, 2)])
  np.testing.assert_allclose(got['pair_entanglement'], mean, rtol=1e-5)
  assert len(got) == 4


def test_a_factor_that_does_not_vary_is_left_out():
  factors = FACTORS * [1, 1, 0]
  got = score(
    factors[:, :1] + 9 * factors[:, 1:2], factors, importance='information'
  )
  assert got['pair_entanglement'] == got['pair_entanglement/factor_0_factor_1']
  assert got['pair_entanglement/factor_0_factor_2'] == 0
  np.testing.assert_allclose(got['pair_entanglement'], 1, rtol=1e-6)


def test_by_name_from_arrays():
  got = metrics.evaluate(FACTORS * 1.0, FACTORS, 'pair_entanglement')
  assert got['pair_entanglement'] < 0.05


def test_an_unknown_importance_is_refused():
  config = pair_entanglement.Config(importance='trees')
  with pytest.raises(errors.ConfigError, match=r'gbt.*information'):
    pair_entanglement.make(config, arrays.dataset((3, 4)))
