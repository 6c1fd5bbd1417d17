"""Layers of scenes against other libraries and shapes worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax.methods.object import mvae
from disentangle_jax.nn import nets, scenes


@pytest.mark.parametrize('shape', [(2, 4, 4, 3), (1, 1, 1, 2), (1, 3, 5, 1)])
def test_doubling_is_bilinear_resizing(shape):
  x = jax.random.normal(jax.random.key(0), shape)
  b, h, w, c = shape
  want = jax.image.resize(x, (b, 2 * h, 2 * w, c), 'bilinear')
  np.testing.assert_allclose(scenes.doubled(x), want, atol=1e-6)


def test_pooling_takes_the_largest_of_four():
  x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
  y = np.asarray(scenes.pooled(jnp.asarray(x)))
  assert y.shape == (2, 2, 3, 3)
  np.testing.assert_array_equal(y[1, 1, 2], x[1, 2:4, 4:6].max((0, 1)))


def test_places_are_centres_of_cells():
  y = np.asarray(scenes.with_places(jnp.ones((2, 2, 4, 1))))
  np.testing.assert_allclose(y[0, 1, :, 1], [-0.75, -0.25, 0.25, 0.75])
  np.testing.assert_allclose(y[1, :, 3, 2], [-0.5, 0.5])
  assert np.all(scenes.with_places(jnp.ones((1, 1, 1, 1)))[..., 1:] == 0)


def test_the_published_sizes():
  """64 x 64 x 3 -> 8 x 8 cells of 24 numbers; an object 32 x 32 x 16."""
  data = data_lib.load('multi_sprites')
  config = mvae.Config()
  encoder = scenes.GridEncoder(
    config.channels,
    config.kernel,
    config.pools,
    config.downsampling,
    config.head_channels,
    config.head_kernel,
    2 * config.latents_per_slot,
  )
  key = jax.random.key(0)
  image = jnp.zeros((1, *data.observation_shape))
  cells, params = jax.eval_shape(lambda: encoder.init_with_output(key, image))
  assert cells.shape == (1, 8, 8, 24)
  kernels = [layer['kernel'].shape[2:] for layer in params['params'].values()]
  # Two channels of coordinates enter the fifth.
  assert kernels == [(3, 32), (32, 32), (32, 64), (64, 64), (66, 64), (64, 24)]
  decoder = scenes.ObjectDecoder((256,), 8, 16, 2, 2, 3)
  z = jnp.zeros((1, 12))
  maps, params = jax.eval_shape(lambda: decoder.init_with_output(key, z))
  assert maps.shape == (1, 32, 32, 16)
  assert nets.count_parameters(params['params']['MLP_0']) == (
    12 * 256 + 256 + 256 * 1024 + 1024
  )


def test_an_object_starts_above_nothing():
  """The last layer's bias is 0.1: the maximum is not all negative."""
  decoder = scenes.ObjectDecoder((8,), 2, 3, 2, 1, 3)
  init = jax.jit(decoder.init)
  params = init(jax.random.key(0), jnp.zeros((1, 2)))['params']
  np.testing.assert_allclose(params['bias_1'], 0.1)
  np.testing.assert_allclose(params['bias_0'], 0.0)
