"""What a sweep leaves behind, read file by file.

A store is `results/*.parquet`, `study.json` and `samples/<run_id>.npz`. It may
be half-finished, damaged or from an older version: what can be read is read,
and a note says in one sentence what could not.
"""

import json
import pathlib
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from disentangle_jax import errors, folders, storage, stored_rows

TRAINING, LATENT = stored_rows.TRAINING, stored_rows.LATENT
LOSS = f'{TRAINING}loss'


def read(
  workdir: pathlib.Path,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
  """Reads every part file that can be read, text as categories.

  Args:
    workdir: a sweep's directory.

  Returns:
    The rows of scores with all columns of `stored_rows`; the rows of training
    scalars with 'run_id', 'step', 'name', 'value' (those per latent
    are left to `tables.latent_curves`, for they are the bulk of a store); notes
    on what is missing. No row is there twice.

  Raises:
    StoreError: if the directory does not exist, or nothing in it is a sweep's.
  """
  if not storage.is_folder(workdir):
    raise errors.StoreError(f'workdir {str(workdir)!r}: no such directory')
  notes, finals, curves, losses = [], [], [], []
  damaged = lambda path, reason: notes.append(
    f'{path.name} cannot be read and is left out ({reason}).'
  )
  for _, table in stored_rows.parts(workdir, damaged=damaged):
    part = _complete(table)
    name = part['name'].cast(pa.string())
    training = pc.starts_with(name, TRAINING)
    finals.append(part.filter(pc.invert(training)))
    losses.append(_last_loss(part))
    overall = pc.invert(pc.match_substring_regex(name, LATENT.pattern))
    curve = part.select(['run_id', 'step', 'name', 'value'])
    curves.append(curve.filter(pc.and_(training, overall)))
  if not finals:
    planned = storage.exists(folders.study(workdir))
    if not planned and not storage.is_folder(folders.results(workdir)):
      raise errors.StoreError(f'{workdir}: holds no study.json and no results')
    notes.append(f'{workdir} holds no results yet: no run has finished.')
    finals = [_complete(_no_rows())]
    curves = [finals[0].select(['run_id', 'step', 'name', 'value'])]
  scored = [pc.unique(part['run_id'].cast(pa.string())) for part in finals]
  scored = pa.concat_arrays(scored)
  # All that runs without scores leave: they have no encoder.
  finals += [
    part.filter(pc.invert(pc.is_in(part['run_id'], value_set=scored)))
    for part in losses
  ]
  frames = []
  for tables in (finals, curves):
    frame = pa.concat_tables(tables).unify_dictionaries().to_pandas()
    key = ['run_id', 'step', 'representation', 'name', 'metric_seed']
    key = [column for column in key if column in frame]
    frame = frame[~frame.duplicated(key, keep='last')]
    frames.append(frame.reset_index(drop=True))
  return frames[0], frames[1], notes


def rows_of(workdir: pathlib.Path, run_id: str) -> pd.DataFrame:
  """All rows of one run that can be read: 'step', 'name', 'value'."""
  frames = [pd.DataFrame({'step': [], 'name': [], 'value': []})]
  # `read` notes what is damaged.
  for _, part in stored_rows.parts(
    workdir,
    ('step', 'name', 'value'),
    pc.field('run_id') == run_id,
    damaged=lambda path, reason: None,
  ):
    frames.append(part.to_pandas().astype({'name': str}))
  return pd.concat([f for f in frames if len(f)] or frames)


def _last_loss(part: pa.Table) -> pa.Table:
  """The rows with the last training loss of every run."""
  rows = part.filter(pc.equal(part['name'].cast(pa.string()), LOSS))
  return rows.filter(pc.equal(rows['step'], pc.max(rows['step'])))


def _no_rows() -> pa.Table:
  """A table without rows, typed as `stored_rows.parts` gives them."""
  schema = stored_rows.SCHEMA
  columns = {f.name: pa.array([], f.type) for f in schema}
  for name in stored_rows.TEXT:
    columns[name] = columns[name].dictionary_encode()
  return pa.table(columns)


def _complete(table: pa.Table) -> pa.Table:
  """Puts the page's blanks where a row says nothing: '', -1 or NaN."""
  columns = {}
  for field in stored_rows.SCHEMA:
    column = table[field.name]
    if field.name in stored_rows.TEXT:
      if column.null_count:
        column = column.cast(pa.string()).fill_null('').dictionary_encode()
    elif pa.types.is_integer(field.type):
      column = column.fill_null(-1)
    else:
      column = column.fill_null(float('nan'))
    columns[field.name] = column
  return pa.table(columns)


def info(workdir: pathlib.Path) -> tuple[dict[str, Any], list[str]]:
  """`study.json` of a sweep's directory, and notes if it cannot be read."""
  path = folders.study(workdir)
  try:
    found = json.loads(storage.read_bytes(path))
    if isinstance(found, dict):
      return found, []
    reason = 'not an object'
  except FileNotFoundError:
    reason = 'no such file'
  except (OSError, ValueError) as error:
    reason = str(error).splitlines()[0][:120]
  return {}, [f'{path.name} of {workdir} cannot be read ({reason}).']


def loads(text: Any) -> dict[str, Any]:
  """Parses a JSON column; anything but an object gives {}."""
  try:
    value = json.loads(text)
  except (TypeError, ValueError):
    return {}
  return value if isinstance(value, dict) else {}
