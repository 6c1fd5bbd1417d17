"""Sets without a grid of factors: rows drawn with replacement."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, files
from disentangle_jax.ops import per_example


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
  images = files.to_uint8(images, 'images')
  factors = _factors(factors, len(images), names)
  kept = None
  if test is not None:
    test_images = files.to_uint8(test[0], 'images')
    if test_images.shape[1:] != images.shape[1:]:
      rule = f'must be that of the others, {images.shape[1:]}'
      raise errors.value('shape of test images', test_images.shape[1:], rule)
    kept = test_images, _factors(test[1], len(test_images), names)
  return _drawn(jnp.asarray(images), _shown, factors, names, name, kept)


def rows(
  observations: np.ndarray,
  factors: np.ndarray | None = None,
  names: Sequence[str] = (),
  *,
  name: str = 'rows',
) -> types.Dataset:
  """Observations that are no images: real vectors of any range.

  Args:
    observations: float [N, ...].
    factors: int [N, K] >= 0, or None.
    names: K names.
    name: of the data set.

  Returns:
    The data set, drawn from as `stream` says.

  Raises:
    ConfigError: observations or factors that do not fit.
  """
  observations = np.asarray(observations, np.float32)
  if observations.ndim < 2 or not np.isfinite(observations).all():
    rule = 'must be finite numbers [N, ...]'
    raise errors.value('observations', observations.shape, rule)
  factors = _factors(factors, len(observations), names)
  return _drawn(jnp.asarray(observations), lambda x: x, factors, names, name)


def _shown(images: jax.Array) -> jax.Array:
  return images.astype(jnp.float32) / 255.0


def _factors(
  factors: np.ndarray | None, count: int, names: Sequence[str]
) -> np.ndarray:
  """Factors int [N, K], checked."""
  if factors is None:
    factors = np.zeros((count, 0), np.int64)
  factors = np.asarray(factors)
  if factors.shape != (count, len(names)):
    rule = f'must be {(count, len(names))}: one row per image'
    raise errors.value('shape of the factors', factors.shape, rule)
  if factors.dtype.kind not in 'iu' or (factors.size and factors.min() < 0):
    raise errors.value('factors', factors.dtype.name, 'must be integers >= 0')
  return factors


def _drawn(
  observations: jax.Array,
  show: Callable[[jax.Array], jax.Array],
  factors: np.ndarray,
  names: Sequence[str],
  name: str,
  test: tuple[np.ndarray, np.ndarray] | None = None,
) -> types.Dataset:
  """Rows drawn uniformly; `show` makes observations of what is kept."""
  count = len(factors)
  largest = factors.max(0)
  rows, counts = np.unique(factors, axis=0, return_counts=True)
  logs = np.log(counts / count).astype(np.float32)
  arrays = {
    'images': observations,
    'factors': jnp.asarray(factors, jnp.int32),
  }
  if test is not None:
    arrays['test_images'] = jnp.asarray(test[0])
    arrays['test_factors'] = jnp.asarray(test[1], jnp.int32)
    largest = np.maximum(largest, test[1].max(0))
  sizes = tuple(int(n) for n in largest + 1)

  def sample(key, arrays, index):
    draw = lambda k: factorial.uniform_factors(k, (count,))[0]
    number = jax.vmap(draw)(per_example.keys(key, index))
    return {
      'observation': show(arrays['images'][number]),
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
    observation_shape=tuple(observations.shape[1:]),
    arrays=arrays,
    render=None,
    sample=sample,
    log_density=log_density,
    deterministic=True,
  )
