"""What a sweep leaves behind, read file by file.

A store is `results/*.parquet`, `study.json` and `samples/<run_id>.npz`. It may
be half-finished, damaged or from an older version: what can be read is read,
and a note says in one sentence what could not.
"""

import json
import pathlib
import re
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from disentangle_jax import errors, folders

TEXT = (
  'run_id',
  'study',
  'method',
  'variant',
  'strength_name',
  'dataset',
  'hparams',
  'representation',
  'name',
  'constants',
  'status',
  'versions',
  'device',
  'phase',
  'after',
)
INTEGER = ('run_number', 'seed', 'step', 'metric_seed')
REAL = ('strength', 'value', 'seconds')
TRAINING = 'train/'
LOSS = 'train/loss'
# 'kl/3', 'attack/3_7': one number per latent or per cell of a table.
LATENT = re.compile(r'/\d+(_\d+)*$')


def read(
  workdir: pathlib.Path,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
  """Reads every part file that can be read, text as categories.

  Args:
    workdir: a sweep's directory.

  Returns:
    The rows of scores with all columns of TEXT, INTEGER and REAL; the rows of
    training scalars with 'run_id', 'step', 'name', 'value' (those per latent
    are left to `tables.latent_curves`, for they are the bulk of a store); notes
    on what is missing. No row is there twice.

  Raises:
    StoreError: if the directory does not exist.
  """
  if not workdir.is_dir():
    raise errors.StoreError(f'workdir {str(workdir)!r}: no such directory')
  notes, finals, curves, losses = [], [], [], []
  for path in folders.parts(workdir):
    try:
      part = _complete(pq.read_table(path, read_dictionary=list(TEXT)))
    except (pa.ArrowException, OSError, ValueError) as error:
      reason = str(error).splitlines()[0][:120]
      notes.append(f'{path.name} cannot be read and is left out ({reason}).')
      continue
    name = part['name'].cast(pa.string())
    training = pc.starts_with(name, TRAINING)
    finals.append(part.filter(pc.invert(training)))
    losses.append(_last_loss(part))
    overall = pc.invert(pc.match_substring_regex(name, LATENT.pattern))
    curve = part.select(['run_id', 'step', 'name', 'value'])
    curves.append(curve.filter(pc.and_(training, overall)))
  if not finals:
    notes.append(f'{workdir} holds no results yet: no run has finished.')
    finals = [_complete(pa.table({'run_id': pa.array([], pa.string())}))]
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
  parts = [pd.DataFrame({'step': [], 'name': [], 'value': []})]
  for path in folders.parts(workdir):
    try:
      part = pq.read_table(
        path,
        columns=['step', 'name', 'value'],
        filters=pc.field('run_id') == run_id,
      ).to_pandas()
    except (pa.ArrowException, OSError, ValueError):
      continue  # `read` has noted it.
    parts.append(part.astype({'name': str}))
  return pd.concat([part for part in parts if len(part)] or parts)


def _last_loss(part: pa.Table) -> pa.Table:
  """The rows with the last training loss of every run."""
  rows = part.filter(pc.equal(part['name'].cast(pa.string()), LOSS))
  return rows.filter(pc.equal(rows['step'], pc.max(rows['step'])))


def _complete(table: pa.Table) -> pa.Table:
  """Gives a part file all columns with their types; older ones lack some."""
  kinds = (
    dict.fromkeys(TEXT, (pa.dictionary(pa.int32(), pa.string()), ''))
    | dict.fromkeys(INTEGER, (pa.int64(), -1))
    | dict.fromkeys(REAL, (pa.float64(), float('nan')))
  )
  columns = {}
  for name, (kind, default) in kinds.items():
    if name in table.column_names:
      column = table[name]
      if pa.types.is_dictionary(kind):
        column = column.cast(pa.string()).fill_null('').dictionary_encode()
      else:
        column = pc.fill_null(column.cast(kind), default)
    else:
      column = pa.array([default] * len(table), kind)
    columns[name] = column
  return pa.table(columns)


def info(workdir: pathlib.Path) -> tuple[dict[str, Any], list[str]]:
  """`study.json` of a sweep's directory, and notes if it cannot be read."""
  path = folders.study(workdir)
  try:
    found = json.loads(path.read_text(encoding='utf-8'))
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
