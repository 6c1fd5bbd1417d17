"""From the rows of a store to the tables of a report.

Files are read by `stored`; nothing here loads a model or a data set. What could
not be read, and what looks odd, is said in one sentence each by `Study.notes`.
"""

from collections.abc import Mapping, Sequence
import pathlib
import re
import types
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from disentangle_jax import folders, stored_rows
from disentangle_jax.report import settings, stored

RUN = (
  'study',
  'run_id',
  'run_number',
  'method',
  'variant',
  'strength_name',
  'strength',
  'dataset',
  'seed',
  'hparams',
  'versions',
  'device',
  'seconds',
  'phase',
  'after',
  'setting',
)
_LISTED = 6  # names in a note
CELL = ('dataset', 'method', 'strength_name', 'strength')


class Study(NamedTuple):
  """All that a report needs to know of the runs of one phase.

  Where runs start from other runs, the study is of the last ones; those that
  they start from stand in `earlier`, a study of its own per phase.

  Attributes:
    workdirs: where it came from.
    infos: one `study.json` per workdir, {} where there is none.
    runs: one row per run, in the order of the plan. Columns of RUN and
      'workdir' (index into workdirs), 'label' (run number, with the study's
      name when there are several), 'status' ('ok' or 'not_finite'), 'step' (of
      the last score), 'diverged_at' (step or NaN), 'cell' (index into cells).
    cells: one row per data set, method and strength: the columns of CELL,
      'label' and 'runs' (their number).
    scores: float64, one row per run (as `runs`) and one column per
      (name, representation), in the order of the store.
    metric_seeds: how many metric seeds each score column was averaged over.
    latents: {run index: float [D]}, KL per latent in nats at the last step.
    training: columns 'run' (index), 'step', 'name' ('train/...'), 'value'.
    constants: {(name, representation): dict}.
    notes: what is missing or odd, one sentence each.
    earlier: {name of the phase: its runs}; {} where there are none.
  """

  workdirs: tuple[pathlib.Path, ...]
  infos: tuple[dict[str, Any], ...]
  runs: pd.DataFrame
  cells: pd.DataFrame
  scores: pd.DataFrame
  metric_seeds: dict[tuple[str, str], int]
  latents: dict[int, np.ndarray]
  training: pd.DataFrame
  constants: dict[tuple[str, str], dict[str, Any]]
  notes: tuple[str, ...]
  earlier: Mapping[str, 'Study'] = types.MappingProxyType({})


def count(n: int, noun: str, plural: str = '') -> str:
  """Returns '1 run', '2 runs'."""
  return f'{n:,} {noun if n == 1 else plural or noun + "s"}'


def nats(value: float) -> str:
  """'1.23 nats', or '' if not known."""
  return f'{value:.2f} nats' if np.isfinite(value) else ''


def load(
  workdirs: Sequence[pathlib.Path | str], together: bool = True
) -> Study:
  """Reads one or several workdirs into one Study.

  Args:
    workdirs: directories of sweeps; the runs are put together, and a run that
      is in two of them (same run_id) counts once.
    together: whether what differs between workdirs sets runs apart; False to
      compare workdirs, where it is what is compared.

  Returns:
    The Study; an empty store gives empty tables and a note.

  Raises:
    StoreError: if a directory does not exist.
  """
  workdirs = tuple(map(folders.workdir, workdirs))
  infos, finals, curves, notes = [], [], [], []
  for index, workdir in enumerate(workdirs):
    final, curve, said = stored.read(workdir)
    info, also = stored.info(workdir)
    finals.append(final.assign(workdir=index))
    curves.append(curve)
    infos.append(info)
    notes += said + also
  finals, curves = _concat(finals), _concat(curves)
  phases = _phases(finals, infos)
  parts = {
    phase: _of_phase(
      phase,
      finals[_where(finals, phases, phase)],
      curves[_where(curves, phases, phase)],
      workdirs,
      tuple(infos),
      together,
    )
    for phase in ['', *_in_order(finals, phases)]
  }
  main, earlier = parts.pop(''), parts
  for index, workdir in enumerate(workdirs):
    here = set(finals.loc[finals['workdir'] == index, 'run_id'])
    notes += _waiting(infos[index], workdir, here)
    notes += [
      str(line)
      for line in infos[index].get('notes') or ()
      if str(line).startswith('not scored')
    ]
  unknown = len(set(curves['run_id'].unique()) - set(phases))
  if unknown:
    notes.append(
      f'{count(unknown, "run")} left training curves but no scores: not'
      ' finished, and not in the tables.'
    )
  if earlier and main.runs.empty:
    notes.append('Only runs of earlier phases have finished.')
  for phase, study in earlier.items():
    diverged = study.runs[study.runs['status'] == 'not_finite']
    if len(diverged):
      notes.append(
        f'{count(len(diverged), "run")} of the earlier phase {phase} diverged'
        f' ({_listed(diverged)}): what starts from them is worth little.'
      )
  return main._replace(notes=tuple(notes) + main.notes, earlier=earlier)


def _of_phase(phase, finals, curves, workdirs, infos, together) -> Study:
  """The runs of one phase, without those before them."""
  runs = _runs(finals.assign(phase=phase), infos, len(workdirs) > 1, together)
  finals = finals.assign(run=_index(finals, runs))
  curves = curves.assign(run=_index(curves, runs))
  # The same run in a second workdir is the same numbers once more.
  home = runs['workdir'].to_numpy()[finals['run'].to_numpy()]
  finals = finals[finals['workdir'].to_numpy() == home]
  scores, metric_seeds, constants = _scores(finals, len(runs))
  curves = curves.loc[curves['run'] >= 0, ['run', 'step', 'name', 'value']]
  return Study(
    workdirs=workdirs,
    infos=infos,
    runs=runs,
    cells=_cells(runs),
    scores=scores,
    metric_seeds=metric_seeds,
    latents=_latents(finals),
    training=curves.reset_index(drop=True),
    constants=constants,
    notes=tuple(_odd(runs, scores)),
  )


def _phases(
  finals: pd.DataFrame, infos: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
  """run_id -> phase, '' for runs of methods that a config lists.

  A run may be both, where a method was listed after others had started from
  it. Then some of its rows say so, or study.json: it lists the method and has
  no phase of that name any more.
  """
  pairs = finals[['run_id', 'phase', 'method', 'workdir']].drop_duplicates()
  phases = {}
  for row in pairs.astype({'run_id': str, 'phase': str}).itertuples():
    info = infos[row.workdir]
    named, config = info.get('phases'), info.get('config')
    listed = config.get('methods', ()) if isinstance(config, dict) else ()
    now_listed = (
      isinstance(named, dict)
      and row.phase not in named.values()
      and row.method in listed
    )
    phase = '' if now_listed else row.phase
    phases[row.run_id] = phase and phases.get(row.run_id, phase)
  return phases


def _in_order(finals: pd.DataFrame, phases: Mapping[str, str]) -> list[str]:
  """The earlier phases, those that come first in a chain first."""
  pairs = finals[['run_id', 'after']].drop_duplicates().astype(str)
  after = dict(pairs.itertuples(index=False, name=None))

  def depth(run_id: str) -> int:
    steps = 0
    while (run_id := after.get(run_id, '')) and steps < len(after):
      steps += 1
    return steps

  deepest = {}
  for run_id, phase in phases.items():
    if phase:
      deepest[phase] = max(deepest.get(phase, 0), depth(run_id))
  return sorted(deepest, key=deepest.get)


def _where(
  frame: pd.DataFrame, phases: Mapping[str, str], phase: str
) -> np.ndarray:
  """Which rows are of runs of a phase; rows of unknown runs are of none."""
  return (frame['run_id'].map(phases) == phase).to_numpy(bool)


def _waiting(info, workdir, here) -> list[str]:
  """How many planned runs have not finished, earlier phases apart."""
  planned = info.get('runs')
  if not isinstance(planned, dict):
    return []
  named = info.get('phases')
  named = set(named) if isinstance(named, dict) else set()
  notes = []
  for runs, kind in (
    (set(planned) - named, 'planned run'),
    (set(planned) & named, 'run'),
  ):
    waiting = len(runs - here)
    tail = ' of earlier phases' if kind == 'run' else ''
    if waiting:
      notes.append(
        f'{waiting} of {count(len(runs), kind)}{tail} in {workdir} have not'
        ' finished.'
      )
  return notes


def _listed(runs: pd.DataFrame) -> str:
  """'run 3, 4 ...', at most ten of them."""
  more = ' ...' if len(runs) > 10 else ''
  return f'run {", ".join(runs["label"][:10])}{more}'


def _concat(frames: list[pd.DataFrame]) -> pd.DataFrame:
  """Concatenates, with text columns as categories over all frames."""
  if len(frames) == 1:
    return frames[0].copy()
  columns = {}
  for name in frames[0].columns:
    parts = [frame[name] for frame in frames]
    if name in stored_rows.TEXT:
      columns[name] = pd.api.types.union_categoricals(parts)
    else:
      columns[name] = np.concatenate([part.to_numpy() for part in parts])
  return pd.DataFrame(columns)


def _index(frame: pd.DataFrame, runs: pd.DataFrame) -> np.ndarray:
  """Index into `runs` of every row, -1 for runs that are not there."""
  categories = frame['run_id'].cat.categories
  where = pd.Index(runs['run_id']).get_indexer(categories)
  codes = frame['run_id'].cat.codes.to_numpy()
  return np.append(where, -1)[codes]


def _of_workdirs(runs: pd.DataFrame) -> list[np.ndarray]:
  """Positions of the runs of each workdir."""
  home = runs['workdir'].to_numpy()
  return [np.flatnonzero(home == index) for index in np.unique(home)]


def _runs(
  rows: pd.DataFrame,
  infos: Sequence[Mapping[str, Any]],
  several: bool,
  together: bool,
) -> pd.DataFrame:
  """One row per run, in the order of workdir and run number."""
  text = {name: str for name in stored_rows.TEXT if name in RUN}
  runs = rows.drop_duplicates('run_id')[['workdir', *RUN]].astype(text)
  runs = runs.sort_values(['workdir', 'run_number'], kind='stable')
  runs = runs.reset_index(drop=True)
  # What sets runs apart besides the strength makes a method of its own.
  named = runs['variant'].to_numpy(object)
  groups = [slice(None)] if together else _of_workdirs(runs)
  for part in groups:
    more = settings.apart(runs.iloc[part].reset_index(drop=True), infos)
    named[part] = [
      ', '.join(filter(None, both)) for both in zip(named[part], more)
    ]
  runs['method'] = [
    f'{method} ({apart})' if apart else method
    for method, apart in zip(runs['method'], named)
  ]
  run = _index(rows, runs)
  diverged_at = np.full(len(runs), np.nan)
  said = (rows['name'] == 'diverged_at').to_numpy()
  diverged_at[run[said]] = rows['value'].to_numpy()[said]
  step = np.full(len(runs), -1)
  np.maximum.at(step, run, rows['step'].to_numpy())
  bad = said | (rows['status'] == 'not_finite').to_numpy()
  runs['status'] = 'ok'
  runs.loc[np.unique(run[bad]), 'status'] = 'not_finite'
  runs['step'] = step
  runs['diverged_at'] = diverged_at
  runs['label'] = runs['run_number'].astype(str)
  if several:
    names = runs['study'] + ' ' + runs['workdir'].map(lambda i: f'({i + 1})')
    runs['label'] = names + ' #' + runs['label']
  keys = runs[list(CELL)].apply(lambda row: tuple(map(str, row)), axis=1)
  order = _order(runs)
  runs['cell'] = pd.Series(keys, dtype=object).map(
    {key: i for i, key in enumerate(order)}
  )
  return runs


def _order(runs: pd.DataFrame) -> list[tuple[str, ...]]:
  """Cells by data set and method as first met, then by strength."""
  frame = runs[list(CELL)].drop_duplicates()
  for name in ('dataset', 'method'):
    frame[f'_{name}'] = pd.factorize(frame[name])[0]
  frame = frame.sort_values(
    ['_dataset', '_method', 'strength_name', 'strength'], kind='stable'
  )
  return [tuple(map(str, row)) for row in frame[list(CELL)].to_numpy(object)]


def _cells(runs: pd.DataFrame) -> pd.DataFrame:
  """One row per cell, in order; see Study."""
  cells = runs.drop_duplicates('cell').sort_values('cell')
  cells = cells[list(CELL)].reset_index(drop=True)
  cells['label'] = [
    method if np.isnan(strength) else f'{method} {name}={strength:g}'
    for method, name, strength in zip(
      cells['method'], cells['strength_name'], cells['strength']
    )
  ]
  cells['runs'] = runs.groupby('cell').size().reindex(cells.index)
  return cells


def _scores(finals, num_runs):
  """The matrix of final scores, metric seeds averaged; see Study."""
  latent = finals['name'].map(lambda name: bool(stored.LATENT.search(name)))
  rows = finals[
    ~latent.to_numpy(bool) & (finals['name'] != 'diverged_at').to_numpy()
  ]
  key = ['name', 'representation']
  columns = list(
    rows[key].astype(str).drop_duplicates().itertuples(index=False, name=None)
  )
  name = pd.MultiIndex.from_tuples(columns, names=key)
  matrix = np.full((num_runs, len(columns)), np.nan)
  metric_seeds, constants = {}, {}
  groups = rows.groupby(key, observed=True).indices
  for j, column in enumerate(columns):
    part = rows.iloc[groups[column]]
    # Scores may have been taken during training too: the last one counts.
    last = part.groupby('run')['step'].transform('max')
    part = part[part['step'] == last]
    by_run = part.groupby('run')['value']
    # One metric seed that failed makes the run's score unknown, not better.
    mean = by_run.mean().where(by_run.count() == by_run.size())
    matrix[mean.index.to_numpy(), j] = mean.to_numpy()
    metric_seeds[column] = int(by_run.size().max())
    texts = part['constants'].cat.remove_unused_categories().cat.categories
    constants[column] = stored.loads(texts[-1]) if len(texts) else {}
  scores = pd.DataFrame(matrix, columns=name)
  return scores, metric_seeds, constants


def _latents(finals: pd.DataFrame) -> dict[int, np.ndarray]:
  """KL per latent at the last step of every run that stored it."""
  number = (
    finals['name']
    .map(lambda name: int(name[3:]) if re.fullmatch(r'kl/\d+', name) else -1)
    .astype(int)
  )
  rows = finals.assign(latent=number)[(number >= 0).to_numpy()]
  rows = rows.sort_values(['run', 'step', 'latent'])
  rows = rows.drop_duplicates(['run', 'latent'], keep='last')
  wide = rows.pivot(index='run', columns='latent', values='value')
  return {
    run: row[np.isfinite(row)] for run, row in zip(wide.index, wide.to_numpy())
  }


def latent_curves(study: Study, run: int) -> pd.DataFrame:
  """KL per latent over training of one run, read from its store.

  Args:
    study: as loaded.
    run: index into `study.runs`.

  Returns:
    DataFrame with 'step', 'latent', 'value' (nats); empty if not recorded.
  """
  run_id = study.runs['run_id'][run]
  workdir = study.workdirs[study.runs['workdir'][run]]
  rows = stored.rows_of(workdir, run_id)
  number = rows['name'].str.extract(r'^train/kl/(\d+)$')[0].astype(float)
  rows = rows.assign(latent=number)[number.notna()]
  return rows.drop_duplicates(['step', 'latent'], keep='last')


def _odd(runs: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
  """Says what a reader should know before trusting the tables."""
  notes = []
  diverged = runs[runs['status'] == 'not_finite']
  if len(diverged):
    notes.append(
      f'{count(len(diverged), "run")} diverged ({_listed(diverged)}) and'
      ' left no scores; the tables count the others.'
    )
  sizes = runs.groupby('cell')['seed'].nunique()
  if len(sizes) and sizes.max() == 1:
    notes.append(
      'One seed per setting: there are no intervals, and no difference'
      ' between settings can be told from the luck of the seed.'
    )
  elif len(sizes) and sizes.min() < sizes.max():
    short = int((sizes < sizes.max()).sum())
    notes.append(
      f'{short} of {count(len(sizes), "setting")} have fewer than'
      f' {sizes.max()} seeds (unfinished, or planned so).'
    )
  if len(sizes) and 1 < sizes.max() < 10:
    notes.append(
      f'{sizes.max()} seeds per setting: bootstrap intervals of fewer than'
      ' about ten seeds tend to be too narrow.'
    )
  steps = runs.loc[runs['status'] == 'ok'].groupby('method')['step'].nunique()
  if (steps > 1).any():
    named = ', '.join(steps.index[steps > 1])
    notes.append(f'Runs of {named} were scored at different training steps.')
  versions = runs['versions'].nunique()
  if versions > 1:
    notes.append(
      f'The runs were made with {versions} different sets of versions.'
    )
  return notes + _missing(runs, scores)


def _missing(runs: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
  """Which scores are not there: of whole methods, and of single runs."""
  lacking, notes = {}, []
  ok = (runs['status'] == 'ok').to_numpy()
  for name, representation in scores.columns:
    column = scores[name, representation]
    label = f'{name} ({representation})' if representation else name
    have = column.notna() & ok
    without = tuple(
      method
      for method, group in runs[ok].groupby('method', sort=False)
      if not have[group.index].any()
    )
    # The loss stands for scores where there are none.
    if name != stored.LOSS and 0 < len(without) < runs['method'].nunique():
      lacking.setdefault(without, []).append(label)
    partly = runs['method'].isin(without) | ~ok
    lost = int((column.isna() & ~partly).sum())
    if lost:
      notes.append(
        f'{label} is missing or not a number in {count(lost, "finished run")}.'
      )
  together = []
  for methods, labels in lacking.items():
    listed = ', '.join(labels[:_LISTED])
    if len(labels) > _LISTED:
      listed += f' and {len(labels) - _LISTED} more'
    verb = 'is' if len(labels) == 1 else 'are'
    together.append(f'{listed} {verb} missing for {", ".join(methods)}.')
  return together + notes
