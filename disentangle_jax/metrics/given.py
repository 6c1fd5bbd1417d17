"""Arrays of others as codes and factors: read, checked, centred, cast.

Anything with rows and columns is taken: NumPy with any numeric dtype (those of
ml_dtypes too), pandas frames with nullable columns, torch and jax arrays,
lists.
"""

from collections.abc import Sequence
import re
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors

# Offsets above this many deviations are taken off before the cast to float32,
# which then keeps at least 13 bits of what varies.
_OFFSET = 2.0**10
# Codes are scaled by a power of two where the largest leaves this range.
_SMALL, _LARGE = 2.0**-60, 2.0**60
# Rows from which on a column with more levels than half of them is no factor.
_FEW = 20


class Levels(NamedTuple):
  """Factors as numbers of levels.

  Attributes:
    labels: int32 [N, K], 0, 1, ... in the order of the levels.
    sizes: K numbers of levels that occur.
  """

  labels: np.ndarray
  sizes: tuple[int, ...]


def _array(values: Any) -> Any:
  """torch and jax arrays and lists as NumPy; frames stay what they are."""
  if hasattr(values, 'detach'):  # torch
    values = values.detach().cpu()
    if 'bfloat16' in str(values.dtype):
      values = values.float()
    return values.numpy()
  if hasattr(values, 'iloc') and hasattr(values, 'columns'):
    return values
  return np.asarray(values)


def _is_number(dtype: Any) -> bool:
  """Whether a dtype holds real numbers or truth values, ml_dtypes included."""
  if isinstance(dtype, np.dtype) and dtype.kind in 'biuf':
    return True
  real = jnp.issubdtype(dtype, jnp.number)
  return real and not jnp.issubdtype(dtype, jnp.complexfloating)


def _missing(where: str, row: int, column: Any) -> errors.ConfigError:
  rule = 'is missing: must be finite; drop such rows, or fill them'
  return errors.value(f'{where}[{row}, {column!r}]', None, rule)


def _column(column: Any, name: Any, where: str) -> np.ndarray:
  """One column as numbers or text, without missing values.

  Raises:
    ConfigError: a missing value, with its row and column.
  """
  if hasattr(column, 'isna'):  # pandas, nullable or not
    gone = column.isna().to_numpy()
    if gone.any():
      raise _missing(where, int(np.argmax(gone)), name)
    if hasattr(column.dtype, 'numpy_dtype'):
      column = column.to_numpy(dtype=column.dtype.numpy_dtype)
    else:
      column = column.to_numpy()
  if _is_number(column.dtype):
    if jnp.issubdtype(column.dtype, jnp.floating):
      bad = ~np.isfinite(column.astype(np.float64))
      if bad.any():
        raise _missing(where, int(np.argmax(bad)), name)
    return column
  if column.dtype.kind == 'O':
    # None and NaN differ from themselves or are None.
    gone = np.array([v is None or v != v for v in column], bool)
    if gone.any():
      raise _missing(where, int(np.argmax(gone)), name)
    if all(isinstance(v, int | float | np.number) for v in column):
      return np.asarray(column.tolist())
    if all(isinstance(v, bytes) for v in column):
      return np.array([v.decode() for v in column])
  if column.dtype.kind == 'S':
    return np.char.decode(column)
  return column.astype(str)


def _columns(values: Any, where: str) -> tuple[list[np.ndarray], list[Any]]:
  """Columns of a table, and what to call them in an error."""
  values = _array(values)
  if values.ndim != 2 or 0 in values.shape:
    raise errors.value(where, values.shape, 'must be [N, K]')
  if hasattr(values, 'iloc'):
    names = list(values.columns)
    columns = [values.iloc[:, k] for k in range(values.shape[1])]
  else:
    names = list(range(values.shape[1]))
    columns = [values[:, k] for k in names]
  return [_column(c, n, where) for c, n in zip(columns, names)], names


def natural(text: str) -> list[tuple[int, float, str]]:
  """A sort key that puts '2' before '10' and 'b2' before 'b10'."""
  parts = re.split(r'(\d+(?:\.\d+)?)', text)
  return [
    (0, float(part), '') if i % 2 else (1, 0.0, part)
    for i, part in enumerate(parts)
    if part
  ]


def levels(factors: Any, where: str = 'factors') -> Levels:
  """Discrete factors as numbers of levels.

  Args:
    factors: [N, K], numbers or text. Levels are the distinct values of a column
      in ascending order; text is ordered as a person would ('2' before '10').
    where: what to call them in an error.

  Returns:
    The levels that occur.

  Raises:
    ConfigError: no table, a missing value, or a column whose values hardly
      repeat, whatever its dtype.
  """
  columns, names = _columns(factors, where)
  labels, sizes = [], []
  for column, name in zip(columns, names):
    if column.dtype.kind not in 'biufSU':  # ml_dtypes
      column = column.astype(np.float32)
    values, index = np.unique(column, return_inverse=True)
    if 2 * len(values) > len(column) > _FEW:
      rule = (
        'looks continuous: pass continuous=True, or bin it first'
        if column.dtype.kind != 'U'
        else 'looks like an identity, not a factor: leave it out'
      )
      got = f'{len(values)} distinct values'
      raise errors.value(f'{where}[:, {name!r}]', got, rule)
    if column.dtype.kind == 'U':
      order = sorted(range(len(values)), key=lambda i: natural(values[i]))
      rank = np.empty(len(values), np.int64)
      rank[order] = np.arange(len(values))
      index = rank[index]
    labels.append(index.reshape(-1))
    sizes.append(len(values))
  return Levels(np.stack(labels, axis=1).astype(np.int32), tuple(sizes))


def real_factors(factors: Any, where: str = 'factors') -> np.ndarray:
  """Continuous factors, centred where float32 would lose them.

  Args:
    factors: [N, K], numbers.
    where: what to call them in an error.

  Returns:
    float32 [N, K].

  Raises:
    ConfigError: no table of numbers, or a missing value.
  """
  columns, names = _columns(factors, where)
  for column, name in zip(columns, names):
    if not _is_number(column.dtype):
      rule = 'must be numbers where continuous=True'
      raise errors.value(f'{where}[:, {name!r}]', str(column.dtype), rule)
  wide = np.stack([column.astype(np.float64) for column in columns], axis=1)
  return _cast(wide, np.arange(len(wide)))


def codes(values: Any, where: str = 'codes') -> np.ndarray:
  """Codes in double precision, as they were given.

  Args:
    values: [N, D], or [S, N, D].
    where: what to call them in an error.

  Returns:
    float64; NaN and infinite entries stay, and make scores NaN.

  Raises:
    ConfigError: another number of axes, no numbers, or a missing value of a
      dtype other than float.
  """
  values = _array(values)
  if values.ndim not in (2, 3) or 0 in values.shape:
    raise errors.value(where, values.shape, 'must be [N, D]')
  if hasattr(values, 'iloc') or values.dtype.kind == 'O':
    kinds = values.dtypes if hasattr(values, 'iloc') else ()
    if len(kinds) and all(
      isinstance(kind, np.dtype) and _is_number(kind) for kind in kinds
    ):
      # NaN in codes is a diverged model's, and makes scores NaN.
      return values.to_numpy(np.float64)
    columns, names = _columns(values, where)
    for column, name in zip(columns, names):
      if not _is_number(column.dtype):
        text = str(column.dtype)
        raise errors.value(f'{where}[:, {name!r}]', text, 'must be numbers')
    return np.stack([c.astype(np.float64) for c in columns], axis=1)
  if not _is_number(values.dtype):
    raise errors.value(where, str(values.dtype), 'must be numbers')
  return values.astype(np.float64)


def _cast(wide: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """float32, with offsets and sizes that it cannot hold taken off.

  Args:
    wide: float64 [..., N, D].
    rows: the rows that offset and size are taken from.
  """
  with np.errstate(all='ignore'):
    own = np.where(np.isfinite(wide), wide, 0.0)[..., rows, :]
    largest = np.max(np.abs(own), axis=-2, keepdims=True)
    # Summed as differences: squares of a large offset would swallow the rest.
    mean = own[..., :1, :] + np.mean(own - own[..., :1, :], -2, keepdims=True)
    spread = np.max(np.abs(own - mean), axis=-2, keepdims=True)
    offset = np.where(largest > _OFFSET * spread, mean, 0.0)
    # One factor for all columns: what they are to each other says something.
    size = np.max(np.where(offset != 0, spread, largest), initial=0.0)
    exponent = 0
    if size > 0 and not _SMALL <= size <= _LARGE:
      exponent = round(np.log2(size))
    return np.ldexp(wide - offset, -exponent).astype(np.float32)


def plain(wide: np.ndarray) -> np.ndarray:
  """Codes as float32, nothing taken off: for scores that read their offset."""
  with np.errstate(over='ignore'):
    return wide.astype(np.float32)


def centred(wide: np.ndarray, rows: Sequence[int] | np.ndarray) -> np.ndarray:
  """Codes as float32 for scores that neither offset nor size changes.

  Args:
    wide: float64 [N, D] or [S, N, D].
    rows: those that offset and size are taken from, the training rows.

  Returns:
    float32; a column is shifted where its offset is above 2^10 times what
    varies; all are scaled by one power of two where the largest leaves 2^-60 to
    2^60. Others are cast as they are.
  """
  return _cast(wide, np.asarray(rows))
