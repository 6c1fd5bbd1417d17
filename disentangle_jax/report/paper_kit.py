"""Figures and tables of a study, ready for a paper.

Every figure as `printed` writes it; every table as LaTeX (booktabs), Markdown
and CSV; names as papers print them.
"""

from collections.abc import Sequence
import math
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import (
  charts,
  display,
  figures,
  gallery,
  printed,
  seed_sheets,
  statistics,
  style,
  summaries,
  tables,
)
from disentangle_jax.report import markdown as markdown_lib
from disentangle_jax.report import scores as scores_lib

FEW = 10  # runs of a method; fewer make no density
SHEETS = ('best', 'all', 'none')  # settings that are shown in pictures


def strips(
  axes,
  values: np.ndarray,
  runs: pd.DataFrame,
  methods: Sequence[str],
) -> None:
  """Every run a dot, the mean with its 95 % interval beside it.

  Args:
    axes: to draw into.
    values: float [N], one per run.
    runs: with 'method'.
    methods: from left to right.
  """
  for at, method in enumerate(methods):
    own = statistics.finite(values[(runs['method'] == method).to_numpy()])
    if not own.size:
      axes.text(
        at, 0.5, 'no runs', ha='center', transform=axes.get_xaxis_transform()
      )
      continue
    place = at - 0.12 + 0.06 * np.resize([-1, 1, 0], own.size)
    axes.plot(
      place,
      own,
      ls='',
      mec='none',
      alpha=0.7,
      color=style.colour(at),
      **style.mark(at, 3),
    )
    low, high = statistics.bootstrap_interval([own])[0]
    mean = float(own.mean())
    axes.vlines(at + 0.18, low, high, color=style.INK, lw=1.4)
    axes.plot(at + 0.18, mean, 'o', ms=4, mfc='white', mec=style.INK)
  figures.method_ticks(axes, methods)
  axes.set_ylim(charts.extent(values))
  axes.grid(False, axis='x')


def _runs_figure(study, values, score, width: float):
  """Strips where a method has few runs, else violins."""
  methods = list(dict.fromkeys(study.runs['method']))
  counts = [int((study.runs['method'] == m).sum()) for m in methods]
  figure, axes = figures.new(width, 0.75 * min(width, 3.6))
  if min(counts) < FEW:
    strips(axes, values, study.runs, methods)
  else:
    figures.violins(axes, values, study.runs, score, methods)
  axes.set_ylabel(score.label)
  return figure


def _strength_figure(study, column: int, score, width: float):
  """Score against strength; None where nothing was swept."""
  table = summaries.cell_table(study, column)
  if not table['strength'].notna().any():
    return None
  panels = table.loc[table['strength'].notna(), 'strength_name'].nunique()
  figure = figures.empty(width, 0.75 * min(width / panels, 3.6) + 0.3)
  cells = summaries.cell_values(study, column)
  methods = list(dict.fromkeys(study.cells['method']))
  figures.score_against_strength(figure, table, score, methods, cells)
  return figure


def settings_table(
  study: tables.Study, columns: Sequence[int], names: display.Names
) -> pd.DataFrame:
  """A row per setting; of each score mean, low and high of the 95 % interval.

  Args:
    study: with a paper's names.
    columns: of `study.scores`.
    names: of scores.

  Returns:
    'data set', 'method', 'strength', 'runs', then '<score>', '<score> low',
    '<score> high'.
  """
  cells = study.cells
  frame = pd.DataFrame(
    {
      'data set': cells['dataset'],
      'method': cells['method'],
      'strength': [
        '' if math.isnan(value) else f'{name} = {value:g}'
        for name, value in zip(cells['strength_name'], cells['strength'])
      ],
      'runs': cells['runs'],
    }
  )
  for column in columns:
    table = summaries.cell_table(study, column)
    title = names.score(study.scores.columns[column][0])
    frame[title] = table['mean']
    frame[f'{title} low'] = table['mean_low']
    frame[f'{title} high'] = table['mean_high']
  return frame


def _texts(frame: pd.DataFrame, unknown: str) -> pd.DataFrame:
  """A `settings_table` as text, '0.41 [0.38, 0.44]' for each score.

  Args:
    frame: the table.
    unknown: what stands for a number that is not known.
  """
  several = frame['data set'].nunique() > 1
  heads = [*(['data set'] if several else []), 'method', 'strength', 'runs']
  texts = frame[heads].astype(str)
  # Behind the four columns of a setting: a score and its interval's ends.
  for score in frame.columns[4::3]:
    texts[score] = [
      summaries.with_interval(*values).replace(summaries.UNKNOWN, unknown)
      for values in frame[[score, f'{score} low', f'{score} high']].to_numpy()
    ]
  return texts


def latex(frame: pd.DataFrame, caption: str) -> str:
  """A `settings_table` for LaTeX with the package booktabs."""
  texts = _texts(frame, '--')
  scores = frame.columns[4::3]
  words = texts.shape[1] - len(scores) - 1
  for head in texts.columns[:words]:
    texts[head] = texts[head].map(display.latex)
  heads = [
    display.latex(head if head in scores else head.capitalize())
    for head in texts.columns
  ]
  return summaries.booktabs(
    'l' * words + 'r' + 'l' * len(scores),
    heads,
    texts.itertuples(index=False),
    display.latex(caption),
  )


def markdown(frame: pd.DataFrame) -> str:
  """The same as Markdown."""
  texts = _texts(frame, '').map(display.plain).rename(columns=display.plain)
  return markdown_lib.table(texts) + '\n'


def _settings_shown(
  study: tables.Study, column: int, score: scores_lib.Score, which: str
) -> list[int]:
  """Settings that are shown in pictures: the best of every method, or all."""
  if which != 'best':
    return list(study.cells.index) if which == 'all' else []
  table = summaries.cell_table(study, column)
  chosen = []
  for _, own in study.cells.groupby(['dataset', 'method'], sort=False):
    best = summaries.best_cell(table.loc[own.index], score)
    chosen.append(int(own.index[0]) if best is None else best)
  return chosen


def sheets(
  study: tables.Study,
  cells: Sequence[int],
  folder: pathlib.Path,
  width: str = 'column',
  seeds: int = seed_sheets.SEEDS,
  latents: int = seed_sheets.LATENTS,
) -> list[pathlib.Path]:
  """Seeds of settings side by side, as files.

  Args:
    study: as loaded.
    cells: settings, indices into `study.cells`.
    folder: where the files go.
    width: a key of `printed.WIDTHS`.
    seeds: of a setting, at most; the first ones, whatever they score.
    latents: of a traversal, at most; those with the greatest KL.

  Returns:
    `traversals_<setting>`, `reconstructions_<setting>` and
    `generated_<setting>`, of what the runs left.
  """
  names, files = display.of(study.infos), []
  several = study.cells['dataset'].nunique() > 1
  with printed.use():
    for cell in study.cells.loc[list(cells)].itertuples():
      own = seed_sheets.of_setting(study, cell.Index, seeds)
      tail = f'_{cell.dataset}' if several else ''
      title = seed_sheets.title_of(cell, names)
      for kind in seed_sheets.KINDS:
        figure = seed_sheets.of_seeds(
          own, kind, title, printed.inches(width), latents
        )
        if figure is not None:
          stem = gallery.stem(f'{kind}_{cell.label}{tail}')
          files += printed.save(figure, folder, stem)
  return files


def write(
  workdirs: Sequence[pathlib.Path],
  folder: pathlib.Path,
  names: Sequence[str] = (),
  width: str = 'column',
  representation: str = 'mean',
  shown: str = 'best',
  seeds: int = seed_sheets.SEEDS,
  latents: int = seed_sheets.LATENTS,
) -> list[pathlib.Path]:
  """Writes the kit.

  Args:
    workdirs: of a study, or of several that are put together.
    folder: is made; files of equal names are replaced.
    names: of scores; the one that ranks the runs by default.
    width: a key of `printed.WIDTHS`.
    representation: of scores that differ in it.
    shown: settings with sheets of their seeds: 'best' of every method by the
      first score, 'all' or 'none'.
    seeds: of a sheet, at most.
    latents: of a sheet's traversals, at most.

  Returns:
    The files: for every score `strength_<score>` (where strengths were swept)
    and `runs_<score>`, and what `sheets` gives, as .pdf, .svg and .png; `table`
    as .tex, .md, .csv.

  Raises:
    ConfigError: a score that is not there, or another width or choice.
    StoreError: no results.
  """
  wide = printed.inches(width)
  if shown not in SHEETS:
    raise errors.choices('--sheets', shown, SHEETS)
  for flag, value in (('--seeds', seeds), ('--latents', latents)):
    if value < 1:
      raise errors.value(flag, value, 'must be at least 1')
  study = tables.load(workdirs)
  if study.runs.empty:
    raise errors.StoreError(f'{workdirs[0]}: no run has finished')
  described = scores_lib.describe(study)
  known = {
    one.name: place
    for place, one in enumerate(described)
    if one.representation in ('', representation)
  }
  if not names:
    first = scores_lib.primary(described, scores_lib.wanted(study))
    names = [described[first].name] if first is not None else list(known)[:1]
  for name in names:
    if name not in known:
      raise errors.choices('--scores', name, known)
  texts = display.of(study.infos)
  first = known[names[0]]
  cells = _settings_shown(study, first, described[first], shown)
  pictured = study
  study = display.named(study, texts)
  folder.mkdir(parents=True, exist_ok=True)
  files = []
  with printed.use():
    for name in names:
      column = known[name]
      score = described[column]._replace(
        name=texts.score(name), representation=''
      )
      values = study.scores.iloc[:, column].to_numpy()
      drawn = {
        'strength': _strength_figure(study, column, score, wide),
        'runs': _runs_figure(study, values, score, wide),
      }
      for kind, figure in drawn.items():
        if figure is not None:
          files += printed.save(figure, folder, f'{kind}_{gallery.stem(name)}')
  files += sheets(pictured, cells, folder, width, seeds, latents)
  columns = [known[name] for name in names]
  frame = settings_table(study, columns, texts)
  caption = 'Mean over seeds with its 95 % bootstrap interval.'
  for ending, text in (
    ('tex', latex(frame, caption)),
    ('md', markdown(frame)),
    ('csv', frame.rename(columns=display.plain).to_csv(index=False)),
  ):
    path = folder / f'table.{ending}'
    path.write_text(text, encoding='utf-8')
    files.append(path)
  return files
