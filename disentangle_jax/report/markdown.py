"""Tables of scores as Markdown, for pages of studies."""

from collections.abc import Sequence

import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import summaries, tables


def columns(
  study: tables.Study, names: Sequence[str], representation: str
) -> list[int]:
  """Places of the scores that were asked for.

  Args:
    study: as loaded.
    names: of scores; empty for all.
    representation: for scores that differ between representations.

  Returns:
    Indices into the columns of `study.scores`.

  Raises:
    ConfigError: a name that the study does not hold.
  """
  held = {
    name: i
    for i, (name, shown) in enumerate(study.scores.columns)
    if shown in ('', representation)
  }
  for name in names:
    if name not in held:
      raise errors.choices('--scores', name, held)
  return [held[name] for name in names or held]


def settings_table(study: tables.Study, places: Sequence[int]) -> str:
  """Markdown: a row per setting, a column per score.

  Settings of earlier phases stand below the others and begin with the name of
  their phase. A cell is blank where a setting does not have the score.

  Args:
    study: as loaded.
    places: from `columns`.
  """
  names = [study.scores.columns[i] for i in places]
  heads = [name for name, _ in names]
  lines = [
    f'| setting | runs | {" | ".join(heads)} |',
    '|---' * (2 + len(heads)) + '|',
  ]
  several = study.cells['dataset'].nunique() > 1
  for phase, part in {'': study, **study.earlier}.items():
    held = list(part.scores.columns)
    columns = [
      summaries.cell_table(part, held.index(name)) if name in held else None
      for name in names
    ]
    for c, cell in part.cells.iterrows():
      where = f'phase {phase}: ' if phase else ''
      where += f'{cell["dataset"]}: ' if several else ''
      figures = ' | '.join(
        '' if table is None else summaries.mean_text(table.loc[c])
        for table in columns
      )
      lines.append(f'| {where}{cell["label"]} | {cell["runs"]} | {figures} |')
  return '\n'.join(lines)


def grid(rows: pd.DataFrame, name: str) -> str:
  """Markdown: one grid per setting of a score 'name/<row>_<column>'.

  Args:
    rows: of the store.
    name: of the score.

  Raises:
    ConfigError: no such score.
  """
  found = rows['name'].str.extract(rf'^{name}/(\d+)_(\d+)$').astype(float)
  rows = rows.assign(row=found[0], column=found[1]).dropna(subset=['row'])
  if rows.empty:
    raise errors.ConfigError(
      f'--table={name}: the store holds no score {name}/<row>_<column>'
    )
  rows = rows.astype({'row': int, 'column': int})
  parts = []
  # Stores of older versions do not say the phase.
  phase = rows['phase'].fillna('') if 'phase' in rows else ''
  rows = rows.assign(phase=phase)
  keys = ['phase', 'dataset', 'method', 'variant', 'strength']
  for place, part in rows.groupby(keys, sort=False, dropna=False):
    means = part.pivot_table(index='row', columns='column', values='value')
    phase, dataset, method, variant, strength = place
    apart = f' ({variant})' if variant else ''
    before = f'phase {phase}: ' if phase else ''
    parts.append(
      f'\n{before}{dataset}, {method}{apart}, strength {strength:g}, '
      f'{part["seed"].nunique()} seeds\n'
    )
    parts.append('| | ' + ' | '.join(map(str, means.columns)) + ' |')
    parts.append('|---' * (1 + len(means.columns)) + '|')
    for row, values in means.iterrows():
      shown = ['' if pd.isna(v) else f'{v:.2f}' for v in values]
      parts.append(f'| **{row}** | ' + ' | '.join(shown) + ' |')
  return '\n'.join(parts)
