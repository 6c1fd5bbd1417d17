"""Scores of codes and policies in a world, on methods built by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import factorial
from disentangle_jax.metrics.models import (
  action_effects,
  policy_information,
  policy_prediction,
)

SIDE = 5
OPEN = data_lib.load('gridworld', cells=SIDE, pixels=1, side=2, agent='square')
WALLED = data_lib.load(
  'gridworld', cells=4, blocks=((1, 1), (2, 0)), pixels=2, side=2, spread=1.5
)
CROSSED = data_lib.load(
  'gridworld', cells=4, blocks=((1, 1), (2, 2)), pixels=2, side=2, spread=1.5
)
MOVES = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])
STEP = 0.1


def known(data):
  """Legal states [S, 2] and their pictures, flat."""
  grid = factorial.grid(data.factor_sizes)
  density = np.asarray(data.log_density(grid))
  states = grid[np.isfinite(density)]
  render = jax.vmap(lambda s: data.render(data.arrays, s, jax.random.key(0)))
  return states, np.asarray(render(states)).reshape(len(states), -1)


def by_hand(data, codes, **extras):
  """A method whose code is a table; it decodes to the nearest one's picture."""
  states, pictures = known(data)
  codes = jnp.asarray(codes, jnp.float32)
  apart = lambda a, b: jnp.sum(jnp.square(a[:, None] - b[None]), -1)

  def represent(state, observation):
    flat = observation.reshape(len(observation), -1)
    nearest = jnp.argmin(apart(flat, jnp.asarray(pictures)), axis=1)
    return types.Codes(codes[nearest] + state, {})

  def decode(state, vector):
    nearest = jnp.argmin(apart(vector, codes), axis=1)
    shape = (-1, *data.observation_shape)
    return jnp.asarray(pictures)[nearest].reshape(shape)

  return states, types.Method(None, None, represent, decode, extras)


def run(module, data, method, state=0.0, **options):
  probe = module.make(module.Config(**options), data)
  score = lambda key, arrays: probe.score(key, (), method, state, arrays, None)
  return {
    name: float(value)
    for name, value in jax.jit(score)(jax.random.key(0), data.arrays).items()
  }


def test_a_perfect_code():
  _, method = by_hand(OPEN, STEP * (known(OPEN)[0] - 2.0))
  scores = run(action_effects, OPEN, method)
  expected = {
    'position_r2': 1.0,
    'position_r2/0': 1.0,
    'position_r2/1': 1.0,
    'feature_r2': 1.0,
    'feature_r2/0': 1.0,
    'feature_r2/1': 1.0,
    'feature_match': 1.0,
    'axis_cosine': 0.0,
    'direction_cosine': -1.0,
    'step_consistency': 1.0,
    'step_length': STEP,
    'step_error': 0.0,
    'step_picture_error': 0.0,
  }
  assert scores == pytest.approx(expected, abs=1e-5)


def test_a_turned_code_a_bent_one_and_none():
  """Turned by 45 degrees: linear still, but no feature is a coordinate."""
  states, _ = known(OPEN)
  turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
  _, method = by_hand(OPEN, STEP * states @ turn)
  scores = run(action_effects, OPEN, method)
  assert scores['position_r2'] == pytest.approx(1, abs=1e-5)
  assert scores['feature_r2'] == pytest.approx(0.5, abs=1e-5)
  assert scores['axis_cosine'] == pytest.approx(0, abs=1e-5)
  # Sheared: x and y move along directions at 45 degrees.
  _, method = by_hand(OPEN, STEP * states @ np.array([[1, 0], [1, 1]]))
  scores = run(action_effects, OPEN, method)
  assert scores['axis_cosine'] == pytest.approx(0.5**0.5, abs=1e-5)
  _, method = by_hand(OPEN, np.zeros((len(states), 2)))
  scores = run(action_effects, OPEN, method)
  for name in ('position_r2', 'feature_r2', 'feature_match', 'axis_cosine'):
    assert scores[name] == 0
  assert scores['step_length'] == 0 and scores['step_error'] == 1
  scores = run(action_effects, OPEN, method, state=np.nan)
  assert all(map(np.isnan, scores.values()))


def test_a_random_code_against_numpy():
  """Cells in any order, with walls: everything again with loops."""
  states, _ = known(WALLED)
  rng = np.random.default_rng(0)
  codes = rng.normal(size=(len(states), 3))
  codes[:, 2] = codes[:, 0] - codes[:, 1]  # one direction is not there
  _, method = by_hand(WALLED, codes)
  scores = run(action_effects, WALLED, method)
  design = np.column_stack([codes, np.ones(len(codes))])
  r2, best = [], []
  for target in states.T:
    fit = design @ np.linalg.lstsq(design, target, rcond=1e-6)[0]
    r2.append(1 - np.var(target - fit) / np.var(target))
    best.append([np.corrcoef(target, c)[0, 1] ** 2 for c in codes.T])
  number = {tuple(s): k for k, s in enumerate(states.tolist())}
  changes = {a: [] for a in range(4)}
  for s in states:
    for a, move in enumerate(MOVES):
      end = number.get(tuple((s + move).tolist()))
      if end is not None:
        changes[a].append(codes[end] - codes[number[tuple(s.tolist())]])
  mean = {a: np.mean(c, axis=0) for a, c in changes.items()}
  cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
  every = [(a, c) for a, own in changes.items() for c in own]
  whole = np.mean([c @ c for _, c in every])
  expected = {
    'position_r2': min(r2),
    'position_r2/0': r2[0],
    'position_r2/1': r2[1],
    'feature_r2': min(map(max, best)),
    'feature_match': np.mean(np.sqrt(np.max(best, axis=0))),
    'axis_cosine': abs(cosine(mean[2], mean[0])),
    'direction_cosine': np.mean(
      [cosine(mean[2], mean[3]), cosine(mean[0], mean[1])]
    ),
    'step_consistency': np.mean([cosine(c, mean[a]) for a, c in every]),
    'step_length': np.mean([np.linalg.norm(c) for _, c in every]),
    'step_error': np.mean([np.sum((c - mean[a]) ** 2) for a, c in every])
    / whole,
  }
  for name, value in expected.items():
    assert scores[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
  assert scores['step_picture_error'] > 0.5


def directions(probability=1.0, count=4):
  """Embeddings that go through the directions in turn, and their policies."""

  def embeddings(key, state, observation, number):
    del key, state
    turns = jnp.asarray(STEP * MOVES, jnp.float32)[jnp.arange(number) % count]
    return jnp.broadcast_to(turns, (len(observation), number, 2))

  def policies(state, observation, embeddings):
    del state, observation
    likely = jnp.argmax(embeddings @ MOVES.T, axis=-1)
    hot = jax.nn.one_hot(likely, 4)
    return jnp.log(hot * probability + (1 - hot) * (1 - probability) / 3)

  return {'embeddings': embeddings, 'policies': policies}


def test_information_of_policies_that_differ_and_of_those_that_do_not():
  states, _ = known(OPEN)
  codes = np.zeros((len(states), 2))
  _, method = by_hand(OPEN, codes, **directions())
  scores = run(policy_information, OPEN, method)
  expected = {
    'action_information': np.log(4),
    'policies_distinct': 4,
    'policy_entropy': 0,
  }
  assert scores == pytest.approx(expected, abs=1e-5)
  _, method = by_hand(OPEN, codes, **directions(0.7, count=2))
  p = np.array([0.7, 0.1, 0.1, 0.1])
  mean = np.array([0.4, 0.4, 0.1, 0.1])
  scores = run(policy_information, OPEN, method)
  each = -p @ np.log(p)
  expected = {
    'action_information': -mean @ np.log(mean) - each,
    'policies_distinct': 2,
    'policy_entropy': each,
  }
  assert scores == pytest.approx(expected, abs=1e-5)
  _, method = by_hand(OPEN, codes, **directions(1.0, count=1))
  scores = run(policy_information, OPEN, method)
  assert scores['action_information'] == pytest.approx(0, abs=1e-5)
  assert scores['policies_distinct'] == 1
  # At a wall the likeliest action may be illegal: inner cells alone count.
  _, method = by_hand(OPEN, codes, **directions(0.25))
  scores = run(policy_information, OPEN, method)
  assert scores['action_information'] == pytest.approx(0, abs=1e-5)
  assert scores['policy_entropy'] == pytest.approx(np.log(4), abs=1e-5)


def test_information_of_a_fixed_number_of_policies():
  """Six policies, two of them double: H of (2, 2, 1, 1) / 6."""
  states, _ = known(CROSSED)
  rows = jnp.asarray(60.0 * np.eye(4)[[0, 1, 2, 3, 0, 1]])

  def policies(state, observation, embeddings):
    assert embeddings is None
    return jnp.broadcast_to(rows, (len(observation), 6, 4))

  _, method = by_hand(CROSSED, np.zeros((len(states), 2)), policies=policies)
  # No cell of this world allows all four moves: all of them count.
  world = CROSSED.extras['environment']
  legal = np.asarray(jax.vmap(world.legal)(states))
  assert not legal.all(1).any()
  wanted = []
  for can in legal:
    table = np.zeros((6, 4))
    for k, action in enumerate([0, 1, 2, 3, 0, 1]):
      table[k] = np.eye(4)[action] if can[action] else can / can.sum()
    entropy = lambda p: -sum(q * np.log(q) for q in p if q > 0)
    wanted.append(
      entropy(table.mean(0)) - np.mean([entropy(row) for row in table])
    )
  scores = run(policy_information, CROSSED, method)
  assert scores['action_information'] == pytest.approx(
    np.mean(wanted), abs=1e-5
  )
  free = data_lib.load('gridworld', cells=3, pixels=2, side=2, spread=1.5)
  _, method = by_hand(free, np.zeros((9, 2)), policies=policies)
  scores = run(policy_information, free, method)
  p = np.array([2, 2, 1, 1]) / 6
  assert scores['action_information'] == pytest.approx(-p @ np.log(p), abs=1e-5)


def test_prediction_of_policies_of_three_steps():
  """Right unless at the wall, then left: the ends are known."""
  states, pictures = known(OPEN)
  ends = states.copy()
  for _ in range(3):
    ends[:, 0] += np.where(ends[:, 0] < SIDE - 1, 1, -1)
  number = {tuple(s): k for k, s in enumerate(states.tolist())}
  end = np.array([number[tuple(s)] for s in ends.tolist()])
  codes = jnp.asarray(STEP * states, jnp.float32)

  def place(vector):
    apart = jnp.sum(jnp.square(vector[:, None] - codes[None]), -1)
    return jnp.argmin(apart, axis=1)

  def policies(state, observation, embeddings):
    del embeddings
    vector = method.represent(state, observation).vector
    at_wall = vector[:, :1] > STEP * (SIDE - 1.5)
    logits = jnp.where(at_wall, 90 * jnp.eye(4)[3], 90 * jnp.eye(4)[2])
    return logits[:, None]

  extras = {
    'embeddings': directions()['embeddings'],
    'policies': policies,
    'transition': lambda state, h, phi: codes[jnp.asarray(end)[place(h)]],
  }
  _, method = by_hand(OPEN, codes, **extras)
  scores = run(policy_prediction, OPEN, method, num_embeddings=2)
  still = np.sum((pictures[end] - pictures) ** 2, axis=1).mean()
  expected = {
    'prediction_error': 0,
    'no_change_error': still,
    'prediction_ratio': 0,
    'latent_prediction_ratio': 0,
    'policies_moved': np.mean(end != np.arange(len(end))),
  }
  assert scores == pytest.approx(expected, abs=1e-5)
  assert 0 < expected['policies_moved'] <= 1
  # Predicting one step of the three, and none at all.
  ahead = {**extras, 'transition': lambda state, h, phi: h}
  _, other = by_hand(OPEN, codes, **ahead)
  scores = run(policy_prediction, OPEN, other, num_embeddings=2)
  assert scores['prediction_error'] == pytest.approx(still, rel=1e-5)
  assert scores['prediction_ratio'] == scores['latent_prediction_ratio'] == 1
  one = lambda state, h, phi: h.at[:, 1].add(STEP)
  _, other = by_hand(OPEN, codes, **{**extras, 'transition': one})
  scores = run(policy_prediction, OPEN, other, num_embeddings=2)
  guess = states + [0, 1]
  missed = np.sum((guess - ends) ** 2, axis=1).mean()
  ratio = missed / np.sum((states - ends) ** 2, axis=1).mean()
  assert scores['latent_prediction_ratio'] == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize(
  'module', [action_effects, policy_information, policy_prediction]
)
def test_data_without_a_world_are_refused(module):
  with pytest.raises(errors.ConfigError, match='needs a world') as caught:
    module.make(module.Config(), data_lib.load('blobs'))
  assert '\n' not in str(caught.value)
  with pytest.raises(errors.ConfigError, match='num_states'):
    module.make(module.Config(num_states=1), OPEN)
