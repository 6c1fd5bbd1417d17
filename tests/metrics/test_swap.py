"""The swap experiment on models whose answer is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import factorial, lookup
from disentangle_jax.metrics.models import swap

SIZES = (10, 3, 3)
NAMES = ('digit', 'hue', 'background_hue')


def _table():
  """The images of all digits in all colours, rendered once."""
  drawn = data_lib.load(
    'digits',
    resolution=10,
    slants=1,
    thicknesses=1,
    sizes=1,
    hues=3,
    background_hues=3,
  )
  points = factorial.grid(drawn.factor_sizes)
  render = jax.jit(jax.vmap(drawn.render, (None, 0, None)))
  return np.asarray(render((), points, jax.random.key(0)))


DATA = lookup.lookup(_table(), NAMES, SIZES, name='small_digits')
CONFIG = swap.Config(num_points=800, hidden=(64,), steps=1000)


def ideal():
  """A model that knows the factors: z_g is the digit, z_l both hues.

  `represent` looks the image up among all; `decode` draws the factors; drawing
  anew is drawing another value of a factor. It has no parameters.
  """
  points = jnp.asarray(factorial.grid(SIZES))
  table = jax.vmap(DATA.render, (None, 0, None))(DATA.arrays, points, None)
  flat = table.reshape(len(points), -1)

  def represent(state, observation):
    x = observation.reshape(len(observation), -1)
    squares = jnp.sum(flat**2, axis=1) - 2 * x @ flat.T
    vector = points[jnp.argmin(squares, axis=1)].astype(jnp.float32)
    return types.Codes(vector, {})

  def decode(state, vector):
    factors = jnp.round(vector).astype(jnp.int32)
    return table[factorial.flat_index(factors, SIZES)] + state

  def resample_global(key, state, vector):
    drawn = jax.random.randint(key, vector.shape[:1], 0, 10)
    return vector.at[:, 0].set(drawn.astype(jnp.float32))

  def resample_local(key, state, vector):
    drawn = jax.random.randint(key, (len(vector), 2), 0, 3)
    return vector.at[:, 1:].set(drawn.astype(jnp.float32))

  extras = {
    'resample_global': resample_global,
    'resample_local': resample_local,
  }
  return types.Method(None, None, represent, decode, extras)


@functools.cache
def judge():
  probe = swap.make(CONFIG, DATA)
  return probe, jax.jit(probe.fit)(jax.random.key(0), DATA.arrays)


def scores(method, state=0.0):
  probe, context = judge()
  return asked(probe, context, method, state)


def asked(probe, context, method, state):
  key = jax.random.key(1)
  score = lambda s: probe.score(key, context, method, s, DATA.arrays, None)
  return {k: float(v) for k, v in jax.jit(score)(jnp.float32(state)).items()}


def test_a_perfect_model_has_the_ideal_table():
  found = scores(ideal())
  assert set(found) == set(swap.SCORES)
  for name in ('swap_classifier', 'swap_reconstructed', 'swap_local'):
    assert found[name] > 0.99, found
  # Chance is 1/10; of 800 draws the share strays by 0.011.
  assert abs(found['swap_global'] - 0.1) < 0.05


def test_a_model_with_its_groups_exchanged_has_the_table_exchanged():
  right = ideal()
  names = ('resample_global', 'resample_local')
  exchanged = dict(zip(names, (right.extras[n] for n in names[::-1])))
  found = scores(right._replace(extras=exchanged))
  assert found['swap_global'] > 0.99 and found['swap_local'] < 0.15


def test_blank_images_are_at_chance_and_diverged_models_score_nan():
  blank = lambda state, vector: jnp.zeros((len(vector), 10, 10, 3))
  found = scores(ideal()._replace(decode=blank))
  assert abs(found['swap_reconstructed'] - 0.1) < 0.05
  found = scores(ideal(), np.nan)
  assert np.isnan(found['swap_reconstructed']) and np.isnan(found['swap_local'])
  assert found['swap_classifier'] > 0.99


def test_the_label_is_the_factor_asked_for():
  """A judge of the hue says the reverse of a judge of the digit."""
  config = swap.Config(num_points=400, hidden=(32,), steps=200, factor=1)
  probe = swap.make(config, DATA)
  context = jax.jit(probe.fit)(jax.random.key(0), DATA.arrays)
  found = asked(probe, context, ideal(), 0.0)
  assert found['swap_reconstructed'] > 0.99 and found['swap_global'] > 0.99
  assert abs(found['swap_local'] - 1 / 3) < 0.1


def test_bad_input_is_one_clear_line():
  stream = DATA._replace(
    name='pictures', factor_names=(), factor_sizes=(), factor_values=()
  )
  for config, data, said in (
    (CONFIG, stream, 'pictures has no labels'),
    (swap.Config(factor=3), DATA, 'must be one of 0 .digit.'),
    (CONFIG, DATA._replace(factor_sizes=(1, 3, 3)), 'has a single value'),
    (swap.Config(steps=0), DATA, 'at least 1'),
    (swap.Config(net='conv'), DATA, 'halves the image'),
  ):
    with pytest.raises(errors.ConfigError, match=said) as caught:
      swap.make(config, data)
    assert '\n' not in str(caught.value)


def test_a_method_without_groups_is_refused_at_plan_time():
  config = dj.base_config()
  config.methods, config.metrics = ('beta_vae',), ('swap',)
  config.net.name = 'mlp'
  config.dataset.resolution = 8
  with pytest.raises(dj.ConfigError, match="needs 'resample_global'"):
    dj.sweep(config)
