"""Correlation with a data set's numbers: closed forms, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import stream
from disentangle_jax.metrics.models import field_mcc

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(500, 3)) * [1.0, 2.0, 5.0]
# Observations that are the numbers mixed, so that codes can be any of them.
DATA = stream.rows(
  NUMBERS, np.zeros((500, 1), int), ('label',), fields={'sources': NUMBERS}
)


def scores(code_of, data=DATA, **options):
  probe = field_mcc.make(field_mcc.Config(num_points=400, **options), data)
  assert probe.requires == ('represent',) and probe.examples == 0
  represent = lambda state, x: types.Codes(code_of(x), {})
  method = types.Method(None, None, represent, None)
  score = lambda key: probe.score(key, (), method, None, data.arrays, None)
  return jax.jit(score)(jax.random.key(0))


def test_permuted_flipped_and_scaled_numbers_score_1():
  got = scores(lambda x: jnp.stack([-x[:, 2], 3 * x[:, 0], x[:, 1] + 9], 1))
  for name in field_mcc.SCORES:
    np.testing.assert_allclose(got[name], 1, rtol=1e-5)
  # Fewer codes: the number without one counts 0.
  got = scores(lambda x: x[:, :2])
  np.testing.assert_allclose(got['field_mcc'], 2 / 3, rtol=1e-5)
  # A monotone code keeps its rank correlation alone.
  got = scores(lambda x: jnp.exp(x))
  np.testing.assert_allclose(got['field_mcc_spearman'], 1, rtol=1e-5)
  assert got['field_mcc'] < 0.9


def test_against_scipy():
  mixing = jnp.asarray([[1.0, 0.1, 0.0], [0.2, 1.0, 0.3], [0.0, 0.1, 0.2]])
  got = scores(lambda x: x @ mixing)
  rows = DATA.sample(jax.random.key(0), DATA.arrays, jnp.arange(400))
  numbers = np.asarray(rows['sources'], np.float64)
  codes = np.asarray(rows['observation'] @ mixing, np.float64)
  for name, of in (
    ('field_mcc', stats.pearsonr),
    ('field_mcc_spearman', stats.spearmanr),
  ):
    matrix = np.array([[abs(of(c, f)[0]) for f in numbers.T] for c in codes.T])
    orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    want = max(np.mean(matrix[order, range(3)]) for order in orders)
    np.testing.assert_allclose(got[name], want, rtol=1e-4)


@pytest.mark.parametrize(
  'data, options, words',
  [
    (DATA, {'field': 'source'}, "unknown 'source'.*'sources'"),
    (DATA, {'num_points': 1}, 'at least 2'),
    (data_lib.load('xor'), {}, 'xor has no fields'),
    (
      stream.rows(NUMBERS, fields={'sources': NUMBERS[:, 0]}),
      {},
      'a vector is needed',
    ),
  ],
)
def test_what_is_refused(data, options, words):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    field_mcc.make(field_mcc.Config(**options), data)
  assert '\n' not in str(caught.value)
