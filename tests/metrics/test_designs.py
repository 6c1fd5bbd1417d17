"""What the designs promise, from the grid and from given rows."""

import jax
import numpy as np
import pytest

from disentangle_jax import errors
from disentangle_jax.metrics import designs

SIZES = (3, 1, 4, 5)


def _sample(design, seed=0):
  return np.asarray(jax.jit(design.sample)(jax.random.key(seed)))


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


def _check_held(batches, held_by_score):
  constant = np.all(batches == batches[:, :1], axis=1)
  constant[:, 1] = False
  assert np.all(constant.sum(axis=1) == 1)
  np.testing.assert_array_equal(held_by_score, np.argmax(constant, axis=1))
  # Every factor that can be held is, about equally often.
  count = np.bincount(held_by_score, minlength=4)
  assert count[1] == 0
  assert np.all(np.abs(count[[0, 2, 3]] - len(batches) / 3) < 60)


def test_held_batches():
  design = designs.held_batches(SIZES, 50, 200, 100, 32)
  points = _sample(design)
  assert points.shape == (2 + 300, 32, 4)
  batches = points[2:]
  _check_held(batches, np.asarray(designs.held_factor(batches, SIZES)))
  for k, size in enumerate(SIZES):
    assert set(np.unique(batches[..., k])) == set(range(size))


def test_held_batches_of_rows():
  design = designs.held_batches(SIZES, 50, 200, 100, 32)
  factors = _rows()
  index = design.draw(np.random.default_rng(0), factors, 300)
  assert index.shape == (302, 32)
  batches = factors[index[2:]]
  _check_held(batches, np.asarray(designs.held_factor(batches, SIZES)))
  # Rows for testing are not trained on.
  assert index[:202].max() < 300 and index[202:].min() >= 300


def test_held_pairs():
  design = designs.held_pairs(SIZES, 200, 100, 16)
  factors = _rows()
  drawn = factors[design.draw(np.random.default_rng(0), factors, 400)]
  for points in (_sample(design), drawn):
    assert points.shape == (300, 16, 2, 4)
    agree = np.all(points[:, :, 0] == points[:, :, 1], axis=1)
    common = np.asarray(designs.common_factor(points, SIZES))
    assert np.all(agree[np.arange(300), common])
    assert set(np.unique(common)) == {0, 2, 3}
    # The value differs from pair to pair.
    values = points[np.arange(300)[:, None], np.arange(16), 0, common[:, None]]
    assert np.all(values.max(axis=1) > values.min(axis=1))


def test_changed_pairs():
  design = designs.changed_pairs(SIZES, 300, 100)
  factors = _rows(600)
  drawn = factors[design.draw(np.random.default_rng(0), factors, 500)]
  for points in (_sample(design), drawn):
    assert points.shape == (400, 2, 4)
    differs = points[:, 0] != points[:, 1]
    assert np.all(differs.sum(axis=1) == 1)
    assert np.all(np.bincount(np.argmax(differs, axis=1))[[0, 2, 3]] > 80)


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
