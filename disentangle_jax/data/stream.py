"""Sets without a grid of factors: rows drawn with replacement."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, pixels
from disentangle_jax.data import levels as levels_lib
from disentangle_jax.data import summary as summary_lib
from disentangle_jax.ops import per_example


class Rows(NamedTuple):
  """How the rows of a set are found: what its `extras['rows']` holds.

  Attributes:
    factors: int [N, K] of all rows that `sample` draws, as levels, on the host.
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
  exact: bool = False,
) -> types.Dataset:
  """Images, with labels or factors where there are some.

  Args:
    images: [N, H, W] or [N, H, W, C] of any range that `pixels.read` knows;
      with an axis of frames or layers before H for videos and voxels.
    factors: [N, K], numbers or text, or None. The distinct values of a column
      become its levels (`levels.of`), and `factor_values` holds the numbers.
    names: K names.
    name: of the data set.
    test: further images and factors that `sample` never draws, for judges;
      they become 'test_images' and 'test_factors' of the arrays.
    kind: 'image', 'video' or 'voxels'.
    fields: what a batch holds beside these, name -> [N, ...]; numbers become
      float32 or int32.
    extras: of the data set; 'rows' is added, 'words' where factors are text,
      and 'summary' where there is none.
    exact: nothing is taken for something else: images are uint8 from 0 to 255,
      and factors are levels from 0 on already, of which some may not occur.

  Returns:
    The data set: `render` is None, for nothing says which image a combination
    of factors has; `sample` draws images uniformly with replacement, row b from
    (key, index[b]) alone; `log_density` is that of the factors among the
    images, minus infinity for combinations that none has.

  Raises:
    ConfigError: images, factors or fields that do not fit.
  """
  notes = []
  if exact:
    images = _exact(images, kind)
    test = _test(test, lambda images: _exact(images, kind))
  else:
    train, others = np.asarray(images), []
    if test is not None:
      others = [np.asarray(test[0])]
    read = pixels.read(train, 'images', kind, others)
    images, notes = read.images, [read.note]
    test = _test(
      test, lambda x: pixels.read(x, 'test images', kind, [train]).images
    )
  return _drawn(
    images,
    factors,
    names,
    name=name,
    kind=kind,
    show=_as_floats,
    test=test,
    fields=fields,
    extras=extras,
    exact=exact,
    notes=notes,
  )


def of_levels(
  images: np.ndarray,
  levels: levels_lib.Levels,
  names: Sequence[str],
  *,
  name: str,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """Images whose factors were read already, as `stream`.

  Args:
    images: uint8 [N, H, W, C], from 0 to 255.
    levels: of N rows.
    names: K names.
    name: of the data set.
    extras: of the data set; 'rows' and 'words' are added.

  Returns:
    The data set.

  Raises:
    ConfigError: images or names that do not fit.
  """
  return _drawn(
    _exact(images, 'image'),
    levels,
    names,
    name=name,
    kind='image',
    show=_as_floats,
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
  exact: bool = False,
) -> types.Dataset:
  """Observations that are no images: real vectors of any range.

  Args:
    observations: float [N, ...].
    factors: [N, K], as for `stream`, or None.
    names: K names.
    name: of the data set.
    fields: as for `stream`.
    extras: of the data set; 'rows' is added.
    exact: factors are levels already, as for `stream`.

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
    exact=exact,
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
  exact: bool = False,
) -> types.Dataset:
  """Sentences as numbers of words.

  Args:
    tokens: int [N, L], 0 is padding.
    vocabulary: token -> word.
    factors: [N, K], as for `stream`, or None.
    names: K names.
    name: of the data set.
    test: further tokens and factors that `sample` never draws, as for `stream`.
    fields: as for `stream`.
    extras: of the data set; 'vocabulary' and 'rows' are added.
    exact: factors are levels already, as for `stream`.

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
    exact=exact,
  )


def words(
  names: Sequence[str], levels: levels_lib.Levels
) -> dict[str, dict[str, tuple[str, ...]]]:
  """The entry 'words' of a set's extras: factor -> level -> text."""
  of = {n: text for n, text in zip(names, levels.words) if text is not None}
  return {'words': of} if of else {}


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


def _as_floats(images: jax.Array) -> jax.Array:
  """Bytes as float32 in [0, 1]."""
  return images.astype(jnp.float32) / 255.0


def _exact(images: np.ndarray, kind: str) -> np.ndarray:
  """Bytes with an axis of channels, as they are."""
  images = pixels.with_channels(images, 'images', kind)
  if images.dtype != np.uint8:
    rule = 'must be uint8 where exact=True'
    raise errors.value('images: dtype', str(images.dtype), rule)
  return images


def _factors(
  factors: np.ndarray | None, count: int, names: Sequence[str]
) -> np.ndarray:
  """Factors [N, K], checked."""
  if factors is None:
    return np.zeros((count, 0), np.int64)
  factors = np.asarray(factors)
  if factors.shape != (count, len(names)):
    rule = f'must be {(count, len(names))}: one row per image'
    raise errors.value('shape of the factors', factors.shape, rule)
  if len(set(names)) != len(names):
    raise errors.value('factor names', tuple(names), 'must differ')
  return levels_lib.table(factors, 'factors')


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
  factors: np.ndarray | levels_lib.Levels | None,
  names: Sequence[str],
  *,
  name: str,
  kind: str,
  dtype: str = 'float32',
  show: Callable[[jax.Array], jax.Array] = lambda observations: observations,
  test: tuple[np.ndarray, np.ndarray | None] | None = None,
  fields: Mapping[str, np.ndarray] | None = None,
  extras: Mapping[str, Any] | None = None,
  exact: bool = False,
  notes: Sequence[str] = (),
) -> types.Dataset:
  """Rows drawn uniformly; `show` makes observations of what is kept."""
  count, shape = observations.shape[0], tuple(observations.shape[1:])
  levels = factors
  if not isinstance(levels, levels_lib.Levels):
    tables = [_factors(factors, count, names)]
    if test is not None:
      tables.append(_factors(test[1], len(test[0]), names))
    levels = levels_lib.together(tables, 'factors', exact)
  factors = _factors(levels.index[:count], count, names)
  arrays = {
    'images': jnp.asarray(observations),
    'factors': jnp.asarray(factors, jnp.int32),
  }
  if fields:
    arrays['fields'] = {n: _field(n, v, count) for n, v in fields.items()}
  if test is not None:
    images = test[0]
    if images.shape[1:] != shape:
      rule = f'must be that of the others, {shape}'
      raise errors.value('shape of test images', images.shape[1:], rule)
    arrays['test_images'] = jnp.asarray(images)
    arrays['test_factors'] = jnp.asarray(levels.index[count:], jnp.int32)

  def row(arrays, number):
    more = {n: v[number] for n, v in arrays.get('fields', {}).items()}
    return {
      'observation': show(arrays['images'][number]),
      'factors': arrays['factors'][number],
      **more,
    }

  rows = Rows(factors, row)
  extras = {**(extras or {}), 'rows': rows, **words(names, levels)}
  if notes:
    tests = 0 if test is None else len(test[0])
    told = summary_lib.line(
      name, count, shape, notes, names, levels, kind=kind, tests=tests
    )
    extras.setdefault('summary', told)
  return types.Dataset(
    name=name,
    factor_names=tuple(names),
    factor_sizes=levels.sizes,
    factor_values=levels.values,
    observation_shape=shape,
    arrays=arrays,
    render=None,
    sample=uniform(rows),
    log_density=frequencies(factors),
    deterministic=True,
    kind=kind,
    dtype=dtype,
    fields=tuple(fields or ()),
    extras=extras,
    num_examples=count,
  )
