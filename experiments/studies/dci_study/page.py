"""PCA against InfoGAN under DCI: claims, table, Hinton diagrams."""

from collections.abc import Callable, Iterator

from matplotlib import patches
import numpy as np
import pandas as pd

from disentangle_jax.report import figures, numbered, style, summaries, tables
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Within,
  runs_of,
  values_of,
)
from disentangle_jax.report.section import Section

PAPER = 'Eastwood & Williams 2018'
REGRESSORS = ('lasso', 'forest')
FACTORS = ('azimuth', 'elevation', 'red', 'green', 'blue')
PCA = Arm('PCA', {'method': 'pca'})
# The published weight of the codes; 1 stands in the table alone.
INFOGAN = Arm('InfoGAN', {'method': 'infogan_wgan', 'strength': 8.0})
# (score, InfoGAN's direction, in words, published PCA and InfoGAN by regressor)
_COMPARED = (
  (
    'dci_gap_disentanglement',
    'higher',
    'is more disentangled',
    {'lasso': '0.20 / 0.77', 'forest': '0.35 / 0.93'},
  ),
  (
    'dci_gap_completeness',
    'higher',
    'is more complete',
    {'lasso': '0.38 / 0.72', 'forest': '0.38 / 0.89'},
  ),
  (
    'dci_gap_nrmse_seen',
    'lower',
    'is more informative on seen combinations (error)',
    {'lasso': '0.59 / 0.18', 'forest': '0.40 / 0.11'},
  ),
  (
    'dci_gap_nrmse_zero_shot',
    'lower',
    'is more informative on left-out combinations (error)',
    {'lasso': '1.05 / 0.28', 'forest': '0.87 / 0.22'},
  ),
)
_GUARD = Guard(
  'sample_nearest', high=3.0, reason='draws must lie as near as the data do'
)


def _of_infogan(study: tables.Study) -> tuple[Guard, ...]:
  """The detector; PCA draws nothing and has no such score."""

  def nearest(study: tables.Study) -> np.ndarray:
    values = values_of(study, 'sample_nearest')
    return np.where(runs_of(study, PCA), 1.0, values)

  names = {name for name, _ in study.scores.columns}
  if 'sample_nearest' not in names:
    return ()
  return (_GUARD._replace(score=nearest),)


def above_constant(regressor: str) -> Callable[[tables.Study], np.ndarray]:
  """`(study) -> float [runs]`: the worst zero-shot excess over a constant.

  The largest difference over factors, azimuth aside (it is circular), of the
  zero-shot error and that of the seen mean, both in deviations of the seen
  factor.

  Args:
    regressor: one of REGRESSORS.
  """

  def excess(study: tables.Study) -> np.ndarray:
    names = {name for name, _ in study.scores.columns}
    differences = []
    for factor in FACTORS[1:]:
      error = f'dci_gap_nrmse_zero_shot_{regressor}/{factor}'
      if error in names:
        constant = values_of(study, f'dci_gap_constant/{factor}')
        differences.append(values_of(study, error) - constant)
    if not differences:
      return np.full(len(study.runs), np.nan)
    return np.max(differences, axis=0)

  return excess


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper's tables say, a claim per score and regressor."""
  guards = _of_infogan(study)
  found = []
  for name, direction, words, published in _COMPARED:
    for regressor in REGRESSORS:
      found.append(
        Claim(
          statement=f'InfoGAN {words} than PCA ({regressor}).',
          source=f'{PAPER}, tables 1 to 4',
          published=f'PCA / InfoGAN {published[regressor]}',
          arms=(INFOGAN, PCA),
          score=f'{name}_{regressor}',
          rule=Difference(direction),
          guards=guards,
        )
      )
  for regressor in REGRESSORS:
    found.append(
      Claim(
        statement='PCA does worse than a constant on some left-out factor '
        f'({regressor}; the largest excess, azimuth aside).',
        source=f'{PAPER}, section 4.3',
        published='1.78 and 1.12 on elevation',
        arms=(PCA,),
        score=above_constant(regressor),
        rule=Within('higher'),
      )
    )
  return tuple(found)


def best_of(study: tables.Study, arm: Arm) -> int | None:
  """The run of an arm with the least mean error on seen combinations."""
  mine = np.flatnonzero(runs_of(study, arm))
  if not len(mine):
    return None
  error = sum(
    values_of(study, f'dci_gap_nrmse_seen_{name}')[mine] for name in REGRESSORS
  )
  if not np.isfinite(error).any():
    return None
  return int(mine[np.nanargmin(error)])


def scores_table(study: tables.Study) -> pd.DataFrame:
  """All runs of an arm, and the one that seen errors would choose."""
  names = {name for name, _ in study.scores.columns}
  arms = [PCA]
  strengths = study.runs['strength'][study.runs['method'] == 'infogan_wgan']
  arms += [
    Arm(
      f'InfoGAN, weight {weight:g}',
      {'method': 'infogan_wgan', 'strength': float(weight)},
    )
    for weight in sorted(strengths.unique())
  ]
  rows = []
  for regressor in REGRESSORS:
    for arm in arms:
      mine, best = runs_of(study, arm), best_of(study, arm)
      if best is None:
        continue
      row = {'regressor': regressor, 'arm': arm.label, 'runs': int(mine.sum())}
      for name, *_ in _COMPARED:
        values = values_of(study, f'{name}_{regressor}')
        row[name.removeprefix('dci_gap_')] = (
          f'{summaries.mean_with_interval(values[mine])}, median '
          f'{summaries.figure(np.nanmedian(values[mine]))}, best '
          f'{summaries.figure(values[best])}'
        )
      if 'sample_nearest' in names:
        own = values_of(study, 'sample_nearest')[mine]
        if np.isfinite(own).any():
          row['sample_nearest'] = summaries.mean_with_interval(own)
      rows.append(row)
  return pd.DataFrame(rows).fillna('')


def importances(study: tables.Study, run: int, regressor: str) -> np.ndarray:
  """Importance of code (row) and factor (column), float [D, K]."""
  cells = numbered.values(study, f'dci_importance_{regressor}')
  cells = cells[cells['run'] == run]
  places = cells['index'].astype(str).str.split('_', expand=True).astype(int)
  matrix = np.zeros(places.max(axis=0) + 1)
  matrix[places[0], places[1]] = cells['value']
  return matrix


def hinton(axes, matrix: np.ndarray, title: str) -> None:
  """Squares whose area is a weight's size, blue positive, orange negative.

  Args:
    axes: to draw into.
    matrix: float [rows, columns].
    title: above.
  """
  largest = np.abs(matrix).max() or 1.0
  for (row, column), weight in np.ndenumerate(matrix):
    side = 0.9 * np.sqrt(np.abs(weight) / largest)
    corner = (column - side / 2, row - side / 2)
    colour = style.colour(0 if weight >= 0 else 1)
    axes.add_patch(patches.Rectangle(corner, side, side, color=colour, lw=0))
  rows, columns = matrix.shape
  axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), title=title)
  axes.set_aspect('equal')
  axes.grid(visible=False)
  axes.set_yticks(
    range(rows), [f'code {n}' for n in range(rows)], fontsize=style.TINY
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """The table of both methods, and which codes hold which factors.

  Args:
    study: as loaded.

  Yields:
    What the study has numbers for.
  """
  names = {name for name, _ in study.scores.columns}
  if 'dci_gap_nrmse_seen_lasso' not in names:
    return
  table = scores_table(study)
  if table.empty:
    return
  yield Section(
    'dci_study_scores',
    'PCA and InfoGAN',
    'Mean over seeds with 95 % interval, median, and the run with the least '
    'error on seen combinations ("best of ten" of the paper). Errors in '
    'deviations of the seen factor.',
    table,
  )
  chosen = [(arm, best_of(study, arm)) for arm in (PCA, INFOGAN)]
  chosen = [(arm, run) for arm, run in chosen if run is not None]
  figure, axes = figures.new(
    6.4, 3.0 * len(chosen), nrows=len(chosen), ncols=2, squeeze=False
  )
  for line, (arm, run) in zip(axes, chosen):
    for panel, regressor in zip(line, REGRESSORS):
      matrix = importances(study, run, regressor)
      hinton(panel, matrix, f'{arm.label}, {regressor}')
      panel.set_xticks(
        range(matrix.shape[1]), FACTORS, rotation=45, fontsize=style.TINY
      )
  yield Section(
    'dci_study_importances',
    'Which codes hold which factors',
    'Area: size of the lasso weight or share of splits; blue positive, orange '
    'negative. Of each method the run with the least error on seen '
    'combinations.',
    figure,
  )
