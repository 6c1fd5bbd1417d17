"""The network of the Frey thesis has the parameters of its tables."""

import jax
import jax.numpy as jnp
import pytest

from disentangle_jax import data, errors
from disentangle_jax.methods.vae import beta_vae
from disentangle_jax.nn import nets

CONFIG = nets.make_config('keras_conv', {})


def params_of(latents):
  dataset = data.load('faces')
  method = beta_vae.make(
    beta_vae.Config(net=CONFIG, num_latents=latents), dataset
  )
  batch = {'observation': jnp.zeros((2, 28, 20, 1))}
  hparams = {k: jnp.float32(v) for k, v in beta_vae.HPARAMS.items()}
  shape = jax.eval_shape(method.init, jax.random.key(0), batch, hparams)
  vector = jnp.zeros((2, latents))
  decoded = jax.eval_shape(method.decode, shape, vector)
  assert decoded.shape == (2, 28, 20, 1)
  return shape.params


def layers(params):
  """Parameters of every layer, by name."""
  found = {}
  for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
    layer = path[-2].key
    found[layer] = found.get(layer, 0) + leaf.size
  return found


def test_tables_4_1_and_4_2_at_two_latents():
  params = params_of(2)
  assert layers(params['encoder']) == {
    'Conv_0': 320,
    'Conv_1': 18_496,
    'Conv_2': 36_928,
    'Conv_3': 36_928,
    'Dense_0': 286_752,
    'mean': 66,
    'logvar': 66,
  }
  assert layers(params['decoder']) == {
    'Dense_0': 26_880,
    'Conv_0': 18_464,
    'Conv_1': 289,
  }


def test_more_latents_widen_the_heads_and_the_first_decoder_layer_alone():
  two, five = params_of(2), params_of(5)
  grown = nets.count_parameters(five) - nets.count_parameters(two)
  assert grown == 3 * (2 * 33 + 8_960)


def test_sizes_that_the_stride_does_not_divide_are_refused():
  with pytest.raises(errors.ConfigError, match='multiples of 2'):
    nets.check(CONFIG, (27, 20, 1))
  with pytest.raises(errors.ConfigError, match='needs images'):
    nets.check(CONFIG, (560,))
  odd = nets.make_config('keras_conv', {'strides': [1, 2]})
  with pytest.raises(errors.ConfigError, match='one stride per convolution'):
    nets.check(odd, (28, 20, 1))
