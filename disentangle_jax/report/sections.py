"""The parts of the page: facts, tables, pictures, definitions, as HTML."""

from collections.abc import Mapping, Sequence
import html
import json
import math
import types
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from disentangle_jax.report import payload, stored, summaries, tables, words
from disentangle_jax.report import pictures as pictures_lib
from disentangle_jax.report import scores as scores_lib


class Content(NamedTuple):
  """What a page shows.

  Attributes:
    study: as loaded.
    described: one Score per column of `study.scores`.
    cell_tables: one `summaries.cell_table` per column.
    first: column of the first disentanglement score, or None.
    shown: runs in pictures.
    shares: {score column: as from `statistics.variance_shares`}.
    figures: (heading, text below it, SVG element) of each drawn figure.
    extra_tables: (heading, text, table) of selection and comparison.
    figure_folder: where the files of the figures are; '' if there are none.
    earlier: {name of an earlier phase: its content, without figures}.
  """

  study: tables.Study
  described: Sequence[scores_lib.Score]
  cell_tables: Sequence[pd.DataFrame]
  first: int | None
  shown: pictures_lib.Shown
  shares: dict[int, pd.DataFrame]
  figures: Sequence[tuple[str, str, str]]
  extra_tables: Sequence[tuple[str, str, pd.DataFrame]]
  figure_folder: str
  earlier: Mapping[str, 'Content'] = types.MappingProxyType({})


def escape(text: Any) -> str:
  """Text for use inside HTML and its attributes."""
  return html.escape(str(text), quote=True)


def duration(seconds: float) -> str:
  """'42 s', '3 min 20 s', '2 h 05 min'."""
  if seconds < 60:
    return f'{seconds:.1f} s' if seconds < 10 else f'{seconds:.0f} s'
  minutes, seconds = divmod(round(seconds), 60)
  if minutes < 60:
    return f'{minutes} min {seconds:02d} s'
  hours, minutes = divmod(minutes, 60)
  return f'{hours:,} h {minutes:02d} min'


def facts(content: Content) -> str:
  """What was run: numbers of runs, times, devices, versions."""
  study, runs = content.study, content.study.runs
  diverged = int((runs['status'] == 'not_finite').sum())
  unique = lambda name: [v for v in dict.fromkeys(runs[name]) if v != '']
  rows = [('Runs', f'{len(runs):,} finished, {diverged} of them diverged')]
  for phase, before in study.earlier.items():
    names = ', '.join(dict.fromkeys(before.cells['method']))
    many = tables.count(len(before.runs), 'run')
    rows.append((f'Before, {phase}', f'{many} of {names}'))
  methods = [
    f'{method} ({tables.count(len(group), "strength")})'
    for method, group in study.cells.groupby('method', sort=False)
  ]
  rows.append(('Methods', ', '.join(methods) or 'none yet'))
  seeds = runs.groupby('cell')['seed'].nunique()
  if len(seeds):
    span = sorted({int(seeds.min()), int(seeds.max())})
    rows.append(('Seeds per setting', ' to '.join(map(str, span))))
  rows.append(('Data', ', '.join(unique('dataset')) or 'none yet'))
  for i, info in enumerate(study.infos):
    mark = f' ({i + 1})' if len(study.infos) > 1 else ''
    rows.append((f'Store{mark}', str(study.workdirs[i])))
    if info.get('started'):
      rows.append((f'Started{mark}', str(info['started'])))
    wall = info.get('wall_seconds')
    if isinstance(wall, int | float) and math.isfinite(wall):
      rows.append((f'Wall time{mark}', duration(wall)))
    config = info.get('config')
    if isinstance(config, dict):
      short = {
        key: value
        for key, value in config.items()
        if isinstance(value, int | float | str)
        and value != ''
        and key not in ('study', 'description')
      }
      text = ', '.join(f'{key} = {value}' for key, value in short.items())
      rows.append((f'Settings{mark}', text or 'see below'))
  spent = lambda part: np.nansum(part.runs['seconds'].to_numpy(float))
  before = sum(map(spent, study.earlier.values()))
  if spent(study) or before:
    also = f', {duration(before)} over earlier phases' if before else ''
    text = f'{duration(spent(study))} summed over the runs{also}'
    rows.append(('Training', text))
  devices = unique('device') or [
    str(info['devices']) for info in study.infos if info.get('devices')
  ]
  rows.append(('Devices', ', '.join(dict.fromkeys(devices)) or 'not stored'))
  found: dict[str, list[str]] = {}
  for text in unique('versions'):
    for name, value in stored.loads(text).items():
      found.setdefault(name, []).append(str(value))
  for info in study.infos:
    if isinstance(info.get('versions'), dict):
      for name, value in info['versions'].items():
        found.setdefault(name, []).append(str(value))
  listed = ', '.join(
    f'{name} {" / ".join(dict.fromkeys(values))}'
    for name, values in found.items()
  )
  rows.append(('Versions', listed or 'not stored'))
  items = ''.join(
    f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in rows
  )
  return f'<dl class="facts">{items}</dl>'


def _given(config: dict[str, Any]) -> dict[str, Any]:
  """The configuration without what was left unset."""
  given = {}
  for key, value in config.items():
    value = _given(value) if isinstance(value, dict) else value
    if value is not None and value != {}:
      given[key] = value
  return given


def commands(study: tables.Study) -> str:
  """The command and the configuration of each workdir."""
  parts = []
  for i, info in enumerate(study.infos):
    parts.append(f'<pre>{escape(payload.command(study, i))}</pre>')
    if isinstance(info.get('config'), dict):
      text = json.dumps(_given(info['config']), indent=2, default=str)
      parts.append(
        '<details><summary>The whole configuration</summary>'
        f'<pre>{escape(text)}</pre></details>'
      )
  return ''.join(parts)


COLUMNS = (
  ('Mean', 'mean'),
  ('95 %', 'mean_low'),
  ('IQM', 'interquartile_mean'),
  ('95 %', 'interquartile_mean_low'),
  ('Least', 'least'),
  ('Greatest', 'greatest'),
)


def number(text: str, value: float) -> str:
  """A cell of a table that is sorted by its value."""
  value = '' if not math.isfinite(value) else f'{value:.6g}'
  return f'<td class="number" data-value="{value}">{escape(text)}</td>'


def score_table(content: Content, column: int) -> str:
  """One score: name, ceiling, definition, table and downloads."""
  score, table = content.described[column], content.cell_tables[column]
  best = set()
  for _, part in table.groupby('dataset'):
    best.add(summaries.best_cell(part, score))
  runs = content.study.runs
  fine = (runs['status'] == 'ok').groupby(runs['cell']).any()
  several = table['dataset'].nunique() > 1
  head = ['Data'] * several + ['Method', 'Strength', 'n']
  heads = ''.join(f'<th scope="col">{name}</th>' for name in head[:-1])
  heads += '<th scope="col" class="number">n</th>'
  for name, key in COLUMNS:
    hint = f' title="bootstrap interval of the {key[:-4].replace("_", " ")}"'
    hint = hint if name.startswith('95') else ''
    heads += f'<th scope="col" class="number"{hint}>{name}</th>'
  body = []
  for i, row in zip(table.index, table.to_dict('records')):
    strength = row['strength']
    shown = (
      summaries.UNKNOWN
      if math.isnan(strength)
      else f'{row["strength_name"]} = {strength:g}'
    )
    value = '' if math.isnan(strength) else f'{strength:g}'
    cells = f'<td>{escape(row["dataset"])}</td>' * several
    cells += f'<td>{escape(row["method"])}</td>'
    cells += f'<td data-value="{value}">{escape(shown)}</td>'
    lost = f' (+{row["lost"]} lost)' if row['lost'] else ''
    unscored = not row['n'] and fine[i]
    text = 'not scored' if unscored else f'{row["n"]}{lost}'
    cells += number(text, row['n'])
    for name, key in COLUMNS:
      text = '' if unscored else summaries.figure(row[key])
      if name.startswith('95') and not unscored:
        stem = key.removesuffix('_low')
        text = summaries.interval(row[key], row[f'{stem}_high'])
      cells += number(text, row[key])
    mark = ' class="best"' if i in best else ''
    body.append(f'<tr data-cell="{i}"{mark}>{cells}</tr>')
  ceiling = (
    f' <span class="soft">(ceiling {score.ceiling:.2f} on this data)</span>'
    if math.isfinite(score.ceiling)
    else ''
  )
  better = {'higher': 'Higher is better.', 'lower': 'Lower is better.'}
  definition = score.definition or 'no definition known to this version'
  said = f'{definition[:1].upper()}{definition[1:]}.'
  said += ' ' + better.get(score.direction, 'Neither end is better.')
  stem = score.label.replace('/', '_').replace(' ', '_')
  csv = summaries.data_uri(summaries.csv(table), 'text/csv')
  tex = summaries.data_uri(summaries.latex(table, score), 'text/x-tex')
  return (
    f'<section class="score" data-score="{column}">'
    f'<h3>{escape(score.label)}{ceiling}</h3>'
    f'<p class="soft small">{escape(said)}</p>'
    '<div class="scroll"><table class="sortable">'
    f'<thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    '</div><p class="downloads small">'
    f'<a download="{escape(stem)}.csv" href="{csv}">CSV</a>'
    f'<a download="{escape(stem)}.tex" href="{tex}">LaTeX</a></p></section>'
  )


def frame_table(table: pd.DataFrame, name: str) -> str:
  """Any table as sortable HTML with its CSV to download."""
  heads = ''.join(
    f'<th scope="col">{escape(column)}</th>' for column in table.columns
  )
  body = ''
  for row in table.itertuples(index=False):
    cells = ''.join(
      number(
        f'{value:,}' if isinstance(value, int) else summaries.figure(value),
        value,
      )
      if isinstance(value, int | float)
      else f'<td>{escape(value)}</td>'
      for value in row
    )
    body += f'<tr>{cells}</tr>'
  csv = summaries.data_uri(summaries.csv(table), 'text/csv')
  return (
    '<div class="scroll"><table class="sortable"><thead><tr>'
    f'{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    '<p class="downloads small">'
    f'<a download="{escape(name)}.csv" href="{csv}">CSV</a></p>'
  )


_PICKS = 6  # runs in pictures
_ALT = {
  'traversals': 'latent traversals, one row per latent, sorted by KL',
  'reconstructions': 'observations and their reconstructions',
  'generated': 'draws from the model',
}


def sheets(shown: pictures_lib.Shown, run: int) -> str:
  """All sheets of a run that is among those shown."""
  labels = ''.join(
    f'<li>{escape(name)}<span>{escape(kl)}</span></li>'
    for name, kl in shown.latents[run]
  )
  parts = []
  for picture in shown.sheets[run]:
    if picture.heading:
      parts.append(f'<h4>{escape(picture.heading)}</h4>')
    if picture.lines:
      parts.append(_sentences(picture.lines))
    if picture.uri:
      alt = _ALT.get(picture.name, picture.heading)
      image = f'<img alt="{escape(alt)}" src="{picture.uri}">'
      labelled = picture.name == 'traversals'
      ordered = f'<ol>{labels}</ol>' if labelled else ''
      parts.append(f'<div class="sheet">{ordered}{image}</div>')
    if picture.note:
      parts.append(f'<p class="soft small">{escape(picture.note)}</p>')
  return ''.join(parts)


def _sentences(lines: Sequence[words.Line]) -> str:
  """A table of sentences, words that a latent changed set apart."""
  columns = [
    name for name in ('label', 'value') if any(getattr(x, name) for x in lines)
  ]
  rows = []
  for line in lines:
    said = ' '.join(
      f'<mark>{escape(word)}</mark>' if changed else escape(word)
      for word, changed in line.words
    )
    said = said or f'<span class="soft">{words.EMPTY}</span>'
    cells = ''.join(f'<td>{escape(getattr(line, c))}</td>' for c in columns)
    begins = ' class="begins"' if line.label else ''
    rows.append(f'<tr{begins}>{cells}<td>{said}</td></tr>')
  return (
    f'<div class="words"><table><tbody>{"".join(rows)}</tbody></table></div>'
  )


def _picture(content: Content, rank: str, run: int) -> str:
  study = content.study
  value = (
    study.scores.iloc[run, content.first]
    if content.first is not None
    else math.nan
  )
  caption = pictures_lib.describe_run(study, run, float(value))
  button = (
    f'<button type="button" data-show-run="{run}">config and scores</button>'
  )
  text = (
    f'<b>{escape(rank[:1].upper() + rank[1:])}</b> {escape(caption)} {button}'
  )
  if run not in content.shown.sheets:
    return (
      f'<figure class="card"><figcaption>{text}</figcaption>'
      f'<p class="soft">{_absent(content.shown, run)}</p></figure>'
    )
  again = escape(payload.repeat_command(study, run))
  return (
    f'<figure class="card"><figcaption>{text}</figcaption>'
    f'<div data-sheets="{run}">{sheets(content.shown, run)}</div>'
    f'<details class="small"><summary>run it again</summary><pre>{again}</pre>'
    '</details></figure>'
  )


def _absent(shown: pictures_lib.Shown, run: int) -> str:
  if run in shown.left_out:
    return 'The pictures of this run are left out to keep the page small.'
  return 'This run left no pictures.'


def picked(content: Content) -> dict[str, int]:
  """The runs whose pictures stand in the page, by what they are.

  The best, the median and the worst; then the first run of every method that
  the ranking leaves out, or of every setting where nothing ranks the runs.
  """
  shown, cells = content.shown, content.study.cells
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


def pictures(content: Content) -> str:
  """Sheets of the best, the median and the worst run."""
  shown, picks = content.shown, picked(content)
  if not picks:
    return '<p class="soft">No finished run to show.</p>'
  which = (
    f'Best, median and worst run by {content.described[content.first].label}'
    if content.first is not None
    else 'One run of some settings, with no score to rank the runs by'
  )
  parts = [_picture(content, rank, run) for rank, run in picks.items()]
  names = {p.name for run in picks.values() for p in shown.sheets.get(run, ())}
  texts = [
    text
    for name, text in (
      (
        'traversals',
        'In traversals each row walks through one latent while the others stay;'
        ' rows are sorted by KL where there is one: latents without information'
        ' come last.',
      ),
      (
        'reconstructions',
        'Reconstructions stand below their observations.',
      ),
    )
    if name in names
  ]
  others = (
    'The best, median and worst run of every other setting show when clicked in'
    ' the charts and tables above.'
    if content.first is not None
    else 'The first run of every other setting shows when its row is clicked in'
    ' a table above.'
  )
  return (
    f'<p>{escape(which)}. {" ".join(texts)} {others}</p>'
    '<p class="soft small">Click a picture to enlarge it.</p>'
    f'<div class="pictures">{"".join(parts)}</div>'
    f'<p class="soft small">{escape(" ".join(absent(shown)))}</p>'
  )


def absent(shown: pictures_lib.Shown) -> list[str]:
  """Which pictures the page does not hold, in a sentence each."""
  notes = []
  if shown.missing:
    notes.append(
      f'{tables.count(len(shown.missing), "run")} that would be shown left no'
      ' pictures.'
    )
  if shown.left_out:
    notes.append(
      f'The pictures of {tables.count(len(shown.left_out), "run")} are left out'
      ' to keep the page small.'
    )
  return notes


def definitions(content: Content) -> str:
  """One line per score: what it is, range, direction, constants."""
  items = {}
  for score in content.described:
    better = {'higher': 'higher is better', 'lower': 'lower is better'}
    parts = [score.definition or 'no definition known to this version']
    if math.isfinite(score.low) and math.isfinite(score.high):
      parts.append(f'range {score.low:g} to {score.high:g}')
    parts.append(better.get(score.direction, 'neither end is better'))
    constants = ', '.join(
      f'{k} = {v:.4g}' if isinstance(v, float) else f'{k} = {v}'
      for k, v in score.constants.items()
    )
    parts += [constants] * bool(constants) + [score.source] * bool(score.source)
    items.setdefault(score.name, '; '.join(parts))
  return ''.join(
    f'<dt><code>{escape(name)}</code></dt><dd>{escape(text)}.</dd>'
    for name, text in items.items()
  )
