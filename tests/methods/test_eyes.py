"""Known answers of dae and perceptual_vae."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.methods import METHODS, training
from disentangle_jax.methods.vae import perceptual_vae
from disentangle_jax.nn import nets

NET = nets.mlp.Config(encoder_hidden=(4,), decoder_hidden=(4,))


def test_with_the_identity_for_j_it_is_a_gaussian_vae(harness):
  """|x - x'|^2 is -log N(x; x', 1/2) less its constant."""
  made = harness('perceptual_vae')
  data, batch, key = made.data, made.batch(0), jax.random.key(4)
  pixels = types.Method(
    None,
    None,
    lambda state, x: types.Codes(x.reshape(len(x), -1), {}),
    lambda state, code: code.reshape(-1, *data.observation_shape),
  )
  config = perceptual_vae.Config(net=NET, num_latents=2)
  method = perceptual_vae.make(config, data, pixels)
  hparams = {'learning_rate': 1e-3, 'beta': 3.0}
  plain = METHODS['beta_vae']
  scale = math.sqrt(0.5)
  beta_vae = plain.make(
    plain.Config(
      net=NET,
      num_latents=2,
      likelihood='gaussian',
      likelihood_scale=scale,
    ),
    data,
  )
  frozen = training.State({}, (), jnp.zeros((), jnp.int32))

  @made.jit
  def both(key):
    state = method.init(key, batch, hparams, frozen)
    same = {**plain.HPARAMS, **hparams, 'weight_decay': 0.0}
    other = beta_vae.init(key, batch, same)
    own = {k: state.params[k] for k in ('encoder', 'decoder')}
    other = other._replace(params=own)
    told, reference = (
      m.update(key, s, batch, h)[1]
      for m, s, h in ((method, state, hparams), (beta_vae, other, same))
    )
    return told, reference

  told, reference = both(key)
  entries = math.prod(data.observation_shape)
  constant = 0.5 * entries * math.log(2 * math.pi * scale**2)
  for name in ('loss', 'reconstruction'):
    np.testing.assert_allclose(
      told[name], reference[name] - constant, rtol=1e-4
    )
  np.testing.assert_allclose(told['kl'], reference['kl'], rtol=1e-6)
  np.testing.assert_allclose(told['pixel_error'], told['reconstruction'])


@pytest.mark.parametrize('feature', perceptual_vae.FEATURES)
def test_j_is_left_alone_and_still_teaches(feature, harness, history):
  made = harness('perceptual_vae', feature=feature)
  states, _ = history(made, False)
  first, last = jax.device_get((states[0].params, states[-1].params))
  jax.tree.map(np.testing.assert_array_equal, first['dae'], last['dae'])
  for name in ('encoder', 'decoder'):
    moved = jax.tree.map(lambda a, b: np.any(a != b), first[name], last[name])
    assert all(jax.tree.leaves(moved)), name
  # No optimiser sees it.
  adam = states[0].opt_state[0]
  assert set(adam.mu) == {'encoder', 'decoder'}


def test_one_autoencoder_serves_all_betas():
  phase = perceptual_vae.after(perceptual_vae.Config())
  assert (phase.method, phase.name) == ('dae', '')
  shared = {f for f in METHODS['dae'].Config.__dataclass_fields__}
  own = set(perceptual_vae.Config.__dataclass_fields__)
  # What a run hands down beside its net: nothing that a sweep of eyes varies.
  assert shared & own == {'net', 'precision'}
  assert 'beta' not in METHODS['dae'].HPARAMS


@pytest.mark.parametrize(
  'name, static, word',
  [
    ('dae', {'bottleneck': 0}, 'bottleneck'),
    ('dae', {'largest_rectangle': 1.5}, 'largest_rectangle'),
    ('dae', {'bottleneck_activation': 'elu'}, 'linear, tanh'),
    ('perceptual_vae', {'feature': 'pixels'}, 'code, reconstruction'),
    ('perceptual_vae', {'num_latents': 0}, 'num_latents'),
    ('perceptual_vae', {}, 'needs a trained autoencoder'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(name, static, word, harness):
  module, data = METHODS[name], harness('dae').data
  with pytest.raises(errors.ConfigError, match=word) as caught:
    module.make(module.Config(net=NET, **static), data)
  assert '\n' not in str(caught.value)


def test_an_autoencoder_of_pictures_takes_no_films():
  film = data_lib.load('moving_digits', frames=2)
  module = METHODS['dae']
  with pytest.raises(errors.ConfigError, match='holds video'):
    module.make(module.Config(net=NET), film)
