"""From workdirs to files: the page, the figures, one run's sheets."""

from collections.abc import Sequence
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax import errors, folders
from disentangle_jax.report import (
  datasets,
  drawing,
  html,
  pictures,
  sections,
  selection,
  statistics,
  stored,
  style,
  summaries,
  tables,
)
from disentangle_jax.report import scores as scores_lib

FIGURES = ('auto', 'all', 'none')
MANY = 24  # scores; more are hard to read in one picture
FILES = 8  # scores drawn into files then: each costs about a second

Paths = Sequence[pathlib.Path | str] | pathlib.Path | str


def _as_paths(workdir: Paths) -> list[pathlib.Path]:
  several = not isinstance(workdir, pathlib.Path | str)
  paths = [pathlib.Path(path) for path in (workdir if several else [workdir])]
  if not paths:
    raise errors.value('workdir', [], 'must name at least one directory')
  if len({path.resolve() for path in paths}) < len(paths):
    raise errors.value(
      'workdir', ','.join(map(str, paths)), 'must name each directory once'
    )
  return paths


def write(
  workdir: Paths,
  compare: bool = False,
  out: pathlib.Path | str | None = None,
  figures: str = 'auto',
) -> pathlib.Path:
  """Writes the report of a sweep, or of several together.

  Reads the stores alone. A store that is empty, half-finished or damaged gives
  a page that says so.

  Args:
    workdir: directory of a sweep, or several to put together.
    compare: two workdirs side by side, with intervals on the difference,
      second minus first.
    out: directory to write `report/` and `figures/` into; the first workdir by
      default. There, the page of several workdirs is `report/merged.html` or
      `report/compare.html`, so that it does not replace the first one's own.
    figures: which files to draw. 'all': violins and strengths of every score;
      'auto': the same, but of the first FILES scores alone where there are more
      than MANY; 'none': no files, the page alone.

  Returns:
    Path of the page.

  Raises:
    ConfigError: `compare` with a number of workdirs other than two, or the
      same directory twice.
    StoreError: a directory does not exist or cannot be written.
  """
  paths = _as_paths(workdir)
  if compare and len(paths) != 2:
    raise errors.value('compare', len(paths), 'needs exactly two workdirs, A,B')
  if figures not in FIGURES:
    raise errors.choices('figures', figures, FIGURES)
  root = pathlib.Path(out) if out is not None else paths[0]
  name = 'index'
  if len(paths) > 1 and out is None:
    name = 'compare' if compare else 'merged'
  study, described = scores_lib.arrange(tables.load(paths))
  first = scores_lib.primary(described, scores_lib.wanted(study))
  columns = range(len(described))
  cell_tables = [summaries.cell_table(study, i) for i in columns]
  focus = _focus(described, first)
  shares = {i: _shares(study, i) for i in focus}
  correlations = _correlations(study, described, focus)
  folder = folders.figures(root) / ('' if name == 'index' else name)
  sign = 1.0 if first is None else described[first].sign
  earlier, size = _earlier(study)
  shown = pictures.choose(study, first, sign, pictures.BUDGET - size)
  files = None if figures == 'none' else folder
  try:
    with style.use():
      drawn = drawing.across(
        study, described, shares, first, correlations, files
      )
      if files:
        few = figures == 'all' or len(described) <= MANY
        chosen = list(columns) if few else focus[:FILES]
        drawing.per_score(study, described, cell_tables, chosen, files)
    if files:
      for rank, run in shown.overall.items():
        drawing.run_sheets(study, run, files, rank)
    content = sections.Content(
      study=study,
      described=described,
      cell_tables=cell_tables,
      first=first,
      shown=shown,
      shares=shares,
      figures=drawn,
      extra_tables=_extra_tables(study, described, focus, compare),
      figure_folder=str(files or ''),
      earlier=earlier,
    )
    page = folders.page(root, name)
    page.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a reader never sees half a page.
    aside = page.with_suffix('.tmp')
    aside.write_text(html.page(content), encoding='utf-8')
    aside.replace(page)
  except OSError as error:
    raise errors.StoreError(
      f'{error.filename or root}: cannot be written ({error.strerror})'
    ) from error
  return page


def _focus(described, first: int | None) -> list[int]:
  """Columns of what compares scores with each other.

  All of them while they are few; else those of the first one's representation
  and of observations, or the pictures could not be read.
  """
  columns = list(range(len(described)))
  if len(described) <= MANY or first is None:
    return columns
  beside = scores_lib.beside(described, first)
  kept = ('', *(described[i].representation for i in beside))
  return [i for i in columns if described[i].representation in kept]


def _earlier(study: tables.Study) -> tuple[dict[str, sections.Content], int]:
  """Content of every earlier phase, and the bytes of its pictures."""
  contents, size = {}, 0
  budget = pictures.BUDGET // 5 // max(len(study.earlier), 1)
  for phase, part in study.earlier.items():
    # Their table shows the loss of all runs, scored or not.
    kept = [name for name in part.scores.columns if name[0] != stored.LOSS]
    part = part._replace(scores=part.scores[kept])
    part, described = scores_lib.arrange(part, '')
    first = scores_lib.primary(described)
    sign = 1.0 if first is None else described[first].sign
    shown = pictures.choose(part, first, sign, budget)
    size += shown.size
    contents[phase] = sections.Content(
      study=part,
      described=described,
      cell_tables=[
        summaries.cell_table(part, i) for i in range(len(described))
      ],
      first=first,
      shown=shown,
      shares={},
      figures=(),
      extra_tables=(),
      figure_folder='',
    )
  return contents, size


def draw_run(workdir: pathlib.Path | str, number: int) -> list[pathlib.Path]:
  """All sheets of one run into DIR/figures.

  Args:
    workdir: directory of a sweep.
    number: run number of the plan, of any phase.

  Returns:
    The files: PNG for pictures, text for sentences.

  Raises:
    ConfigError: no finished run has this number.
    StoreError: the run left no readable samples.
  """
  study = tables.load(_as_paths(workdir))
  parts = (study, *study.earlier.values())
  for part in parts:
    found = np.flatnonzero(part.runs['run_number'] == number)
    if found.size:
      break
  else:
    have = pd.concat([part.runs['run_number'] for part in parts])
    legal = f'{have.min()} to {have.max()}' if len(have) else 'none yet'
    raise errors.value(
      'run', number, f'no such finished run; there are {legal}'
    )
  written = drawing.run_sheets(
    part, int(found[0]), folders.figures(pathlib.Path(workdir)), f'run_{number}'
  )
  if not written:
    raise errors.StoreError(f'run {number} of {workdir} left no pictures')
  return written


def _shares(study: tables.Study, column: int) -> pd.DataFrame:
  """Shares of one score; of several data sets, of the first."""
  runs = study.runs
  mine = (runs['dataset'] == runs['dataset'].iloc[0]).to_numpy()
  values = np.where(mine, study.scores.iloc[:, column].to_numpy(), np.nan)
  strength = runs['strength_name'] + '=' + runs['strength'].astype(str)
  return statistics.variance_shares(
    values, runs['method'].to_numpy(), strength.to_numpy(), resamples=1000
  )


def _correlations(study, described, focus) -> pd.DataFrame:
  table = study.scores.iloc[:, focus].copy()
  table.columns = [described[i].label for i in focus]
  # A score that is the same for every run has no ranks.
  return statistics.rank_correlation(table.loc[:, table.nunique() > 1])


def _extra_tables(study, described, focus, compare: bool):
  """Transfer between scores, unsupervised selection, comparison."""
  made = []
  if compare:
    for i, score in enumerate(described):
      table = summaries.compare(study, i, score)
      if len(table):
        made.append(
          (
            f'Compared: {score.label}',
            'Second workdir minus first, per setting that both have; '
            'probability: that a run of the second is better.',
            table,
          )
        )
  supervised = [i for i in focus if described[i].supervised]
  runs = study.runs
  if len(runs) and len(supervised) > 1:
    mine = (runs['dataset'] == runs['dataset'].iloc[0]).to_numpy()
    table = study.scores.iloc[np.flatnonzero(mine), supervised].copy()
    table.columns = [described[i].label for i in supervised]
    table.index = pd.MultiIndex.from_arrays(
      [runs.loc[mine, 'cell'], runs.loc[mine, 'seed']],
      names=['setting', 'seed'],
    )
    moved = selection.transfer(table, table)
    if moved.notna().any(axis=None):
      made.append(
        (
          'Transfer of the best setting',
          'Method and strength chosen by the score of the row on one seed; '
          'the probability that a run of another seed beats a run drawn at '
          'random, by the score of the column. Chance is 0.5.',
          moved.rename_axis('chosen by').reset_index(),
        )
      )
  moved = datasets.transfer_table(study, described, supervised)
  if len(moved):
    made.append(
      (
        'Transfer between data sets',
        'Method and strength chosen on one data set and seed; the probability '
        'that a run of another seed beats a run drawn at random on the data '
        'set of the column, by the same score. Chance is 0.5.',
        moved,
      )
    )
  agree = datasets.correlation_table(study, described, supervised)
  if len(agree):
    made.append(
      (
        'Do data sets agree',
        'Spearman rank correlation of a score between two data sets, over the '
        'settings and seeds that both have.',
        agree,
      )
    )
  quality = _selection_table(study, described, focus, supervised)
  if len(quality):
    made.append(
      (
        'Choosing without labels',
        'Of ten runs drawn at random the one that the criterion likes best is '
        'kept. Recovered: 1 would be as good as choosing by the score itself, '
        '0 as good as chance.',
        quality,
      )
    )
  return made


def _selection_table(study, described, focus, supervised) -> pd.DataFrame:
  """Quality of every unsupervised score with a direction as a criterion."""
  rows = []
  for i in focus:
    criterion = described[i]
    if criterion.supervised or criterion.direction == 'none':
      continue
    for j in supervised:
      quality = selection.selection_quality(
        criterion.sign * study.scores.iloc[:, i].to_numpy(),
        study.scores.iloc[:, j].to_numpy(),
      )
      if quality['n'] >= 3:
        rows.append(
          {'criterion': criterion.label, 'score': described[j].label} | quality
        )
  return pd.DataFrame(rows)
