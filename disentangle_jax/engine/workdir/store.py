"""The tidy, append-only store of a study: Parquet files of rows.

Every finished chunk becomes one file, written aside and then renamed, so that a
killed process leaves either all rows of a run or none.
"""

from collections.abc import Iterable, Mapping
import contextlib
import json
import pathlib
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from disentangle_jax import errors, folders, handles, storage, stored_rows
from disentangle_jax.engine.workdir import bucket_lock


def write_json(path: pathlib.Path, value: Any) -> None:
  """Writes JSON atomically."""
  text = json.dumps(value, indent=1, default=str) + '\n'
  storage.write_bytes(path, text.encode())


def read_json(path: pathlib.Path) -> dict[str, Any] | None:
  """The JSON file, or None if there is none.

  Raises:
    StoreError: it is there but cannot be read.
  """
  try:
    return json.loads(storage.read_bytes(path))
  except FileNotFoundError:
    return None
  except (OSError, ValueError) as error:
    raise errors.StoreError(f'{path}: cannot be read: {error}') from error


def append(
  workdir: pathlib.Path, part: str, rows: Iterable[Mapping[str, Any]]
) -> pathlib.Path:
  """Adds the rows of one chunk; writing the same part again replaces it.

  Args:
    workdir: the study's folder.
    part: name of the part, unique to the runs in it.
    rows: dicts with all columns of `stored_rows`.

  Returns:
    The file.
  """
  path = folders.part(workdir, part)
  _write(path, pa.Table.from_pylist(list(rows), schema=stored_rows.SCHEMA))
  return path


def _write(path: pathlib.Path, table: pa.Table) -> None:
  buffer = pa.BufferOutputStream()
  pq.write_table(table, buffer, compression='zstd')
  storage.write_bytes(path, buffer.getvalue().to_pybytes())


def read(workdir: pathlib.Path, columns: Iterable[str] = ()) -> pd.DataFrame:
  """All rows of a study.

  Args:
    workdir: the study's folder.
    columns: only these; all by default.

  Returns:
    A frame with these columns, empty if nothing has finished.

  Raises:
    StoreError: a file that is no Parquet.
  """
  columns = list(columns) or list(stored_rows.COLUMNS)
  plain = pa.schema([stored_rows.SCHEMA.field(name) for name in columns])
  tables = [t.cast(plain) for _, t in stored_rows.parts(workdir, columns)]
  if not tables:
    return pd.DataFrame({name: [] for name in columns})
  return pa.concat_tables(tables).to_pandas()


def rephase(workdir: pathlib.Path, phases: Mapping[str, str]) -> None:
  """Gives the rows of a study that was extended the phases of its plan.

  A run that others start from becomes one of its own when its method is listed,
  and the other way round.

  Args:
    workdir: the study's folder, locked.
    phases: run_id -> name of the phase in the plan, '' for a listed method.
  """
  paths = folders.parts(workdir)
  for path, source in zip(paths, storage.sources(paths)):
    file = pq.ParquetFile(source)
    if 'phase' not in file.schema_arrow.names:
      continue
    table = file.read(['run_id', 'phase'])
    ids, stored_phases = (
      table[name].to_pylist() for name in ('run_id', 'phase')
    )
    wanted = [
      phases.get(run_id, phase) for run_id, phase in zip(ids, stored_phases)
    ]
    if wanted == stored_phases:
      continue
    field, table = stored_rows.SCHEMA.field('phase'), file.read()
    column = table.column_names.index('phase')
    _write(path, table.set_column(column, field, pa.array(wanted, field.type)))


def renumber(workdir: pathlib.Path, numbers: Mapping[str, int]) -> str:
  """Gives the rows of a study that was extended the run numbers of its plan.

  More seeds or strengths move the numbers of runs that are there already, and a
  number must name one run, in every file. Runs that the plan does not have come
  behind those it has.

  Args:
    workdir: the study's folder, locked.
    numbers: run_id -> number in the plan.

  Returns:
    Which numbers moved, in one line; '' if none did.
  """
  numbers_of, paths = {}, folders.parts(workdir)
  for path, source in zip(paths, storage.sources(paths)):
    table = pq.read_table(source, columns=['run_id', 'run_number'])
    # Thousands of rows say the same.
    pairs = table.group_by(['run_id', 'run_number']).aggregate([])
    columns = (pairs['run_id'].to_pylist(), pairs['run_number'].to_pylist())
    numbers_of[path] = dict(zip(*columns))
  others = {
    (number, run_id)
    for of_file in numbers_of.values()
    for run_id, number in of_file.items()
    if run_id not in numbers
  }
  first = max(numbers.values(), default=-1) + 1
  wanted = dict(numbers)
  for offset, (_, run_id) in enumerate(sorted(others)):
    wanted.setdefault(run_id, first + offset)
  field = stored_rows.SCHEMA.field('run_number')
  for path, of_file in numbers_of.items():
    if all(wanted[run_id] == number for run_id, number in of_file.items()):
      continue
    table = pq.read_table(storage.source(path))
    known = pa.array([wanted[run_id] for run_id in of_file], field.type)
    row = pc.index_in(table['run_id'], value_set=pa.array(list(of_file)))
    offset = table.column_names.index('run_number')
    _write(path, table.set_column(offset, field, pc.take(known, row)))
  before = {}
  for of_file in numbers_of.values():
    before |= of_file
  return handles.moved(before, wanted)


def finished(workdir: pathlib.Path) -> set[str]:
  """The run_ids whose rows are in the store."""
  return set(read(workdir, ['run_id'])['run_id'])


def clean(workdir: pathlib.Path) -> None:
  """Removes what a killed process had half written; the lock must be held."""
  if storage.is_bucket(workdir):
    return  # Nothing is ever half written there.
  for path in workdir.glob('**/.*.tmp'):
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(workdir: pathlib.Path, take_over: bool = False):
  """Holds a workdir for this process.

  Args:
    workdir: the study's folder.
    take_over: in a bucket, which cannot know whether the process that left a
      lock is alive: hold it whoever holds it now. A folder's lock ends with its
      process.

  Raises:
    StoreError: the folder cannot be made or written, or another process has it.
  """
  if storage.is_bucket(workdir):
    with bucket_lock.hold(workdir, take_over):
      yield
    return
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    handle = open(folders.lock(workdir), 'a')  # noqa: SIM115, closed below
  except OSError as error:
    raise errors.StoreError(
      f'--workdir={workdir}: cannot be written: {error.strerror}; '
      'legal: a folder that you may create or write'
    ) from error
  try:
    _flock(handle, workdir)
    yield
  finally:
    handle.close()


def worker(workdir: pathlib.Path) -> str:
  """Who runs a sweep here: '' for nobody, else a few words."""
  if storage.is_bucket(workdir):
    return bucket_lock.holder(workdir)
  try:
    with lock(workdir):
      return ''
  except errors.StoreError:
    return 'a process'


def _flock(handle, workdir: pathlib.Path) -> None:
  try:
    import fcntl
  except ImportError:  # not on Windows, where this guard is absent
    return
  try:
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except OSError:
    raise errors.StoreError(
      f'--workdir={workdir}: another process is running a sweep here'
    ) from None
