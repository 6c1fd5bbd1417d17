"""The charts and choices of the page, and the table of every score."""

from collections.abc import Iterator
import math
from typing import Any

import pandas as pd

from disentangle_jax.report import grids, markdown, summaries, templates
from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section

_BETTER = {'higher': 'Higher is better.', 'lower': 'Lower is better.'}
# (head, column of the cell table, column of its other end).
_COLUMNS = (
  ('Mean', 'mean', ''),
  ('95 %', 'mean_low', 'mean_high'),
  ('IQM', 'interquartile_mean', ''),
  ('95 %', 'interquartile_mean_low', 'interquartile_mean_high'),
  ('Least', 'least', ''),
  ('Greatest', 'greatest', ''),
)


def _heads(several: bool) -> list[grids.Head]:
  names = ['Data'] * several + ['Method', 'Strength']
  heads = [grids.Head(name) for name in names] + [grids.Head('n', True)]
  for name, low, high in _COLUMNS:
    of = low.removesuffix('_low').replace('_', ' ')
    hint = f'bootstrap interval of the {of}' if high else ''
    heads.append(grids.Head(name, True, hint))
  return heads


def _row(row: dict[str, Any], several: bool, trained: bool) -> list[grids.Cell]:
  """One setting; without figures where it trained but has no such score."""
  strength = row['strength']
  unknown = math.isnan(strength)
  cells = [grids.Cell(row['dataset'])] * several
  cells.append(grids.Cell(row['method']))
  text = f'{row["strength_name"]} = {strength:g}'
  cells.append(
    grids.Cell(summaries.UNKNOWN, '')
    if unknown
    else grids.Cell(text, f'{strength:g}')
  )
  unscored = not row['n'] and trained
  lost = f' (+{row["lost"]} lost)' if row['lost'] else ''
  count = 'not scored' if unscored else f'{row["n"]}{lost}'
  cells.append(grids.number(count, row['n']))
  for _, low, high in _COLUMNS:
    text = (
      summaries.interval(row[low], row[high])
      if high
      else summaries.figure(row[low])
    )
    cells.append(grids.number('' if unscored else text, row[low]))
  return cells


def table(results: Results, column: int) -> grids.Grid:
  """One score: a row per setting, the best of each data set apart.

  Args:
    results: of the study.
    column: of the score.
  """
  score, cells = results.described[column], results.cell_tables[column]
  best = {
    summaries.best_cell(part, score) for _, part in cells.groupby('dataset')
  }
  runs = results.study.runs
  trained = (runs['status'] == 'ok').groupby(runs['cell']).any()
  several = cells['dataset'].nunique() > 1
  rows = [
    grids.Row(_row(row, several, trained[i]), i, i in best)
    for i, row in zip(cells.index, cells.to_dict('records'))
  ]
  return grids.Grid(_heads(several), rows)


def _said(score: scores_lib.Score) -> str:
  """'Mean over factors of the gap ... . Higher is better.'"""
  definition = score.definition or 'no definition known to this version'
  better = _BETTER.get(score.direction, 'Neither end is better.')
  return f'{definition[:1].upper()}{definition[1:]}. {better}'


def sections(results: Results) -> Iterator[Section]:
  """One section with the controls, the charts and all tables."""
  parts, texts = [], []
  for i, score in enumerate(results.described):
    grid, cells = table(results, i), results.cell_tables[i]
    csv = summaries.data_uri(summaries.csv(cells), 'text/csv')
    latex = summaries.data_uri(summaries.latex(cells, score), 'text/x-tex')
    ceiling = '' if math.isnan(score.ceiling) else f'{score.ceiling:.2f}'
    said = _said(score)
    parts.append(
      {
        'label': score.label,
        'file': score.label.replace('/', '_').replace(' ', '_'),
        'ceiling': ceiling,
        'text': said,
        'grid': templates.render('grid.html.j2', grid=grid),
        'csv': csv,
        'latex': latex,
      }
    )
    frame = pd.DataFrame(
      [[cell.text for cell in row.cells] for row in grid.rows],
      columns=[head.text for head in grid.heads],
    )
    reach = f' (ceiling {ceiling} on this data)' if ceiling else ''
    texts += [
      f'### {score.label}{reach}',
      markdown.plain(said),
      markdown.table(frame),
    ]
  html = templates.render('scores.html.j2', scores=parts)
  text = '\n\n'.join(texts) or 'There are no scores yet.'
  yield Section('scores', 'Scores', '', Markup(html, text))
