"""The seek-avoid world: its moves, its exact returns, its two domains."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import environments, factorial
from disentangle_jax.data.control import seek_avoid

WORLD = data.load('seek_avoid', resolution=16)
TASK = WORLD.extras['task']
KEY = jax.random.key(0)


@pytest.fixture(scope='module')
def moves():
  """States [81 * 2 * 2, 5], and where each action led from them."""
  points = factorial.grid(WORLD.factor_sizes)
  rooms = seek_avoid.rooms_of(seek_avoid.Config(), 'target')
  chosen = [
    hues[0] == hue and floor in rooms
    for hue, floor, hues in zip(
      points[:, 3], points[:, 4], [rooms.get(f, (-1,)) for f in points[:, 4]]
    )
  ]
  states = points[np.array(chosen)]
  keys = jax.random.split(KEY, len(states))
  step = lambda key, s, a: TASK.target.step(key, s, a)
  many = jax.vmap(jax.vmap(step, (None, None, 0)), (0, 0, None))
  return states, jax.device_get(jax.jit(many)(keys, states, np.arange(5)))


def test_every_action_in_every_state(moves):
  states, (after, reward, done) = moves
  assert len(states) == 81 * 2 * 2 and not done.any()
  rooms = seek_avoid.rooms_of(seek_avoid.Config(), 'target')
  # The agent goes down, up, right, left, stays: the object goes against it.
  agent = [(0, 1), (0, -1), (1, 0), (-1, 0), (0, 0)]
  for state, ends, rewards in zip(states, after, reward):
    for (dx, dy), end, paid in zip(agent, ends, rewards):
      x, y = state[0] - dx, state[1] - dy
      reached = (x, y) == (4, 4) and (dx, dy) != (0, 0)
      prize = (1, -1)[state[2]] if reached else 0
      assert paid == pytest.approx(prize - 0.01)
      assert end[4] == state[4]
      if reached or not (0 <= x < 9 and 0 <= y < 9):
        # A new object of this room, which is legal and not in the middle.
        assert tuple(end[:2]) != (4, 4) and end[3] in rooms[int(state[4])]
        assert np.all((end[:2] >= 0) & (end[:2] < 9)) and end[2] in (0, 1)
      else:
        np.testing.assert_array_equal(end, [x, y, *state[2:]])


def test_it_keeps_the_laws():
  small = data.load('seek_avoid', resolution=8)
  target = small.extras['task'].target
  environments.check(small._replace(extras={'environment': target}))


def test_returns_are_those_of_simulated_episodes():
  """1e5 steps each of the best, a uniform and the best blind policy."""
  returns, episodes = TASK.returns, 3200
  optimal = jnp.asarray(returns.actions)

  def earned(choose):
    def one(carried, given):
      point, worth = carried
      key, left = given
      keys = jax.random.split(key)
      action = choose(keys[0], point, left)
      point, reward, _ = TASK.source.step(keys[1], point, action)
      return (point, worth * 0.95), worth * reward

    def episode(key):
      keys = jax.random.split(key, 33)
      start = TASK.source.reset(keys[0]), jnp.float32(1)
      given = keys[1:], jnp.arange(32)[::-1]
      return jnp.sum(jax.lax.scan(one, start, given)[1])

    return jax.vmap(episode)(jax.random.split(KEY, episodes))

  best = lambda key, p, left: optimal[left, p[0], p[1], p[2]]
  anything = lambda key, p, left: jax.random.randint(key, (), 0, 5)
  told = jax.device_get(jax.jit(lambda: (earned(best), earned(anything)))())
  for values, expected in zip(told, (returns.optimal, returns.random)):
    error = values.std() / episodes**0.5
    assert abs(values.mean() - expected) < 4 * error
  # Who does not see the shape pays for its steps and wins nothing on average.
  steps = sum(0.01 * 0.95**t for t in range(32))
  assert returns.random == pytest.approx(-steps)
  assert returns.blind == pytest.approx(-steps)
  assert (
    TASK.normalised(returns.blind) < 0.6 < 1 == TASK.normalised(returns.optimal)
  )


@pytest.mark.parametrize('shift', seek_avoid.CHANGES)
def test_domains_differ_in_colours_alone(shift):
  world = data.load('seek_avoid', resolution=8, shift=shift)
  points = factorial.grid(world.factor_sizes)
  inside = world.extras['task'].points
  source, target = (points[inside[d]] for d in seek_avoid.DOMAINS)
  of = lambda rows, *k: set(map(tuple, rows[:, k].tolist()))
  assert not of(source, 3, 4) & of(target, 3, 4)
  assert of(source, 0, 1, 2) == of(target, 0, 1, 2) == of(points, 0, 1, 2)
  assert of(source, 4) == of(target, 4) == {(0,), (3,)}
  same = of(source, 3) == of(target, 3)
  assert same == (shift == 'conjunction')
  # Where episodes begin is inside of a domain, and all of it comes.
  for domain in seek_avoid.DOMAINS:
    reset = getattr(world.extras['task'], domain).reset
    starts = jax.jit(jax.vmap(reset))(jax.random.split(KEY, 4000))
    own = points[inside[domain]]
    own = own[np.any(own[:, :2] != 4, axis=1)]
    assert of(np.asarray(starts), 3, 4) == of(own, 3, 4)
    assert of(np.asarray(starts), 0, 1, 2) == of(own, 0, 1, 2)


def test_pictures_tell_their_states():
  render = jax.jit(jax.vmap(lambda p: WORLD.render((), p, KEY)))
  rgb = data.load('seek_avoid', resolution=16, colour_space='rgb')
  painted = jax.jit(jax.vmap(lambda p: rgb.render((), p, KEY)))
  points = factorial.grid((9, 9, 2, 1, 1))
  points[:, 3:] = 2, 5
  images = np.asarray(render(points))
  colours = np.asarray(painted(points))
  rows, columns = np.mgrid[:16, :16] + 0.5
  for point, image, picture in zip(points, images, colours):
    bright = image[..., 2] - 0.5  # 0.5 of the object, 0 of the floor
    if np.all(abs(point[:2] - 4) < 4):  # nothing is cut off
      centre = [(k * bright).sum() / bright.sum() for k in (columns, rows)]
      np.testing.assert_allclose(centre, 8 + 1.25 * (point[:2] - 4), atol=0.02)
      area = (36.0, np.pi * 9)[1 - point[2]]
      assert bright.sum() / 0.5 == pytest.approx(area, rel=0.03)
    full = bright == 0.5
    np.testing.assert_allclose(image[full][:, 0], 2 / 6, rtol=1e-6)
    np.testing.assert_allclose(image[bright == 0][:, 0], 5 / 6, rtol=1e-6)
    for mask, hue, value in ((full, 2 / 6, 1.0), (bright == 0, 5 / 6, 0.5)):
      expected = colorsys.hsv_to_rgb(hue, 1.0, value)
      got = picture[mask]
      np.testing.assert_allclose(
        got, np.broadcast_to(expected, got.shape), atol=1e-6
      )
  flat = images.reshape(len(images), -1)
  gap = np.abs(flat[:, None] - flat[None]).max(-1)
  assert gap[~np.eye(len(gap), dtype=bool)].min() > 0.05


def test_eyes_may_be_shown_the_source_alone():
  world = data.load('seek_avoid', resolution=8, vision_data='source')
  batch = jax.jit(world.sample)(KEY, world.arrays, jnp.arange(2000))
  pairs = set(map(tuple, np.asarray(batch['factors'])[:, 3:].tolist()))
  assert pairs == {(0, 0), (1, 0), (3, 3), (4, 3)}
  assert WORLD.factor_sizes == (9, 9, 2, 6, 6)


@pytest.mark.parametrize(
  ('options', 'word'),
  [
    ({'object_sets': ((0, 1), (1, 2))}, 'must not overlap'),
    ({'object_sets': ((0, 0), (1, 2))}, 'must not overlap'),
    ({'object_sets': ((0,), (1, 2))}, 'equally long'),
    ({'object_sets': ((0, 1), (4, 6))}, '0 to 5'),
    ({'rooms': (2, 2)}, 'the target would be the source'),
    ({'rooms': (0, 6)}, '0 to 5'),
    (
      {'shift': 'novel_hue', 'vision_data': 'source'},
      'shows eyes no hue of the target',
    ),
    (
      {'shift': 'novel_hue', 'object_sets': ((0, 1, 2), (3, 4, 5))},
      'leaves no hue',
    ),
    ({'shift': 'hue'}, 'conjunction, novel_hue'),
    ({'colour_space': 'lab'}, 'hsv, rgb'),
    ({'discount': 1.5}, 'discount'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(options, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    data.load('seek_avoid', resolution=8, **options)
  assert '\n' not in str(caught.value)
