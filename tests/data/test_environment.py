"""An environment is a data set with pure functions; the laws that it keeps.

The gridworld below is the documentation: an agent on a 3 x 3 board with a wall
in the middle, a goal in the corner, four moves. Its data set's grid is the
agent's place; the wall is a place without probability.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, requests, types
from disentangle_jax.data import (
  distributions,
  environments,
  factorial,
  samplers,
)

SIDE = 3
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
WALL, GOAL = (1, 1), (2, 2)


def free(place):
  """bool [...]: on the board and not in the wall."""
  inside = ((place >= 0) & (place < SIDE)).all(-1)
  return inside & (place != jnp.asarray(WALL)).any(-1)


def gridworld(**changed):
  """The data set; `changed` are functions of the environment to be replaced."""

  def render(arrays, factors, key):
    del key
    board = jnp.zeros((SIDE, SIDE)).at[WALL].set(0.5)
    board = board.at[factors[0], factors[1]].set(arrays['agent'])
    return board[..., None]

  def reset(key):
    place = jax.random.randint(key, (), 0, 8)
    # Eight places are free: the fifth of nine is the wall.
    return factorial.unflatten(place + (place >= 4), (SIDE, SIDE))

  def legal(place):
    return free(place + jnp.asarray(MOVES))

  def step(key, place, action):
    del key
    moved = jnp.where(
      legal(place)[action], place + jnp.asarray(MOVES)[action], place
    )
    done = (moved == jnp.asarray(GOAL)).all()
    return moved, done.astype(jnp.float32), done

  functions = {
    'reset': reset,
    'step': step,
    'observe': render,
    'legal': legal,
    'num_actions': len(MOVES),
    **changed,
  }
  dataset = factorial.make(
    name='gridworld',
    factor_names=('row', 'column'),
    factor_values=(np.arange(float(SIDE)),) * 2,
    observation_shape=(SIDE, SIDE, 1),
    render=render,
    arrays={'agent': jnp.float32(1.0)},
    extras={'environment': types.Environment(**functions)},
  )
  wall = lambda factors: (factors == WALL).all(-1)
  return distributions.held_out(dataset, wall)


def test_the_gridworld_keeps_the_laws():
  dataset = gridworld()
  environments.check(dataset)
  data.check(dataset)


def test_it_is_a_data_set_like_any_other():
  """And its environment reads the arrays of the set as it is."""
  dataset = gridworld()
  environment = dataset.extras['environment']
  wanted = (requests.Pair(1), requests.Sequence(5))
  sample = jax.jit(samplers.make(dataset, wanted))
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(64))
  seen = jax.vmap(environment.observe, (None, 0, None))(
    dataset.arrays, batch['factors'], jax.random.key(0)
  )
  np.testing.assert_array_equal(seen, batch['observation'])
  for name in ('factors', 'pair_factors', 'sequence_factors'):
    assert not (np.asarray(batch[name]) == WALL).all(-1).any()
  joined = data.joined.join(dataset, data.load('xor'))
  environments.check(joined)


def test_every_legal_move_keeps_the_state_legal():
  environment = gridworld().extras['environment']
  for place in factorial.grid((SIDE, SIDE)):
    if tuple(place) == WALL:
      continue
    for action, legal in enumerate(environment.legal(jnp.asarray(place))):
      after, _, done = environment.step(None, jnp.asarray(place), action)
      assert bool(free(after)) and bool(done) == (tuple(after) == GOAL)
      assert bool((after != place).any()) == bool(legal)


def test_a_continuous_environment_keeps_them_too():
  def step(key, state, action):
    place, count = state
    moved = place + action + 0.1 * jax.random.normal(key, (2,))
    return (moved, count + 1), -jnp.sum(moved**2), jnp.sum(moved**2) > 9.0

  dataset = gridworld(
    reset=lambda key: (jax.random.normal(key, (2,)), jnp.int32(0)),
    step=step,
    observe=lambda arrays, s, key: jnp.full((SIDE, SIDE, 1), s[0].mean()),
    legal=lambda s: jnp.zeros((0,), bool),
    num_actions=0,
    action_shape=(2,),
  )
  environments.check(dataset)


class Counter:
  """Python state where there must be none."""

  def __init__(self):
    self.calls = 0

  def reset(self, key):
    del key
    self.calls += 1
    return jnp.array([self.calls % 2, 0])


def without(name):
  """The environment's own function, for wrapping."""
  return getattr(gridworld().extras['environment'], name)


def with_step(change):
  step = without('step')
  return {'step': lambda key, s, a: change(s, *step(key, s, a))}


@pytest.mark.parametrize(
  'changed, said',
  [
    ({'num_actions': 5}, r'legal must give \(\(5,\)'),
    ({'num_actions': 0}, 'num_actions = 0: with action_shape'),
    ({'action_shape': (2,)}, r'num_actions = 4: with action_shape \(2,\)'),
    ({'num_actions': 4.0}, 'num_actions = 4.0'),
    ({'legal': lambda s: jnp.ones(4)}, r"legal must give .*\(4,\), 'float32'"),
    ({'legal': lambda s: jnp.zeros(4, bool)}, 'a start has no legal action'),
    ({'legal': lambda s: jnp.ones(4, bool)}, 'a legal action changes nothing'),
    (with_step(lambda s, t, r, d: (t, r, r)), 'done must give'),
    (with_step(lambda s, t, r, d: (t, r[None], d)), 'the reward must give'),
    (with_step(lambda s, t, r, d: (t[:1], r, d)), 'must keep the state'),
    (with_step(lambda s, t, r, d: ((t,), r, d)), 'must keep the state'),
    (with_step(lambda s, t, r, d: (s, r, d)), 'changes nothing'),
    (
      with_step(lambda s, t, r, d: (jnp.full_like(t, 9), r, d & False)),
      'a state after a legal step has no legal action',
    ),
    (
      {'observe': lambda arrays, s, key: jnp.zeros((SIDE, SIDE))},
      'observe must give',
    ),
    (
      {'observe': lambda arrays, s, key: jnp.zeros((SIDE, SIDE, 1), int)},
      'observe must give',
    ),
    ({'reset': Counter().reset}, 'other results for the same key'),
  ],
)
def test_broken_laws_are_refused(changed, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    environments.check(gridworld(**changed))
  assert '\n' not in str(caught.value)


def test_sets_without_an_environment_are_refused():
  with pytest.raises(errors.ConfigError, match=r'must be a types\.Env'):
    environments.check(data.load('xor'))
