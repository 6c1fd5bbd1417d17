"""Sections and tables of scores as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.figure
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import summaries, tables
from disentangle_jax.report.section import Markup, Section


def render(
  sections: Sequence[Section], links: Mapping[str, str], level: int = 2
) -> str:
  """Sections as Markdown, one after the other.

  Args:
    sections: as from `sections.of`; markup without Markdown is left out.
    links: key of a section -> path or address of its figure; figures without
      one are left out.
    level: of their headings.

  Returns:
    The text, without a line break at its end.
  """
  blocks = []
  for section in sections:
    body = _body(section, links, level)
    if not body and section.body is not None:
      continue
    heading = (
      f'{"#" * level} {plain(section.heading)}' if section.heading else ''
    )
    blocks += [heading, plain(section.text), body]
  return '\n\n'.join(filter(None, blocks))


def _body(section: Section, links: Mapping[str, str], level: int) -> str:
  body = section.body
  if body is None:
    return ''
  if isinstance(body, Markup):
    return body.markdown
  if isinstance(body, pd.DataFrame):
    return table(body)
  if isinstance(body, matplotlib.figure.Figure):
    link = links.get(section.key)
    return f'![{plain(section.heading)}]({link})' if link else ''
  return render(body, links, level + 1)


def plain(text: str) -> str:
  """Text that ends no table and begins no emphasis, code or HTML.

  Underscores stay: inside a word they mean nothing.
  """
  for mark in '\\`*<|':
    text = text.replace(mark, f'\\{mark}')
  return text


def table(frame: pd.DataFrame) -> str:
  """A table, numbers as the page shows them."""
  text = lambda value: plain(summaries.plain(value)).replace('\n', ' ')
  lines = [
    f'| {" | ".join(plain(str(name)) for name in frame.columns)} |',
    '|---' * frame.shape[1] + '|',
  ]
  for row in frame.itertuples(index=False):
    lines.append(f'| {" | ".join(map(text, row))} |')
  return '\n'.join(lines)


def items(texts: Iterable[str]) -> str:
  """A list of lines that are Markdown already."""
  return '\n'.join(f'- {text}' for text in texts)


def code(text: str) -> str:
  """Lines as they are."""
  return f'```\n{text.rstrip()}\n```'


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
    ConfigError: a name or a representation that the study does not hold.
  """
  others = {own for _, own in study.scores.columns if own}
  if others and representation not in {'mean', *others}:
    raise errors.choices('--representation', representation, others)
  column_of = {
    name: i
    for i, (name, own) in enumerate(study.scores.columns)
    if own in ('', representation)
  }
  for name in names:
    if name not in column_of:
      raise errors.choices('--scores', name, column_of)
  return [column_of[name] for name in names or column_of]


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
    scored = list(part.scores.columns)
    columns = [
      summaries.cell_table(part, scored.index(name)) if name in scored else None
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
  cells = rows['name'].str.extract(rf'^{name}/(\d+)_(\d+)$').astype(float)
  rows = rows.assign(row=cells[0], column=cells[1]).dropna(subset=['row'])
  if rows.empty:
    raise errors.ConfigError(
      f'--scores={name}: the store holds no score {name}/<row>_<column>'
    )
  rows = rows.astype({'row': int, 'column': int})
  parts = []
  # Stores of older versions do not say phase and setting.
  blank = lambda name: rows[name].fillna('') if name in rows else ''
  rows = rows.assign(phase=blank('phase'), setting=blank('setting'))
  keys = ['phase', 'dataset', 'method', 'variant', 'strength']
  twice = (
    rows[[*keys, 'setting']].drop_duplicates().duplicated(keys, keep=False)
  )
  for place, part in rows.groupby([*keys, 'setting'], sort=False, dropna=False):
    means = part.pivot_table(index='row', columns='column', values='value')
    phase, dataset, method, variant, strength, setting = place
    apart = f' ({variant})' if variant else ''
    if twice.any():
      apart += f' [setting {setting[:8]}]'
    before = f'phase {phase}: ' if phase else ''
    parts.append(
      f'\n{before}{dataset}, {method}{apart}, strength {strength:g}, '
      f'{part["seed"].nunique()} seeds\n'
    )
    parts.append('| | ' + ' | '.join(map(str, means.columns)) + ' |')
    parts.append('|---' * (1 + len(means.columns)) + '|')
    for row, values in means.iterrows():
      figures = ['' if pd.isna(v) else f'{v:.2f}' for v in values]
      parts.append(f'| **{row}** | ' + ' | '.join(figures) + ' |')
  return '\n'.join(parts)
