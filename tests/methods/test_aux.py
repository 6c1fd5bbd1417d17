"""What the auxiliary task lets each group of latents know."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import stream
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.vae import aux_vae
from disentangle_jax.nn import nets

NAMES = ('aux_vae', 'aux_gmvae')
NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
DATA = data_lib.load(
  'dsprites', resolution=8, scales=2, orientations=3, positions=4
)
GLOBAL = 2  # of the harness


def _start(made):
  return jax.tree.map(lambda x: np.asarray(x)[0], made.init(True))


@pytest.mark.parametrize('name', NAMES)
def test_local_latents_see_the_shuffled_image_alone(name, harness):
  made = harness(name)
  state, batch, key = _start(made), made.batch(0), made.keys(0)[1]

  @jax.jit
  def gradients(batch):
    def local_terms(observation, shuffled):
      given = {**batch, 'observation': observation, 'shuffled': shuffled}
      scalars = made.method.update(key, state, given, made.hparams)[1]
      both = jnp.stack([scalars['kl_local'], scalars['kl_global']])
      return jnp.append(both, scalars['auxiliary_reconstruction'])

    jacobian = jax.jacobian(local_terms, (0, 1))
    return jacobian(batch['observation'], batch['shuffled'])

  of_observation, of_shuffled = gradients(batch)
  moved = lambda g: [float(jnp.max(jnp.abs(x))) > 0 for x in g]
  assert moved(of_observation) == [False, True, False]
  assert moved(of_shuffled) == [True, False, True]


@pytest.mark.parametrize('name', NAMES)
def test_without_the_task_nothing_is_shuffled(name, harness):
  made = harness(name, auxiliary=False)
  state, batch, key = _start(made), made.batch(0), made.keys(0)[1]
  assert 'auxiliary' not in state.params
  update = jax.jit(
    lambda x: made.method.update(
      key, state, {**batch, 'shuffled': x}, made.hparams
    )
  )
  (one, scalars), (other, _) = update(batch['shuffled']), update(0.0)
  assert scalars['auxiliary_reconstruction'] == 0
  jax.tree.map(np.testing.assert_array_equal, one.params, other.params)


@pytest.mark.parametrize('name', NAMES)
def test_codes_are_a_function_of_the_image(name, harness):
  made = harness(name)
  state, x = _start(made), np.asarray(made.batch(0)['observation'])
  codes = jax.jit(made.method.represent)(state, x)
  assert codes.vector.shape == (len(x), GLOBAL + 3)
  np.testing.assert_array_equal(codes.vector, codes.parts['mean'])
  assert ('class_logits' in codes.parts) == (name == 'aux_gmvae')
  # Some order of the four patches, the same for all images, gives z_l.
  networks = aux_vae.build(made.contract.config(**_static()), DATA)
  encode = jax.jit(lambda x: networks.encode_local(state.params, x)['mean'])
  corners = [(slice(r, r + 4), slice(c, c + 4)) for r in (0, 4) for c in (0, 4)]
  found = []
  for order in itertools.permutations(range(4)):
    seen = np.zeros_like(x)
    for to, source in zip(corners, order):
      seen[(slice(None), *to)] = x[(slice(None), *corners[source])]
    if np.allclose(encode(seen), codes.vector[:, GLOBAL:], atol=1e-6):
      found.append(order)
  assert len(found) == 1 and found[0] != (0, 1, 2, 3)


def _static():
  return {
    'net': nets.mlp.Config(encoder_hidden=(16,), decoder_hidden=(16,)),
    'num_global': GLOBAL,
    'num_local': 3,
    'patch': 4,
  }


def test_groups_are_redrawn_from_their_priors(harness):
  codes = jnp.asarray(
    np.random.default_rng(0).normal(size=(20000, 5)), 'float32'
  )
  for name in NAMES:
    made = harness(name)
    state = _start(made)
    anew = jax.jit(made.method.extras['resample_global'])
    drawn = np.asarray(anew(jax.random.key(1), state, codes), np.float64)
    np.testing.assert_array_equal(drawn[:, GLOBAL:], codes[:, GLOBAL:])
    mean, variance = np.zeros(GLOBAL), np.ones(GLOBAL)
    if name == 'aux_gmvae':
      prior = jax.tree.map(np.float64, state.params['prior'])
      mean = prior['mean'].mean(0)
      second = np.exp(prior['logvar']) + prior['mean'] ** 2
      variance = second.mean(0) - mean**2
    error = np.sqrt(variance / len(drawn))
    assert np.all(np.abs(drawn[:, :GLOBAL].mean(0) - mean) < 4 * error)
    np.testing.assert_allclose(drawn[:, :GLOBAL].var(0), variance, rtol=0.05)
    anew = jax.jit(made.method.extras['resample_local'])
    drawn = np.asarray(anew(jax.random.key(2), state, codes), np.float64)
    np.testing.assert_array_equal(drawn[:, :GLOBAL], codes[:, :GLOBAL])
    assert np.all(np.abs(drawn[:, GLOBAL:].mean(0)) < 4 / np.sqrt(20000))
    np.testing.assert_allclose(drawn[:, GLOBAL:].var(0), 1, rtol=0.05)


@pytest.mark.parametrize(
  'name, static, said',
  [
    ('aux_vae', {'patch': 3}, 'must divide the image of dsprites'),
    ('aux_vae', {'patch': 8}, 'nothing to shuffle'),
    ('aux_vae', {'likelihood': 'laplace'}, 'legal: bernoulli'),
    ('aux_gmvae', {'num_classes': 2}, "at least 3, the values of 'shape'"),
  ],
)
def test_bad_options_are_one_clear_line(name, static, said):
  module = METHODS[name]
  with pytest.raises(errors.ConfigError, match=said) as caught:
    module.make(module.Config(**{'net': NET, 'patch': 4, **static}), DATA)
  assert 'config.static.' in str(caught.value) and '\n' not in str(caught.value)


def test_pictures_without_labels_can_be_clustered():
  pictures = stream.stream(np.zeros((4, 8, 8), np.uint8))
  module = METHODS['aux_gmvae']
  module.make(module.Config(net=NET, patch=4, num_classes=2), pictures)
  with pytest.raises(errors.ConfigError, match='at least 2'):
    module.make(module.Config(net=NET, patch=4, num_classes=1), pictures)
