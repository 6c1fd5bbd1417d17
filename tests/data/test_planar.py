"""The planar system: its laws, its pictures, its tables."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, requests
from disentangle_jax.data import environments, factorial, samplers
from disentangle_jax.data.control import planar

SMALL = {'triples': 300, 'others': 80}
SOFT = {'pictures': 'soft', 'resolution': 20, 'brightness': 0.5, **SMALL}


@functools.cache
def load(soft=False):
  return data.load('planar', **(SOFT if soft else SMALL))


def is_legal(x, y):
  """In the arena and in no obstacle's square, one by one."""
  if not (1.5 <= x <= 38.5 and 1.5 <= y <= 38.5):
    return False
  return all(
    abs(x - a) >= 1.5 or abs(y - b) >= 1.5 for a, b in planar.OBSTACLES
  )


@pytest.mark.parametrize('soft', [False, True])
def test_the_environment_keeps_the_laws(soft):
  environments.check(load(soft))
  environments.check(load(soft).extras['other'])
  if soft:
    environments.check(data.load('planar', noise=0.5, **SOFT))


def test_every_move_keeps_the_state_legal():
  environment = load().extras['environment']
  starts = jax.vmap(environment.reset)(jax.random.split(jax.random.key(0), 200))
  # Moves of up to 4 pixels: more than a move may have.
  actions = jax.random.uniform(
    jax.random.key(1), (30, 200, 2), minval=-4.0, maxval=4.0
  )
  step = jax.vmap(environment.step, (None, 0, 0))

  def onwards(position, action):
    after, reward, done = step(None, position, action)
    return after, (after, reward, done)

  walk = jax.jit(lambda s, a: jax.lax.scan(onwards, s, a)[1])
  path, reward, done = map(np.asarray, walk(starts, actions))
  assert all(is_legal(*p) for p in np.asarray(starts))
  assert not done.any()
  before = np.concatenate([np.asarray(starts)[None], path[:-1]])
  stopped = 0
  for t in range(30):
    for b in range(200):
      u = np.clip(np.asarray(actions)[t, b], -3, 3)
      to = np.clip(before[t, b] + u, 1.5, 38.5).astype(np.float32)
      legal = is_legal(*to)
      stopped += not legal
      expected = to if legal else before[t, b]
      np.testing.assert_allclose(path[t, b], expected, atol=1e-5)
      assert is_legal(*path[t, b])
      away = np.sum((path[t, b] - 37.0) ** 2)
      price = -0.01 * away - 0.1 * np.sum(u**2)
      np.testing.assert_allclose(reward[t, b], price, rtol=1e-4)
  assert stopped > 50


def test_a_move_onto_an_obstacle_leaves_the_state():
  for start, action in (
    ([18.0, 13.5], [2.5, 0.0]),
    ([10.5, 23.0], [0.0, -2.0]),
    ([30.5, 18.0], [0.5, 2.0]),
  ):
    start = jnp.array(start)
    np.testing.assert_array_equal(planar.move(start, jnp.array(action)), start)
    # The same move away from it is made.
    back = planar.move(start, -jnp.array(action))
    np.testing.assert_allclose(back, start - jnp.array(action), atol=1e-6)


def test_which_lines_are_blocked():
  start = np.array([[5.0, 5.0], [5.0, 5.0], [5.0, 5.0], [5.0, 20.5]])
  goal = np.array([[37.0, 37.0], [37.0, 3.0], [3.0, 37.0], [37.0, 20.5]])
  blocked = planar.blocked(start.astype(np.float32), goal.astype(np.float32))
  assert list(blocked) == [False, True, False, True]


@pytest.mark.parametrize('which', ['first', 'other'])
def test_hard_pictures_can_be_read_back(which):
  """All legal pixels look different, and the agent stands where it is."""
  dataset = load() if which == 'first' else load().extras['other']
  points = factorial.grid(dataset.factor_sizes)
  density = np.asarray(dataset.log_density(points))
  points = points[np.isfinite(density)]
  positions = planar.GRID[points]
  assert all(is_legal(*p) for p in positions)
  np.testing.assert_allclose(
    np.exp(density[np.isfinite(density)]).sum(), 1.0, rtol=1e-4
  )
  environment = dataset.extras['environment']
  see = jax.jit(jax.vmap(environment.observe, (None, 0, None)))
  # Anywhere within half a pixel it looks the same.
  shifted = jnp.asarray(positions + [0.3, -0.4], jnp.float32)
  images = np.asarray(see((), jnp.asarray(positions, jnp.float32), None))
  np.testing.assert_array_equal(images, see((), shifted, None))
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  np.testing.assert_array_equal(images, render((), points, None))
  flat = images.reshape(len(images), -1)
  assert set(np.unique(flat)) == {0.0, 1.0}
  assert len(np.unique(flat, axis=0)) == len(flat)
  # By hand, where nothing hides it: rows are y, columns x.
  agent = images[..., 0] - images[..., 0].min(0)
  clear = np.flatnonzero(agent.sum((1, 2)) == (9 if which == 'first' else 5))
  assert len(clear) > 900
  for n in clear[::50]:
    y, x = np.nonzero(agent[n])
    np.testing.assert_allclose([x.mean(), y.mean()], positions[n])


def test_hard_obstacles_are_discs():
  image = np.asarray(load().render((), jnp.array([0, 0]), None))[..., 0]
  # The agent stands in the corner, at pixel (2, 2).
  for y in range(40):
    for x in range(40):
      disc = any(np.hypot(x - a, y - b) <= 2.5 for a, b in planar.OBSTACLES)
      agent = abs(x - 2) <= 1 and abs(y - 2) <= 1
      assert image[y, x] == (disc or agent), (x, y)


@pytest.mark.parametrize('shape', planar.SHAPES)
def test_soft_pictures_can_be_read_back(shape):
  """The nearest picture of a grid of half pixels is that of the position."""
  config = planar.Config(pictures='soft', resolution=20, brightness=0.5)
  paint = jax.jit(jax.vmap(planar.painter(config, shape)))
  axis = np.arange(2.0, 38.5, 0.5, dtype=np.float32)
  grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
  grid = grid[planar.legal(grid)]
  images = np.asarray(paint(grid)).reshape(len(grid), -1)
  random = np.random.default_rng(0)
  rows = random.choice(len(grid), 100, replace=False)
  shifted = grid[rows] + random.uniform(-0.1, 0.1, (100, 2)).astype(np.float32)
  seen = np.asarray(paint(shifted)).reshape(100, -1)
  apart = (seen**2).sum(1)[:, None] + (images**2).sum(1) - 2 * seen @ images.T
  np.testing.assert_array_equal(apart.argmin(1), rows)


@pytest.mark.parametrize('soft', [False, True])
def test_both_pictures_differ_near_the_agent_alone(soft):
  first, other = load(soft), load(soft).extras['other']
  points = factorial.grid(first.factor_sizes)[::37]
  pair = lambda f: (first.render((), f, None), other.render((), f, None))
  a, b = jax.jit(jax.vmap(pair))(points)
  pixel = np.arange(40.0) if not soft else 2 * np.arange(20.0) + 0.5
  far = 1.5 if not soft else 15.0
  for n, point in enumerate(points):
    x, y = planar.GRID[point]
    gap = np.abs(np.asarray(a[n] - b[n]))[..., 0]
    assert gap.max() > 0.1
    distance = np.maximum(abs(pixel[None] - x), abs(pixel[:, None] - y))
    assert gap[distance > far].max() < 0.01


def test_small_pictures_are_means():
  paint = lambda **o: planar.painter(
    planar.Config(pictures='soft', **o), 'plus'
  )
  position = jnp.array([11.3, 27.9])
  large = np.asarray(paint()(position))[..., 0]
  small = np.asarray(paint(resolution=20)(position))[..., 0]
  for y in range(20):
    for x in range(20):
      block = large[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
      np.testing.assert_allclose(small[y, x], block.mean(), atol=1e-6)


def test_tables_hold_legal_moves():
  table = planar.tables(planar.Config(triples=500, others=600))
  assert len(table['other']) == 600
  np.testing.assert_array_equal(table['other'][:500], table['state'])
  for name in ('state', 'after', 'other'):
    assert all(is_legal(*p) for p in table[name]), name
  np.testing.assert_allclose(
    table['after'], table['state'] + table['action'], atol=1e-5
  )
  assert np.abs(table['action']).max() <= 3
  # Uniform, up to what is closed: halves of the arena are as frequent.
  assert abs((table['state'][:, 0] < 20).mean() - 0.5) < 0.07
  again = planar.tables(planar.Config(triples=500, others=600))
  jax.tree.map(np.testing.assert_array_equal, table, again)
  other = planar.tables(planar.Config(triples=500, others=600, table_seed=1))
  assert np.any(other['state'] != table['state'])
  pushed = planar.tables(planar.Config(triples=500, others=1, noise=0.5))
  gap = pushed['after'] - pushed['state'] - pushed['action']
  assert 0.4 < gap.std() < 0.6 and all(is_legal(*p) for p in pushed['after'])


def test_batches_hold_transitions():
  dataset = load()
  asked = [requests.Observation(), *map(requests.Field, dataset.fields)]
  asked.append(requests.Sequence(frames=5))
  sample = samplers.make(dataset, asked)
  batch = jax.jit(sample)(jax.random.key(3), dataset.arrays, jnp.arange(64))
  batch = jax.tree.map(np.asarray, batch)

  def read(images, shape):
    """Pixel of an agent that stands clear of obstacles, or None."""
    ground = np.asarray(
      planar.painter(planar.Config(), shape)(jnp.full(2, -9.0))
    )
    found = []
    for image in images - ground:
      y, x = np.nonzero(image[..., 0])
      whole = len(x) == {'square': 9, 'plus': 5}[shape]
      found.append((x.mean(), y.mean()) if whole else (np.nan, np.nan))
    return np.array(found)

  now, then = (
    read(batch[k], 'square') for k in ('observation', 'next_observation')
  )
  clear = np.isfinite(now + then).all(1)
  assert clear.sum() > 30
  # Both ends are rounded.
  assert np.abs(then - now - batch['action'])[clear].max() <= 1.0
  np.testing.assert_array_equal(
    now[clear], planar.GRID[batch['factors'][clear]]
  )
  paired = read(batch['paired_observation'], 'square')
  other = read(batch['other_observation'], 'plus')
  clear = np.isfinite(paired + other).all(1)
  assert clear.sum() > 30
  np.testing.assert_array_equal(paired[clear], other[clear])
  # Rows of the two sets are drawn apart.
  assert np.any(paired[clear] != now[clear])
  table = np.asarray(dataset.arrays['other'])
  assert all(
    np.any(np.all(np.abs(table - p) <= 0.5, axis=1)) for p in other[clear]
  )
  walk = planar.GRID[batch['sequence_factors']]
  assert all(is_legal(*p) for p in walk.reshape(-1, 2))
  assert np.abs(np.diff(walk, axis=1)).max() == 1
  # Row b depends on (key, index[b]) alone.
  order = jnp.asarray([5, 3, 1, 0])
  again = jax.jit(sample)(jax.random.key(3), dataset.arrays, order)
  for name in ('observation', 'action', 'other_observation', 'sequence'):
    np.testing.assert_array_equal(again[name], batch[name][order])


def test_more_others_than_triples_are_not_paired():
  dataset = data.load('planar', triples=50, others=60)
  assert 'paired_observation' not in dataset.fields
  batch = dataset.sample(jax.random.key(0), dataset.arrays, jnp.arange(2))
  assert 'paired_observation' not in batch


@pytest.mark.parametrize(
  'options, word',
  [
    ({'goal': (39.0, 5.0)}, r'within \[1.5, 38.5\]'),
    ({'goal': (20.5, 5.5)}, 'outside of obstacles'),
    ({'goal': 3.0}, 'must be'),
    ({'pictures': 'sharp'}, 'hard, soft'),
    ({'resolution': 30}, 'must divide 40'),
    ({'shapes': ('square', 'circle')}, 'plus'),
    ({'shapes': ('square',)}, 'two shapes'),
    ({'brightness': 2.0}, 'brightness'),
    ({'triples': 0}, 'triples'),
    ({'noise': -1.0}, 'noise'),
    ({'distribution': 'correlated', 'pair': planar.FACTORS}, 'illegal'),
  ],
)
def test_bad_options_are_refused_in_one_line(options, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    data.load('planar', **{**SMALL, **options})
  assert '\n' not in str(caught.value)
