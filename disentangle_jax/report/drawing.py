"""All figures of a study: into files, and the ones that the page shows."""

from collections.abc import Sequence
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  figures,
  gallery,
  selection,
  sheets,
  stored,
  style,
  tables,
  traversals,
  words,
)
from disentangle_jax.report import pictures as pictures_lib
from disentangle_jax.report import scores as scores_lib

Drawn = list[tuple[str, str, str]]


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
  for dataset, runs in study.runs.groupby('dataset', sort=False):
    several = study.cells['dataset'].nunique() > 1
    tail = f'_{dataset}' if several else ''
    methods = list(dict.fromkeys(study.cells['method']))
    shown = [m for m in methods if m in set(runs['method'])]
    for column in columns:
      score = described[column]
      values = study.scores.iloc[runs.index, column].to_numpy()
      if not np.isfinite(values).any():
        continue
      figure, axes = figures.new(max(3.2, 0.9 * len(shown) + 1), 2.8)
      figures.violins(axes, values, runs, score, shown)
      gallery.save(figure, folder, f'violins_{score.label}{tail}')
      table = cell_tables[column]
      table = table[table['dataset'] == dataset]
      if table['strength'].notna().any():
        names = table.loc[table['strength'].notna(), 'strength_name'].nunique()
        figure = figures.empty(max(3.4, 2.4 * names), 2.6)
        figures.score_against_strength(figure, table, score, methods)
        gallery.save(figure, folder, f'strength_{score.label}{tail}')


def across(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  shares: dict[int, pd.DataFrame],
  first: int | None,
  correlations: pd.DataFrame,
  folder: pathlib.Path | None,
) -> Drawn:
  """Figures over all scores and over training.

  Args:
    study: as loaded.
    described: one Score per column.
    shares: {column: as from `statistics.variance_shares`}; its columns are
      the scores shown.
    first: column of the score that ranks the runs.
    correlations: between the score columns, labelled.
    folder: where the files go; None: no files.

  Returns:
    (heading, text, SVG) of each figure for the page.
  """
  drawn: Drawn = []

  def keep(figure, name: str, heading: str, text: str) -> None:
    svg = gallery.save(figure, folder, name)
    drawn.append((heading, text, gallery.inline(svg, heading)))

  methods = list(dict.fromkeys(study.cells['method']))
  explained = {
    described[i].label: table
    for i, table in shares.items()
    if table['share'].notna().all()
  }
  if explained:
    figure, axes = figures.new(height=0.8 + 0.26 * len(explained))
    figures.variance_shares(axes, explained)
    keep(
      figure,
      'variance_shares',
      'How much is the method, the strength, the seed',
      'Nested analysis of variance over all runs, in per cent, corrected for '
      'the noise of the means.',
    )
  judged = [i for i in shares if described[i].supervised or i == first]
  if len(methods) > 1 and judged:
    values = study.scores.iloc[:, judged]
    values.columns = [described[i].label for i in judged]
    lower = [described[i].label for i in judged if described[i].sign < 0]
    best = selection.best_matrix(values, study.runs['method'].tolist(), lower)
    figure, axes = figures.new(height=0.9 + 0.3 * len(judged))
    figures.heat_map(axes, best.T, diverging=False)
    keep(
      figure,
      'how_often_best',
      'How often is it best',
      'One run is drawn from every method, over its strengths and seeds: the '
      'probability that this method has the best of them.',
    )
  if correlations.notna().sum().sum() > len(correlations):
    side = min(6.5, 1.8 + 0.45 * len(correlations))
    figure, axes = figures.new(side, side * 0.85)
    figures.heat_map(axes, correlations)
    keep(
      figure,
      'rank_correlation',
      'Do the scores agree',
      'Spearman rank correlation between scores over runs. Rows without a '
      'direction and errors are shown as they are: a good score and a low '
      'error correlate negatively.',
    )
  drawn += _training(study, methods, first, described, folder)
  if first is not None and folder is not None:
    _front(study, described, first, methods, folder)
  return drawn


def _training(study, methods, first, described, folder) -> Drawn:
  """Loss, reconstruction and KL over training; KL per latent of one run."""
  drawn: Drawn = []
  curves = study.training
  names = [str(name) for name in curves['name'].unique()]
  order = [f'{stored.TRAINING}{n}' for n in ('loss', 'reconstruction', 'kl')]
  by_factor = [n for n in names if n.startswith(f'{stored.TRAINING}kl/')]
  names = [n for n in names if n not in by_factor]
  names = [n for n in order if n in names] + sorted(set(names) - set(order))
  if names and curves['step'].nunique() > 1:
    columns = min(3, len(names))
    rows = -(-min(len(names), 9) // columns)
    figure, axes = figures.new(
      height=0.4 + 2.0 * rows, nrows=rows, ncols=columns, squeeze=False
    )
    for ax, name in zip(axes.flat, names):
      figures.bands(ax, curves[curves['name'] == name], study.runs, methods)
      ax.set_title(name.removeprefix(stored.TRAINING))
    for ax in axes.flat[len(names) :]:
      ax.set_visible(False)
    handles = axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, loc='outside upper center', ncols=4)
    svg = gallery.save(figure, folder, 'training')
    drawn.append(
      (
        'Training',
        'Median and quartiles over the runs of each method, strengths and '
        'seeds together; losses per observation.',
        gallery.inline(svg, 'Training'),
      )
    )
  drawn += _factors(curves, by_factor, folder)
  if first is None:
    return drawn
  values = described[first].sign * study.scores.iloc[:, first].to_numpy()
  if np.isfinite(values).any():
    run = int(np.nanargmax(np.where(np.isfinite(values), values, np.nan)))
    latents = tables.latent_curves(study, run)
    if latents['step'].nunique() > 1:
      figure, axes = figures.new(4.5, 2.8)
      figures.latent_kl(axes, latents)
      svg = gallery.save(figure, folder, 'latent_kl_best_run')
      drawn.append(
        (
          'Capacity of each latent',
          'KL of every latent over training, in nats, '
          + pictures_lib.describe_run(study, run, float('nan'))
          + f' (best by {described[first].label}).',
          gallery.inline(svg, 'Capacity of each latent'),
        )
      )
  return drawn


def _factors(curves, names, folder) -> Drawn:
  """KL per named factor over training, of generators driven by factors."""
  if not names or curves['step'].nunique() < 2:
    return []
  figure, axes = figures.new(4.5, 2.8)
  figures.factor_kl(axes, curves[curves['name'].isin(names)])
  title = 'Capacity of each factor'
  svg = gallery.save(figure, folder, 'factor_kl')
  runs = curves.loc[curves['name'].isin(names), 'run'].nunique()
  return [
    (
      title,
      'KL of every ground-truth factor over training, in nats: median and '
      f'range over {tables.count(runs, "run")}. A factor is switched on where '
      'its curve leaves zero.',
      gallery.inline(svg, title),
    )
  ]


def _front(study, described, first, methods, folder) -> None:
  names = [score.name for score in described]
  for cost in ('reconstruction/squared_error', 'reconstruction/nats'):
    if cost in names:
      figure, axes = figures.new(3.6, 2.8)
      figures.front(
        axes,
        study.scores.iloc[:, names.index(cost)].to_numpy(),
        study.scores.iloc[:, first].to_numpy(),
        study.runs,
        (cost, described[first].label),
        methods,
        described[first].sign,
      )
      gallery.save(figure, folder, 'score_against_reconstruction')
      return


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
        folder.mkdir(parents=True, exist_ok=True)
        text = words.to_text(sheet.lines)
        path.write_text(f'{title}\n{text}\n', encoding='utf-8')
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
