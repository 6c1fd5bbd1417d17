"""Known answers of experts that compete, and of their pre-training."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, requests
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.gan import (
  causal_mechanisms,
  identity_pretraining,
)
from disentangle_jax.nn import image_experts
from disentangle_jax.ops import adversarial

SPRITES = {'resolution': 8, 'scales': 2, 'orientations': 1, 'positions': 2}
SMALL = causal_mechanisms.TEST['static']


def two_experts(params, images):
  """x -> scale x + offset: (1, 0) is the identity, (-1, 1) the inversion."""
  one = lambda p: p['scale'] * images + p['offset']
  return jax.vmap(one)(params), ()


def darkness(params, images):
  """A critic that is minus the mean pixel, times 1."""
  return -params['gain'] * jnp.mean(images, axis=(1, 2, 3))


@functools.cache
def hand_made():
  """Players, their optimisers' states, and one step of the game, compiled."""
  players = {
    'experts': {
      'scale': jnp.array([1.0, -1.0]),
      'offset': jnp.array([0.0, 1.0]),
    },
    'critic': {'gain': jnp.array(1.0)},
  }
  adam = {name: optax.adam(0.1) for name in players}
  opt_states = {
    'experts': causal_mechanisms.init_experts(
      adam['experts'], players['experts']
    ),
    'critic': adam['critic'].init(players['critic']),
  }
  # Moments that a gradient of zero would shrink and move parameters by.
  opt_states = jax.tree.map(
    lambda x: np.asarray(x) + np.float32(0.5) if x.dtype == jnp.float32 else x,
    opt_states,
  )
  step = jax.jit(
    lambda x: causal_mechanisms.play(
      two_experts, darkness, players, opt_states, adam, x, x
    )
  )
  return players, opt_states, step


def game(images):
  """One step of both hand-made experts on given images [B, 1, 1, 1]."""
  players, opt_states, step = hand_made()
  after, states, scalars, _ = step(images)
  return players, opt_states, *jax.device_get((after, states, scalars))


@pytest.mark.parametrize(
  ('value', 'winner'),
  [(0.2, 0), (0.9, 1), (0.5, 0)],  # the last is a tie
)
def test_only_the_winner_moves_parameters_and_moments(value, winner):
  images = jnp.full((3, 1, 1, 1), value)
  players, opt_states, after, states, scalars = game(images)
  np.testing.assert_allclose(scalars['winning_experts'], 1)
  np.testing.assert_allclose(scalars['greatest_share'], 1)
  for before, now in (
    (players['experts'], after['experts']),
    (opt_states['experts'], states['experts']),
  ):
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(now)):
      assert new[winner] != old[winner]
      assert new[1 - winner] == old[1 - winner]


def test_losses_and_slopes_are_those_of_the_players_before_the_step():
  """Two dark images go to the identity, one bright one to the inversion."""
  values = np.array([0.1, 0.2, 0.7])
  images = jnp.asarray(values, jnp.float32)[:, None, None, None]
  _, opt_states, _, states, scalars = game(images)
  made = np.stack([values, 1 - values])
  softplus = lambda x: np.logaddexp(0, x)
  expected = softplus(values).mean() + softplus(-made).mean()
  np.testing.assert_allclose(scalars['loss'], expected, rtol=1e-6)
  best = np.array([0.1, 0.2, 0.3])
  np.testing.assert_allclose(
    scalars['generator_loss'], softplus(best).mean(), rtol=1e-6
  )
  np.testing.assert_allclose(scalars['greatest_share'], 2 / 3, rtol=1e-6)
  # d/dE sp(E) = sigmoid(E), summed over wins and divided by the batch of 3.
  sigmoid = 1 / (1 + np.exp(-best))
  scale = [sum(sigmoid[:2] * values[:2]) / 3, sigmoid[2] * values[2] / 3]
  offset = [sum(sigmoid[:2]) / 3, sigmoid[2] / 3]
  # mu' = 0.9 mu + 0.1 slope.
  moments = states['experts'][0].mu
  slope = lambda name: (np.asarray(moments[name]) - 0.45) / 0.1
  assert opt_states['experts'][0].mu['scale'][0] == 0.5
  np.testing.assert_allclose(slope('scale'), scale, rtol=1e-4)
  np.testing.assert_allclose(slope('offset'), offset, rtol=1e-4)
  # Of the critic, in closed form and with all experts' outputs.
  gain = -values * -(1 / (1 + np.exp(-values)))
  other = -made / (1 + np.exp(made))
  slope = (float(states['critic'][0].mu['gain']) - 0.45) / 0.1
  np.testing.assert_allclose(slope, gain.mean() + other.mean(), rtol=1e-4)


def test_with_one_expert_the_critic_has_a_gans_loss():
  real, made = jax.random.normal(jax.random.key(0), (2, 7))
  np.testing.assert_allclose(
    causal_mechanisms.critic_loss(real, made[None]),
    adversarial.critic_loss(real, made),
    rtol=1e-6,
  )
  blind = causal_mechanisms.critic_loss(jnp.zeros(4), jnp.zeros((3, 4)))
  np.testing.assert_allclose(blind, 2 * math.log(2), rtol=1e-6)


def test_winners_are_per_example_and_the_lowest_of_equals():
  logits = jnp.array([[1.0, 0.0, 2.0], [1.0, 5.0, 1.0], [0.0, 4.0, 2.0]])
  np.testing.assert_array_equal(causal_mechanisms.winners(logits), [0, 1, 0])


@pytest.fixture(scope='module')
def made():
  data = data_lib.load('dsprites', **SPRITES)
  first = identity_pretraining.Config(**identity_pretraining.TEST['static'])
  later = causal_mechanisms.Config(**SMALL)
  index = jnp.arange(6, dtype=jnp.int32)

  def drawn(module, config):
    sample = jax.jit(samplers.make(data, module.batch(config)))
    return sample(jax.random.key(1), data.arrays, index)

  return (
    (
      identity_pretraining.make(first, data),
      drawn(identity_pretraining, first),
    ),
    (causal_mechanisms.make(later, data), drawn(causal_mechanisms, later)),
  )


def test_the_game_starts_from_the_copiers_with_a_fresh_adam(made):
  (copiers, batch), (method, game_batch) = made
  hparams = {k: jnp.float32(v) for k, v in causal_mechanisms.HPARAMS.items()}

  @jax.jit
  def run(key):
    state = copiers.init(key, batch, hparams)
    trained, scalars = copiers.update(key, state, batch, hparams)
    frozen = jax.tree.map(jnp.zeros_like, trained)
    frozen = frozen._replace(params=trained.params)
    start = method.init(key, game_batch, hparams, frozen)
    after, _ = method.update(key, start, game_batch, hparams)
    made, logits = method.extras['experts'](after, game_batch['observation'])
    best = method.extras['best'](after, game_batch['observation'])
    return state, trained, scalars, start, made, logits, best

  state, trained, scalars, start, images, logits, best = run(jax.random.key(0))
  same = lambda a, b: jax.tree.map(np.testing.assert_array_equal, a, b)
  same(start.params['experts'], trained.params['experts'])
  same(start.params['statistics'], trained.params['statistics'])
  for leaf in jax.tree.leaves(start.opt_state):
    assert not np.any(leaf)
  # The error of a copier by hand, from batches of its own.
  shown = np.moveaxis(np.asarray(batch['more_transformed']), 1, 0)
  assert shown.shape == (3, 6, 8, 8, 1)
  assert np.abs(shown[0] - shown[1]).max() > 0
  module = image_experts.Expert((4,))
  apply = jax.jit(lambda p, x, s: module.apply({'params': p}, x, s, True)[0])
  by_hand = []
  for expert in range(3):
    take = lambda x, j=expert: np.asarray(x)[j]
    copy = apply(
      jax.tree.map(take, state.params['experts']),
      shown[expert],
      jax.tree.map(take, state.params['statistics']),
    )
    by_hand.append(np.mean((np.asarray(copy) - shown[expert]) ** 2))
  np.testing.assert_allclose(scalars['loss'], np.mean(by_hand), rtol=1e-5)
  np.testing.assert_allclose(
    best, np.asarray(images)[np.argmax(logits, 0), np.arange(6)], rtol=1e-6
  )


def test_further_draws_are_those_of_no_other_row():
  data = data_lib.load('dsprites', **SPRITES)
  request = requests.Transformed(('invert', 'noise'), shift=1, more=2)
  sample = jax.jit(samplers.make(data, (request,)))
  part = sample(jax.random.key(1), data.arrays, jnp.array([4], jnp.int32))
  whole = sample(jax.random.key(1), data.arrays, jnp.arange(6))
  np.testing.assert_array_equal(
    part['more_transformed'][0], whole['more_transformed'][4]
  )
  assert whole['more_transformed'].shape == (6, 2, 8, 8, 1)
  plain = jax.jit(samplers.make(data, (requests.Transformed(shift=1),)))
  again = plain(jax.random.key(1), data.arrays, jnp.arange(6))
  np.testing.assert_array_equal(again['transformed'], whole['transformed'])
  assert 'more_transformed' not in again


def test_residual_experts_start_as_the_identity():
  image = jax.random.uniform(jax.random.key(0), (4, 6, 6, 1))
  module = image_experts.Expert((8,), residual=True)
  (copy, _), _ = jax.jit(module.init_with_output)(jax.random.key(1), image)
  np.testing.assert_allclose(copy, image, atol=0.03)
  plain = image_experts.Expert((8,))
  (other, _), _ = jax.jit(plain.init_with_output)(jax.random.key(1), image)
  assert np.abs(other - image).max() > 0.1


def test_the_critic_has_the_published_shapes():
  shapes = jax.eval_shape(
    lambda key: image_experts.ExpertCritic().init(
      key, jnp.zeros((1, 28, 28, 1))
    ),
    jax.random.key(0),
  )
  layers = [w.shape for w in jax.tree.leaves(shapes) if len(w.shape) == 2]
  assert layers == [(3 * 3 * 64, 1024), (1024, 1)]
  assert image_experts.stages((16, 16, 16, 32, 32, 64, 64)) == (3, 2, 2)


def test_the_arm_without_pretraining_has_no_phase():
  assert causal_mechanisms.after(causal_mechanisms.Config()).method == (
    'identity_pretraining'
  )
  plain = causal_mechanisms.Config(pretraining=False)
  assert causal_mechanisms.after(plain) is None


@pytest.mark.parametrize(
  ('static', 'said'),
  [
    ({'experts': 0}, 'experts = 0'),
    ({'shift': 4}, 'less than half'),
    ({'mechanisms': ('invert', 'blur')}, 'blur'),
    ({'mechanisms': ('invert',)}, 'at least two'),
    ({'channels': ()}, 'channels = ()'),
    ({'critic_channels': (4, 8, 16, 32)}, 'too often'),
    ({'noise_variance': 0.0}, 'noise_variance'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(static, said):
  data = data_lib.load('dsprites', **SPRITES)
  module = METHODS['causal_mechanisms']
  with pytest.raises(errors.ConfigError) as caught:
    module.make(module.Config(**{**SMALL, **static}), data)
  assert said in str(caught.value) and '\n' not in str(caught.value)
