"""What of a study is drawn into files alone."""

from collections.abc import Sequence
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax import storage
from disentangle_jax.report import (
  figures,
  gallery,
  sheets,
  style,
  summaries,
  tables,
  traversals,
  words,
)
from disentangle_jax.report import pictures as pictures_lib
from disentangle_jax.report import scores as scores_lib


def per_score(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  cell_tables: Sequence[pd.DataFrame],
  columns: Sequence[int],
  folder: pathlib.Path,
) -> None:
  """Violins and score against strength of scores, as files.

  Args:
    study: as loaded.
    described: one Score per column.
    cell_tables: one `summaries.cell_table` per column.
    columns: which of them.
    folder: where to write `violins_<score>` and `strength_<score>`.
  """
  methods = list(dict.fromkeys(study.cells['method']))
  several = study.cells['dataset'].nunique() > 1
  for dataset, runs in study.runs.groupby('dataset', sort=False):
    tail = f'_{dataset}' if several else ''
    here = (study.cells['dataset'] == dataset).to_numpy()
    for column in columns:
      score = described[column]
      values = study.scores.iloc[runs.index, column].to_numpy()
      if not np.isfinite(values).any():
        continue
      figure, axes = figures.new(
        max(3.2, 0.9 * runs['method'].nunique() + 1), 2.8
      )
      figures.violins(axes, values, runs, score, methods)
      gallery.save(figure, folder, f'violins_{score.label}{tail}')
      table = cell_tables[column][here]
      if table['strength'].notna().any():
        names = table.loc[table['strength'].notna(), 'strength_name'].nunique()
        figure = figures.empty(max(3.4, 2.4 * names), 2.6)
        cells = summaries.cell_values(study, column)
        members = [cells[i] for i in table.index]
        figures.score_against_strength(figure, table, score, methods, members)
        gallery.save(figure, folder, f'strength_{score.label}{tail}')


def front(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  first: int,
  folder: pathlib.Path,
) -> None:
  """The score that ranks the runs against reconstruction, as a file.

  Args:
    study: as loaded.
    described: one Score per column.
    first: column of the score.
    folder: where to write `score_against_reconstruction`, if the runs have it.
  """
  cost = scores_lib.cost(described)
  if cost is None or cost == first:
    return
  figure, axes = figures.new(3.6, 2.8)
  figures.front(
    axes,
    study.scores.iloc[:, cost].to_numpy(),
    study.scores.iloc[:, first].to_numpy(),
    study.runs,
    (described[cost].label, described[first].label),
    list(dict.fromkeys(study.cells['method'])),
    described[first].sign,
  )
  gallery.save(figure, folder, 'score_against_reconstruction')


def run_sheets(
  study: tables.Study, run: int, folder: pathlib.Path, name: str
) -> list[pathlib.Path]:
  """All sheets of one run as files.

  Args:
    study: as loaded.
    run: index into `study.runs`.
    folder: where the files go.
    name: their beginning, e.g. 'best' or 'run_17'.

  Returns:
    The files written: PNG (a film's middle frame), or text where a sheet is of
    sentences; none if the run left no samples.
  """
  workdir = study.workdirs[study.runs['workdir'][run]]
  samples = traversals.load(workdir, study.runs['run_id'][run])
  if samples is None:
    return []
  title = pictures_lib.describe_run(study, run, float('nan'))
  written = []
  with style.use():
    for sheet in sheets.of_run(samples):
      stem = gallery.stem(f'{name}_{sheet.name}')
      if not len(sheet.frames):
        path = folder / f'{stem}.txt'
        text = words.to_text(sheet.lines)
        storage.write_bytes(path, f'{title}\n{text}\n'.encode())
        written.append(path)
        continue
      image = traversals.still(sheet.frames)
      height = min(9.0, 0.5 + 5.2 * image.shape[0] / image.shape[1])
      figure, axes = figures.new(6.0, height)
      walks = sheet.name == 'traversals'
      order = traversals.by_kl(samples) if walks else []
      heading = ': '.join(filter(None, [title, sheet.heading]))
      figures.sheet(axes, image, samples.kl, order, heading)
      if sheet.note:
        axes.set_xlabel(sheet.note)
      gallery.save(figure, folder, stem)
      written.append(folder / f'{stem}.png')
  return written
