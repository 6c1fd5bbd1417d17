"""Sets without a grid of factors: images drawn with replacement."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, files
from disentangle_jax.ops import per_example


def _checked(images, factors, names) -> tuple[np.ndarray, np.ndarray]:
  """Images as bytes and one row of factors for each."""
  images = files.to_uint8(images, 'images')
  count = len(images)
  if factors is None:
    factors = np.zeros((count, 0), np.int64)
  factors = np.asarray(factors)
  if factors.shape != (count, len(names)):
    rule = f'must be {(count, len(names))}: one row per image'
    raise errors.value('shape of the factors', factors.shape, rule)
  if factors.dtype.kind not in 'iu' or (factors.size and factors.min() < 0):
    raise errors.value('factors', factors.dtype.name, 'must be integers >= 0')
  return images, factors


def stream(
  images: np.ndarray,
  factors: np.ndarray | None = None,
  names: Sequence[str] = (),
  *,
  name: str = 'stream',
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
) -> types.Dataset:
  """Images, with labels or factors where there are some.

  Args:
    images: [N, H, W] or [N, H, W, C], bool, uint8 or floats in [0, 1].
    factors: int [N, K] >= 0, or None.
    names: K names.
    name: of the data set.
    test: further images and factors that `sample` never draws, for judges;
      they become 'test_images' and 'test_factors' of the arrays.

  Returns:
    The data set: `render` is None, for nothing says which image a combination
    of factors has; `sample` draws images uniformly with replacement, row b from
    (key, index[b]) alone; `log_density` is that of the factors among the
    images, minus infinity for combinations that none has.

  Raises:
    ConfigError: images or factors that do not fit.
  """
  images, factors = _checked(images, factors, names)
  count = len(images)
  largest = factors.max(0)
  arrays = {
    'images': jnp.asarray(images),
    'factors': jnp.asarray(factors, jnp.int32),
  }
  if test is not None:
    test_images, test_factors = _checked(*test, names)
    if test_images.shape[1:] != images.shape[1:]:
      rule = f'must be that of the others, {images.shape[1:]}'
      raise errors.value('shape of test images', test_images.shape[1:], rule)
    arrays['test_images'] = jnp.asarray(test_images)
    arrays['test_factors'] = jnp.asarray(test_factors, jnp.int32)
    largest = np.maximum(largest, test_factors.max(0))
  sizes = tuple(int(n) for n in largest + 1)
  rows, counts = np.unique(factors, axis=0, return_counts=True)
  logs = np.log(counts / count).astype(np.float32)

  def sample(key, arrays, index):
    draw = lambda k: factorial.uniform_factors(k, (count,))[0]
    number = jax.vmap(draw)(per_example.keys(key, index))
    observation = arrays['images'][number].astype(jnp.float32) / 255.0
    return {
      'observation': observation,
      'factors': arrays['factors'][number],
      'index': index,
    }

  def log_density(factors):
    same = (factors[..., None, :] == jnp.asarray(rows)).all(-1)
    return jnp.max(jnp.where(same, jnp.asarray(logs), -jnp.inf), -1)

  return types.Dataset(
    name=name,
    factor_names=tuple(names),
    factor_sizes=sizes,
    factor_values=tuple(np.arange(float(n)) for n in sizes),
    observation_shape=tuple(images.shape[1:]),
    arrays=arrays,
    render=None,
    sample=sample,
    log_density=log_density,
    deterministic=True,
  )
