"""Losses of embeddings: closed forms, brute force, refusals."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from disentangle_jax import data as data_lib
from disentangle_jax import errors, requests
from disentangle_jax.data import samplers
from disentangle_jax.methods.embedding import (
  binomial_deviance,
  common,
  f_statistic,
  histogram_loss,
  triplet,
)
from disentangle_jax.nn import nets
from disentangle_jax.ops import class_pairs

ALL = np.ones(3, bool)
# One program each: compiling is what takes the time.
f_losses = jax.jit(f_statistic.loss_of, static_argnums=2)
triplet_loss = jax.jit(class_pairs.triplet_loss)
histogram_of = jax.jit(histogram_loss.loss_of)
SMALL_NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))


@pytest.fixture(scope='module')
def vectors():
  """Three classes of five vectors of four entries, apart and noisy."""
  rng = np.random.default_rng(0)
  means = 0.7 * rng.normal(size=(3, 1, 4))
  return (means + rng.normal(size=(3, 5, 4))).astype(np.float32)


def f_loss(vector, d=2, valid=ALL):
  return float(f_losses(vector, valid, d)['loss_sum'])


def scipy_loss(vector, d, classes=(0, 1, 2)):
  """Every pair's own analysis of variance."""
  total = 0.0
  for a, b in itertools.combinations(classes, 2):
    logs = []
    for k in range(vector.shape[2]):
      x, y = vector[a, :, k].astype(float), vector[b, :, k].astype(float)
      s, _ = scipy.stats.f_oneway(x, y)
      logs.append(scipy.stats.f.logcdf(s, 1, len(x) + len(y) - 2))
    total -= np.sum(np.sort(logs)[-d:])
  return total


@pytest.mark.parametrize('d', [1, 2, 4])
def test_f_loss_is_that_of_scipys_analysis_of_variance(vectors, d):
  assert f_loss(vectors, d) == pytest.approx(scipy_loss(vectors, d), rel=1e-4)
  loss = f_losses(vectors, ALL, d)
  assert float(loss['loss']) == pytest.approx(float(loss['loss_sum']) / 3)


def test_f_loss_leaves_absent_classes_out(vectors):
  there = np.array([True, False, True])
  expected = scipy_loss(vectors, 2, (0, 2))
  assert f_loss(vectors, 2, there) == pytest.approx(expected, rel=1e-4)
  assert f_loss(vectors, 2, np.array([False, False, True])) == 0


def test_f_loss_sees_rotations_and_neither_place_nor_scale(vectors):
  plain = f_loss(vectors, 4)
  moved = vectors * np.array([3.0, 0.2, -1.0, 7.0]) + np.array([5, -2, 0, 1])
  assert f_loss(moved.astype(np.float32), 4) == pytest.approx(plain, rel=1e-3)
  turn = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
  assert abs(f_loss((vectors @ turn).astype(np.float32), 4) - plain) > 0.05


def test_f_gradient_pushes_means_apart_and_shrinks_the_spread():
  vector = np.float32([[[0.0], [1.0]], [[1.0], [2.5]]])
  there = np.ones(2, bool)
  loss = lambda v: f_statistic.loss_of(v, there, 1)['loss']
  grad = np.asarray(jax.jit(jax.grad(loss))(vector))
  after = vector - 0.05 * grad
  gap = lambda v: float(v[1].mean() - v[0].mean())
  assert gap(after) > gap(vector)
  spread = lambda v: np.sum(np.square(v - v.mean(1, keepdims=True)))
  assert spread(after) < spread(vector)
  # Against differences of SciPy's loss.
  base = np.asarray(vector, float)
  for place in np.ndindex(base.shape):
    step = np.zeros_like(base)
    step[place] = 1e-5
    up, down = (scipy_loss(base + s, 1, (0, 1)) for s in (step, -step))
    assert grad[place] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-5)


def test_f_loss_of_equal_means_is_finite():
  vector = jnp.array([[[0.0], [1.0]], [[1.0], [0.0]]])
  loss = lambda v: f_statistic.loss_of(v, np.ones(2, bool), 1)['loss']
  value, grad = jax.jit(jax.value_and_grad(loss))(vector)
  assert np.isfinite(value) and np.all(np.isfinite(grad))


def brute_triplets(vector, margin, classes=(0, 1, 2)):
  terms = []
  for a, b in itertools.permutations(classes, 2):
    for i, j in itertools.permutations(range(vector.shape[1]), 2):
      for other in vector[b]:
        near = np.sum((vector[a, i] - vector[a, j]) ** 2)
        terms.append(
          max(0, margin + near - np.sum((vector[a, i] - other) ** 2))
        )
  return np.mean(terms)


def test_triplet_is_the_mean_over_all_valid_triplets(vectors):
  loss = lambda there: float(triplet_loss(vectors, there, 0.1))
  assert loss(ALL) == pytest.approx(brute_triplets(vectors, 0.1), rel=1e-5)
  expected = brute_triplets(vectors, 0.1, (1, 2))
  there = np.array([False, True, True])
  assert loss(there) == pytest.approx(expected, rel=1e-5)


def test_triplet_of_equal_distances_is_the_margin():
  # Corners of a square: neighbours are equally far, classes its sides.
  square = np.float32([[[0, 0], [1, 0]], [[0, 1], [1, 1]]])
  near = 1.0  # both sides, and to the nearer corner of the other class
  far = 2.0  # the diagonal
  margin = 0.3
  expected = (max(0, margin + near - near) + max(0, margin + near - far)) / 2
  got = float(triplet_loss(square, np.ones(2, bool), margin))
  assert got == pytest.approx(expected, rel=1e-6)
  same = np.zeros_like(square)
  got = float(triplet_loss(same, np.ones(2, bool), margin))
  assert got == pytest.approx(margin)


def test_histogram_loss_of_one_distribution_is_half_and_half_a_bin():
  nodes = len(histogram_loss.NODES)
  flat = jnp.full(nodes, 1 / nodes)
  got = float(histogram_loss.loss_of_histograms(flat, flat))
  assert got == pytest.approx(0.5 + 0.5 / nodes, rel=1e-5)


def test_histogram_loss_against_a_loop(vectors):
  unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
  histograms = {True: np.zeros(201), False: np.zeros(201)}
  rows = unit.reshape(15, 4).astype(float)
  for i, j in itertools.combinations(range(15), 2):
    place = (rows[i] @ rows[j] + 1) / 0.01
    low = int(np.floor(place))
    histogram = histograms[i // 5 == j // 5]
    histogram[low] += 1 - (place - low)
    histogram[min(low + 1, 200)] += place - low
  positive, negative = (
    h / h.sum() for h in (histograms[True], histograms[False])
  )
  expected = sum(
    negative[r] * positive[q] for r in range(201) for q in range(r + 1)
  )
  got = float(histogram_of(unit, ALL))
  assert got == pytest.approx(expected, abs=2e-4)
  # Apart: no negative pair is as similar as a positive one.
  apart = np.eye(3, 4, dtype=np.float32)[:, None].repeat(5, axis=1)
  assert float(histogram_of(apart, ALL)) == pytest.approx(0, abs=1e-6)


def test_binomial_deviance_against_a_loop(vectors):
  unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
  rows = unit.reshape(15, 4).astype(float)
  same, apart = [], []
  for i, j in itertools.combinations(range(15), 2):
    s = rows[i] @ rows[j]
    if i // 5 == j // 5:
      same.append(np.log1p(np.exp(-2 * (s - 0.5))))
    else:
      apart.append(np.log1p(np.exp(2 * 10 * (s - 0.5))))
  got = float(jax.jit(binomial_deviance.loss_of)(unit, ALL, 10.0))
  assert got == pytest.approx(np.mean(same) + np.mean(apart), rel=1e-5)


def test_rows_of_a_class_are_its_first():
  labels = jnp.array([1, 0, 1, 1, 2, 0, 1])
  pick = jax.jit(common.pick_classes, static_argnums=(1, 2))
  rows, there = jax.device_get(pick(labels, 4, 2))
  assert there.tolist() == [True, True, False, False]
  assert rows[:2].tolist() == [[1, 5], [0, 2]]


def test_unit_length_of_zeros_has_a_finite_gradient():
  vector = jnp.array([[3.0, 4.0], [0.0, 0.0]])

  @jax.jit
  @functools.partial(jax.grad, has_aux=True)
  def slope(v):
    unit = class_pairs.unit_length(v)
    return jnp.sum(unit), unit

  grad, unit = slope(vector)
  np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0]], rtol=1e-6)
  assert np.all(np.isfinite(grad))


@pytest.fixture(scope='module')
def characters():
  return data_lib.load('characters', resolution=8, part='train')


def config_of(module, **options):
  return module.Config(net=SMALL_NET, embedding=4, **options)


def test_attributes_as_classes_give_the_loss_of_every_attribute(characters):
  """The step's loss from its own embedding, attribute by attribute."""
  config = config_of(
    f_statistic, classes='attribute', per_identity=3, identity=('hair', 'body')
  )
  assert f_statistic.batch(config) == (requests.Observation(),)
  method = f_statistic.make(config, characters)
  sample = samplers.make(characters, f_statistic.batch(config))
  hparams = {k: jnp.float32(v) for k, v in f_statistic.HPARAMS.items()}

  @jax.jit
  def step(key):
    batch = sample(key, characters.arrays, jnp.arange(16))
    state = method.init(key, batch, hparams)
    _, scalars = method.update(key, state, batch, hparams)
    vector = method.represent(state, batch['observation']).vector
    return batch['factors'], vector, scalars

  factors, vector, scalars = jax.device_get(step(jax.random.key(1)))
  losses = []
  for name in config.identity:
    label = factors[:, characters.factor_names.index(name)]
    values = [v for v in range(4) if np.sum(label == v) >= 3]
    rows = np.stack([vector[np.flatnonzero(label == v)[:3]] for v in values])
    pairs = len(values) * (len(values) - 1) / 2
    losses.append(scipy_loss(rows, 2, range(len(values))) / pairs)
  assert scalars['loss'] == pytest.approx(np.mean(losses), rel=2e-3)
  # Both attributes had classes enough, or the test says nothing of the mean.
  assert len(losses) == 2


def test_attributes_on_two_shards_are_those_of_the_whole_batch(
  harness, history
):
  """Classes are picked from all rows, wherever they were encoded."""
  made = harness(
    'f_statistic', classes='attribute', identity=('position_x', 'position_y')
  )
  (whole, *_), (split, *_) = history(made, False)[1], history(made, True)[1]
  for name, value in split.items():
    assert value[0] == pytest.approx(whole[name][0], rel=1e-4), name
  assert whole['loss'][0] > 0


def test_a_batch_without_two_classes_is_refused(characters):
  config = config_of(triplet, classes='attribute', per_identity=9)
  method = triplet.make(config, characters)
  hparams = {k: 1.0 for k in triplet.HPARAMS}
  batch = {
    'observation': jnp.zeros((16, 8, 8, 3)),
    'factors': jnp.zeros((16, 9), jnp.int32),
  }
  state = jax.eval_shape(method.init, jax.random.key(0), batch, hparams)
  with pytest.raises(errors.ConfigError, match='at least 18, two classes of 9'):
    jax.eval_shape(method.update, jax.random.key(0), state, batch, hparams)


@pytest.mark.parametrize(
  ('module', 'options', 'words'),
  [
    (f_statistic, {'top_dimensions': 5}, 'at most config.static.embedding, 4'),
    (f_statistic, {'top_dimensions': 0}, 'top_dimensions'),
    (triplet, {'per_identity': 1}, 'per_identity'),
    (triplet, {'identities': 1}, 'identities'),
    (histogram_loss, {'classes': 'factor'}, 'classes'),
    (binomial_deviance, {'identity': ('shoe',)}, 'identity'),
    (binomial_deviance, {'identity': ()}, 'must name factors'),
  ],
)
def test_refusals(characters, module, options, words):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    module.make(config_of(module, **options), characters)
  assert '\n' not in str(caught.value)


def test_more_identities_than_the_fold_has_are_refused():
  held_out = data_lib.load('characters', resolution=8, part='test', fold=4)
  config = config_of(triplet, identities=231)
  with pytest.raises(errors.ConfigError, match='has 230 identities'):
    samplers.make(held_out, triplet.batch(config))
