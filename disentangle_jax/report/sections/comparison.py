"""Two workdirs side by side."""

from collections.abc import Iterator
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  compared,
  comparing,
  figures,
  gallery,
  scores,
  statistics,
  summaries,
)
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import ALL, Section

_SCORES = 3  # those of the headline
_ROWS = 40  # settings of a forest plot
_ARMS = 24  # settings of a matrix, those of both workdirs together
_PANELS = 6  # methods of the profiles

_FOREST = (
  'How to read it: a mark right of the line says that the second workdir has '
  'the higher mean, and an interval that crosses the line that these seeds do '
  'not tell the two apart.'
)
_MATRIX = (
  'How to read it: colour and number say with what probability a run of the '
  'row beats a run of the column; 0.5 is a draw, 1 means that every run does.'
)
_PROFILES = (
  'How to read it: the height of a line is the share of runs that do better '
  'than the value below it, so that the line which lies above everywhere is '
  'better throughout, and lines that cross win at different levels.'
)


def names(workdirs: tuple[pathlib.Path, ...]) -> list[str]:
  """What the workdirs are called: their folders, or paths where those agree."""
  last = [workdir.name for workdir in workdirs]
  return last if len(set(last)) == len(last) else list(map(str, workdirs))


def opening(results: Results) -> Iterator[Section]:
  """The differences, who beats whom, and how many runs reach what.

  None unless two workdirs are to be compared and some score ranks runs.
  """
  if not results.compare or results.first is None:
    return
  first, second = names(results.study.workdirs)
  parts = list(_forests(results, f'{second} minus {first}'))
  if not parts:
    yield Section(
      'comparison',
      f'{second} against {first}',
      'No setting is in both workdirs: there is nothing to compare.',
    )
    return
  shared = set(summaries.shared_cells(results.study))
  alone = len(results.study.cells) - len(shared)
  said = 'Every setting is in both.'
  if alone:
    verb = 'settings are' if alone > 1 else 'setting is'
    said = f'{alone} {verb} in one workdir alone and left out here.'
  yield Section(
    'comparison',
    f'{second} against {first}',
    f'First workdir: {first}. Second: {second}. {said}',
    [*parts, *(_ranked(results) if _cells(results) else ())],
  )


def _ranked(results: Results) -> Iterator[Section]:
  """What reads the score that ranks the runs, where both workdirs have it."""
  yield from _matrix(results)
  yield from _profiles(results)


def _forests(results: Results, what: str) -> Iterator[Section]:
  """A forest plot for each of the scores that the headline speaks of."""
  columns = scores.beside(results.described, results.first)[:_SCORES]
  for i in columns:
    score = results.described[i]
    table = summaries.compare(results.study, i, score)
    if table.empty:
      continue
    better = {'higher': 'right', 'lower': 'left'}.get(score.direction)
    side = f'; {better} is better for the second' if better else ''
    paired = int((table['paired'] > 0).sum())
    text = (
      f'{_FOREST} Means over seeds with 95 % bootstrap intervals; in '
      f'{paired} of {len(table)} settings (round marks) runs of equal seed '
      'were paired, the others (square) drawn apart.'
    )
    if len(table) > _ROWS:
      text += f' The {_ROWS} settings with the largest differences.'
      largest = table['difference'].abs().nlargest(_ROWS).index
      table = table.loc[sorted(largest)]
    yield Section(
      gallery.stem(f'compare_forest_{score.label}'),
      f'Difference in {score.label}',
      text,
      compared.forest(table, f'{score.label}: {what}{side}'),
    )


def _cells(results: Results) -> dict[tuple[int, int], np.ndarray]:
  """(cell, workdir) -> finite values of the first score, those of both."""
  study, values = results.study, results.study.scores.iloc[:, results.first]
  cell, side = study.runs['cell'].to_numpy(), study.runs['workdir'].to_numpy()
  values = values.to_numpy()
  cells = {
    (i, where): statistics.finite(values[(cell == i) & (side == where)])
    for i in summaries.shared_cells(study)
    for where in (0, 1)
  }
  return {
    key: own
    for key, own in cells.items()
    if own.size and cells[key[0], 1 - key[1]].size
  }


def _matrix(results: Results) -> Iterator[Section]:
  """P(X > Y) between the settings of both workdirs, by the first score."""
  cells, score = _cells(results), results.described[results.first]
  more = ''
  if len(cells) > _ARMS:
    means = {key: score.sign * own.mean() for key, own in cells.items()}
    best = sorted(means, key=means.get, reverse=True)[:_ARMS]
    cells = {key: cells[key] for key in cells if key in best}
    more = f' The {_ARMS} settings with the best means.'
  matrix = comparing.improvement_matrix(
    [score.sign * own for own in cells.values()]
  )
  labels = [
    f'{results.study.cells["label"][i]} ({where + 1})' for i, where in cells
  ]
  side = min(7.5, 2.4 + 0.42 * len(labels))
  figure, axes = figures.new(side, side * 0.85)
  figures.heat_map(axes, pd.DataFrame(matrix, labels, labels), diverging=False)
  yield Section(
    'compare_matrix',
    f'Who beats whom by {score.label}',
    f'{_MATRIX} (1) and (2) are the first and the second workdir.{more}',
    figure,
  )


def _profiles(results: Results) -> Iterator[Section]:
  """Performance profiles of both workdirs by the first score."""
  cells, score = _cells(results), results.described[results.first]
  methods = results.study.cells['method']
  several = len({methods[i] for i, _ in cells}) <= _PANELS
  panels = {}
  for (i, where), own in cells.items():
    title = methods[i] if several else 'all methods'
    panels.setdefault(title, ([], []))[where].append(own)

  def profile(cells, thresholds):
    return comparing.performance_profile(
      [score.sign * own for own in cells], score.sign * thresholds
    )

  better = 'below' if score.direction == 'lower' else 'above'
  yield Section(
    'compare_profiles',
    f'How many runs reach what, by {score.label}',
    f'{_PROFILES} Settings of a method together; 95 % bands over seeds, '
    'drawn inside each setting.',
    compared.profiles(
      panels,
      profile,
      names(results.study.workdirs),
      (score.label, f'share of runs {better}'),
    ),
  )


def sections(results: Results) -> Iterator[Section]:
  """A table per score that both have, none unless they are to be compared."""
  for i, score in enumerate(results.described if results.compare else ()):
    table = summaries.compare(results.study, i, score)
    if len(table):
      yield Section(
        gallery.stem(f'compared_{score.label}'),
        f'Compared: {score.label}',
        'Second workdir minus first, per setting that both have; paired: '
        'seeds whose runs were paired, 0 where runs were drawn apart; '
        'probability: that a run of the second is better.',
        table,
        ALL if i in results.doubles else '',
      )
