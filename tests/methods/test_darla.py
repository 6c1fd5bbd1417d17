"""Known answers of darla: its hands, and eyes that stay as they are."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import factorial
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.control import darla, hands
from disentangle_jax.nn import nets

KEY = jax.random.key(0)
NET = nets.mlp.Config(encoder_hidden=(4,), decoder_hidden=(4,))
T, N, A = 3, 2, 5


def turn_of(random):
  points = random.integers(0, 2, (T, N, 5))
  return hands.Turn(
    jnp.asarray(points, jnp.int32),
    jnp.asarray(random.integers(0, A, (T, N)), jnp.int32),
    jnp.asarray(random.normal(size=(T, N)), jnp.float32),
    jnp.asarray(points, jnp.int32),
  )


def test_the_actor_critic_and_its_gradient_by_hand():
  random = np.random.default_rng(0)
  turn = turn_of(random)
  told = {
    'preferences': random.normal(size=(T + 1, N, A)),
    'value': random.normal(size=(T + 1, N, 1)),
  }
  hparams = {'gamma': 0.9, 'value_weight': 0.7, 'entropy': 0.2}
  loss = jax.jit(
    jax.value_and_grad(
      lambda told: hands.actor_critic_loss(told, turn, hparams)[0]
    )
  )
  got, slope = loss(jax.tree.map(jnp.float32, told))
  expected, of_value = 0.0, np.zeros((T + 1, N, 1))
  of_preferences = np.zeros((T + 1, N, A))
  for n in range(N):
    aim = told['value'][T, n, 0]
    for t in reversed(range(T)):
      aim = float(turn.reward[t, n]) + 0.9 * aim
      x, action = told['preferences'][t, n], int(turn.action[t, n])
      p = np.exp(x) / np.exp(x).sum()
      entropy = -sum(p * np.log(p))
      gain = aim - told['value'][t, n, 0]
      expected -= gain * np.log(p[action])
      expected += 0.7 * gain**2 - 0.2 * entropy
      # What is gained is no function of the parameters: REINFORCE.
      of_value[t, n] = -2 * 0.7 * gain
      of_preferences[t, n] = -gain * (np.eye(A)[action] - p)
      of_preferences[t, n] += 0.2 * p * (np.log(p) + entropy)
  np.testing.assert_allclose(got, expected / (T * N), rtol=1e-5)
  for name, by_hand in (('value', of_value), ('preferences', of_preferences)):
    np.testing.assert_allclose(slope[name], by_hand / (T * N), atol=1e-6)


def test_double_q_by_hand():
  """One net chooses, the other one says what it is worth."""
  turn = hands.Turn(None, jnp.array([1, 0]), jnp.array([1.0, -2.0]), None)
  values = jnp.array([[0.0, 3.0], [5.0, 0.0]])
  later = jnp.array([[1.0, 2.0], [4.0, 3.0]])
  fixed = jnp.array([[10.0, 20.0], [30.0, 40.0]])
  got = hands.double_q_loss(values, later, fixed, turn, 0.5)
  expected = ((1 + 0.5 * 20 - 3) ** 2 + (-2 + 0.5 * 30 - 5) ** 2) / 2
  np.testing.assert_allclose(got, expected)


def test_a_replay_forgets_the_oldest_first():
  random, replay = np.random.default_rng(1), hands.empty(2 * T * N, 5)
  turns = [turn_of(random) for _ in range(3)]
  for number, turn in enumerate(turns, 1):
    replay = hands.remember(replay, turn)
    assert int(replay.count) == number * T * N
    if number == 1:
      # Only what is there is drawn.
      drawn = hands.recall(KEY, replay, 200)
      assert set(np.asarray(drawn.reward)) == set(np.ravel(turn.reward))
  kept = np.concatenate([np.ravel(t.reward) for t in (turns[2], turns[1])])
  np.testing.assert_array_equal(replay.reward, kept)
  drawn = hands.recall(KEY, replay, 300)
  assert set(np.asarray(drawn.reward)) == set(kept)
  row = {r: a for r, a in zip(kept, np.asarray(replay.action))}
  assert all(row[r] == a for r, a in zip(*map(np.asarray, drawn[2:0:-1])))


def test_uniform_actions_are_as_many_as_asked():
  values = jnp.tile(jnp.array([0.0, 1.0, 0.0]), (20_000, 1))
  share = lambda epsilon: (
    np.bincount(hands.epsilon_greedy(KEY, values, epsilon), minlength=3)
    / len(values)
  )
  np.testing.assert_array_equal(share(0.0), [0, 1, 0])
  np.testing.assert_allclose(share(0.3), [0.1, 0.8, 0.1], atol=0.015)


def test_eyes_stay_and_hands_move(harness, history):
  """Bit for bit; codes in the table are the eyes', standardised."""
  made = harness('darla')
  states, _ = history(made, False)
  first, last = jax.device_get((states[0], states[-1]))
  for name in ('eyes', 'moments'):
    jax.tree.map(
      np.testing.assert_array_equal, first.params[name], last.params[name]
    )
  moved = jax.tree.map(
    lambda a, b: np.any(a[0] != b[0]),
    first.params['hands'],
    last.params['hands'],
  )
  assert all(jax.tree.leaves(moved))
  eyes = jax.device_get(made.before.first_state)
  jax.tree.map(
    lambda a, b: np.testing.assert_array_equal(a[0], b),
    last.params['eyes'],
    eyes.params,
  )
  points = factorial.grid(made.data.factor_sizes)
  render = jax.vmap(lambda p: made.data.render((), p, KEY))
  state = jax.tree.map(lambda x: x[0], last)

  @made.jit
  def read(state, eyes):
    images = render(points)
    return (
      made.method.represent(state, images).vector,
      made.before.method.represent(eyes, images).vector,
      made.method.extras['preferences'](state, images, points),
    )

  codes, own, preferences = read(state, eyes)
  np.testing.assert_array_equal(codes, own)
  inside = made.data.extras['task'].points['source']
  mean, deviation = codes[inside].mean(0), codes[inside].std(0)
  table = (codes - mean) / np.maximum(deviation, 0.1)
  np.testing.assert_allclose(state.memory['codes'], table, atol=1e-4)
  p = state.params['hands']
  h = np.tanh(
    table @ p['MLP_0']['Dense_0']['kernel'] + p['MLP_0']['Dense_0']['bias']
  )
  head = p['Heads_0']['preferences']
  np.testing.assert_allclose(
    preferences, h @ head['kernel'] + head['bias'], atol=1e-4
  )


def test_an_episode_is_counted_from_its_start():
  world = data_lib.load('seek_avoid', **darla.TEST['dataset'][1])
  task = world.extras['task']
  stay = lambda key, point: jnp.full(len(point), 4, jnp.int32)
  turns = lambda copies, key: hands.play(
    key, task.source, copies, stay, 8, task.episode, task.discount
  )[0]
  copies = hands.start(KEY, task.source, 3, -7.0)
  turns = jax.jit(turns)
  for number in range(1, 5):
    before = copies
    copies = turns(copies, jax.random.key(number))
    if number < 4:
      spent = sum(0.01 * 0.95**t for t in range(8 * number))
      np.testing.assert_allclose(copies.earned, -spent, rtol=1e-5)
      np.testing.assert_array_equal(copies.point, before.point)
      assert int(copies.clock) == 8 * number and float(copies.last) == -7
  # All start anew, and what they earned is told: as little as anything.
  np.testing.assert_array_equal(copies.earned, 0)
  assert int(copies.clock) == 0
  np.testing.assert_allclose(task.normalised(copies.last), 0.0, atol=1e-6)


def test_phases_and_betas():
  eyes = lambda name: darla.after(darla.Config(sees=name))
  assert eyes('vae').method == 'perceptual_vae' and eyes('dae').method == 'dae'
  for name in ('pixels', 'factors', 'blind'):
    assert eyes(name) is None
  own = {f.name for f in dataclasses.fields(darla.Config)}
  for phase in ('dae', 'perceptual_vae'):
    theirs = {f.name for f in dataclasses.fields(METHODS[phase].Config)}
    # Nothing that differs between arms is handed down.
    assert own & theirs == {'net', 'precision'}


@pytest.mark.slow
@pytest.mark.parametrize('eyes', ['factors', 'blind'])
@pytest.mark.parametrize('agent', darla.AGENTS)
def test_with_the_factors_it_learns_and_without_the_shape_not(agent, eyes):
  world = data_lib.load('seek_avoid', resolution=8)
  method = darla.make(darla.Config(net=NET, sees=eyes, agent=agent), world)
  hparams = {**darla.HPARAMS, 'learning_rate': 3e-3, 'anneal_steps': 1500.0}

  @jax.jit
  def trained(key):
    batch = {'observation': jnp.zeros((1, *world.observation_shape))}
    state = method.init(key, batch, hparams)
    one = lambda state, key: method.update(key, state, batch, hparams)
    return jax.lax.scan(one, state, jax.random.split(key, 1500))[1]

  last = np.asarray(trained(KEY)['episode_return'])[-100:].mean()
  assert last > 0.8 if eyes == 'factors' else last < 0.6


@pytest.mark.parametrize(
  ('static', 'word'),
  [
    ({'sees': 'vae'}, 'needs trained eyes'),
    ({'sees': 'beta_vae'}, 'blind, dae, factors, pixels, vae'),
    ({'sees': 'factors', 'agent': 'a3c'}, 'actor_critic, dqn'),
    ({'sees': 'factors', 'unroll': 5}, 'episode = 32'),
    ({'sees': 'factors', 'copies': 0}, 'copies'),
    ({'sees': 'factors', 'epsilon_end': 2.0}, 'epsilon_end'),
    ({'sees': 'factors', 'least_deviation': 0.0}, 'least_deviation'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(static, word, harness):
  world = harness('darla').data
  with pytest.raises(errors.ConfigError, match=word) as caught:
    darla.make(darla.Config(net=NET, **static), world)
  assert '\n' not in str(caught.value)


def test_a_world_without_a_task_is_refused(harness):
  with pytest.raises(errors.ConfigError, match="'seek_avoid'"):
    darla.make(darla.Config(net=NET, sees='factors'), harness('dae').data)
