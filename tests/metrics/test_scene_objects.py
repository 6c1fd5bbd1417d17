"""The probe of slots on models whose answer is known, and its parts by hand."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import factorial
from disentangle_jax.metrics.models import scene_objects, scene_parts

SPRITES, PLACES, HUES = 3, 6, 2
CONFIG = scene_objects.Config(
  num_train=300, num_test=500, num_scenes=300, num_pairs=300, block=60
)


def cell(place, hue):
  """One pixel of one colour: a sprite that can be told from all others."""
  one_hot = jax.nn.one_hot(place * HUES + hue, PLACES * HUES)
  return one_hot.reshape(PLACES, 1, HUES) / 4


def render(arrays, factors, key):
  """Sprites of a quarter, added; nothing is lost where they meet."""
  del arrays, key
  blocks = factors.reshape(-1, 3)
  each = jax.vmap(cell)(blocks[:, 1], blocks[:, 2])
  return jnp.sum(each * blocks[:, 0, None, None, None], axis=0)


def scenes(sprites=SPRITES):
  block = (np.arange(2.0), np.arange(PLACES), np.arange(HUES))
  return factorial.make(
    name='quarters',
    factor_names=[f'{n}_{f}' for n in range(sprites) for f in 'epc'],
    factor_values=block * sprites,
    observation_shape=(PLACES, 1, HUES),
    render=render,
    extras={'entities': sprites},
  )


DATA = scenes()
# Compiling takes the time, not running.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


def oracle(slots=4, decode_slots=None, exchange=None):
  """Slots are (exists, place, hue) of the sprites; `decode_slots` renders.

  The image is taken apart sprite by sprite, the brightest cell first.
  """

  def represent(state, observation):
    del state
    rest = observation.reshape(len(observation), -1)
    found = []
    for _ in range(slots):
      place = jnp.argmax(rest, axis=1)
      exists = jnp.max(rest, axis=1) > 0
      own = jnp.stack([exists, place // HUES, place % HUES], axis=1)
      found.append(own.astype(jnp.float32))
      rest = rest - exists[:, None] * jax.nn.one_hot(place, rest.shape[1]) / 4
    own = jnp.stack(found, axis=1)
    cells = observation.reshape(len(observation), -1)
    parts = {'slots': own, 'slot_kl': 3 + 5 * own[..., 0], 'kl_map': cells}
    return types.Codes(own.reshape(len(own), -1), parts)

  def rendered(state, own, mask):
    shown = own.at[..., 0].set(own[..., 0] * mask)
    points = shown.astype(jnp.int32).reshape(len(own), -1)
    image = jax.vmap(render, (None, 0, None))((), points, None)
    return image + state

  decode_slots = decode_slots or rendered

  def decode(state, vector):
    own = vector.reshape(len(vector), -1, 3)
    return decode_slots(state, own, jnp.ones(own.shape[:2], bool))

  def swapped(state, observation, other):
    codes = [represent(state, x).parts['slots'] for x in (observation, other)]
    swap = lambda own, given: own.at[:, 0].set(given[:, 0])
    everything = jnp.ones(codes[0].shape[:2], bool)
    return tuple(
      decode_slots(state, swap(own, given), everything)
      for own, given in (codes, codes[::-1])
    )

  extras = {'decode_slots': decode_slots, 'exchange': exchange or swapped}
  return types.Method(None, None, represent, decode, extras)


@functools.cache
def probe():
  return scene_objects.make(CONFIG, DATA)


def asked(method, state=0.0):
  score = lambda s: probe().score(jax.random.key(1), (), method, s, (), None)
  return {k: float(v) for k, v in quick_jit(score)(jnp.float32(state)).items()}


def test_the_renderer_itself_scores_perfectly():
  scores = asked(oracle())
  assert set(scores) == set(scene_objects.SCORES)
  for name in ('object_count_train', 'object_count_test', 'slot_found'):
    assert scores[name] == 1, name
  assert scores['exchange_error'] == scores['scene_error'] == 0
  assert scores['exchange_excess'] == 1
  assert scores['sequential_surplus'] == scores['sequential_ratio'] == 0
  # One sprite more is a quarter in one cell.
  np.testing.assert_allclose(scores['sequential_real'], 1 / 16, rtol=1e-5)
  # Three fair coins: 1 and 2 are the most frequent numbers, 3/8 each.
  assert abs(scores['object_count_majority'] - 0.375) < 0.07
  # Cells that hold a sprite are fewer than sprites where two meet.
  assert 0.5 < scores['object_count_map'] < 1
  assert abs(scores['object_count_map'] - scores['object_count_ceiling']) < 0.01


def test_as_many_slots_as_sprites_leave_surplus_in_poorer_scenes_alone():
  scores = asked(oracle(slots=3))
  assert scores['object_count_test'] == scores['slot_found'] == 1
  assert scores['sequential_ratio'] == 0


def test_fewer_slots_than_sprites_find_fewer():
  scores = asked(oracle(slots=1))
  # 1 of n sprites in scenes of n = 1, 2, 3: 7/8 of 3/2 on average.
  assert abs(scores['slot_found'] - 7 / 12) < 0.05
  assert scores['sequential_real'] == scores['sequential_surplus'] == 0


def test_a_method_without_slots_has_the_scores_of_exchange_alone():
  perfect = oracle()
  other = perfect._replace(extras={'exchange': perfect.extras['exchange']})
  scores = asked(other)
  assert set(scores) == {'scene_error', 'exchange_error', 'exchange_excess'}
  assert scores['exchange_error'] == 0 and scores['exchange_excess'] == 1


def test_who_leaves_the_scenes_as_they_are_has_exchanged_nothing():
  keeps = oracle(exchange=lambda state, x, other: (x, other))
  for extras in (keeps.extras, {'exchange': keeps.extras['exchange']}):
    scores = asked(keeps._replace(extras=extras))
    assert scores['scene_error'] == 0
    assert scores['exchange_error'] > 0.3 and scores['exchange_excess'] > 1e5


def test_slots_that_hold_the_whole_scene_are_told_apart():
  """Every slot decodes to all of them: nothing is its own, nor sequential."""

  def whole(state, own, mask):
    return jnp.where(
      jnp.any(mask, axis=1)[:, None, None, None],
      oracle().decode(state, own.reshape(len(own), -1)),
      0,
    )

  scores = asked(oracle(decode_slots=whole))
  assert scores['scene_error'] == 0 and scores['object_count_test'] == 1
  assert scores['sequential_real'] == 0
  assert scores['slot_found'] < 0.5


def test_models_that_diverged_score_nan():
  assert all(map(np.isnan, asked(oracle(), np.nan).values()))


def test_a_blank_decoder_is_seen_beside_its_excess():
  blank = lambda state, own, mask: jnp.zeros((len(own), PLACES, 1, HUES))
  scores = asked(oracle(decode_slots=blank))
  assert scores['scene_error'] == scores['exchange_error'] == 1
  np.testing.assert_allclose(scores['exchange_excess'], 1, rtol=1e-5)
  assert scores['slot_found'] == scores['sequential_real'] == 0


def test_thresholds_are_the_best_of_the_quantiles():
  random = np.random.default_rng(0)
  count = random.integers(0, 4, 200)
  kl = np.sort(random.gamma(2, 1, (200, 4)), axis=1)[:, ::-1]
  kl += 2 * (np.arange(4) < count[:, None])
  threshold, share = jax.jit(scene_parts.fit_threshold, static_argnums=2)(
    jnp.asarray(kl, jnp.float32), jnp.asarray(count), 50
  )
  tried = np.quantile(kl, np.linspace(0, 1, 50))
  shares = [np.mean((kl > t).sum(1) == count) for t in tried]
  np.testing.assert_allclose(share, max(shares), rtol=1e-6)
  np.testing.assert_allclose(
    threshold, tried[int(np.argmax(shares))], rtol=1e-4
  )
  of = lambda t: float(scene_parts.counted(jnp.asarray(kl), count, t))
  np.testing.assert_allclose(of(float(threshold)), share, rtol=1e-6)


def test_assignments_are_the_least_of_all_of_them():
  random = np.random.default_rng(1)
  for _ in range(5):
    cost = random.uniform(size=(3, 5))
    exists, size = random.uniform(size=3) < 0.7, np.ones(3)
    slot = np.asarray(
      scene_parts.assign(*map(jnp.asarray, (cost, exists, size)))
    )
    assert len(set(slot)) == 3
    total = lambda chosen, cost=cost, exists=exists: sum(
      cost[s, chosen[s]] for s in range(3) if exists[s]
    )
    best = min(map(total, itertools.permutations(range(5), 3)))
    np.testing.assert_allclose(total(slot), best, rtol=1e-6)


def test_sprites_without_a_slot_are_the_costliest():
  cost = jnp.asarray([[0.2], [0.1], [0.3]])
  slot = scene_parts.assign(cost, jnp.ones(3, bool), jnp.ones(3))
  assert slot[1] == 0 and min(slot[0], slot[2]) >= 1
  slot = scene_parts.assign(cost, jnp.asarray([0, 0, 1], bool), jnp.ones(3))
  assert slot[2] == 0


def test_medians_are_those_of_numpy():
  x = np.random.default_rng(0).normal(size=9).astype(np.float32)
  for used in (0, 1, 4, 5, 9):
    mask = np.arange(9) < used
    median = scene_parts.masked_median(jnp.asarray(x), jnp.asarray(mask))
    if used:
      np.testing.assert_allclose(median, np.median(x[:used]), rtol=1e-6)
    else:
      assert np.isnan(median)
  assert scene_parts.ratio(0.0, 0.0) == 1


def test_blobs_are_counted_by_colour_and_overlap():
  alone = np.zeros((4, 1, 8, 3), np.float32)
  red, blue = [1, 0, 0], [0, 0, 1]
  alone[0, 0, 0:3] = red
  alone[1, 0, 2:5] = red
  alone[2, 0, 4:6] = red  # joined to the first by way of the second
  alone[3, 0, 0:8] = blue
  of = lambda *exists: int(
    scene_parts.blobs(jnp.asarray(alone), jnp.asarray(exists, bool))
  )
  assert of(0, 0, 0, 0) == 0
  assert of(1, 1, 1, 1) == 2
  assert of(1, 0, 1, 1) == 3
  assert of(1, 1, 0, 0) == of(0, 1, 1, 0) == 1


@pytest.mark.parametrize('name', ['multi_shapes', 'multi_sprites'])
def test_scenes_are_drawn_in_parts(name):
  """Sprites alone add up to the scene, and exchanges are blocks exchanged."""
  data = data_lib.load(name, resolution=8, sprites=2)
  drawn = data.sample(jax.random.key(0), data.arrays, jnp.arange(12))
  factors = drawn['factors']
  parts = scene_parts.Scenes(data)
  alone = np.asarray(quick_jit(parts.alone)(data.arrays, factors))
  np.testing.assert_allclose(
    np.minimum(alone.sum(1), 1), drawn['observation'], atol=1e-6
  )
  exists = np.asarray(parts.exists(factors))
  assert np.array_equal(alone.any((2, 3, 4)), exists)
  assert not exists.any(1).all()  # a scene without sprites is among them
  other = parts.exchanged(factors[0], factors[1], 0, 1)
  width = len(factors[0]) // 2
  np.testing.assert_array_equal(other[0], factors[1][width:])
  np.testing.assert_array_equal(other[1], factors[0][width:])


def test_what_is_no_scene_is_refused_in_one_line():
  for data in (data_lib.load('blobs'), DATA._replace(render=None)):
    with pytest.raises(errors.ConfigError, match='no sprites') as caught:
      scene_objects.make(CONFIG, data)
    assert '\n' not in str(caught.value)
  with pytest.raises(errors.ConfigError, match='num_pairs'):
    scene_objects.make(scene_objects.Config(num_pairs=0), DATA)


@pytest.mark.parametrize(
  'method, dataset, said',
  [
    ('vae', 'multi_shapes', "needs 'exchange', which method vae lacks"),
    ('vae', 'dsprites', 'has no sprites'),
  ],
)
def test_plans_without_slots_or_scenes_are_refused(method, dataset, said):
  config = dj.base_config()
  config.methods, config.metrics = (method,), ('scene_objects',)
  config.net.name, config.dataset.name = 'mlp', dataset
  config.dataset.resolution = 8
  with pytest.raises(dj.ConfigError, match=said) as caught:
    dj.sweep(config)
  assert '\n' not in str(caught.value)
