"""The pooled net: its pooling by NumPy, sizes of the paper, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import errors
from disentangle_jax.nn import nets
from disentangle_jax.nn.nets import pooled_conv

MNIST = nets.make_config('pooled_conv', {'channels': (32, 32, 16)})


def test_pooling_takes_the_largest_of_each_square():
  x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
  pooled = pooled_conv.max_pool(jnp.asarray(x))
  assert pooled.shape == (2, 3, 2, 3)
  for row in range(3):
    for column in range(2):
      square = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
      np.testing.assert_array_equal(
        pooled[:, row, column], square.max(axis=(1, 2))
      )
  # The padding of an odd side has no gradient of its own.
  slope = jax.grad(lambda x: jnp.sum(pooled_conv.max_pool(x)))(jnp.asarray(x))
  assert np.isfinite(slope).all() and slope.sum() == pooled.size


@pytest.mark.parametrize(
  'config, shape, features',
  [
    (pooled_conv.Config(), (32, 32, 3), 4 * 4 * 8),
    (MNIST, (28, 28, 1), 4 * 4 * 16),  # 28, 14, 7, 4 and back over 32
  ],
)
def test_both_directions_have_the_papers_sizes(config, shape, features):
  nets.check(config, shape)
  encoder = nets.Encoder(config, (('content', 10),))
  params = jax.eval_shape(
    encoder.init, jax.random.key(0), jnp.zeros((1, *shape))
  )['params']
  assert params['Heads_0']['content']['kernel'].shape == (features, 10)
  sides = [params[f'Conv_{n}']['kernel'].shape for n in range(3)]
  assert [s[:2] for s in sides] == [(3, 3)] * 3
  decoder = nets.Decoder(config, shape)
  image, _ = jax.eval_shape(
    decoder.init_with_output, jax.random.key(0), jnp.zeros((2, 20))
  )
  assert image.shape == (2, *shape)


@pytest.mark.parametrize(
  'options, shape, said',
  [
    ({'pooled': 5}, (8, 8, 1), r'pooled = 5: must lie between 1 and .* 4'),
    ({}, (64,), "config.net.name = 'pooled_conv': needs images"),
    ({'conv_form': 'fast'}, (8, 8, 1), 'conv_form'),
  ],
)
def test_what_it_cannot_take_is_refused(options, shape, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    nets.check(nets.make_config('pooled_conv', options), shape)
  assert '\n' not in str(caught.value)
