"""The numbers that the page's script draws from, as JSON."""

from collections.abc import Collection, Mapping, Sequence
import json
import math
from typing import Any

import numpy as np

from disentangle_jax.report import (
  charts,
  curves,
  repeat,
  settings,
  statistics,
  style,
  tables,
)
from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report.results import Results
from disentangle_jax.report.sections import phases, pictures


def rounded(values: np.ndarray, digits: int = 4) -> list[float | None]:
  """Floats to `digits` significant digits; not finite ones become None."""
  return [
    float(f'{value:.{digits}g}') if math.isfinite(value) else None
    for value in np.asarray(values, np.float64)
  ]


def _apart(study: tables.Study) -> list[dict[str, str]]:
  """What runs differ in beside hyper-parameters: steps, a net, a data file.

  Args:
    study: of one phase.

  Returns:
    Dotted name -> JSON of the value, one dict per run; only names whose values
    are not the same for all runs.
  """
  runs, infos = study.runs, study.infos
  rows = []
  for run_id, hparams, workdir in zip(
    runs['run_id'], runs['hparams'], runs['workdir']
  ):
    fields = settings.fields_of(run_id, hparams, infos[workdir])
    if len(infos) > 1:
      fields['workdir'] = str(study.workdirs[workdir])
    rows.append(fields)
  names = sorted({name for fields in rows for name in fields})
  varied = [
    name
    for name in names
    if not name.startswith('hparams.')
    and len({fields.get(name) for fields in rows}) > 1
  ]
  return [{n: fields[n] for n in varied if n in fields} for fields in rows]


def of_runs(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  sheets: Mapping[int, str],
  pictured: Collection[int],
) -> dict[str, Any]:
  """What the script shows of single runs.

  Args:
    study: of one phase.
    described: one Score per column of `study.scores`.
    sheets: run index -> HTML of its sheets.
    pictured: runs that the page shows in pictures; it has their curves too.

  Returns:
    JSON values: 'runs', 'hparams', 'apart', 'cells', 'scores', 'pictures',
    'curves'.
  """
  runs = study.runs
  hparams = {text: i for i, text in enumerate(dict.fromkeys(runs['hparams']))}
  texts = [json.dumps(fields) for fields in _apart(study)]
  apart = {text: i for i, text in enumerate(dict.fromkeys(texts))}
  return {
    'runs': {
      'id': runs['run_id'].tolist(),
      'label': runs['label'].tolist(),
      'number': runs['run_number'].tolist(),
      'workdir': runs['workdir'].tolist(),
      'cell': runs['cell'].tolist(),
      'seed': runs['seed'].tolist(),
      'status': runs['status'].tolist(),
      'seconds': rounded(runs['seconds']),
      'step': runs['step'].tolist(),
      'hparams': [hparams[text] for text in runs['hparams']],
      'apart': [apart[text] for text in texts],
    },
    'hparams': list(hparams),
    'apart': list(map(json.loads, apart)),
    'cells': [{'label': label} for label in study.cells['label']],
    'scores': [
      {'label': score.label, 'values': rounded(study.scores.iloc[:, j])}
      for j, score in enumerate(described)
    ],
    'pictures': sheets,
    'curves': curves.of(study, pictured),
  }


def build(results: Results) -> str:
  """Everything the script needs, with the pictures that are not in the page.

  Args:
    results: of the study.

  Returns:
    JSON text that is safe inside a script element.
  """
  study, described = results.study, results.described
  cells, methods = study.cells, results.methods
  datasets = list(dict.fromkeys(cells['dataset']))
  in_page = set(results.picked.values())
  content = of_runs(
    study, described, _sheets(results, in_page), results.shown.sheets
  )
  for cell, row in zip(content['cells'], cells.itertuples()):
    cell |= {
      'dataset': datasets.index(row.dataset),
      'method': methods.index(row.method),
      'strengthName': row.strength_name,
      'strength': None if math.isnan(row.strength) else row.strength,
    }
  for cell, at in zip(content['cells'], _positions(study)):
    cell['at'] = None if math.isnan(at) else round(at, 4)
  for i, (entry, score, table) in enumerate(
    zip(content['scores'], described, results.cell_tables)
  ):
    entry |= {
      'double': i in results.doubles,
      'name': score.name,
      'representation': score.representation,
      'direction': score.direction,
      'ceiling': None if math.isnan(score.ceiling) else score.ceiling,
      'mean': rounded(table['mean']),
      'low': rounded(table['mean_low']),
      'high': rounded(table['mean_high']),
    }
    entry['violins'] = _violins(study, entry['values'], methods, datasets)
  content |= {
    'methods': methods,
    'looks': [style.look(i) for i in range(len(methods))],
    'rules': charts.RULES,
    'curvesMost': curves.RUNS,
    'cost': scores_lib.cost(described),
    'datasets': datasets,
    'commands': [repeat.commands(study, i) for i in range(len(study.workdirs))],
    'first': results.first,
    'earlier': [
      _earlier(phase, part) for phase, part in results.earlier.items()
    ],
  }
  text = json.dumps(content, separators=(',', ':'), allow_nan=False)
  # '</script>' in a name must not end the element.
  return text.replace('<', '\\u003c')


def _positions(study: tables.Study) -> np.ndarray:
  """Where the strength of each cell stands on its axis, float [cells]."""
  positions = np.full(len(study.cells), np.nan)
  swept = study.cells[study.cells['strength'].notna()]
  for _, part in swept.groupby(['dataset', 'strength_name']):
    positions[part.index] = charts.positions(part['strength'].to_numpy())
  return positions


def _violins(
  study: tables.Study,
  values: Sequence[float | None],
  methods: Sequence[str],
  datasets: Sequence[str],
) -> dict[str, list[list[int] | None]]:
  """Outlines in thousandths, of cells, and of methods data set by data set."""
  values = np.array(values, float)

  def outline(which: np.ndarray) -> list[int] | None:
    heights = charts.density(statistics.finite(values[which]))
    if heights is None:
      return None
    return np.round(1000 * heights).astype(int).tolist()

  runs = study.runs
  cells = runs.groupby('cell').indices
  both = runs.groupby(['dataset', 'method']).indices
  none = np.zeros(0, int)
  return {
    'cells': [outline(cells.get(i, none)) for i in study.cells.index],
    'methods': [
      outline(both.get((dataset, method), none))
      for dataset in datasets
      for method in methods
    ],
  }


def _sheets(results: Results, without: Collection[int] = ()) -> dict[int, str]:
  """Run index -> HTML of its sheets, of the runs in pictures."""
  return {
    run: pictures.sheets(results.shown, run)
    for run in results.shown.sheets
    if run not in without
  }


def _earlier(phase: str, results: Results) -> dict[str, Any]:
  """What the script shows of the runs of an earlier phase."""
  study = results.study
  sheets = _sheets(results)
  runs = of_runs(study, results.described, sheets, sheets)
  loss = rounded(phases.final_loss(study))
  runs['scores'].append({'label': phases.LOSS, 'values': loss})
  return {'phase': phase, **runs}
