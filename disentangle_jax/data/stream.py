"""Sets without a grid of factors: rows drawn with replacement."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, files
from disentangle_jax.ops import per_example


class Rows(NamedTuple):
  """How the rows of a set are found: what its `extras['rows']` holds.

  Attributes:
    factors: int [N, K] of all rows that `sample` draws, on the host.
    show: `(arrays, number int32 [B]) -> {'observation', 'factors', fields}`.
  """

  factors: np.ndarray
  show: Callable[..., Mapping[str, jax.Array]]


def stream(
  images: np.ndarray,
  factors: np.ndarray | None = None,
  names: Sequence[str] = (),
  *,
  name: str = 'stream',
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
  kind: str = 'image',
  fields: Mapping[str, np.ndarray] | None = None,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """Images, with labels or factors where there are some.

  Args:
    images: [N, H, W] or [N, H, W, C], bool, uint8 or floats in [0, 1]; with an
      axis of frames or layers before H for videos and voxels.
    factors: int [N, K] >= 0, or None.
    names: K names.
    name: of the data set.
    test: further images and factors that `sample` never draws, for judges;
      they become 'test_images' and 'test_factors' of the arrays.
    kind: 'image', 'video' or 'voxels'.
    fields: what a batch holds beside these, name -> [N, ...]; numbers become
      float32 or int32.
    extras: of the data set; 'rows' is added.

  Returns:
    The data set: `render` is None, for nothing says which image a combination
    of factors has; `sample` draws images uniformly with replacement, row b from
    (key, index[b]) alone; `log_density` is that of the factors among the
    images, minus infinity for combinations that none has.

  Raises:
    ConfigError: images, factors or fields that do not fit.
  """
  as_bytes = lambda images: files.to_uint8(images, 'images', kind)
  return _drawn(
    as_bytes(images),
    factors,
    names,
    name=name,
    kind=kind,
    show=lambda images: images.astype(jnp.float32) / 255.0,
    test=_test(test, as_bytes),
    fields=fields,
    extras=extras,
  )


def rows(
  observations: np.ndarray,
  factors: np.ndarray | None = None,
  names: Sequence[str] = (),
  *,
  name: str = 'rows',
  fields: Mapping[str, np.ndarray] | None = None,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """Observations that are no images: real vectors of any range.

  Args:
    observations: float [N, ...].
    factors: int [N, K] >= 0, or None.
    names: K names.
    name: of the data set.
    fields: as for `stream`.
    extras: of the data set; 'rows' is added.

  Returns:
    The data set, of the kind 'vector', drawn from as `stream` says.

  Raises:
    ConfigError: observations, factors or fields that do not fit.
  """
  observations = np.asarray(observations, np.float32)
  if observations.ndim < 2 or not np.isfinite(observations).all():
    rule = 'must be finite numbers [N, ...]'
    raise errors.value('observations', observations.shape, rule)
  return _drawn(
    observations,
    factors,
    names,
    name=name,
    kind='vector',
    fields=fields,
    extras=extras,
  )


def sentences(
  tokens: np.ndarray,
  vocabulary: Sequence[str],
  factors: np.ndarray | None = None,
  names: Sequence[str] = (),
  *,
  name: str = 'sentences',
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
  fields: Mapping[str, np.ndarray] | None = None,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """Sentences as numbers of words.

  Args:
    tokens: int [N, L], 0 is padding.
    vocabulary: token -> word.
    factors: int [N, K] >= 0, or None.
    names: K names.
    name: of the data set.
    test: further tokens and factors that `sample` never draws, as for `stream`.
    fields: as for `stream`.
    extras: of the data set; 'vocabulary' and 'rows' are added.

  Returns:
    The data set, of the kind 'tokens', drawn from as `stream` says;
    observations are int32 [L]. The arrays call them 'images', too.

  Raises:
    ConfigError: tokens outside of the vocabulary, factors or fields that do not
      fit.
  """
  vocabulary = tuple(vocabulary)

  def checked(tokens):
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or not tokens.size or tokens.dtype.kind not in 'iu':
      rule = f'must be integers [N, L], got {tokens.dtype}'
      raise errors.value('tokens', tokens.shape, rule)
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= len(vocabulary):
      rule = f'must lie in 0 to {len(vocabulary) - 1}, as the vocabulary does'
      raise errors.value('range of tokens', (low, high), rule)
    return tokens.astype(np.int32)

  return _drawn(
    checked(tokens),
    factors,
    names,
    name=name,
    kind='tokens',
    dtype='int32',
    test=_test(test, checked),
    fields=fields,
    extras={**(extras or {}), 'vocabulary': vocabulary},
  )


def frequencies(factors: np.ndarray) -> Callable[[jax.Array], jax.Array]:
  """`Dataset.log_density` of rows that are drawn uniformly.

  Args:
    factors: int [N, K], of every row.

  Returns:
    `(factors int32 [..., K]) -> float32 [...]`, nats.
  """
  points, counts = np.unique(factors, axis=0, return_counts=True)
  logs = np.log(counts / len(factors)).astype(np.float32)

  def log_density(factors):
    same = (factors[..., None, :] == jnp.asarray(points)).all(-1)
    return jnp.max(jnp.where(same, jnp.asarray(logs), -jnp.inf), -1)

  return log_density


def uniform(rows: Rows) -> Callable[..., Mapping[str, jax.Array]]:
  """`Dataset.sample` that draws rows with replacement.

  Args:
    rows: of the set.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`.
  """
  count = len(rows.factors)

  def sample(key, arrays, index):
    draw = lambda k: factorial.uniform_factors(k, (count,))[0]
    number = jax.vmap(draw)(per_example.keys(key, index))
    return {**rows.show(arrays, number), 'index': index}

  return sample


def _test(test, convert):
  """Test rows, converted as the others are."""
  return None if test is None else (convert(test[0]), test[1])


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


def _field(name: str, values: np.ndarray, count: int) -> jax.Array:
  """A field of all rows, checked."""
  values = np.asarray(values)
  if values.shape[:1] != (count,):
    rule = f'must have {count} rows, one per observation'
    raise errors.value(f'shape of the field {name!r}', values.shape, rule)
  if values.dtype.kind not in 'biuf':
    rule = 'must be booleans, integers or floats'
    raise errors.value(f'dtype of the field {name!r}', str(values.dtype), rule)
  if values.dtype.kind == 'b':
    return jnp.asarray(values)
  return jnp.asarray(values, 'float32' if values.dtype.kind == 'f' else 'int32')


def _drawn(
  observations: np.ndarray,
  factors: np.ndarray | None,
  names: Sequence[str],
  *,
  name: str,
  kind: str,
  dtype: str = 'float32',
  show: Callable[[jax.Array], jax.Array] = lambda observations: observations,
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
  fields: Mapping[str, np.ndarray] | None = None,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """Rows drawn uniformly; `show` makes observations of what is kept."""
  count, shape = observations.shape[0], tuple(observations.shape[1:])
  factors = _factors(factors, count, names)
  largest = factors.max(0)
  arrays = {
    'images': jnp.asarray(observations),
    'factors': jnp.asarray(factors, jnp.int32),
  }
  if fields:
    arrays['fields'] = {n: _field(n, v, count) for n, v in fields.items()}
  if test is not None:
    images, test_factors = test
    if images.shape[1:] != shape:
      rule = f'must be that of the others, {shape}'
      raise errors.value('shape of test images', images.shape[1:], rule)
    test_factors = _factors(test_factors, len(images), names)
    arrays['test_images'] = jnp.asarray(images)
    arrays['test_factors'] = jnp.asarray(test_factors, jnp.int32)
    largest = np.maximum(largest, test_factors.max(0))
  sizes = tuple(int(n) for n in largest + 1)

  def row(arrays, number):
    more = {n: v[number] for n, v in arrays.get('fields', {}).items()}
    return {
      'observation': show(arrays['images'][number]),
      'factors': arrays['factors'][number],
      **more,
    }

  rows = Rows(factors, row)
  return types.Dataset(
    name=name,
    factor_names=tuple(names),
    factor_sizes=sizes,
    factor_values=tuple(np.arange(float(n)) for n in sizes),
    observation_shape=shape,
    arrays=arrays,
    render=None,
    sample=uniform(rows),
    log_density=frequencies(factors),
    deterministic=True,
    kind=kind,
    dtype=dtype,
    fields=tuple(fields or ()),
    extras={**(extras or {}), 'rows': rows},
    num_examples=count,
  )
