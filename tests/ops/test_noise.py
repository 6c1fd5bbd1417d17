"""Salt-and-pepper noise."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import noise

corrupt = jax.jit(noise.salt_and_pepper)


def _grey(count=400):
  return jnp.full((count, 16, 16, 3), 0.5)


def test_share_and_colours():
  x = np.asarray(corrupt(jax.random.key(0), jnp.arange(400), _grey(), 0.2))
  hit = x != 0.5
  assert set(np.unique(x[hit])) == {0.0, 1.0}
  np.testing.assert_allclose(x[hit].mean(), 0.5, atol=0.02)
  # All channels of a pixel together.
  assert np.all(hit.all(-1) == hit.any(-1))
  # Shares are uniform on [0, 0.2]: mean 0.1, and they differ between images.
  shares = hit[..., 0].mean((1, 2))
  np.testing.assert_allclose(shares.mean(), 0.1, atol=0.01)
  np.testing.assert_allclose(shares.std(), 0.2 / np.sqrt(12), atol=0.012)
  assert shares.max() < 0.2 + 4 * np.sqrt(0.2 * 0.8 / 256)


def test_none_and_all():
  x, index = _grey(), jnp.arange(400)
  same = corrupt(jax.random.key(1), index, x, 0.0)
  np.testing.assert_array_equal(same, x)
  # Vectors have no channels: every entry on its own.
  flat = x.reshape(400, -1)
  hit = np.asarray(corrupt(jax.random.key(1), index, flat, 1.0) != 0.5)
  np.testing.assert_allclose(hit.mean(), 0.5, atol=0.05)
  assert not np.all(hit[:, 0] == hit[:, 1])


def test_noise_belongs_to_the_example():
  key, x = jax.random.key(2), _grey()
  one = corrupt(key, jnp.arange(400), x, 0.3)
  other = corrupt(key, jnp.arange(400)[::-1], x, 0.3)
  np.testing.assert_array_equal(one, other[::-1])
  assert np.any(one != other)


def test_a_rectangle_is_blank_and_any_can_come():
  draws, sides = 4000, (4, 6)
  index = jnp.arange(draws, dtype=jnp.int32)
  image = jnp.ones((draws, *sides, 2))
  blank = jax.jit(noise.rectangle, static_argnums=3)
  seen = np.asarray(blank(jax.random.key(0), index, image, 0.5))
  np.testing.assert_array_equal(seen[..., 0], seen[..., 1])
  hit = seen[..., 0] == 0
  rows, columns = hit.any(2), hit.any(1)
  # The outer product of a run of rows and a run of columns.
  np.testing.assert_array_equal(hit, rows[:, :, None] & columns[:, None])
  for along, size, longest in ((rows, 4, 2), (columns, 6, 3)):
    assert np.all(np.abs(np.diff(along, axis=1)).sum(1) <= 2)
    lengths = np.bincount(along.sum(1), minlength=size + 1)
    expected = np.zeros(size + 1)
    expected[1 : longest + 1] = draws / longest
    np.testing.assert_allclose(lengths, expected, atol=5 * draws**0.5)
    # P(place) = mean over lengths of the share of starts that cover it.
    covered = np.zeros(size)
    for length in range(1, longest + 1):
      starts = size - length + 1
      for start in range(starts):
        covered[start : start + length] += 1 / (starts * longest)
    np.testing.assert_allclose(along.mean(0), covered, atol=0.04)
  # An image's rectangle is its own, whatever stands beside it.
  alone = blank(jax.random.key(0), index[7:8], image[7:8], 0.5)
  np.testing.assert_array_equal(alone[0], seen[7])
  assert noise.rectangle(jax.random.key(0), index, image, 0.0) is image
