"""Plans in the true world: an oracle reaches all goals, the blind none."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data.control import planar
from disentangle_jax.metrics.models import planning
from disentangle_jax.ops import ilqr

# Obstacles that are not drawn stand in the way all the same.
OPTIONS = {'triples': 50, 'others': 50, 'brightness': 0.0}
CONFIG = planning.Config(tasks=9, num_points=60)


@functools.cache
def world():
  return data_lib.load('planar', **OPTIONS)


@functools.cache
def probe():
  return planning.make(CONFIG, world())


@functools.cache
def context():
  return jax.jit(probe().fit)(jax.random.key(4), ())


def oracle(blind=False, mirrored=False):
  """Reads the position off the pictures, and plans with the true dynamics.

  `blind` has one code for all pictures; `mirrored` swaps the axes of the set
  without actions.
  """
  pixels = jnp.arange(40.0)

  def read(observation):
    image = observation[..., 0]
    mass = jnp.sum(image, axis=(1, 2))
    x = jnp.sum(image * pixels, axis=(1, 2)) / mass
    y = jnp.sum(image * pixels[:, None], axis=(1, 2)) / mass
    z = jnp.stack([x, y], axis=-1)
    if mirrored:
      z = jnp.where((mass < 7)[:, None], z[:, ::-1], z)
    return (20.0 + 0.0 * z if blind else z), mass[:, None] / 10

  def represent(state, observation):
    z, w = read(observation)
    parts = {'dynamics': z, 'content': w}
    return types.Codes(jnp.concatenate([z, w], axis=-1), parts)

  def decode(state, vector):
    paint = lambda shape: planar.painter(planar.Config(brightness=0.0), shape)
    both = [
      jax.vmap(paint(shape))(vector[:, :2]) for shape in ('square', 'plus')
    ]
    first = (vector[:, 2] > 0.7)[:, None, None, None]
    return jnp.where(first, *both)

  def log_likelihood(state, vector, observation):
    return -jnp.sum(jnp.abs(decode(state, vector) - observation), (1, 2, 3))

  def predict(state, observation, action):
    z, w = read(observation)
    return jnp.concatenate([planar.move(z, action), w], axis=-1)

  cost = ilqr.diagonal(2, 2, 10.0, 1.0)

  def plan(key, state, observation, goal, previous):
    z, aim = read(observation)[0], read(goal)[0]
    if previous is None:
      previous = jnp.zeros((len(z), 8, 2))
    one = lambda *given: (
      ilqr.best_of(
        planar.move, key, *given, cost, starts=4, limit=3.0, iterations=2
      ).actions
    )
    return jax.vmap(one)(z, previous, aim)

  return types.Method(
    None,
    None,
    represent,
    decode,
    {'plan': plan, 'predict': predict, 'log_likelihood': log_likelihood},
  )


@functools.cache
def scores(**options):
  method = oracle(**options)
  score = jax.jit(
    lambda context: probe().score(
      jax.random.key(1), context, method, (), (), None
    )
  )
  return {name: float(value) for name, value in score(context()).items()}


def test_the_oracle_reaches_every_goal():
  told = scores()
  for name in ('success', 'success_blocked'):
    assert told[f'{name}/x'] == told[f'{name}/y'] == 1.0
  assert told['success/ceiling'] == 1.0 and told['success/floor'] < 0.2
  assert told['goal_share/x'] > 0.6 and told['goal_share/floor'] < 0.1
  for name in 'xy':
    assert told['planning_loss/ceiling'] <= told[f'planning_loss/{name}'] + 5
    assert told[f'planning_loss/{name}'] < told['planning_loss/floor'] / 3
    assert told[f'map_r2/{name}'] > 0.99
    assert told[f'set_reconstruction/{name}'] == 0.0
    # The next pixel is foretold, but for half pixels of rounding.
    assert told[f'prediction/{name}'] < 8
    assert abs(told[f'content_r2/{name}']) < 0.5
  assert told['content_auc'] == 1.0
  assert told['latent_gap'] < 0.05
  assert 0.2 < told['dynamics_auc'] < 0.8


def test_the_blind_do_not():
  told = scores(blind=True)
  assert told['success/x'] == told['success/y'] == 0.0
  assert told['goal_share/x'] < 0.2
  assert abs(told['map_r2/x']) < 1e-3
  assert told['set_reconstruction/x'] > 10 and told['prediction/x'] > 10
  assert told['dynamics_auc'] == 0.5


def test_a_set_with_another_map_fails_alone():
  """Mirrored codes: the agent walks to the mirrored goal."""
  told, own = scores(mirrored=True), scores()
  for name in ('success/x', 'goal_share/x', 'planning_loss/x'):
    assert told[name] == own[name]
  # The goal on the diagonal is its own mirror, and moves are not: none arrives
  # but by chance.
  assert told['success/y'] < 0.7
  assert told['planning_loss/y'] > 1.5 * own['planning_loss/y']
  assert told['latent_gap'] > 0.5
  assert told['map_r2/y'] > 0.99


def test_every_score_is_declared():
  base = {name.partition('/')[0] for name in scores()}
  assert base == set(planning.SCORES)


def test_tasks_and_positions():
  given = jax.tree.map(np.asarray, context())
  starts, goals = given['starts'], given['goals']
  assert starts.min() >= 3 and starts.max() <= 7
  np.testing.assert_array_equal(goals, np.tile(planning.GOALS, (3, 1)))
  np.testing.assert_array_equal(given['blocked'], planar.blocked(starts, goals))
  assert given['blocked'].any() and not given['blocked'].all()
  assert planar.legal(given['positions']).all()
  assert planar.legal(given['positions'] + given['actions']).all()


def test_what_a_path_is_worth():
  goal = jnp.array([10.0, 10.0])
  path = jnp.array([[4.0, 10.0], [8.0, 10.0], [13.0, 10.0], [11.0, 9.0]])
  actions = jnp.array([[3.0, 0.0], [5.0, 0.0], [0.0, -4.0], [1.0, 2.0]])
  told = planning.judge(path, actions, goal, 2.0)
  assert told['success'] == 1.0 and told['goal_share'] == 0.5
  # Actions count as they were carried out.
  loss = 0.01 * (36 + 4 + 9 + 2) + 0.1 * (9 + 9 + 9 + 5)
  np.testing.assert_allclose(told['planning_loss'], loss, rtol=1e-6)
  told = planning.judge(path[:3], actions[:3], goal, 2.0)
  assert told['success'] == 0.0


def test_linear_maps_against_numpy():
  random = np.random.default_rng(0)
  codes = random.normal(size=(80, 3)) * [1.0, 5.0, 0.1]
  positions = codes @ random.normal(size=(3, 2)) + random.normal(size=(80, 2))
  design = np.column_stack([codes, np.ones(80)])
  left = positions - design @ np.linalg.lstsq(design, positions, rcond=None)[0]
  expected = (1 - left.var(0) / positions.var(0)).min()
  got = planning.fitted_share(*map(jnp.asarray, (codes, positions)))
  np.testing.assert_allclose(got, expected, atol=1e-4)
  # Two clouds apart along a direction that no single number shows well.
  shift = random.normal(size=(400, 2)) @ np.array([[3.0, 3.0], [0.1, -0.1]])
  pair = [jnp.asarray(shift + sign * np.array([0.2, -0.2])) for sign in (1, -1)]
  assert planning.told_apart(*pair) > 0.95
  same = jnp.asarray(random.normal(size=(2, 400, 2)))
  assert 0.4 < planning.told_apart(*same) < 0.6


@pytest.mark.parametrize(
  'options, word',
  [
    ({'steps': 1}, 'at least 2'),
    ({'goals': ((39.0, 3.0),)}, r'within \[1.5, 38.5\]'),
    ({'goals': ((20.5, 6.0),)}, 'outside of obstacles'),
    ({'goals': ()}, 'one at least'),
    ({'near': 0.0}, 'above 0'),
    ({'tasks': 0}, 'tasks'),
  ],
)
def test_bad_constants_are_refused_in_one_line(options, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    planning.make(planning.Config(**options), world())
  assert '\n' not in str(caught.value)


def test_another_data_set_is_refused():
  blobs = data_lib.load('blobs', resolution=8)
  with pytest.raises(errors.ConfigError, match=r'blobs.*planar'):
    planning.make(planning.Config(), blobs)
