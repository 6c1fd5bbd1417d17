"""Concepts: what some attributes are, whatever the others; and their operators.

Higgins et al. 2018, "SCAN: Learning Hierarchical Compositional Visual
Concepts", https://arxiv.org/abs/1707.03389: a concept gives values
to a subset of the attributes of what is seen. Its symbol is k-hot: one place
for each value of each attribute, a 1 for every value that is given.

  AND        of two that share no attribute: both together
  IN COMMON  of two that share a value: what both say
  IGNORE     of one and another that is part of it: the first without the other

Four attributes with 16, 16, 16 and 3 values have 17 x 17 x 17 x 4 - 1 = 19,651
concepts, every non-empty assignment. The 18,883 that slides after the paper
give are 768 = 16 x 16 x 3 fewer, and which are left out is not said.
"""

from collections.abc import Sequence
import dataclasses
import math

import chex
import numpy as np

from disentangle_jax import errors

OPERATORS = ('and', 'in_common', 'ignore')
# What an attribute is that a concept says nothing of.
FREE = -1


@dataclasses.dataclass(frozen=True)
class Grammar:
  """Attributes and their numbers of values.

  Attributes:
    names: F names.
    sizes: F numbers of values.
  """

  names: tuple[str, ...]
  sizes: tuple[int, ...]

  @property
  def width(self) -> int:
    """S, places of a symbol."""
    return sum(self.sizes)

  @property
  def starts(self) -> tuple[int, ...]:
    """F places, where each attribute's block of a symbol begins."""
    return tuple(int(n) for n in np.cumsum((0, *self.sizes))[:-1])

  @property
  def count(self) -> int:
    """Number of concepts."""
    return math.prod(n + 1 for n in self.sizes) - 1

  def concepts(self) -> np.ndarray:
    """All concepts, int32 [count, F]; FREE where an attribute is not given."""
    axes = np.meshgrid(*[np.arange(-1, n) for n in self.sizes], indexing='ij')
    table = np.stack([axis.reshape(-1) for axis in axes], axis=-1)
    return table[1:].astype(np.int32)  # the first one says nothing at all

  def symbols(self, concepts: np.ndarray) -> np.ndarray:
    """The k-hot symbols of concepts.

    Args:
      concepts: int [..., F].

    Returns:
      float32 [..., S], 0 or 1.
    """
    concepts = np.asarray(concepts)
    chex.assert_shape(concepts, (..., len(self.sizes)))
    blocks = [
      concepts[..., k, None] == np.arange(n) for k, n in enumerate(self.sizes)
    ]
    return np.concatenate(blocks, axis=-1).astype(np.float32)

  def read(self, symbol: Sequence[float]) -> np.ndarray:
    """The concept that a symbol stands for.

    Args:
      symbol: [S], 0 or 1.

    Returns:
      int32 [F].

    Raises:
      ConfigError: another width or other numbers, no value at all, or two
        values of one attribute.
    """
    values = np.asarray(symbol)
    if values.shape != (self.width,) or not np.isin(values, (0, 1)).all():
      rule = f'must be {self.width} numbers, each 0 or 1'
      raise errors.value('symbol', np.shape(symbol), rule)
    concept = np.full(len(self.sizes), FREE, np.int32)
    for k, (start, size) in enumerate(zip(self.starts, self.sizes)):
      chosen = np.flatnonzero(values[start : start + size])
      if len(chosen) > 1:
        rule = f'gives {self.names[k]!r} {len(chosen)} values, at most one'
        raise errors.value('symbol', values.astype(int).tolist(), rule)
      concept[k] = chosen[0] if len(chosen) else FREE
    if np.all(concept == FREE):
      raise errors.value('symbol', 'zeros', 'must give an attribute a value')
    return concept


def levels(concepts: np.ndarray) -> np.ndarray:
  """How many attributes concepts give: int [..., F] -> int [...]."""
  chex.assert_type(concepts, int)
  return np.sum(np.asarray(concepts) != FREE, axis=-1)


def in_domain(
  operator: str, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
  """Whether an operator is defined for two concepts.

  Args:
    operator: of OPERATORS.
    first: int [..., F].
    second: int [..., F]; the two broadcast.

  Returns:
    bool [...].

  Raises:
    ConfigError: an unknown operator.
  """
  chex.assert_type([first, second], int)
  chex.assert_equal(first.shape[-1], second.shape[-1])
  has, other = first != FREE, second != FREE
  same = has & other & (first == second)
  if operator == 'and':
    return ~np.any(has & other, axis=-1)
  if operator == 'in_common':
    return np.any(same, axis=-1)
  if operator == 'ignore':
    part = np.all(~other | same, axis=-1)
    return part & (levels(first) > levels(second))
  raise errors.choices('operator', operator, OPERATORS)


def combine(operator: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """What an operator makes of two concepts.

  Args:
    operator: of OPERATORS.
    first: int [..., F].
    second: int [..., F]; the two broadcast.

  Returns:
    int32 [..., F].

  Raises:
    ConfigError: an unknown operator, or concepts outside of its domain.
  """
  first, second = np.asarray(first), np.asarray(second)
  legal = in_domain(operator, first, second)
  if not np.all(legal):
    rule = {
      'and': 'the two must share no attribute',
      'in_common': 'the two must share a value',
      'ignore': 'the second must be a part of the first, and less than it',
    }[operator]
    got = f'{first.tolist()}, {second.tolist()}'
    raise errors.value(f'concepts of {operator!r}', got, rule)
  return unchecked(operator, first, second)


def unchecked(
  operator: str, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
  """`combine` of concepts that are known to be in the domain."""
  chex.assert_type([first, second], int)
  result = {
    'and': lambda: np.where(first != FREE, first, second),
    'in_common': lambda: np.where(first == second, first, FREE),
    'ignore': lambda: np.where(second != FREE, FREE, first),
  }[operator]()
  return result.astype(np.int32)
