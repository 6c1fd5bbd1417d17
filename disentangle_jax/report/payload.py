"""The numbers that the page's script draws from, as JSON."""

from collections.abc import Mapping, Sequence
import json
import math
from typing import Any

import numpy as np
import pandas as pd

from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report import tables


def rounded(values: np.ndarray, digits: int = 4) -> list[float | None]:
  """Floats to `digits` significant digits; not finite ones become None."""
  return [
    float(f'{value:.{digits}g}') if math.isfinite(value) else None
    for value in np.asarray(values, np.float64)
  ]


def command(study: tables.Study, workdir: int) -> str:
  """The command that made a workdir, with a gap where it was not stored."""
  stored = study.infos[workdir].get('command')
  if stored and isinstance(stored, str):
    return stored
  path = study.workdirs[workdir]
  return f'python -m experiments.sweep --config=CONFIG --workdir={path}'


def repeat_command(study: tables.Study, run: int) -> str:
  """The command that trains one run of a study again, alone."""
  row = study.runs.loc[run]
  return f'{command(study, row["workdir"])} --config.only={row["run_number"]}'


def of_runs(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  pictures: Mapping[int, str],
) -> dict[str, Any]:
  """What the script shows of single runs.

  Args:
    study: of one phase.
    described: one Score per column of `study.scores`.
    pictures: run index -> HTML of its sheets.

  Returns:
    JSON values: 'runs', 'hparams', 'cells', 'scores', 'pictures'.
  """
  runs = study.runs
  hparams = {text: i for i, text in enumerate(dict.fromkeys(runs['hparams']))}
  return {
    'runs': {
      'label': runs['label'].tolist(),
      'number': runs['run_number'].tolist(),
      'workdir': runs['workdir'].tolist(),
      'cell': runs['cell'].tolist(),
      'seed': runs['seed'].tolist(),
      'status': runs['status'].tolist(),
      'seconds': rounded(runs['seconds']),
      'step': runs['step'].tolist(),
      'hparams': [hparams[text] for text in runs['hparams']],
    },
    'hparams': list(hparams),
    'cells': [{'label': label} for label in study.cells['label']],
    'scores': [
      {'label': score.label, 'values': rounded(study.scores.iloc[:, j])}
      for j, score in enumerate(described)
    ],
    'pictures': pictures,
  }


def build(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  cell_tables: Sequence[pd.DataFrame],
  first: int | None,
  pictures: Mapping[int, str],
  earlier: Sequence[dict[str, Any]] = (),
) -> str:
  """Everything the script needs.

  Args:
    study: as loaded.
    described: one Score per column of `study.scores`.
    cell_tables: one `summaries.cell_table` per column.
    first: column shown first.
    pictures: see `of_runs`.
    earlier: `of_runs` of every earlier phase.

  Returns:
    JSON text that is safe inside a script element.
  """
  cells = study.cells
  methods = list(dict.fromkeys(cells['method']))
  datasets = list(dict.fromkeys(cells['dataset']))
  content = of_runs(study, described, pictures)
  for cell, row in zip(content['cells'], cells.itertuples()):
    cell |= {
      'dataset': datasets.index(row.dataset),
      'method': methods.index(row.method),
      'strengthName': row.strength_name,
      'strength': None if math.isnan(row.strength) else row.strength,
    }
  for shown, score, table in zip(content['scores'], described, cell_tables):
    shown |= {
      'name': score.name,
      'representation': score.representation,
      'direction': score.direction,
      'ceiling': None if math.isnan(score.ceiling) else score.ceiling,
      'mean': rounded(table['mean']),
      'low': rounded(table['mean_low']),
      'high': rounded(table['mean_high']),
    }
  content |= {
    'methods': methods,
    'datasets': datasets,
    'commands': [command(study, i) for i in range(len(study.workdirs))],
    'workdirs': [str(workdir) for workdir in study.workdirs],
    'first': first,
    'earlier': list(earlier),
  }
  text = json.dumps(content, separators=(',', ':'), allow_nan=False)
  # '</script>' in a name must not end the element.
  return text.replace('<', '\\u003c')
