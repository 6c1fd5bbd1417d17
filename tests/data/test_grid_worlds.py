"""Gridworld and two digits: every state, every action, at tiny sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, requests
from disentangle_jax.data import environments, exclusions, factorial, samplers
from disentangle_jax.data.control import gridworld, two_digits

WORLD = {
  'cells': 3,
  'blocks': ((1, 1),),
  'switches': ((0, 2), (2, 0)),
  'more_actions': ('up_again', 'down_left', 'stay'),
  'pixels': 2,
  'side': 2,
  'spread': 1.5,
}
NAMES = ('down', 'up', 'right', 'left', 'up_again', 'down_left', 'stay')
DIGITS = {'places': 3, 'step': 2, 'side': 5}
BOTH = [('gridworld', WORLD), ('two_digits', DIGITS)]
every_world = pytest.mark.parametrize(('name', 'options'), BOTH)


def walk(name, state, action):
  """What an action does, in plain Python; the state itself if it may not."""
  state = list(map(int, state))
  after = list(state)
  if name == 'two_digits':
    first = 0 if action < 4 else 2
    dx, dy = ((0, 1), (0, -1), (1, 0), (-1, 0))[action % 4]
    x, y = state[first] + dx, state[first + 1] + dy
    if 0 <= x < 3 and 0 <= y < 3:
      after[first : first + 2] = x, y
    return after
  if action == 7:
    for k, cell in enumerate(WORLD['switches']):
      if tuple(state[:2]) == cell:
        after[2 + k] = 1 - after[2 + k]
    return after
  dx, dy = {
    'down': (0, 1),
    'up': (0, -1),
    'right': (1, 0),
    'left': (-1, 0),
    'up_again': (0, -1),
    'down_left': (-1, 1),
    'stay': (0, 0),
  }[NAMES[action]]
  x, y = state[0] + dx, state[1] + dy
  if 0 <= x < 3 and 0 <= y < 3 and (x, y) != (1, 1):
    after[:2] = x, y
  return after


def all_states(dataset):
  grid = factorial.grid(dataset.factor_sizes)
  return np.delete(grid, exclusions.left_out(dataset), axis=0)


@every_world
def test_every_action_in_every_state(name, options):
  """Against plain Python: legal where something changes, and that it stays."""
  dataset = data.load(name, **options)
  world, states = dataset.extras['environment'], all_states(dataset)
  assert len(states) == (8 * 4 if name == 'gridworld' else 81)
  actions = np.arange(world.num_actions)
  step = lambda s, a: world.step(jax.random.key(0), s, a)
  many = jax.vmap(jax.vmap(step, (None, 0)), (0, None))
  after, reward, done = jax.jit(many)(states, actions)
  expected = np.array([[walk(name, s, a) for a in actions] for s in states])
  np.testing.assert_array_equal(after, expected)
  assert not np.any(reward) and not np.any(done)
  legal = np.asarray(jax.jit(jax.vmap(world.legal))(states))
  np.testing.assert_array_equal(legal, (expected != states[:, None]).any(-1))
  # Every legal action keeps the state legal and can be undone.
  known = set(map(tuple, states.tolist()))
  for number, row in enumerate(expected):
    for action in actions[legal[number]]:
      assert tuple(row[action]) in known
      back = [walk(name, row[action], a) for a in actions]
      if name == 'two_digits' or action != 5:  # down and left: two steps back
        assert states[number].tolist() in back
  # What an action adds to the grid point.
  moves = dataset.extras['moves']
  positions = 4 if name == 'two_digits' else 2
  for number, action in np.argwhere(legal):
    change = expected[number, action] - states[number]
    np.testing.assert_array_equal(change[:positions], moves[action][:positions])


@every_world
def test_a_picture_tells_its_state(name, options):
  """Decoded by hand; no two states look alike."""
  dataset = data.load(name, **options)
  world, states = dataset.extras['environment'], all_states(dataset)
  look = lambda s: world.observe(dataset.arrays, s, jax.random.key(0))
  images = np.asarray(jax.jit(jax.vmap(look))(states))
  flat = images.reshape(len(images), -1)
  gap = np.abs(flat[:, None] - flat[None]).max(-1)
  assert gap[~np.eye(len(gap), dtype=bool)].min() > 0.1
  render = lambda s: dataset.render(dataset.arrays, s, jax.random.key(1))
  np.testing.assert_array_equal(jax.vmap(render)(states), images)
  if name == 'two_digits':
    return
  for state, image in zip(states, images):
    agent, walls, lamps = np.moveaxis(image, -1, 0)
    rows, columns = np.mgrid[:6, :6] + 0.5
    mean = lambda k, a=agent: (k * a**8).sum() / (a**8).sum()
    seen = [round((mean(columns) - 1) / 2), round((mean(rows) - 1) / 2)]
    on = [float(lamps[2 * y, 2 * x]) for x, y in WORLD['switches']]
    assert seen + [int(light == 1) for light in on] == state.tolist()
    assert set(on) <= {0.5, 1.0} and (lamps > 0).sum() == 8
    assert walls.sum() == walls[2:4, 2:4].sum() == 4


def test_a_square_agent_moves_by_half_its_side():
  dataset = data.load('gridworld', cells=10, pixels=1, side=2, agent='square')
  assert dataset.observation_shape == (11, 11, 1)
  image = np.asarray(dataset.render((), jnp.array([3, 7]), None))
  expected = np.zeros((11, 11, 1))
  expected[7:9, 3:5] = 1
  np.testing.assert_array_equal(image, expected)


def test_a_soft_agent_is_a_gaussian():
  dataset = data.load('gridworld', cells=5, pixels=2, side=2, spread=1.5)
  image = np.asarray(dataset.render((), jnp.array([1, 4]), None))
  rows, columns = np.mgrid[:10, :10] + 0.5
  expected = np.exp(-((columns - 3) ** 2 + (rows - 9) ** 2) / 4.5)
  np.testing.assert_allclose(image[..., 0], expected, atol=1e-6)


def test_two_digits_add_up_and_are_clipped():
  dataset = data.load('two_digits', **DIGITS, odds=(1, 7), evens=(0, 8))
  assert dataset.factor_names == (*two_digits.POSITIONS, 'odd', 'even')
  render = jax.jit(lambda s: dataset.render((), s, None)[..., 0])
  of = lambda *state: np.asarray(render(jnp.array(state)))
  apart = of(0, 0, 2, 2, 1, 0)
  # The same two somewhere else, cut out at their places.
  other = of(2, 0, 0, 2, 1, 0)
  moved = np.zeros_like(other)
  moved[:5, :5], moved[4:, 4:] = other[:5, 4:], other[4:, :5]
  clear = np.ones_like(moved, bool)
  clear[4, 4] = False
  np.testing.assert_array_equal(apart[clear], moved[clear])
  assert of(1, 1, 1, 1, 0, 1).max() == 1.0
  assert np.abs(of(0, 0, 2, 2, 0, 0) - apart).max() > 0.1


@every_world
def test_they_keep_the_laws_and_are_data_sets(name, options):
  if name == 'two_digits':
    options = {**options, 'odds': (1, 3)}
  dataset = data.load(name, **options)
  environments.check(dataset)
  wanted = (requests.Pair(1), requests.Sequence(4))
  sample = jax.jit(samplers.make(dataset, wanted))
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(64))
  known = set(map(tuple, all_states(dataset).tolist()))
  for field in ('factors', 'pair_factors', 'sequence_factors'):
    points = np.asarray(batch[field]).reshape(-1, len(dataset.factor_sizes))
    assert set(map(tuple, points.tolist())) <= known
  # Starts are uniform over legal states: chi-square, 3 sigma and more.
  start = jax.vmap(dataset.extras['environment'].reset)
  keys = jax.random.split(jax.random.key(1), 50 * len(known))
  drawn = list(map(tuple, np.asarray(jax.jit(start)(keys)).tolist()))
  counts = np.array([drawn.count(state) for state in known])
  assert counts.sum() == len(keys)
  freedom = len(known) - 1
  chi = ((counts - 50) ** 2 / 50).sum()
  assert abs(chi - freedom) < 4 * np.sqrt(2 * freedom)


def test_default_sizes_are_the_papers():
  assert data.load('gridworld').observation_shape == (64, 64, 1)
  world = data.load('gridworld', blocks=((3, 3),))
  assert world.observation_shape == (64, 64, 3)
  assert data.load('two_digits').observation_shape == (64, 64, 1)
  assert gridworld.actions(gridworld.Config()) == NAMES[:4]
  assert two_digits.actions()[5] == 'even_up'


@pytest.mark.parametrize(
  ('name', 'options', 'said'),
  [
    ('gridworld', {'cells': 3, 'blocks': ((1, 0), (0, 1))}, 'be reached'),
    ('gridworld', {'cells': 2, 'blocks': ((0, 0), (1, 0), (0, 1))}, 'than two'),
    ('gridworld', {'blocks': ((0, 9),)}, 'blocks'),
    ('gridworld', {'blocks': (3,)}, 'blocks'),
    ('gridworld', {'blocks': ((1, 1),), 'switches': ((1, 1),)}, 'switches'),
    ('gridworld', {'more_actions': ('jump',)}, 'jump'),
    ('gridworld', {'more_actions': ('stay', 'stay')}, 'more_actions'),
    ('gridworld', {'agent': 'round'}, 'soft, square'),
    ('gridworld', {'side': 4}, 'at least a step'),
    ('gridworld', {'cells': 1}, 'cells'),
    ('gridworld', {'spread': 0.0}, 'spread'),
    ('two_digits', {'odds': (2,)}, 'odd digits'),
    ('two_digits', {'evens': ()}, 'even digits'),
    ('two_digits', {'evens': (2, 2)}, 'twice'),
    ('two_digits', {'places': 1}, 'places'),
    (
      'gridworld',
      {
        'blocks': ((3, 3),),
        'distribution': 'held_out',
        'pair': ('position_x', 'position_y'),
      },
      'illegal in gridworld',
    ),
  ],
)
def test_bad_options_are_refused_in_one_line(name, options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load(name, **options)
  assert 'config.dataset.' in str(caught.value)
  assert '\n' not in str(caught.value)
