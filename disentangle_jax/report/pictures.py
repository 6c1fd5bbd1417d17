"""Which runs are shown in pictures, and their sheets within a size budget."""

import math
from typing import Any, NamedTuple

import numpy as np

from disentangle_jax.report import summaries, tables, traversals

BUDGET = 7_500_000  # bytes before base64, which adds a third


class Shown(NamedTuple):
  """Runs and their sheets.

  Attributes:
    overall: {'best': run, 'median': run, 'worst': run} by the first score.
    by_cell: cell -> the same within the cell.
    sheets: run -> {'traversals': data URI, 'reconstructions': data URI or '',
      'latents': [labels of the rows], 'range': text}.
    missing: runs that left no readable samples.
    left_out: runs whose sheets did not fit.
  """

  overall: dict[str, int]
  by_cell: dict[int, dict[str, int]]
  sheets: dict[int, dict[str, Any]]
  missing: list[int]
  left_out: list[int]


def choose(
  study: tables.Study, column: int | None, sign: float, budget: int = BUDGET
) -> Shown:
  """Picks runs by a score and draws their sheets.

  Args:
    study: as loaded.
    column: of `study.scores`; None: the first run of each cell is shown.
    sign: -1 where lower is better.
    budget: bytes of all sheets together.

  Returns:
    The runs and sheets; the overall ones are drawn first, then one rank after
    the other, until the budget is spent.
  """
  groups = study.runs.groupby('cell').indices
  if column is None:
    overall = {}
    by_cell = {int(c): {'first': int(runs[0])} for c, runs in groups.items()}
  else:
    values = study.scores.iloc[:, column].to_numpy()
    overall = summaries.pick_runs(values, sign)
    by_cell = {
      int(cell): summaries.pick_runs(values, sign, runs)
      for cell, runs in groups.items()
    }
  queue = list(overall.values())
  for rank in ('first', 'best', 'median', 'worst'):
    queue += [picks[rank] for picks in by_cell.values() if rank in picks]
  queue = list(dict.fromkeys(queue))
  each = budget // max(len(queue), 1)
  sheets, missing, left_out, spent = {}, [], [], 0
  for run in queue:
    if spent >= budget:
      left_out.append(run)
      continue
    workdir = study.workdirs[study.runs['workdir'][run]]
    samples = traversals.load(workdir, study.runs['run_id'][run])
    if samples is None:
      missing.append(run)
      continue
    sheet, size = _sheets(samples, each)
    if spent + size > budget:
      left_out.append(run)
      continue
    sheets[run] = sheet
    spent += size
  return Shown(overall, by_cell, sheets, missing, left_out)


def _sheets(
  samples: traversals.Samples, budget: int
) -> tuple[dict[str, Any], int]:
  """Both sheets of a run as data URIs, and their bytes."""
  latents = [
    {'name': f'z{i}', 'kl': tables.nats(samples.kl[i])}
    for i in traversals.by_kl(samples)
  ]
  sheet = {'traversals': '', 'reconstructions': '', 'latents': latents}
  size = 0
  drawn = {
    'traversals': (samples.traversals, traversals.traversal_sheet, 0.75),
    'reconstructions': (
      samples.observations,
      traversals.reconstruction_sheet,
      0.25,
    ),
  }
  for name, (images, draw, part) in drawn.items():
    if images.size and len(images):
      image, kind = traversals.encode(draw(samples), int(part * budget))
      sheet[name] = summaries.data_uri(image, kind)
      size += len(image)
  finite = samples.values[np.isfinite(samples.values)]
  sheet['range'] = (
    f'z from {finite[0]:g} to {finite[-1]:g}' if finite.size else ''
  )
  return sheet, size


def describe_run(study: tables.Study, run: int, value: float) -> str:
  """'run 17: beta_vae beta=4, seed 2, 0.31'."""
  row = study.runs.loc[run]
  label = study.cells['label'][row['cell']]
  text = f'run {row["label"]}: {label}, seed {row["seed"]}'
  return text if math.isnan(value) else f'{text}, {summaries.figure(value)}'
