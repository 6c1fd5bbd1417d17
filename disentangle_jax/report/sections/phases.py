"""Earlier phases: runs that others start from, closed until asked for."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  grids,
  markdown,
  statistics,
  stored,
  summaries,
  tables,
  templates,
)
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section
from disentangle_jax.report.sections import pictures

LOSS = 'loss at the end'


def final_loss(study: tables.Study) -> np.ndarray:
  """The last training loss of every run.

  Args:
    study: of one phase.

  Returns:
    float64 [N], in the order of `study.runs`; NaN where none was stored.
  """
  rows = study.training[study.training['name'] == stored.LOSS]
  last = rows.sort_values('step').drop_duplicates('run', keep='last')
  losses = last.set_index('run')['value'].reindex(study.runs.index)
  return losses.to_numpy(float)


def _row(name: str, phase: int, results: Results, cell: int) -> grids.Row:
  """One setting: what it is, a button for each of its runs, its scores."""
  study, setting = results.study, results.study.cells.loc[cell]
  mine = (study.runs['cell'] == cell).to_numpy()
  strength = (
    summaries.UNKNOWN
    if np.isnan(setting['strength'])
    else f'{setting["strength_name"]} = {setting["strength"]:g}'
  )
  where = [setting['dataset']] * (study.cells['dataset'].nunique() > 1)
  cells = [
    grids.Cell(text) for text in (name, *where, setting['method'], strength)
  ]
  cells.append(grids.number(str(mine.sum()), mine.sum()))
  labels = study.runs['label'][mine]
  buttons = [grids.Button(phase, run, label) for run, label in labels.items()]
  cells.append(grids.Cell(', '.join(labels), buttons=tuple(buttons)))
  loss = statistics.summarise(final_loss(study)[mine])
  cells.append(grids.number(summaries.figure(loss), loss))
  for table in results.cell_tables:
    row = table.loc[cell]
    cells.append(grids.number(summaries.mean_text(row), row['mean']))
  return grids.Row(cells)


def table(name: str, phase: int, results: Results) -> grids.Grid:
  """One phase: a row per setting.

  Args:
    name: of the phase.
    phase: its index.
    results: of its runs.
  """
  study = results.study
  several = study.cells['dataset'].nunique() > 1
  names = ['Phase', *['Data'] * several, 'Method', 'Strength', 'n', 'Runs']
  heads = [grids.Head(text, text == 'n') for text in names]
  labels = [score.label for score in results.described]
  heads += [grids.Head(text, True) for text in (LOSS, *labels)]
  rows = [_row(name, phase, results, cell) for cell in study.cells.index]
  return grids.Grid(heads, rows)


def sections(results: Results) -> Iterator[Section]:
  """One section, none where there is no earlier phase."""
  phases, texts = [], []
  for phase, (name, part) in enumerate(results.earlier.items()):
    study = part.study
    methods = ', '.join(dict.fromkeys(study.cells['method']))
    many = tables.count(len(study.runs), 'run')
    grid = table(name, phase, part)
    notes = ' '.join([*study.notes, *pictures.absent(part.shown)])
    summary = f'{name}: {methods}, {many}'
    phases.append(
      {
        'summary': summary,
        'grid': templates.render('grid.html.j2', grid=grid),
        'notes': notes,
      }
    )
    frame = pd.DataFrame(
      [[cell.text for cell in row.cells] for row in grid.rows],
      columns=[head.text for head in grid.heads],
    )
    texts += [f'### {summary}', markdown.table(frame), markdown.plain(notes)]
  if phases:
    html = templates.render('phases.html.j2', phases=phases)
    text = '\n\n'.join(filter(None, texts))
    yield Section(
      'earlier_phases',
      'Earlier phases',
      'Runs that the runs above start from: they are in no count, table or'
      ' figure of the others. Means over seeds with 95 % intervals; click a run'
      ' for its config, scores and pictures.',
      Markup(html, text),
    )
