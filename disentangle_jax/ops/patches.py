"""Square patches of images."""

import chex
import jax


def shuffle(key: jax.Array, image: jax.Array, patch: int) -> jax.Array:
  """An image whose square patches are permuted.

  Args:
    key: typed PRNG key.
    image: [H, W, C]; `patch` divides H and W.
    patch: side of a patch, pixels.

  Returns:
    [H, W, C], the same pixels within patches; every order is equally likely.
  """
  chex.assert_rank(image, 3)
  chex.assert_is_divisible(image.shape[0], patch)
  chex.assert_is_divisible(image.shape[1], patch)
  height, width, channels = image.shape
  rows, columns = height // patch, width // patch
  cut = image.reshape(rows, patch, columns, patch, channels)
  cut = cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
  cut = cut[jax.random.permutation(key, rows * columns)]
  cut = cut.reshape(rows, columns, patch, patch, channels)
  return cut.transpose(0, 2, 1, 3, 4).reshape(image.shape)
