"""What the sections of a report read: a study and what is computed of it."""

from collections.abc import Callable, Iterator
import functools

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  pictures,
  scores,
  section,
  statistics,
  stored,
  summaries,
  tables,
)

MANY = 24  # scores; more are hard to read in one picture
_PICKS = 6  # runs whose pictures stand in the page

Extra = Callable[[tables.Study], Iterator[section.Section]]


class Results:
  """A study, and what several sections want of it, computed once when asked.

  Attributes:
    study: as loaded, the score that ranks its runs first.
    described: one Score per column of `study.scores`.
    compare: whether the study is of two workdirs to be set side by side.
    extra: gives the study's own sections.
    figure_folder: where the files of the figures go; '' if there are none.
  """

  def __init__(
    self,
    study: tables.Study,
    *,
    compare: bool = False,
    extra: Extra | None = None,
    figure_folder: str = '',
    primary: str | None = None,
    budget: int = pictures.BUDGET,
  ):
    """Describes and orders the scores; the rest waits until it is asked for.

    Args:
      study: as loaded.
      compare: see the attributes.
      extra: see the attributes.
      figure_folder: see the attributes.
      primary: name of the score that ranks the runs; None for what
        `config.primary` says.
      budget: bytes of all pictures together.
    """
    self._primary = scores.wanted(study) if primary is None else primary
    self.study, self.described = scores.arrange(study, self._primary)
    self.compare = compare
    self.extra = extra
    self.figure_folder = figure_folder
    self._budget = budget

  @functools.cached_property
  def first(self) -> int | None:
    """Column of the score that ranks the runs; None where none can."""
    return scores.primary(self.described, self._primary)

  @property
  def sign(self) -> float:
    """What to multiply that score with so that higher is better."""
    return 1.0 if self.first is None else self.described[self.first].sign

  @functools.cached_property
  def doubles(self) -> set[int]:
    """Columns that stand back until they are asked for: `scores.doubles`."""
    return scores.doubles(self.described, self.first)

  @functools.cached_property
  def focus(self) -> list[int]:
    """Columns of `everything` that are no doubles."""
    return [i for i in self.everything if i not in self.doubles]

  @functools.cached_property
  def everything(self) -> list[int]:
    """Columns of what compares scores with each other.

    All of them while they are few; else those of the first one's representation
    and of observations, or the pictures could not be read.
    """
    columns = list(range(len(self.described)))
    if len(columns) <= MANY or self.first is None:
      return columns
    beside = scores.beside(self.described, self.first)
    shown = ('', *(self.described[i].representation for i in beside))
    return [i for i in columns if self.described[i].representation in shown]

  @property
  def views(self) -> list[tuple[str, str, str, list[int]]]:
    """What a section about several scores is made of, once or twice.

    Returns:
      (view of the section, ending of its key, ending of its heading, columns):
      the scores that are no doubles and, where there are any, all of them.
    """
    if self.focus == self.everything:
      return [('', '', '', self.focus)]
    return [
      (section.MAIN, '', '', self.focus),
      (section.ALL, '_all', ', all scores', self.everything),
    ]

  def supervised(self, columns: list[int]) -> list[int]:
    """Those of some columns that are bounded scores of codes and factors."""
    return [i for i in columns if self.described[i].supervised]

  @functools.cached_property
  def methods(self) -> list[str]:
    """Names of the methods, in the order of the cells."""
    return list(dict.fromkeys(self.study.cells['method']))

  @functools.cached_property
  def cell_tables(self) -> list[pd.DataFrame]:
    """One `summaries.cell_table` per column."""
    columns = range(len(self.described))
    return [summaries.cell_table(self.study, i) for i in columns]

  @functools.cached_property
  def shares(self) -> dict[int, pd.DataFrame]:
    """Column of `everything` -> its `statistics.variance_shares`.

    Of several data sets, on the first.
    """
    runs, mine = self.study.runs, self._of_first_dataset()
    strength = runs['strength_name'] + '=' + runs['strength'].astype(str)
    return {
      i: statistics.variance_shares(
        np.where(mine, self.study.scores.iloc[:, i].to_numpy(), np.nan),
        runs['method'].to_numpy(),
        strength.to_numpy(),
        resamples=1000,
      )
      for i in self.everything
    }

  @functools.cached_property
  def earlier(self) -> dict[str, 'Results']:
    """Name of an earlier phase -> its results."""
    phases = {}
    budget = pictures.BUDGET // 5 // max(len(self.study.earlier), 1)
    for phase, part in self.study.earlier.items():
      # Their table shows the loss of all runs, scored or not.
      names = [name for name in part.scores.columns if name[0] != stored.LOSS]
      part = part._replace(scores=part.scores[names])
      phases[phase] = Results(part, primary='', budget=budget)
    return phases

  @functools.cached_property
  def shown(self) -> pictures.Shown:
    """The runs in pictures, within the budget that earlier phases leave."""
    spent = sum(part.shown.size for part in self.earlier.values())
    budget = self._budget - spent
    return pictures.choose(self.study, self.first, self.sign, budget)

  @functools.cached_property
  def picked(self) -> dict[str, int]:
    """The runs whose pictures stand in the page, by what they are.

    The best, the median and the worst; then the first run of every method that
    the ranking leaves out, or of every setting where nothing ranks the runs.
    """
    shown, cells = self.shown, self.study.cells
    picks = dict(shown.overall)
    done = {
      cells['method'][cell]
      for cell, runs in shown.by_cell.items()
      if runs.keys() - {'first'}
    }
    for cell, runs in shown.by_cell.items():
      method = cells['method'][cell]
      if 'first' in runs and method not in done and len(picks) < _PICKS:
        picks[f'first of {cells["label"][cell]}'] = runs['first']
        done |= {method} if shown.overall else set()
    return picks

  def _of_first_dataset(self) -> np.ndarray:
    """Which runs are on the first data set, bool [N]."""
    dataset = self.study.runs['dataset']
    return (dataset == next(iter(dataset), '')).to_numpy(bool)

  def first_dataset(self, columns: list[int]) -> pd.DataFrame:
    """Scores of the first data set, indexed by ('setting', 'seed').

    Args:
      columns: which, all labelled by `Score.label`.
    """
    runs, mine = self.study.runs, self._of_first_dataset()
    table = self.study.scores.iloc[np.flatnonzero(mine), columns].copy()
    table.columns = [self.described[i].label for i in columns]
    table.index = pd.MultiIndex.from_arrays(
      [runs.loc[mine, 'cell'], runs.loc[mine, 'seed']],
      names=['setting', 'seed'],
    )
    return table
