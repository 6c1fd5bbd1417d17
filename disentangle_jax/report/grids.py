"""Tables of the page: rows of cells that its script can sort and answer to."""

import math
from typing import NamedTuple

import pandas as pd

from disentangle_jax.report import summaries


class Head(NamedTuple):
  """The head of a column.

  Attributes:
    text: what it says.
    number: whether the column is of numbers, set to the right.
    hint: shown when pointed at; ''.
  """

  text: str
  number: bool = False
  hint: str = ''


class Button(NamedTuple):
  """A button that shows a run of an earlier phase.

  Attributes:
    phase: index of the phase.
    run: index into its runs.
    text: on the button.
  """

  phase: int
  run: int
  text: str


class Cell(NamedTuple):
  """One cell.

  Attributes:
    text: what it says.
    value: what its column is sorted by, '' for last; None: by the text.
    number: whether it is set to the right.
    buttons: instead of the text.
  """

  text: str
  value: str | None = None
  number: bool = False
  buttons: tuple[Button, ...] = ()


class Row(NamedTuple):
  """One row.

  Attributes:
    cells: from left to right.
    cell: index of the cell of the study that a click on the row shows.
    best: whether the row is set apart.
  """

  cells: list[Cell]
  cell: int | None = None
  best: bool = False


class Grid(NamedTuple):
  """A table.

  Attributes:
    heads: one per column.
    rows: from above.
  """

  heads: list[Head]
  rows: list[Row]


def number(text: str, value: float) -> Cell:
  """A cell that is sorted by its value; NaN is last."""
  return Cell(text, '' if not math.isfinite(value) else f'{value:.6g}', True)


def of_frame(table: pd.DataFrame) -> Grid:
  """Any table, numbers as tables show them."""
  heads = [
    Head(str(column), pd.api.types.is_numeric_dtype(table[column]))
    for column in table.columns
  ]
  rows = []
  for values in table.itertuples(index=False):
    cells = [
      number(summaries.plain(value), value)
      if isinstance(value, int | float)
      else Cell(str(value))
      for value in values
    ]
    rows.append(Row(cells))
  return Grid(heads, rows)
