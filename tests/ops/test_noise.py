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
