"""Pairs and walks against exact probabilities."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors, requests
from disentangle_jax.data import (
  distributions,
  factorial,
  resample,
  samplers,
  stream,
)

COUNT = 4000


def draw(dataset, request, count=COUNT):
  sample = jax.jit(samplers.make(dataset, (request,)))
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(count))
  return {name: np.asarray(value) for name, value in batch.items()}


@pytest.mark.parametrize('changes', [1, 2, 3])
def test_pairs_differ_in_exactly_k_factors(changes):
  batch = draw(tiny.grid(), requests.Pair(changes))
  differ = batch['pair_factors'] != batch['factors']
  np.testing.assert_array_equal(differ, batch['pair_changed'])
  np.testing.assert_array_equal(differ.sum(1), changes)
  # Every set of factors is equally likely, and so is every other value.
  sets = list(itertools.combinations(range(3), changes))
  which = [sets.index(tuple(np.flatnonzero(row))) for row in differ]
  tiny.check_frequencies(which, np.ones(len(sets)) / len(sets))
  step = (batch['pair_factors'] - batch['factors']) % tiny.SIZES
  for k, size in enumerate(tiny.SIZES):
    moved = step[differ[:, k], k] - 1
    tiny.check_frequencies(moved, np.ones(size - 1) / (size - 1))


def test_the_number_of_changes_is_uniform_up_to_all_but_one():
  batch = draw(tiny.grid((2, 3, 1, 4, 2)), requests.Pair(0, fixed=('e',)))
  number = batch['pair_changed'].sum(1)
  # Three factors can change: c has one value, e is fixed.
  tiny.check_frequencies(number, [0, 1 / 2, 1 / 2, 0])
  assert not batch['pair_changed'][:, [2, 4]].any()


def test_factors_of_one_value_and_fixed_ones_take_no_turn():
  batch = draw(tiny.grid((2, 1, 4)), requests.Pair(1, fixed=('a',)), 64)
  np.testing.assert_array_equal(
    batch['pair_changed'], np.tile([False, False, True], (64, 1))
  )


@pytest.mark.parametrize('transition', ['uniform', 'laplace'])
@pytest.mark.parametrize('name', ['pairwise', 'holes'])
def test_pairs_stay_where_there_is_probability(transition, name):
  dataset = tiny.distributed()[name]
  batch = draw(dataset, requests.Pair(2, transition), 500)
  second = tiny.numbers(dataset, batch['pair_factors'])
  assert (tiny.density(dataset)[second] > 0).all()
  differ = batch['pair_factors'] != batch['factors']
  np.testing.assert_array_equal(differ, batch['pair_changed'])


@pytest.mark.parametrize('transition', ['uniform', 'laplace'])
def test_where_no_other_value_is_left_nothing_changes(transition):
  sizes = (3, 3)
  points = factorial.grid(sizes)
  line = distributions.subset(tiny.grid(sizes), points[:, 0] == points[:, 1])
  batch = draw(line, requests.Pair(1, transition), 64)
  assert not batch['pair_changed'].any()
  np.testing.assert_array_equal(batch['pair_factors'], batch['factors'])


def laplace_table(dataset, start, rate, free):
  """Probabilities of all ends of a walk, by going through all walks."""
  density, sizes = tiny.density(dataset), dataset.factor_sizes
  ends = np.zeros(len(density))
  for end in itertools.product(*[range(n) for n in sizes]):
    point, probability = list(start), 1.0
    for k, size in enumerate(sizes):
      if not free[k]:
        probability *= end[k] == start[k]
        continue
      weights = []
      for value in range(size):
        there = [*point[:k], value, *point[k + 1 :]]
        far = abs(value - start[k]) * rate / np.log(size)
        weights.append(np.exp(-far) * density[tiny.numbers(dataset, there)])
      probability *= weights[end[k]] / np.sum(weights)
      point[k] = end[k]
    ends[tiny.numbers(dataset, list(end))] = probability
  np.testing.assert_allclose(ends.sum(), 1, rtol=1e-5)
  ends[tiny.numbers(dataset, list(start))] = 0.0
  return ends / ends.sum()


@pytest.mark.parametrize('name', ['uniform', 'holes', 'any'])
def test_laplace_walks_have_their_exact_distribution(name):
  dataset = tiny.distributed()[name]
  free = np.array([True, False, True])
  walk = jax.jit(
    jax.vmap(resample.laplace(dataset, 0.7, free), (0, None)),
  )
  keys = jax.random.split(jax.random.key(3), COUNT)
  density = tiny.density(dataset)
  for start in (np.argmax(density), np.flatnonzero(density)[-1]):
    point = factorial.grid(tiny.SIZES)[start]
    ends = tiny.numbers(dataset, walk(keys, jnp.asarray(point)))
    exact = laplace_table(dataset, point, 0.7, free)
    if name == 'uniform':
      # Independent steps, given that one is taken.
      steps = [np.exp(-0.7 * np.abs(np.arange(n) - v) / np.log(n))
               for n, v in zip(tiny.SIZES, point)]  # fmt: skip
      steps[1] = (np.arange(3) == point[1]) * 1.0
      product = np.einsum('i,j,k', *[s / s.sum() for s in steps]).ravel()
      product[start] = 0
      np.testing.assert_allclose(exact, product / product.sum(), rtol=1e-5)
    tiny.check_frequencies(ends, exact)


def test_fast_rates_move_one_factor_by_one():
  """Where almost nothing moves, the first to move is drawn all the same."""
  batch = draw(tiny.grid(), requests.Pair(1, 'laplace', rate=40.0), 1000)
  step = np.abs(batch['pair_factors'] - batch['factors'])
  np.testing.assert_array_equal(step.sum(1), 1)
  # exp(-rate / log size) is largest for the largest factor, by far.
  assert step[:, 2].mean() > 0.99


@pytest.mark.parametrize(
  'request_, said',
  [
    (requests.Pair(4), 'from 1 to 3'),
    (requests.Pair(3, fixed=('a',)), 'from 1 to 2'),
    (requests.Pair(-1), 'from 1 to 3'),
    (requests.Pair(1.0), 'from 1 to 3'),
    (requests.Pair(0, fixed=('a', 'b')), 'needs two factors'),
    (requests.Pair(fixed=('a', 'b', 'c')), 'no factor of tiny'),
    (requests.Pair(fixed=('d',)), 'Pair.fixed: unknown'),
    (requests.Pair(transition='gauss'), 'legal: laplace, uniform'),
    (requests.Pair(transition='laplace', rate=0.0), 'Pair.rate = 0.0'),
    (requests.Pair(transition='laplace', rate=float('nan')), 'Pair.rate'),
    (requests.IdentityPair(), 'must name factors, of a, b, c'),
    (requests.IdentityPair(('d',)), 'IdentityPair.identity: unknown'),
  ],
)
def test_bad_pairs_are_refused(request_, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(tiny.grid(), (request_,))
  assert '\n' not in str(caught.value)


def test_identity_pairs_share_the_identity_and_redraw_the_rest():
  batch = draw(tiny.grid(), requests.IdentityPair(('b', 'a')))
  second, first = batch['identity_pair_factors'], batch['factors']
  np.testing.assert_array_equal(second[:, :2], first[:, :2])
  tiny.check_frequencies(first[:, 2] * 4 + second[:, 2], np.ones(16) / 16)


def test_identity_pairs_of_a_stream_are_rows_of_one_label():
  labels = np.array([0, 0, 0, 1, 2, 2])
  images = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((2, 2), 'u1')
  dataset = stream.stream(images, labels[:, None], ('label',))
  batch = draw(dataset, requests.IdentityPair(('label',)))
  row = lambda images: np.rint(images[:, 0, 0, 0] * 255).astype(int)
  first, second = row(batch['observation']), row(batch['identity_pair'])
  np.testing.assert_array_equal(labels[first], labels[second])
  np.testing.assert_array_equal(
    batch['identity_pair_factors'][:, 0], labels[second]
  )
  same = labels[:, None] == labels
  exact = same / same.sum(1, keepdims=True) / 6
  tiny.check_frequencies(first * 6 + second, exact.ravel())


def test_redrawing_keeps_the_distribution_and_its_holes():
  grid = data.load(
    'dsprites', resolution=8, scales=4, orientations=1, positions=4
  )
  dataset = distributions.held_out(
    grid, lambda f: (f[:, 1] >= 2) & (f[:, 3] >= 2)
  )
  again = resample.make(dataset, differ=False)
  count = 6000
  sample = jax.jit(dataset.sample)
  first = sample(jax.random.key(0), dataset.arrays, jnp.arange(count))
  keys = jax.random.split(jax.random.key(1), count)
  mask = jnp.asarray([False, True, False, True, False])
  step = jax.jit(jax.vmap(again, (0, 0, None)))
  second = np.asarray(step(keys, first['factors'], mask))
  assert np.isfinite(np.asarray(dataset.log_density(second))).all()
  cells = np.bincount(second[:, 1] * 4 + second[:, 3], minlength=16)
  kept = cells[cells > 0]
  assert len(kept) == 12
  chi = ((kept - count / 12) ** 2 / (count / 12)).sum()
  assert chi < 11 + 5 * np.sqrt(22)
  differs = jax.jit(jax.vmap(resample.make(dataset, True), (0, 0, None)))
  third = np.asarray(differs(keys, first['factors'], mask))
  changed = third != np.asarray(first['factors'])
  # Orientation has one value only, and was not asked for.
  np.testing.assert_array_equal(
    changed.all(0), [False, True, False, True, False]
  )


def test_sequences_step_by_one_and_turn_at_the_ends():
  sizes = (2, 1, 4)
  request = requests.Sequence(9, ('a', 'b', 'c'))
  batch = draw(tiny.grid(sizes), request, 32)
  factors = batch['sequence_factors']
  assert factors.shape == (32, 9, 3)
  assert batch['sequence'].shape == (32, 9, 2, 2, 1)
  np.testing.assert_array_equal(factors[:, 0], batch['factors'])
  step = np.diff(factors, axis=1)
  np.testing.assert_array_equal(
    np.abs(step), np.broadcast_to([1, 0, 1], step.shape)
  )
  # A way of period 2 (n - 1), and a turn at the ends alone.
  np.testing.assert_array_equal(factors[:, 6:, 2], factors[:, :3, 2])
  turns = step[:, 1:, 2] != step[:, :-1, 2]
  at_end = np.isin(factors[:, 1:-1, 2], (0, 3))
  np.testing.assert_array_equal(turns, at_end)
  fixed = draw(tiny.grid(sizes), requests.Sequence(3, ('a',)), 8)
  assert not np.diff(fixed['sequence_factors'][..., 1:], axis=1).any()
  one = draw(tiny.grid(sizes), requests.Sequence(1), 8)
  np.testing.assert_array_equal(one['sequence_factors'][:, 0], one['factors'])


def test_sequences_turn_where_combinations_are_held_out():
  sizes = (4, 4)
  grid = tiny.grid(sizes)
  dataset = distributions.held_out(
    grid, lambda f: (f[:, 0] >= 2) & (f[:, 1] >= 2)
  )
  batch = draw(dataset, requests.Sequence(7), 64)
  factors = batch['sequence_factors']
  inside = tiny.density(dataset)[tiny.numbers(dataset, factors)] > 0
  assert inside.all()
  step = np.abs(np.diff(factors, axis=1))
  # All factors step, or none does.
  assert (step == step[..., :1]).all() and (step <= 1).all()
  assert (step == 1).mean() > 0.5
  blocked = np.array([[2, 1], [1, 2]])
  start = (batch['factors'][:, None] == blocked).all(-1).any(-1)
  assert start.any()
