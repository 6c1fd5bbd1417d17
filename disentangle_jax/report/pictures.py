"""Which runs are shown in pictures, and their sheets within a size budget."""

import math
from typing import NamedTuple

import numpy as np

from disentangle_jax.report import (
  films,
  sheets,
  summaries,
  tables,
  traversals,
  words,
)

# Bytes of pictures and films, before base64 adds a third.
BUDGET = 7_500_000


class Picture(NamedTuple):
  """A sheet as a page holds it.

  Attributes:
    name: as in `sheets.Sheet`.
    heading: what stands above it, or ''.
    uri: data URI of the picture or film; '' where it is of sentences.
    lines: the sentences; () where it is a picture.
    note: how to read it, what was left out; ''.
  """

  name: str
  heading: str
  uri: str
  lines: tuple[words.Line, ...]
  note: str


class Shown(NamedTuple):
  """Runs and their sheets.

  Attributes:
    overall: {'best': run, 'median': run, 'worst': run} by the first score.
    by_cell: cell -> the same within the cell.
    sheets: run -> its pictures.
    latents: run -> (name, KL) of its latents in the order of the traversals.
    missing: runs that left no readable samples.
    left_out: runs whose sheets did not fit.
    size: bytes of all sheets.
  """

  overall: dict[str, int]
  by_cell: dict[int, dict[str, int]]
  sheets: dict[int, list[Picture]]
  latents: dict[int, list[tuple[str, str]]]
  missing: list[int]
  left_out: list[int]
  size: int


def choose(
  study: tables.Study, column: int | None, sign: float, budget: int = BUDGET
) -> Shown:
  """Picks runs by a score and draws their sheets.

  Args:
    study: as loaded.
    column: of `study.scores`; None: the first run of each cell is shown, as it
      is of cells that do not have the score.
    sign: -1 where lower is better.
    budget: bytes of all sheets together.

  Returns:
    The runs and sheets; the overall ones are drawn first, then one rank after
    the other, until the budget is spent.
  """
  values = np.full(len(study.runs), np.nan)
  if column is not None:
    values = study.scores.iloc[:, column].to_numpy()
  fine = (study.runs['status'] == 'ok').to_numpy()
  overall = summaries.pick_runs(values, sign)
  by_cell = {}
  for cell, runs in study.runs.groupby('cell').indices.items():
    picks = summaries.pick_runs(values, sign, runs)
    if not picks and fine[runs].any():
      picks = {'first': int(runs[fine[runs]][0])}
    by_cell[int(cell)] = picks
  queue = list(overall.values())
  for rank in ('first', 'best', 'median', 'worst'):
    queue += [picks[rank] for picks in by_cell.values() if rank in picks]
  queue = list(dict.fromkeys(queue))
  each = budget // max(len(queue), 1)
  pictures, latents, missing, left_out, spent = {}, {}, [], [], 0
  for run in queue:
    if spent >= budget:
      left_out.append(run)
      continue
    workdir = study.workdirs[study.runs['workdir'][run]]
    samples = traversals.load(workdir, study.runs['run_id'][run])
    if samples is None:
      missing.append(run)
      continue
    drawn, size = _pictures(samples, each)
    if spent + size > budget:
      left_out.append(run)
      continue
    pictures[run] = drawn
    latents[run] = [
      (f'z{i}', tables.nats(samples.kl[i])) for i in traversals.by_kl(samples)
    ]
    spent += size
  return Shown(overall, by_cell, pictures, latents, missing, left_out, spent)


def _pictures(
  samples: traversals.Samples, budget: int
) -> tuple[list[Picture], int]:
  """All sheets of a run within a size, and their bytes."""
  made, size = [], 0
  drawn = sheets.of_run(samples)
  whole = sum(sheet.weight for sheet in drawn if len(sheet.frames))
  for sheet in drawn:
    uri, notes = '', [sheet.note]
    if len(sheet.frames):
      part = budget * sheet.weight // whole
      content, kind, left = films.encode(sheet.frames, part)
      uri = summaries.data_uri(content, kind)
      notes.append(left)
      size += len(content)
    size += sum(len(w) for line in sheet.lines for w, _ in line.words)
    if sheet.name == 'traversals':
      notes.append(_walk(samples))
    note = '; '.join(filter(None, notes))
    made.append(Picture(sheet.name, sheet.heading, uri, sheet.lines, note))
  return made, size


def _walk(samples: traversals.Samples) -> str:
  """'z from -2 to 2', or '' where the values are not known."""
  finite = samples.values[np.isfinite(samples.values)]
  if not finite.size:
    return ''
  ends = (' (above)', ' (below)') if samples.kind == 'vector' else ('', '')
  return f'z from {finite.min():g}{ends[0]} to {finite.max():g}{ends[1]}'


def describe_run(study: tables.Study, run: int, value: float) -> str:
  """'run 17: beta_vae beta=4, seed 2, 0.31'; 'phase dae, run 17: ...'."""
  row = study.runs.loc[run]
  label = study.cells['label'][row['cell']]
  phase = f'phase {row["phase"]}, ' if row['phase'] else ''
  text = f'{phase}run {row["label"]}: {label}, seed {row["seed"]}'
  return text if math.isnan(value) else f'{text}, {summaries.figure(value)}'
