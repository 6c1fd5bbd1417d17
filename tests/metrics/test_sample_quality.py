"""Detectors of collapse, on generators whose answers are known."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.metrics.models import sample_quality

SPRITES = {'resolution': 16, 'scales': 6, 'orientations': 10, 'positions': 8}


def test_nearest_is_that_of_a_tree():
  generator = np.random.default_rng(0)
  images, others = generator.random((30, 5)), generator.random((40, 5))
  expected, _ = scipy.spatial.cKDTree(others).query(images)
  found = sample_quality.nearest(jnp.array(images), jnp.array(others))
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_nearest_other_image_is_no_copy():
  images = jnp.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
  found = sample_quality.nearest(images, images, 1e-3)
  np.testing.assert_allclose(found, [5, 5, 5], rtol=1e-6)


def test_classes_in_use():
  labels = jnp.array([0, 0, 1, 1, 2, 2])
  np.testing.assert_allclose(
    sample_quality.classes_in_use(labels, 5), 3, rtol=1e-6
  )
  one = sample_quality.classes_in_use(jnp.zeros(9, int), 5)
  np.testing.assert_allclose(one, 1, rtol=1e-6)


@pytest.fixture(scope='module')
def probe():
  data = data_lib.load('dsprites', **SPRITES)
  config = sample_quality.Config(num_points=300, hidden=(32,), steps=300)
  probe = sample_quality.make(config, data)
  context = jax.jit(probe.fit)(jax.random.key(0), data.arrays)

  @jax.jit
  def scores_of(key, images):
    """Of a generator that draws rows of given images [M, ...]."""

    def generate(key, state, count):
      chosen = jax.random.randint(key, (count,), 0, len(state))
      return state[chosen], None

    method = python_types.SimpleNamespace(extras={'generate': generate})
    return probe.score(key, context, method, images, data.arrays, None)

  index = jnp.arange(4000, dtype=jnp.int32)
  rows = data.sample(jax.random.key(9), data.arrays, index)
  return lambda images: scores_of(jax.random.key(1), images), rows


def test_the_data_themselves_score_one(probe):
  scores_of, rows = probe
  scores = scores_of(rows['observation'])
  for name in ('sample_nearest', 'sample_coverage', 'sample_spread'):
    np.testing.assert_allclose(scores[name], 1, atol=0.2)
  assert scores['sample_classes'] > 2.7


def test_one_image_and_noise_are_told(probe):
  scores_of, rows = probe
  images = rows['observation']
  collapsed = scores_of(jnp.broadcast_to(images[:1], images.shape))
  np.testing.assert_allclose(collapsed['sample_classes'], 1, rtol=1e-5)
  np.testing.assert_allclose(collapsed['sample_spread'], 0, atol=1e-6)
  assert collapsed['sample_coverage'] > 2
  noise = scores_of(jax.random.uniform(jax.random.key(2), images.shape))
  assert noise['sample_nearest'] > 3


def test_a_data_set_without_such_a_factor_is_refused():
  data = data_lib.load('dsprites', **SPRITES)
  with pytest.raises(errors.ConfigError, match=r'sample_quality\.factor = 9'):
    sample_quality.make(sample_quality.Config(factor=9), data)
  with pytest.raises(errors.ConfigError, match='orientation has a single'):
    single = data_lib.load('dsprites', **{**SPRITES, 'orientations': 1})
    sample_quality.make(sample_quality.Config(factor=2), single)
  assert dataclasses.asdict(sample_quality.Config())['num_points'] == 2000
