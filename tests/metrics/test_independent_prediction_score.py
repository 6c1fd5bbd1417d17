"""Information between factors of films: oracles, neighbours, partitions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import neighbors

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.methods.video import state_space
from disentangle_jax.metrics.models import independent_prediction as score

KEY = jax.random.key(0)
DATA = data_lib.load('moving_blobs', resolution=10, frames=5)


def oracle(order, bound=7.0, partitioned=True):
  """A model whose state is where the blobs' light is: (y1, x1, y2, x2)[order].

  Its filter knows the film alone, not what the probe draws it from.
  """

  def places(film):
    pixels = jnp.arange(film.shape[2], dtype=jnp.float32)
    total = jnp.sum(film, (2, 3))  # film, frame, blob
    rows = jnp.einsum('ntijb,i->ntb', film, pixels) / total
    columns = jnp.einsum('ntijb,j->ntb', film, pixels) / total
    both = jnp.stack([rows, columns], axis=-1)
    return both.reshape(*both.shape[:2], 4)[..., jnp.array(order)]

  def represent(state, observation):
    z = places(observation)[:, -1]
    slots = z.reshape(-1, 2, 2)
    return types.Codes(z, {'slots': slots})

  def passed(key, state, observation):
    z = places(observation)
    z += 0.05 * jax.random.normal(key, z.shape)
    return state_space.Filtered(z, z, z, z, z)

  extras = {
    'filter': passed,
    'bound': lambda key, state, x: jnp.full(len(x), bound),
    'partitioned': lambda: partitioned,
  }
  return types.Method(None, None, represent, None, extras)


@functools.cache
def scores(order, partitioned=True):
  config = score.Config(num_points=500, partitions=12, correlations=True)
  probe = score.make(config, DATA)
  assert probe.examples == 0 and probe.kinds == ('video',)
  method = oracle(order, partitioned=partitioned)
  run = lambda key: probe.score(key, (), method, None, DATA.arrays, None)
  return jax.device_get(jax.jit(run)(KEY))


def test_factors_that_are_objects():
  got = scores((0, 1, 2, 3))
  entries = {name.partition('/')[0] for name in got}
  assert entries == set(score.SCORES)
  matrix = np.array(
    [[got[f'mutual_information/{i}_{j}'] for j in (0, 1)] for i in (0, 1)]
  )
  assert matrix[0, 0] > 1 and matrix[1, 1] > 1
  assert abs(matrix[0, 1]) < 0.15 and abs(matrix[1, 0]) < 0.15
  same, cross = np.trace(matrix) / 2, (matrix[0, 1] + matrix[1, 0]) / 2
  assert got['mutual_information_same'] == pytest.approx(same, rel=1e-5)
  assert got['mutual_information_cross'] == pytest.approx(cross, abs=1e-5)
  least = min(matrix[0, 0], matrix[1, 1])
  assert got['mutual_information_same_min'] == pytest.approx(least, rel=1e-5)
  assert got['elbo_frame'] == pytest.approx(7 / 5)
  assert got['object_purity'] == 1
  for factor in (0, 1):
    for chain in range(4):  # x1, y1, x2, y2
      told = got[f'chain_r2/{factor}_{chain}']
      assert told > 0.95 if chain // 2 == factor else told < 0.1
  for unit in range(4):
    row = [got[f'latent_correlation/{unit}_{other}'] for other in range(4)]
    assert row[unit] > 0.5
    assert max(abs(r) for i, r in enumerate(row) if i != unit) < 0.25


def test_factors_of_one_coordinate_of_each_object():
  got = scores((0, 3, 2, 1))  # y1 and x2, y2 and x1
  assert got['object_purity'] == 0
  assert got['mutual_information_same'] > 1
  assert got['mutual_information_cross'] < 0.15
  # Its first factor tells y1 and x2, chains 1 and 2.
  told = [got[f'chain_r2/0_{chain}'] for chain in range(4)]
  assert min(told[1:3]) > 0.95 and max(told[0], told[3]) < 0.1


def test_the_partition_with_the_largest_gap_is_found():
  rng = np.random.default_rng(0)
  start = rng.normal(size=(400, 2))
  later = start + 0.3 * rng.normal(size=(400, 2))
  # Units 0, 3 and units 1, 2 each carry one walk; both copies are noisy.
  copies = lambda z: z[:, [0, 1, 1, 0]] + 0.5 * rng.normal(size=(400, 4))
  before, after = (jnp.float32(copies(z)) for z in (start, later))
  config = score.Config(num_points=400, partitions=12)
  best = jax.jit(score.best_partition, static_argnums=(3, 4))
  order = best(KEY, before, after, 2, config)
  assert {frozenset(order[:2].tolist()), frozenset(order[2:].tolist())} == {
    frozenset({0, 3}),
    frozenset({1, 2}),
  }
  # One block is all of it, in order.
  assert best(KEY, before, after, 1, config).tolist() == [0, 1, 2, 3]


def test_a_model_without_factors_is_cut_where_it_keeps_to_itself():
  got = scores((0, 1, 2, 3), partitioned=False)
  assert got['mutual_information_cross'] < 0.15
  assert got['mutual_information_same'] > 1
  # Tables follow the order of the blocks.
  diagonal = [got[f'mutual_information/{i}_{i}'] for i in (0, 1)]
  assert min(diagonal) == got['mutual_information_same_min']


def test_means_on_and_off_the_diagonal():
  same, cross = score.same_and_cross(
    jnp.float32([[1, 2, 3], [4, 6, 5], [7, 8, 11]])
  )
  assert same == 6 and cross == pytest.approx(29 / 6)
  same, cross = score.same_and_cross(jnp.float32([[3]]))
  assert same == 3 and np.isnan(cross)


def test_neighbours_are_scikit_learns():
  rng = np.random.default_rng(3)
  codes = rng.normal(size=(150, 3)) * [1.0, 20.0, 0.1]
  targets = np.stack([codes[:, 0] ** 2, codes[:, 1] + codes[:, 2]], axis=1)
  unit = (codes - codes.mean(0)) / codes.std(0)
  index = neighbors.NearestNeighbors(n_neighbors=5).fit(unit)
  guess = targets[index.kneighbors(return_distance=False)].mean(1)
  want = 1 - ((targets - guess) ** 2).mean(0) / targets.var(0)
  told = jax.jit(score.told_by_neighbours, static_argnums=2)
  got = told(jnp.float32(codes), jnp.float32(targets), 5)
  np.testing.assert_allclose(got, want, rtol=1e-3)


@pytest.mark.parametrize(
  'frames, pair', [(4, (1, 2)), (5, (2, 3)), (8, (4, 5)), (9, (5, 6))]
)
def test_the_pair_stands_two_thirds_in(frames, pair):
  assert score.pair_of(frames) == pair


def test_codes_that_are_not_finite_score_nothing():
  method = oracle((0, 1, 2, 3))
  passed = method.extras['filter']
  spoilt = lambda *a: jax.tree.map(lambda z: z.at[0].set(jnp.nan), passed(*a))
  method = method._replace(extras={**method.extras, 'filter': spoilt})
  probe = score.make(score.Config(num_points=20), DATA)
  got = jax.jit(
    lambda key: probe.score(key, (), method, None, DATA.arrays, None)
  )(KEY)
  assert all(np.isnan(value) for value in got.values())


def test_films_without_known_positions_have_no_chains():
  bare = DATA._replace(extras={})
  probe = score.make(score.Config(num_points=20), bare)
  got = jax.eval_shape(
    lambda key: probe.score(
      key, (), oracle((0, 1, 2, 3)), None, bare.arrays, None
    ),
    KEY,
  )
  assert 'object_purity' not in got and 'chain_r2/0_0' not in got
  assert 'mutual_information_same' in got and 'elbo_frame' in got


@pytest.mark.parametrize(
  'data, options, words',
  [
    (('moving_blobs', {'frames': 3}), {}, 'config.dataset.frames = 3.*least 4'),
    (('blobs', {}), {}, 'scores films'),
    (None, {'num_points': 9}, 'at least 10'),
    (None, {'num_points': 10, 'num_neighbors': 10}, 'num_neighbors = 10'),
    (None, {'num_points': 10, 'num_nearest': 12}, 'num_nearest = 12'),
    (None, {'partitions': 0}, 'partitions'),
  ],
)
def test_what_is_refused(data, options, words):
  data = DATA if data is None else data_lib.load(data[0], **data[1])
  with pytest.raises(errors.ConfigError, match=words) as caught:
    score.make(score.Config(**options), data)
  assert '\n' not in str(caught.value)
