"""Training curves of single runs, thin enough to travel with a page."""

from collections.abc import Collection
from typing import Any

import numpy as np

from disentangle_jax.report import stored, tables

NAMES = ('loss', 'kl')  # of 'train/...', what the page draws of one run
POINTS = 40  # of a curve, at most
RUNS = 400  # beyond so many, a page holds the curves of its chosen runs alone


def thin(steps: np.ndarray, values: np.ndarray, points: int = POINTS):
  """Evenly chosen points of a curve, the first and the last among them.

  Args:
    steps: int [T], rising.
    values: float [T].
    points: at most so many are kept, at least two.

  Returns:
    (steps, values), both [min(T, points)].
  """
  chosen = np.linspace(0, steps.size - 1, min(steps.size, points))
  chosen = np.round(chosen).astype(int)
  return steps[chosen], values[chosen]


def of(study: tables.Study, chosen: Collection[int]) -> dict[str, Any]:
  """Curves of a study's runs as the page's script reads them.

  Args:
    study: of one phase.
    chosen: runs whose curves are kept where the study has more than RUNS.

  Returns:
    JSON values: 'steps', the lists of steps that occur, and 'runs',
    {run: {'loss': [index into steps, values], 'kl': ...}}; values to four
    significant digits, None where not finite.
  """
  wanted = range(len(study.runs)) if len(study.runs) <= RUNS else chosen
  names = [f'{stored.TRAINING}{name}' for name in NAMES]
  rows = study.training
  rows = rows[rows['name'].isin(names) & rows['run'].isin(list(wanted))]
  rows = rows.astype({'name': str}).sort_values(['run', 'name', 'step'])
  rows = rows.drop_duplicates(['run', 'name', 'step'], keep='last')
  grids, curves = {}, {}
  for (run, name), part in rows.groupby(['run', 'name']):
    if len(part) < 2:
      continue
    steps, values = thin(part['step'].to_numpy(), part['value'].to_numpy())
    grid = grids.setdefault(tuple(steps.tolist()), len(grids))
    # No more digits than a small chart shows: they are most of the bytes.
    numbers = [
      float(f'{value:.4g}') if np.isfinite(value) else None for value in values
    ]
    own = curves.setdefault(int(run), {})
    own[name.removeprefix(stored.TRAINING)] = [grid, numbers]
  return {'steps': [list(grid) for grid in grids], 'runs': curves}
