"""Accuracy and diversity of samples of concepts, on systems that are known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import concepts as concepts_lib
from disentangle_jax.data import factorial
from disentangle_jax.metrics.models import concepts

ROOMS = data_lib.load(
  'rooms',
  resolution=8,
  hues=3,
  scales=1,
  orientations=1,
  unseen=6,
  concepts=40,
  images=2,
  tested=4,
  stored=True,
)
CONFIG = concepts.Config(
  samples=64, num_points=200, hidden=(64,), steps=600, batch_size=32
)
GRAMMAR = ROOMS.extras['concepts'].grammar
NARROW, WIDE = np.log(1e-6), np.log(1e4)


def test_divergence_is_that_of_uniform_to_the_shares():
  counts = np.array([[16, 16, 16, 16], [64, 0, 0, 0], [10, 20, 30, 4]])
  for smoothed in (False, True):
    want = []
    for row in counts:
      p = np.maximum(row / 64, 1e-8)
      p = (row + 0.5) / 66 if smoothed else p / p.sum()
      want.append(sum(0.25 * np.log(0.25 / share) for share in p))
    apart = jax.jit(lambda x, s=smoothed: concepts.divergence(x, s))
    got = apart(counts.astype(np.float32))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
  # One value of sixteen: what the paper calls 13.17 has a like floor.
  one = jnp.zeros(16).at[3].set(64.0)
  exact = np.log(1 / 16) + 15 / 16 * np.log(1e8)
  np.testing.assert_allclose(concepts.divergence(one), exact, rtol=1e-4)


def test_samples_are_judged_attribute_by_attribute():
  grammar = concepts_lib.Grammar(('a', 'b'), (2, 4))
  wanted = np.array([[1, -1], [-1, 2], [0, 3]])
  judged = jax.jit(lambda said: concepts.judged(grammar, wanted, said))
  values = np.array(
    [
      [[1, 0], [1, 1], [1, 2], [0, 3]],
      [[0, 2], [0, 2], [1, 1], [1, 2]],
      [[0, 3], [1, 3], [0, 3], [0, 0]],
    ]
  )
  got = judged(values)
  np.testing.assert_allclose(got['accuracy'], (0.75 * 4) / 4, rtol=1e-6)
  np.testing.assert_allclose(got['diversity'], 0.0, atol=1e-6)
  values[0, :, 1] = 0
  got = judged(values)
  alone = np.log(0.25) + 0.75 * np.log(1e8)
  np.testing.assert_allclose(got['diversity'], alone / 2, rtol=1e-4)
  values[2, 1, 1] = -1  # a picture that nothing can be said of
  got = judged(values)
  assert all(np.isnan(value) for value in got.values())


def test_a_latent_belongs_to_what_explains_it():
  random = np.random.default_rng(0)
  factors = np.stack([random.integers(0, n, 500) for n in (3, 4)], 1)
  levels = np.array([2.0, -1.0, 0.5, 7.0])
  mean = np.stack(
    [
      levels[factors[:, 1]] + 0.1 * random.normal(size=500),
      random.normal(size=500),
      factors[:, 0] + random.normal(size=500),
      np.zeros(500),
    ],
    axis=1,
  )
  find = jax.jit(lambda x, f: concepts.owners(x, f, (3, 4)))
  owner = find(mean.astype(np.float32), factors)
  np.testing.assert_array_equal(owner, [1, -1, 0, -1])
  wanted = np.array([[0, -1], [-1, 2], [0, 2]])
  logvar = jnp.array([[1.0, 9, -3, 9], [-2.0, 9, 0.5, 9], [5.0, 9, 5, 9]])
  # The first gives attribute 0, so latent 2; the last has none left open.
  width = concepts.specificity(logvar, wanted, owner)
  np.testing.assert_allclose(width, ((1 + 3) + (0.5 + 2)) / 2, rtol=1e-6)


def oracle():
  """A system that knows: a latent for every attribute, its value its mean.

  What is open has a wide Gaussian, which the decoder wraps round the values.
  Its state is (an error of everything, the log variance of what is open).
  """
  sizes = jnp.asarray(ROOMS.factor_sizes)
  points = factorial.grid(ROOMS.factor_sizes)
  table = jax.jit(jax.vmap(ROOMS.render, (None, 0, None)))(
    ROOMS.arrays, points, jax.random.key(0)
  )
  flat = table.reshape(len(points), -1)

  def represent(state, observation):
    x = observation.reshape(len(observation), -1)
    squares = jnp.sum(flat**2, axis=1) - 2 * x @ flat.T
    point = jnp.asarray(points)[jnp.argmin(squares, axis=1)]
    mean = point + 0.5 + state[0]
    return types.Codes(mean, {'mean': mean, 'logvar': 0 * mean + NARROW})

  def decode(state, vector):
    value = jnp.mod(jnp.floor(vector), sizes).astype(jnp.int32)
    return table[factorial.flat_index(value, ROOMS.factor_sizes)] + state[0]

  def concept(state, symbol):
    means, logvars = [], []
    for start, size in zip(GRAMMAR.starts, GRAMMAR.sizes):
      block = symbol[:, start : start + size]
      given = jnp.sum(block, axis=1) > 0
      means.append(jnp.where(given, jnp.argmax(block, axis=1) + 0.5, -0.5))
      logvars.append(jnp.where(given, NARROW, state[1]))
    return jnp.stack(means, 1), jnp.stack(logvars, 1) + state[0]

  def img2sym(state, observation):
    value = jnp.floor(represent(state, observation).vector)
    blocks = [
      jax.nn.one_hot(value[:, k].astype(int), n) + state[0]
      for k, n in enumerate(GRAMMAR.sizes)
    ]
    return jnp.concatenate(blocks, axis=1)

  def recombine(state, first, second, operator):
    m1, m2 = first[0], second[0]
    has, other = m1 > 0, m2 > 0
    keep = jnp.select(
      [operator[:, None] == 0, operator[:, None] == 1],
      [has | other, has & other & (m1 == m2)],
      has & ~other,
    )
    mean = jnp.where(has, m1, m2)
    return jnp.where(keep, mean, -0.5), jnp.where(keep, NARROW, state[1])

  extras = {
    'concept': concept,
    'img2sym': img2sym,
    'sym2img': None,
    'recombine': recombine,
  }
  return types.Method(None, None, represent, decode, extras)


@pytest.fixture(scope='module')
def scored():
  """Scores of the oracle, of one that never varies, and of a diverged one."""
  probe = concepts.make(CONFIG, ROOMS)

  # Compiling is what takes the time.
  @functools.partial(
    jax.jit, compiler_options={'xla_backend_optimization_level': 0}
  )
  def run(key):
    context = probe.fit(key, ROOMS.arrays)
    of = lambda method, state: probe.score(
      key, context, method, state, ROOMS.arrays, None
    )
    states = jnp.array([[0.0, WIDE], [0.0, NARROW], [jnp.nan, WIDE]])
    return jax.lax.map(lambda state: of(oracle(), state), states)

  scores = jax.device_get(run(jax.random.key(0)))
  return [{name: x[k] for name, x in scores.items()} for k in range(3)]


def test_an_oracle_is_accurate_and_as_varied_as_real_pictures(scored):
  right, _, _ = scored
  for attribute in GRAMMAR.names:
    assert right[f'concept_error/{attribute}'] < 0.01
    assert right[f'concept_error_decoded/{attribute}'] < 0.01
  sets = ('train', 'test_symbols', 'test_operators', *concepts_lib.OPERATORS)
  for name in (*sets, 'real'):
    assert right[f'concept_accuracy/{name}'] > 0.985, name
    assert right[f'concept_diversity_smoothed/{name}'] < 0.08, name
  assert right['img2sym_accuracy'] == 1
  assert right['img2sym_accuracy/held_out'] == 1
  np.testing.assert_allclose(
    right['concept_specificity'], WIDE - NARROW, rtol=1e-5
  )


def test_constant_samples_are_accurate_and_not_varied(scored):
  right, rigid, _ = scored
  assert right['concept_accuracy/constant'] > 0.985
  one = np.log(1 / 3) + 2 / 3 * np.log(1e8)
  np.testing.assert_allclose(
    right['concept_diversity/constant'], one, rtol=1e-3
  )
  np.testing.assert_allclose(rigid['concept_diversity/train'], one, rtol=0.02)
  assert rigid['concept_accuracy/train'] > 0.985
  np.testing.assert_allclose(rigid['concept_specificity'], 0, atol=1e-5)
  for name in ('concept_accuracy/real', 'concept_diversity/real'):
    assert right[name] == rigid[name]


def test_what_diverged_has_no_score(scored):
  _, _, diverged = scored
  for name, value in diverged.items():
    of_judges = name.endswith(('real', 'constant')) or '_error/' in name
    assert np.isnan(value) != of_judges, name


def test_without_operators_there_is_less(scored):
  probe = concepts.make(CONFIG, ROOMS)
  assert 'recombine' in probe.requires
  free = concepts.make(
    concepts.Config(**{**probe.constants, 'operators': False}), ROOMS
  )
  assert 'recombine' not in free.requires


def test_sets_without_symbols_are_refused():
  plain = data_lib.load('dsprites', resolution=8, scales=1, orientations=1)
  with pytest.raises(errors.ConfigError, match='has no symbols'):
    concepts.make(CONFIG, plain)
