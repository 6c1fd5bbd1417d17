"""What of the concepts of a data set is trained, tested and held out.

Concepts, their symbols and operators are those of `ops.concepts`, after Higgins
et al. 2018, https://arxiv.org/abs/1707.03389.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.ops.concepts import (
  FREE,
  OPERATORS,
  Grammar,
  combine,
  in_domain,
  levels,
  unchecked,
)

__all__ = ('FREE', 'OPERATORS', 'Grammar', 'combine', 'in_domain', 'levels')


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
    result = unchecked(name, known[a], known[b])
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
