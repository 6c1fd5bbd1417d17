"""Codes that do not fit their factors are refused by every metric."""

import jax
import jax.numpy as jnp
import kinds
import numpy as np
import pytest

from disentangle_jax import metrics, types
from disentangle_jax.data import concepts as concepts_lib
from disentangle_jax.metrics import base, catalogue, designs
from disentangle_jax.metrics.models import concepts, scene_parts

NAMES = [n for n, m in metrics.METRICS.items() if catalogue.of_codes(m)]


def _score(metric, vector, factors, parts=None):
  if parts is None:
    parts = {part: vector for part in metric.needs}
  return metric.score(jax.random.key(0), types.Codes(vector, parts), factors)


@pytest.mark.parametrize('name', NAMES)
def test_codes_must_have_the_rows_of_their_factors(name):
  metric = kinds.metric(name)
  sample = jax.eval_shape(metric.design.sample, jax.random.key(0))
  factors = jax.tree.map(lambda x: np.zeros(x.shape, np.int32), sample)
  runs = (2,) if metric.over == 'seeds' else ()
  points = designs.points_of(factors).shape[:-1]
  rows = (*runs, *points[:-1], points[-1] + 1)
  wrong = {
    'one row more': np.zeros((*rows, 5), np.float32),
    'no codes axis': np.zeros((*runs, *points), np.float32),
    'one axis more': np.zeros((*runs, 1, *points, 5), np.float32),
    'integers': np.zeros((*runs, *points, 5), np.int32),
  }
  for what, vector in wrong.items():
    with pytest.raises(AssertionError):
      _score(metric, vector, factors)
      pytest.fail(what)
  right = np.zeros((*runs, *points, 5), np.float32)
  with pytest.raises(AssertionError):
    _score(metric, right, np.zeros(4, np.int32))


def test_parts_must_have_the_rows_of_their_factors():
  metric = kinds.metric('active_units')
  factors = np.zeros((600, 3), np.int32)
  vector = np.zeros((600, 5), np.float32)
  with pytest.raises(AssertionError):
    _score(metric, vector, factors, {'mean': vector[:1]})


WRONG = [
  (base.gap, (jnp.zeros(5),)),
  (base.masked_mean, (jnp.zeros(5), jnp.zeros(4, bool))),
  (base.masked_mean, (jnp.zeros(5), jnp.zeros(5))),
  (base.standardize, (jnp.zeros((5, 2)), jnp.zeros((5, 3)))),
  (base.varies, (jnp.zeros(5),)),
  (base.standardize, (jnp.zeros(5), jnp.zeros(5))),
  (scene_parts.masked_median, (jnp.zeros(5), jnp.zeros(4, bool))),
  (scene_parts.counted, (jnp.zeros((5, 3)), jnp.zeros(4), 1.0)),
  (
    scene_parts.assign,
    (jnp.zeros((3, 5)), jnp.zeros(5, bool), jnp.zeros(3)),
  ),
  (scene_parts.blobs, (jnp.zeros((3, 8, 8)), jnp.zeros(3, bool))),
  (concepts.divergence, (jnp.zeros(4, int),)),
  (
    concepts.judged,
    (
      concepts_lib.Grammar(('a', 'b'), (2, 3)),
      np.zeros((4, 2), int),
      jnp.zeros((4, 7, 3), int),
    ),
  ),
  (concepts.owners, (jnp.zeros((5, 3)), jnp.zeros((4, 2), int), (2, 3))),
  (
    concepts.specificity,
    (jnp.zeros((5, 3)), np.zeros((5, 2), int), jnp.zeros(4, int)),
  ),
]


@pytest.mark.parametrize('function, arguments', WRONG)
def test_shared_functions_refuse_arrays_that_do_not_fit(function, arguments):
  with pytest.raises(AssertionError):
    function(*arguments)
