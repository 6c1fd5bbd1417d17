"""The section of the page on earlier phases: runs that others start from."""

import numpy as np

from disentangle_jax.report import (
  sections,
  statistics,
  stored,
  summaries,
  tables,
)

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


def _row(name: str, phase: int, content: sections.Content, cell: int) -> str:
  """One setting: what it is, a button for each of its runs, its scores."""
  study, place = content.study, content.study.cells.loc[cell]
  escape = sections.escape
  mine = (study.runs['cell'] == cell).to_numpy()
  strength = (
    summaries.UNKNOWN
    if np.isnan(place['strength'])
    else f'{place["strength_name"]} = {place["strength"]:g}'
  )
  where = [place['dataset']] * (study.cells['dataset'].nunique() > 1)
  cells = ''.join(
    f'<td>{escape(text)}</td>'
    for text in (name, *where, place['method'], strength)
  )
  cells += sections.number(str(mine.sum()), mine.sum())
  buttons = ''.join(
    f'<button type="button" data-phase="{phase}" data-show-run="{run}">'
    f'{escape(label)}</button>'
    for run, label in study.runs['label'][mine].items()
  )
  cells += f'<td class="runs">{buttons}</td>'
  loss = statistics.summarise(final_loss(study)[mine])
  cells += sections.number(summaries.figure(loss), loss)
  for table in content.cell_tables:
    row = table.loc[cell]
    cells += sections.number(summaries.mean_text(row), row['mean'])
  return f'<tr>{cells}</tr>'


def _table(name: str, phase: int, content: sections.Content) -> str:
  """One phase, closed."""
  study = content.study
  several = study.cells['dataset'].nunique() > 1
  heads = ['Phase', *['Data'] * several, 'Method', 'Strength', 'n', 'Runs']
  labels = [score.label for score in content.described]
  head = ''.join(
    f'<th scope="col"{" class=number" * (text in ("n", LOSS, *labels))}>'
    f'{sections.escape(text)}</th>'
    for text in (*heads, LOSS, *labels)
  )
  body = ''.join(_row(name, phase, content, cell) for cell in study.cells.index)
  methods = ', '.join(dict.fromkeys(study.cells['method']))
  many = tables.count(len(study.runs), 'run')
  notes = ' '.join([*study.notes, *sections.absent(content.shown)])
  return (
    f'<details><summary>{sections.escape(f"{name}: {methods}, {many}")}'
    '</summary><div class="scroll"><table class="sortable"><thead><tr>'
    f'{head}</tr></thead><tbody>{body}</tbody></table></div>'
    f'<p class="soft small">{sections.escape(notes)}</p></details>'
  )


def section(content: sections.Content) -> str:
  """Every earlier phase, closed; '' where there is none.

  Args:
    content: what the page shows.

  Returns:
    HTML: per phase a row for each setting with a button for each run, its final
    loss and its scores.
  """
  parts = [
    _table(name, phase, part)
    for phase, (name, part) in enumerate(content.earlier.items())
  ]
  if not parts:
    return ''
  return (
    '<h2>Earlier phases</h2><p>Runs that the runs above start from: they are in'
    ' no count, table or figure of the others. Means over seeds with 95 %'
    ' intervals; click a run for its config, scores and pictures.</p>'
    f'{"".join(parts)}'
  )
