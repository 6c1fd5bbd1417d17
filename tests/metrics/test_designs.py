"""What the designs promise, from the grid and from given rows."""

import jax
import numpy as np
import pytest

from disentangle_jax import errors
from disentangle_jax.metrics import designs

SIZES = (3, 1, 4, 5)


def _sample(design, seed=0):
  arrangement = jax.jit(design.sample)(jax.random.key(seed))
  return jax.tree.map(np.asarray, arrangement)


def _draw(design, factors, rows_train):
  """From given rows: their numbers, and their factors in the arrangement."""
  rows = design.draw(np.random.default_rng(0), factors, rows_train)
  return rows.points, rows._replace(points=factors[rows.points])


def _rows(num_rows=400, seed=0):
  rng = np.random.default_rng(seed)
  return np.stack([rng.integers(0, s, num_rows) for s in SIZES], axis=1)


def test_points_are_uniform_and_a_longer_draw_starts_with_the_shorter():
  long = _sample(designs.iid(SIZES, 3000, 1000))
  short = _sample(designs.iid(SIZES, 500))
  np.testing.assert_array_equal(long[:500], short)
  assert long.dtype == np.int32 and long.shape == (4000, 4)
  for k, size in enumerate(SIZES):
    count = np.bincount(long[:, k], minlength=size)
    assert len(count) == size
    # Five standard deviations of a binomial count.
    spread = 5 * np.sqrt(4000 * (1 / size) * (1 - 1 / size)) + 1e-9
    assert np.all(np.abs(count - 4000 / size) <= spread)


def _check_factor(factor, total):
  """Every factor that can be held is, about equally often."""
  assert factor.shape == (total,) and factor.dtype == np.int32
  count = np.bincount(factor, minlength=4)
  assert count[1] == 0
  assert np.all(np.abs(count[[0, 2, 3]] - total / 3) < 60)


def test_held_batches():
  design = designs.held_batches(SIZES, 50, 200, 100, 32)
  factors = _rows()
  index, of_rows = _draw(design, factors, 300)
  for points, factor in (_sample(design), of_rows):
    assert points.shape == (2 + 300, 32, 4)
    _check_factor(factor, 300)
    batches = points[2:]
    constant = np.all(batches == batches[:, :1], axis=1)
    assert np.all(constant[np.arange(300), factor])
    # The others vary in 32 points, all values of all of them occur.
    constant[:, 1] = False
    assert np.all(constant.sum(axis=1) == 1)
    for k, size in enumerate(SIZES):
      assert set(np.unique(batches[..., k])) == set(range(size))
  # Rows for testing are not trained on.
  assert index[:202].max() < 300 and index[202:].min() >= 300


def test_the_factor_is_the_one_that_was_held_however_the_others_look():
  # A rare level, and a factor that is a function of another: batches in which
  # three factors are constant, of which the points cannot say which was held.
  rng = np.random.default_rng(0)
  rare, nested = rng.random(2000) < 0.01, rng.integers(0, 12, 2000)
  factors = np.stack([rare, nested // 4, nested], axis=1).astype(int)
  sizes = (2, 3, 12)
  for design, axis in (
    (designs.held_batches(sizes, 4, 300, 0, 8), 1),
    (designs.held_pairs(sizes, 300, 0, 4), 2),
  ):
    _, (points, factor) = _draw(design, factors, 2000)
    points = points[-300:]
    constant = np.all(points == np.take(points, [0], axis), axis=axis)
    constant = constant.reshape(300, -1, 3).all(axis=1)
    assert np.all(constant[np.arange(300), factor])
    assert np.mean(constant.sum(axis=1) > 1) > 0.6
    assert np.all(np.bincount(factor, minlength=3) > 70)


def test_moved_batches():
  points, factor = _sample(designs.moved_batches(SIZES, 50, 200, 100, 32))
  assert points.shape == (2 + 300, 32, 4)
  _check_factor(factor, 300)
  moves = np.any(points[2:] != points[2:, :1], axis=1)
  assert np.all(moves.sum(axis=1) == 1)
  np.testing.assert_array_equal(np.argmax(moves, axis=1), factor)


def test_held_pairs():
  design = designs.held_pairs(SIZES, 200, 100, 16)
  index, of_rows = _draw(design, _rows(), 400)
  # Two rows, though they may have equal factors.
  assert np.all(index[..., 0] != index[..., 1])
  for points, factor in (_sample(design), of_rows):
    assert points.shape == (300, 16, 2, 4)
    _check_factor(factor, 300)
    agree = np.all(points[:, :, 0] == points[:, :, 1], axis=1)
    assert np.all(agree[np.arange(300), factor])
    # The value differs from pair to pair.
    values = points[np.arange(300)[:, None], np.arange(16), 0, factor[:, None]]
    assert np.all(values.max(axis=1) > values.min(axis=1))


@pytest.mark.parametrize('sizes', [(2, 3), (2, 1, 2, 3)])
def test_the_points_of_a_pair_are_two_of_the_grid_equally_often(sizes):
  points, factor = _sample(designs.held_pairs(sizes, 300, 0, 40))
  for k in np.flatnonzero(np.array(sizes) > 1):
    pairs = points[factor == k].reshape(-1, 2, len(sizes))
    first, second = (
      np.ravel_multi_index(tuple(pairs[:, i].T), sizes) for i in (0, 1)
    )
    assert np.all(first != second)
    size = np.prod(sizes)
    count = np.zeros((size, size))
    np.add.at(count, (first, second), 1)
    value = np.unravel_index(np.arange(size), sizes)[k]
    legal = (value[:, None] == value) & ~np.eye(size, dtype=bool)
    expected = len(pairs) / legal.sum()
    assert np.all(count[~legal] == 0)
    assert np.all(np.abs(count[legal] - expected) < 5 * np.sqrt(expected))


def test_changed_pairs():
  design = designs.changed_pairs(SIZES, 300, 100)
  _, of_rows = _draw(design, _rows(600), 500)
  for points, factor in (_sample(design), of_rows):
    assert points.shape == (400, 2, 4)
    differs = points[:, 0] != points[:, 1]
    assert np.all(differs.sum(axis=1) == 1)
    np.testing.assert_array_equal(np.argmax(differs, axis=1), factor)
    _check_factor(factor, 400)


def test_changed_pairs_of_rows_are_drawn_equally_often():
  # In one context: one row of value 0, two of value 1, one of value 2. Every
  # ordered pair that differs counts the same, given its first row.
  factors = np.array([[1, 5], [0, 5], [1, 5], [2, 5], [0, 7]])
  design = designs.changed_pairs((3, 2), 6000, 0)
  index, (_, factor) = _draw(design, factors, 5)
  pairs = index[factor == 0]
  count = np.zeros((5, 5))
  np.add.at(count, tuple(pairs.T), 1)
  expected = np.zeros((5, 5))
  for i in range(4):
    others = [j for j in range(4) if factors[j, 0] != factors[i, 0]]
    expected[i, others] = len(pairs) / 4 / len(others)
  assert np.all(count[expected == 0] == 0)
  assert np.all(np.abs(count - expected) <= 5 * np.sqrt(expected))
  # Only rows 1 and 4 differ in the second factor alone.
  assert {tuple(p) for p in index[factor == 1]} == {(1, 4), (4, 1)}


def test_swept_values():
  design = designs.swept_values(SIZES, 50, 7)
  points = _sample(design)
  assert points.shape == (50 + 7 * sum(SIZES), 4)
  start = 50
  for k, size in enumerate(SIZES):
    part = points[start : start + 7 * size].reshape(size, 7, 4)
    np.testing.assert_array_equal(
      part[:, :, k], np.broadcast_to(np.arange(size)[:, None], (size, 7))
    )
    others = np.delete(part, k, axis=2)
    np.testing.assert_array_equal(
      others, np.broadcast_to(others[0], others.shape)
    )
    start += 7 * size
  factors = _rows()
  drawn = factors[design.draw(np.random.default_rng(0), factors, 300)]
  np.testing.assert_array_equal(
    drawn[50 : 50 + 21, 0], np.repeat(np.arange(3), 7)
  )


def test_rows_that_cannot_supply_a_design():
  generator = np.random.default_rng(0)
  constant = np.zeros((20, 4), int)
  with pytest.raises(errors.ConfigError, match='varying factor'):
    designs.held_batches(SIZES, 4, 2, 2, 2).draw(generator, constant, 20)
  # A factor whose values all occur once cannot be held.
  once = np.stack([np.arange(20) % 3, np.arange(20)], axis=1)
  for design in (
    designs.held_batches((3, 20), 4, 9, 9, 2),
    designs.held_pairs((3, 20), 9, 9, 2),
  ):
    with pytest.raises(errors.ConfigError, match=r'factors\[:, 1\]') as caught:
      design.draw(generator, once, 20)
    assert 'no value occurs twice' in str(caught.value)
  # One that occurs twice is enough, and is the one that is held.
  once[5, 1] = 4
  design = designs.held_pairs((3, 20), 40, 0, 3)
  _, (points, factor) = _draw(design, once, 20)
  assert np.all(points[factor == 1][..., 1] == 4)
  # No two rows that differ in one factor alone.
  diagonal = np.stack([np.arange(3)] * 4, axis=1)
  with pytest.raises(errors.ConfigError, match='differ in it alone'):
    designs.changed_pairs(SIZES, 4, 2).draw(generator, diagonal, 3)
  missing = _rows()[_rows()[:, 2] != 1]
  with pytest.raises(errors.ConfigError, match='no test row'):
    designs.swept_values(SIZES, 4, 2).draw(generator, missing, len(missing))


def test_grids_without_enough_factors():
  with pytest.raises(errors.ConfigError, match='factor_sizes'):
    designs.held_batches((1, 1), 4, 2, 2, 2)
  with pytest.raises(errors.ConfigError, match='at least 2 factors'):
    designs.held_pairs((5, 1), 2, 2, 2)
  with pytest.raises(errors.ConfigError, match='at least 2 factors'):
    designs.changed_pairs((5,), 2, 2)
