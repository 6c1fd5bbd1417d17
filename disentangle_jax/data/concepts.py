"""Concepts: what some attributes are, whatever the others; and their operators.

Higgins et al. 2018, "SCAN: Learning Hierarchical Compositional Visual
Concepts", https://arxiv.org/abs/1707.03389, section 3: a concept gives values
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
from typing import NamedTuple

import numpy as np

from disentangle_jax import errors, types

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
  return _result(operator, first, second)


def _result(operator, first, second) -> np.ndarray:
  """`combine` without its check."""
  result = {
    'and': lambda: np.where(first != FREE, first, second),
    'in_common': lambda: np.where(first == second, first, FREE),
    'ignore': lambda: np.where(second != FREE, FREE, first),
  }[operator]()
  return result.astype(np.int32)


class Recombinations(NamedTuple):
  """Applications of operators to trained concepts, operator by operator.

  Attributes:
    first: int32 [N], numbers of trained concepts.
    second: int32 [N].
    operator: int32 [N], places in OPERATORS, in this order.
    result: int32 [N, F], the concepts that come out.
  """

  first: np.ndarray
  second: np.ndarray
  operator: np.ndarray
  result: np.ndarray

  def where(self, rows: np.ndarray) -> 'Recombinations':
    """Some of them."""
    return Recombinations(*(column[rows] for column in self))


class Split(NamedTuple):
  """What is trained on and what is kept for tests.

  Attributes:
    held_out: int32 [h, F], full assignments never seen, as image or symbol.
    trained: int32 [n, F], concepts whose symbols are seen.
    tested: int32 [t, F], none of them trained, each made by an operator.
    lessons: operators on trained concepts, the result neither tested nor held
      out.
    exams: operators on trained concepts, each result one of `tested`: for every
      operator one row for each concept that it is asked for.
  """

  held_out: np.ndarray
  trained: np.ndarray
  tested: np.ndarray
  lessons: Recombinations
  exams: Recombinations


def _numbers(grammar: Grammar, concepts: np.ndarray) -> np.ndarray:
  """Each concept as one number, equal exactly for equal ones."""
  bases = [n + 1 for n in grammar.sizes]
  return np.ravel_multi_index(tuple((concepts + 1).T.astype(np.int64)), bases)


def _evenly(room: Sequence[int], total: int) -> list[int]:
  """Shares of a total, as alike as the room of each allows."""
  shares = [0] * len(room)
  for _ in range(total):
    open_ = [k for k in range(len(room)) if shares[k] < room[k]]
    shares[min(open_, key=lambda k: shares[k])] += 1
  return shares


def split(
  grammar: Grammar, held_out: int, trained: int, tested: int, seed: int
) -> Split:
  """Draws what is trained, tested and held out.

  Trained concepts are drawn at random, equally many of every level (number of
  given attributes) as far as there are so many. IGNORE takes away one
  attribute, as published.

  Args:
    grammar: of the concepts.
    held_out: number of full assignments that are never seen.
    trained: number of concepts whose symbols are seen.
    tested: concepts asked of each operator, or all that there are.
    seed: of the draws.

  Returns:
    The split.

  Raises:
    ConfigError: more held out or trained than there are, or an operator that
      leaves nothing to learn from or to test.
  """
  rng = np.random.Generator(np.random.PCG64(seed))
  every = grammar.concepts()
  level = levels(every)
  highest = len(grammar.sizes)
  full = every[level == highest]
  if not 0 <= held_out < len(full):
    rule = f'must be below the {len(full)} assignments of all attributes'
    raise errors.value('config.dataset.unseen', held_out, rule)
  apart = full[np.sort(rng.permutation(len(full))[:held_out])]
  is_apart = np.isin(_numbers(grammar, every), _numbers(grammar, apart))
  groups = [
    np.flatnonzero((level == k) & ~is_apart) for k in range(1, highest + 1)
  ]
  room = [len(group) for group in groups]
  if not 0 < trained <= sum(room):
    rule = f'must be from 1 to {sum(room)}, the concepts not held out'
    raise errors.value('config.dataset.concepts', trained, rule)
  chosen = [
    rng.permutation(group)[:share]
    for group, share in zip(groups, _evenly(room, trained))
  ]
  known = every[np.sort(np.concatenate(chosen))]
  all_of_it = _all(known)
  numbers = _numbers(grammar, all_of_it.result)
  fresh = ~np.isin(numbers, _numbers(grammar, known))
  asked, exams = set(), []
  for place, name in enumerate(OPERATORS):
    rows = np.flatnonzero((all_of_it.operator == place) & fresh)
    rows = rng.permutation(rows)
    # Held-out assignments first: a stable sort of rows in a random order.
    never = np.isin(numbers[rows], _numbers(grammar, apart))
    rows = rows[np.argsort(~never, kind='stable')]
    _, first = np.unique(numbers[rows], return_index=True)
    rows = rows[np.sort(first)[:tested]]
    if not len(rows):
      rule = f'leaves nothing new that {name!r} could make of what is trained'
      raise errors.value('config.dataset.concepts', trained, rule)
    exams.append(rows)
    asked |= set(numbers[rows].tolist())
  closed = np.isin(numbers, [*asked, *_numbers(grammar, apart)])
  lessons = all_of_it.where(~closed)
  for place, name in enumerate(OPERATORS):
    if not np.any(lessons.operator == place):
      rule = f'leaves nothing to learn {name!r} from'
      raise errors.value('config.dataset.concepts', trained, rule)
  return Split(
    held_out=apart,
    trained=known,
    tested=every[np.isin(_numbers(grammar, every), list(asked))],
    lessons=lessons,
    exams=all_of_it.where(np.concatenate(exams)),
  )


def _all(known: np.ndarray) -> Recombinations:
  """Every application of an operator to two known concepts, in both orders."""
  rows = []
  for place, name in enumerate(OPERATORS):
    first, second = known[:, None], known[None]
    legal = in_domain(name, first, second)
    if name == 'ignore':
      legal &= levels(second) == 1
    else:
      legal &= ~np.eye(len(known), dtype=bool)
    a, b = np.nonzero(legal)
    result = _result(name, known[a], known[b])
    rows.append((a, b, np.full(len(a), place), result))
  columns = (np.concatenate(column) for column in zip(*rows))
  return Recombinations(*(column.astype(np.int32) for column in columns))


class Concepts(NamedTuple):
  """What a data set says of concepts, in its extras under 'concepts'.

  Attributes:
    grammar: attributes and symbols; attribute k is factor k of the set.
    split: what is trained, tested and held out.
    images: of each trained concept, the only ones that its symbol comes with.
    seed: of these images.
  """

  grammar: Grammar
  split: Split
  images: int
  seed: int


def of(dataset: types.Dataset, field: str = 'config.dataset.name') -> Concepts:
  """The concepts of a data set.

  Args:
    dataset: any.
    field: what to name in the error.

  Returns:
    Its concepts.

  Raises:
    ConfigError: it has none.
  """
  if 'concepts' not in dataset.extras:
    rule = "has no symbols; legal: 'rooms'"
    raise errors.value(field, dataset.name, rule)
  return dataset.extras['concepts']
