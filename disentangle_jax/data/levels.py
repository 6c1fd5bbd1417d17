"""Levels of factors: numbers or words of any kind as 0, 1, ... and back.

The distinct values of a column, sorted, are its levels. A column has as many as
occur: labels from 1, with gaps, as floats or as words all become 0 to n - 1,
and the number of levels, which scores divide by, is that of the values there
are.
"""

from collections.abc import Sequence
import re
from typing import NamedTuple

import numpy as np

from disentangle_jax import errors

# Values that a summary names one by one.
_FEW = 6


class Levels(NamedTuple):
  """A table of factors as levels.

  Attributes:
    index: int64 [N, K], from 0.
    values: K float arrays, level -> number; the level itself where the values
      are words.
    words: K tuples, level -> text; None where the values are numbers.
  """

  index: np.ndarray
  values: tuple[np.ndarray, ...]
  words: tuple[tuple[str, ...] | None, ...]

  @property
  def sizes(self) -> tuple[int, ...]:
    """K numbers of levels."""
    return tuple(len(values) for values in self.values)


def table(factors: np.ndarray, field: str) -> np.ndarray:
  """Factors with an axis of columns.

  Args:
    factors: [N] or [N, K].
    field: what to name in errors.

  Returns:
    [N, K].

  Raises:
    ConfigError: another shape, or neither numbers nor text, or no number.
  """
  factors = np.asarray(factors)
  if factors.ndim == 1:
    factors = factors[:, None]
  if factors.ndim != 2:
    rule = 'must be [N] or [N, K]'
    raise errors.value(f'{field}: shape', factors.shape, rule)
  if factors.dtype.kind not in 'biufSU':
    rule = 'must be integers, floats, booleans or text'
    raise errors.value(f'{field}: dtype', str(factors.dtype), rule)
  if factors.dtype.kind == 'f' and not np.isfinite(factors).all():
    row = int(np.flatnonzero(~np.isfinite(factors).all(1))[0])
    rule = 'must be finite: leave out the rows without a value'
    raise errors.value(f'{field}: row {row}', factors[row].tolist(), rule)
  return factors


def of(factors: np.ndarray, field: str, grid: bool = False) -> Levels:
  """The levels of a table.

  Args:
    factors: [N] or [N, K]; bool, integers, floats, or text (str or UTF-8). Text
      that is numbers throughout is sorted by them, other text as people sort
      it, '2' before '10'.
    field: what to name in errors.
    grid: whether every combination has one row, so that a single factor has as
      many values as rows.

  Returns:
    The levels.

  Raises:
    ConfigError: as `table`, or floats or words of which most occur once.
  """
  factors = table(factors, field)
  columns = [np.unique(x, return_inverse=True) for x in factors.T]
  index, values, words = [], [], []
  for k, (distinct, inverse) in enumerate(columns):
    many = 2 * len(distinct) > len(factors) > 20
    if many and not grid and factors.dtype.kind in 'fSU':
      rule = (
        f'are distinct in {len(factors)} rows, which is no label; group them '
        'first'
      )
      raise errors.value(f'{field}, column {k}: values', len(distinct), rule)
    order, numbers, text = _sorted(distinct, field)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    index.append(rank[inverse.reshape(-1)])
    values.append(numbers)
    words.append(text)
  stacked = np.stack(index, 1) if index else np.zeros(factors.shape, np.int64)
  return Levels(stacked, tuple(values), tuple(words))


def together(
  tables: Sequence[np.ndarray], field: str, exact: bool = False
) -> Levels:
  """The levels of several tables of the same factors, as one table.

  Args:
    tables: [N, K], [M, K] ...
    field: what to name in errors.
    exact: the values are levels already, from 0 on, of which some may not
      occur.

  Returns:
    Levels of [N + M + ..., K].

  Raises:
    ConfigError: as `of`; numbers in one table and text in another; values that
      are no levels.
  """
  if len({x.dtype.kind in 'SU' for x in tables}) > 1:
    got = ', '.join(str(x.dtype) for x in tables)
    rule = 'must both be numbers or both be text'
    raise errors.value(f'{field} and test {field}', got, rule)
  both = np.concatenate(tables)
  if not exact:
    return of(both, field)
  if both.dtype.kind not in 'iu' or (both.size and both.min() < 0):
    rule = 'must be integers >= 0 where exact=True'
    raise errors.value(field, both.dtype.name, rule)
  sizes = both.max(0).astype(np.int64) + 1
  values = tuple(np.arange(float(size)) for size in sizes)
  return Levels(both.astype(np.int64), values, (None,) * len(values))


def _sorted(distinct: np.ndarray, field: str):
  """Order of the distinct values, the numbers, and the words or None."""
  if distinct.dtype.kind in 'SU':
    words = [_text(word, field) for word in distinct.tolist()]
    numbers = _numbers(words)
    if numbers is not None:
      order = np.argsort(numbers, kind='stable')
      return order, numbers[order], None
    order = sorted(range(len(words)), key=lambda i: _natural(words[i]))
    named = tuple(words[i] for i in order)
    return np.array(order, int), np.arange(float(len(words))), named
  order, numbers = np.arange(len(distinct)), distinct.astype(np.float64)
  if len(np.unique(numbers)) < len(distinct):
    # Integers beyond 2^53, which floats do not tell apart.
    words = tuple(map(str, distinct.tolist()))
    return order, np.arange(float(len(order))), words
  return order, numbers, None


def _text(word: str | bytes, field: str) -> str:
  if isinstance(word, str):
    return word
  try:
    return word.decode()
  except UnicodeDecodeError as error:
    raise errors.value(field, word, 'must be text in UTF-8') from error


def _numbers(words: Sequence[str]) -> np.ndarray | None:
  """Words as distinct finite numbers; None if they are not."""
  try:
    numbers = np.array([float(word) for word in words])
  except ValueError:
    return None
  distinct = len(np.unique(numbers)) == len(words)
  return numbers if distinct and np.isfinite(numbers).all() else None


def _natural(word: str) -> tuple:
  """Sorts digits as numbers and letters whatever their case."""
  parts = re.split(r'(\d+)', word.casefold())
  return (*(int(p) if k % 2 else p for k, p in enumerate(parts)),), word


def names(given: np.ndarray, field: str) -> list[str]:
  """Names of factors as an archive holds them.

  Args:
    given: [K], text or UTF-8.
    field: what to name in errors.

  Returns:
    K names.

  Raises:
    ConfigError: bytes that are no UTF-8.
  """
  return [
    _text(name, field) if isinstance(name, bytes) else str(name)
    for name in np.asarray(given).reshape(-1).tolist()
  ]


def integers(labels: np.ndarray, field: str) -> np.ndarray:
  """Labels of a set whose labels are known: whole numbers from 0 on.

  Args:
    labels: [N] or [N, 1].
    field: what to name in errors.

  Returns:
    int64 [N].

  Raises:
    ConfigError: text, fractions, negative numbers, or several columns.
  """
  column = table(labels, field)
  if column.shape[1] != 1:
    raise errors.value(f'{field}: shape', column.shape, 'must be [N]')
  column = column[:, 0]
  if column.dtype.kind not in 'biuf':
    rule = 'must be whole numbers >= 0'
    raise errors.value(field, column.tolist()[:1], rule)
  wrong = (column < 0) | (column != np.floor(column)) | (column >= 2**31)
  if wrong.any():
    rule = 'must be whole numbers from 0 to 2^31 - 1'
    raise errors.value(field, column[wrong][0].item(), rule)
  return column.astype(np.int64)


def describe(name: str, values: np.ndarray, words: Sequence[str] | None) -> str:
  """A factor in a few words: 'row 4', 'row 4 (1 to 4)', 'kind 2 (cat, dog)'."""
  size = len(values)
  if words is None and np.array_equal(values, np.arange(size)):
    return f'{name} {size}'
  if words is None:
    even = np.array_equal(values, values[0] + np.arange(size))
    shown = [f'{value:g}' for value in values]
    if (even and size > 2) or size > _FEW:
      return f'{name} {size} ({shown[0]} to {shown[-1]})'
  else:
    shown = list(words)
    if size > _FEW:
      shown = [*shown[:2], '...', shown[-1]]
  return f'{name} {size} ({", ".join(shown)})'
