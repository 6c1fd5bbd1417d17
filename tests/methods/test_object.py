"""Known answers of mvae and its baseline; losses stand in object_formulas."""

import functools
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.engine.plan import planning, registry
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.object import common, mvae
from disentangle_jax.metrics.codes import mig_binned
from disentangle_jax.ops import per_example

DATASET, OPTIONS = common.TEST['dataset']
DATA = data_lib.load(DATASET, **OPTIONS)
SMALL = common.TEST['static']
# Compiling takes the time, not running.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


@functools.cache
def made(name='mvae', **changed):
  module = METHODS[name]
  config = module.Config(**{**SMALL, **changed})
  return module.make(config, DATA), config


@functools.cache
def batch():
  drawn = DATA.sample(jax.random.key(0), DATA.arrays, jnp.arange(6))
  return {**drawn, 'step': jnp.int32(0)}


def floats(**chosen):
  return {k: jnp.float32(v) for k, v in {**mvae.HPARAMS, **chosen}.items()}


@functools.cache
def state_of(name='mvae', **changed):
  method, _ = made(name, **changed)
  return quick_jit(method.init)(jax.random.key(3), batch(), floats())


def nats(logits, x):
  loss = np.logaddexp(0, logits) - x * logits
  return loss.reshape(len(x), -1).sum(1).mean()


def kl_of(mean, logvar):
  return 0.5 * (np.square(mean) + np.exp(logvar) - logvar - 1)


def logits_of(images):
  images = np.asarray(images, np.float64)
  return np.log(images) - np.log1p(-images)


def test_one_cell_is_the_beta_vae_of_the_same_numbers():
  """rec + beta sum KL of the one posterior, as its own noise decodes it."""
  one = {'slots': 1, 'pools': 3, 'channels': (4, 4, 4)}
  method, config = made(**one)
  state, key = state_of(**one), jax.random.key(8)
  x = batch()['observation']
  codes, decoded, scalars = quick_jit(
    lambda state: (
      method.represent(state, x),
      method.decode(state, sampled(method, state, key)),
      method.update(key, state, batch(), floats(beta=3.0))[1],
    )
  )(state)
  assert codes.parts['kl_map'].shape == (6, 1, 1)
  mean, logvar = (np.asarray(codes.parts[n]) for n in ('mean', 'logvar'))
  rec = nats(logits_of(decoded), np.asarray(x))
  want = rec + 3 * kl_of(mean, logvar).sum(1).mean()
  np.testing.assert_allclose(scalars['loss'], want, rtol=1e-4)
  assert config.latents_per_slot == mean.shape[1] == 2


def sampled(method, state, key):
  """Codes as the update with this key draws them."""
  parts = method.represent(state, batch()['observation']).parts
  shape = parts['slots'].shape[1:]
  eps = per_example.normal(key, batch()['index'], shape).reshape(6, -1)
  return parts['mean'] + jnp.exp(parts['logvar'] / 2) * eps


def test_as_many_slots_as_cells_leave_nothing_to_choose():
  """The loss in the cells' own order, their noise carried along."""
  every = {'slots': 16}
  method, _ = made(**every)
  state, key = state_of(**every), jax.random.key(8)
  x = batch()['observation']

  @quick_jit
  def run(state):
    parts = method.represent(state, x).parts
    order = jnp.argsort(parts['slot_place'], axis=1)[..., None]
    z = sampled(method, state, key).reshape(6, 16, 2)
    unsorted = jnp.take_along_axis(z, order, axis=1).reshape(6, -1)
    return (
      jnp.sort(parts['slot_place'], axis=1),
      parts['kl_map'],
      method.decode(state, unsorted),
      method.update(key, state, batch(), floats(beta=2.0))[1],
    )

  places, kl_map, decoded, scalars = run(state)
  np.testing.assert_array_equal(places, np.tile(np.arange(16), (6, 1)))
  total = nats(logits_of(decoded), np.asarray(x))
  total += 2 * np.asarray(kl_map).sum((1, 2)).mean()
  np.testing.assert_allclose(scalars['loss'], total, rtol=1e-4)


@pytest.mark.parametrize('pool', ['max', 'sum'])
def test_the_order_of_slots_leaves_the_image_as_it_is(pool):
  method, _ = made(slots=5, pool=pool)
  state = state_of(slots=5, pool=pool)
  z = jax.random.normal(jax.random.key(1), (4, 5, 2))
  shown = jnp.asarray([[1, 0, 1, 1, 0]] * 4, bool)
  decode = jax.jit(method.extras['decode_slots'])
  want = np.asarray(decode(state, z, shown))
  for seed in range(3):
    order = np.random.default_rng(seed).permutation(5)
    image = np.asarray(decode(state, z[:, order], shown[:, order]))
    if pool == 'max':
      np.testing.assert_array_equal(image, want)
    else:
      np.testing.assert_allclose(image, want, atol=1e-6)


def test_what_is_masked_is_not_there():
  method, _ = made(slots=5)
  state = state_of(slots=5)
  z = jax.random.normal(jax.random.key(1), (3, 5, 2))
  decode = quick_jit(method.extras['decode_slots'])
  mask = jnp.asarray([[True, True, False, False, False]] * 3)
  other = z.at[:, 2:].set(jnp.nan)
  np.testing.assert_array_equal(
    decode(state, z, mask), decode(state, other, mask)
  )
  whole = decode(state, z, jnp.ones((3, 5), bool))
  np.testing.assert_array_equal(
    whole, quick_jit(method.decode)(state, z.reshape(3, -1))
  )
  assert np.all(np.isfinite(decode(state, z, jnp.zeros((3, 5), bool))))


def test_the_chosen_cells_are_those_of_largest_kl():
  random = np.random.default_rng(2)
  grid = random.normal(size=(7, 3, 4, 6)).astype(np.float32)
  grid[0] = 0  # ties, and an empty scene
  grid[1, 1, 2] = grid[1, 0, 3] = 5
  own = jax.tree.map(np.asarray, mvae.chosen(jnp.asarray(grid), 4))
  cells = grid.reshape(7, 12, 6)
  kl = kl_of(cells[..., :3], cells[..., 3:]).sum(-1)
  want = np.argsort(-kl, axis=1, kind='stable')[:, :4]
  np.testing.assert_array_equal(own['slot_place'], want)
  np.testing.assert_array_equal(own['slot_place'][0], [0, 1, 2, 3])
  np.testing.assert_array_equal(own['slot_place'][1][:2], [3, 6])
  np.testing.assert_allclose(own['kl_map'], kl.reshape(7, 3, 4), rtol=1e-5)
  rows = np.arange(7)[:, None]
  np.testing.assert_array_equal(own['mean'], cells[rows, want][..., :3])
  np.testing.assert_array_equal(own['logvar'], cells[rows, want][..., 3:])
  np.testing.assert_allclose(own['slot_kl'], kl[rows, want], rtol=1e-5)


def test_cells_that_are_not_chosen_get_no_gradient():
  """Nor does anything come through the choice itself."""
  grid = jax.random.normal(jax.random.key(0), (3, 2, 3, 4))
  weights = jax.random.normal(jax.random.key(1), (3, 2, 2))

  def value(grid):
    own = mvae.chosen(grid, 2)
    order = jnp.argsort(own['slot_place'], axis=1)[..., None]
    mean = jnp.take_along_axis(own['mean'], order, axis=1)
    return jnp.sum(own['slot_kl']) + jnp.sum(weights * mean)

  place = np.sort(np.asarray(mvae.chosen(grid, 2)['slot_place']), axis=1)
  slope = np.asarray(jax.grad(value)(grid)).reshape(3, 6, 4)
  taken = np.zeros((3, 6), bool)
  taken[np.arange(3)[:, None], place] = True
  assert np.all(slope[~taken] == 0)
  cells = np.asarray(grid).reshape(3, 6, 4)[np.arange(3)[:, None], place]
  want = np.concatenate(
    [cells[..., :2] + np.asarray(weights), np.expm1(cells[..., 2:]) / 2], -1
  )
  np.testing.assert_allclose(slope[taken].reshape(3, 2, 4), want, rtol=1e-5)


def test_the_rate_falls_by_equal_factors_and_stays():
  hparams = floats(learning_rate=0.1, learning_rate_end=0.001, anneal_steps=4.0)
  optimiser = common.adam(hparams)
  params = jnp.zeros(())
  state, rates = optimiser.init(params), []
  for _ in range(7):
    update, state = optimiser.update(jnp.ones(()), state, params)
    rates.append(-float(update))  # Adam's step of a constant gradient
  want = 0.1 * 0.01 ** np.minimum(1, np.arange(7) / 4)
  np.testing.assert_allclose(rates, want, rtol=1e-4)


@pytest.mark.parametrize('name', ['mvae', 'scene_vae'])
def test_an_exchange_swaps_what_is_largest_and_twice_is_none(name):
  method, config = made(name, slots=3)
  state = state_of(name, slots=3)
  x = batch()['observation']
  first, second = x[:3], x[3:]

  @quick_jit
  def run(state):
    codes = [method.represent(state, image) for image in (first, second)]
    swapped = method.extras['exchange'](state, first, second)
    back = method.extras['exchange'](state, second, first)
    return [c.parts for c in codes], swapped, back

  parts, swapped, back = run(state)
  for image, other in zip(swapped, back[::-1]):
    np.testing.assert_allclose(image, other, atol=1e-6)
  means = [np.asarray(p['mean']) for p in parts]
  kl = sum(kl_of(m, np.asarray(p['logvar'])) for m, p in zip(means, parts))
  decode = quick_jit(method.decode)
  for row in range(3):
    taken = np.arange(2)  # the first slot
    if name == 'scene_vae':
      taken = np.argsort(-kl[row], kind='stable')[: config.latents_per_slot]
    for own, given, image in zip(means, means[::-1], swapped):
      code = own.copy()
      code[row, taken] = given[row, taken]
      np.testing.assert_allclose(
        decode(state, code)[row], image[row], atol=1e-6
      )


def test_entity_sheets_show_what_they_say():
  method, config = made(slots=3)
  state, x = state_of(slots=3), batch()['observation'][:5]

  @quick_jit
  def run(state):
    codes = method.represent(state, x)
    pictures = method.extras['pictures'](jax.random.key(0), state, x)
    alone = [
      method.extras['decode_slots'](
        state, codes.parts['slots'], jnp.arange(3)[None] == n * jnp.ones((5, 1))
      )
      for n in range(3)
    ]
    return codes, pictures, alone, method.decode(state, codes.vector)

  codes, pictures, alone, decoded = jax.tree.map(np.asarray, run(state))
  sizes = {name: image.shape[:2] for name, image in pictures.items()}
  assert sizes == {
    'entities': (5, 2 + config.slots),
    'one_more_entity': (5, 1 + config.slots),
    'exchange': (3, 4),
    'one_entity_traversed': (2, 7),
    'kl_of_cells_and_slots': (5, 3),
  }
  for image in pictures.values():
    assert image.shape[2:] == (8, 8, 3)
    assert image.min() >= 0 and image.max() <= 1
  sheet = pictures['entities']
  np.testing.assert_array_equal(sheet[:, 0], x)
  np.testing.assert_allclose(sheet[:, 1], decoded, atol=1e-6)
  for n in range(3):
    np.testing.assert_allclose(sheet[:, 2 + n], alone[n], atol=1e-6)
  steps = pictures['one_more_entity']
  np.testing.assert_allclose(steps[:, 1], alone[0], atol=1e-6)
  np.testing.assert_allclose(steps[:, -1], decoded, atol=1e-6)
  # The bars: slots are the largest cells, so that the first is the largest.
  kl = pictures['kl_of_cells_and_slots']
  most = codes.parts['kl_map'].max()
  share = codes.parts['slot_kl'][:, 0] / most
  height = kl[:, 2, :, 0, 0].sum(1)
  np.testing.assert_allclose(height, 8 * share, atol=0.51)
  np.testing.assert_allclose(
    kl[:, 1, ::2, ::2, 0], codes.parts['kl_map'] / most, rtol=1e-5
  )
  values = common.TRAVERSAL
  assert values[0] == -2.25 and values[-1] == 2.25 and values[3] == 0


def test_a_scene_without_objects_has_finite_codes_and_images():
  for name in ('mvae', 'scene_vae'):
    method, _ = made(name)
    black = jnp.zeros((2, 8, 8, 3))

    @quick_jit
    def run(state, method=method, black=black):
      codes = method.represent(state, black)
      shown = method.extras['pictures'](jax.random.key(0), state, black)
      return codes, method.decode(state, codes.vector), shown

    for leaf in jax.tree.leaves(run(state_of(name))):
      assert np.all(np.isfinite(leaf))


BAD = [
  ('mvae', {'slots': 17}, 'config.static.slots = 17: must be at most 16'),
  ('mvae', {'pool': 'mean'}, 'max, sum'),
  ('mvae', {'pools': 4, 'channels': (4,) * 4}, 'halves the image 4 times'),
  ('scene_vae', {'pools': 2}, 'at most 1, the number of channels'),
  ('scene_vae', {'downsampling': 'mean'}, 'pool, stride'),
  ('scene_vae', {'base': 3}, 'sides of 6, 12; the images have 8'),
  ('scene_vae', {'object_doublings': 3}, 'that of object_layers'),
  ('scene_vae', {'precision': 'half'}, 'bfloat16, float32'),
]


@pytest.mark.parametrize('name, changed, said', BAD)
def test_bad_options_are_refused_in_one_line(name, changed, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    made(name, **changed)
  assert '\n' not in str(caught.value)


def test_what_is_no_square_image_is_refused():
  films = data_lib.load('shape_motion', resolution=8, frames=2)
  with pytest.raises(errors.ConfigError, match='must hold square images'):
    mvae.make(mvae.Config(**SMALL), films)


def plan(*metrics, methods=('mvae',)):
  config = dj.base_config()
  config.methods, config.metrics, config.seeds = methods, metrics, 1
  config.dataset.name = DATASET
  config.dataset.update(OPTIONS)
  config.static.update(SMALL)
  return planning.make(config)


@pytest.mark.parametrize('name', ['mig_binned', 'udr', 'elbo', 'few_labels'])
def test_scores_of_single_codes_are_refused_for_slots(name):
  with pytest.raises(dj.ConfigError, match='stand in another order') as caught:
    plan(name)
  assert 'config.metrics' in str(caught.value)
  assert '\n' not in str(caught.value)


def test_they_are_a_note_where_another_method_has_them():
  chosen = plan('mig_binned', 'kl', methods=('mvae', 'scene_vae'))
  by_name = {group.method_name: group.metrics for group in chosen.groups}
  assert by_name == {'mvae': ('kl',), 'scene_vae': ('mig_binned', 'kl')}
  assert any('mvae stand in another order' in note for note in chosen.notes)


def test_a_metric_that_matches_slots_itself_is_taken():
  matching = python_types.SimpleNamespace(**vars(mig_binned))
  plain = mig_binned.make
  matching.make = lambda *given: plain(*given)._replace(any_order=True)
  config = dj.base_config(metrics={'matching': matching})
  config.methods, config.metrics, config.seeds = ('mvae',), ('matching',), 1
  config.dataset.name = DATASET
  config.dataset.update(OPTIONS)
  config.static.update(SMALL)
  names = registry.of(metrics={'matching': matching})
  assert planning.make(config, names).groups[0].metrics == ('matching',)
