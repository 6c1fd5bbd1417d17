"""The rows of a study as they lie on disk, and the one reader of them.

`DIR/results/part-<part>.parquet` holds the rows of one chunk: training scalars
and scores, a row each, with the columns of SCHEMA.
"""

from collections.abc import Callable, Iterable, Iterator
import itertools
import json
import math
import pathlib
import re
import statistics
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from disentangle_jax import errors, folders, storage

SCHEMA = pa.schema(
  [
    ('run_id', pa.string()),
    ('run_number', pa.int64()),
    ('study', pa.string()),
    ('method', pa.string()),
    ('variant', pa.string()),
    ('strength_name', pa.string()),
    ('strength', pa.float64()),
    ('dataset', pa.string()),
    ('seed', pa.int64()),
    ('hparams', pa.string()),
    ('step', pa.int64()),
    ('representation', pa.string()),
    ('name', pa.string()),
    ('value', pa.float64()),
    ('metric_seed', pa.int64()),
    ('constants', pa.string()),
    ('status', pa.string()),
    ('versions', pa.string()),
    ('device', pa.string()),
    ('seconds', pa.float64()),
    ('phase', pa.string()),
    ('after', pa.string()),
    ('setting', pa.string()),
  ]
)
COLUMNS = tuple(SCHEMA.names)
# Names of the logged scalars of training.
TRAINING = 'train/'
# 'kl/3', 'attack/3_7': one number per latent or per cell of a table.
LATENT = re.compile(r'/\d+(?:_\d+)*$')
TEXT = tuple(f.name for f in SCHEMA if pa.types.is_string(f.type))


def parts(
  workdir: pathlib.Path,
  columns: Iterable[str] = COLUMNS,
  keep: pc.Expression | None = None,
  damaged: Callable[[pathlib.Path, str], None] | None = None,
) -> Iterator[tuple[str, pa.Table]]:
  """The rows of a study, file by file.

  Args:
    workdir: the study's folder.
    columns: names in SCHEMA.
    keep: which rows; all by default.
    damaged: told which file cannot be read, and why, and the file is left out;
      None for an error.

  Yields:
    Name of the part; its rows with these columns and the types of SCHEMA, null
    where the file was written by a version that did not know the column.

  Raises:
    StoreError: a file that cannot be read, unless `damaged` takes it.
  """
  columns, paths = list(columns), folders.parts(workdir)
  for path, source in zip(paths, storage.sources(paths)):
    try:
      if isinstance(source, OSError):
        raise source
      table = _part(source, columns, keep)
    except (pa.ArrowException, OSError, ValueError) as error:
      reason = errors.first_line(error)[:120]
      if damaged is None:
        raise errors.StoreError(f'{path}: cannot be read: {reason}') from error
      damaged(path, reason)
      continue
    yield path.stem.removeprefix('part-'), table


class Training(NamedTuple):
  """A chunk that is training, or was when its process ended.

  Attributes:
    part: name of its part of the store.
    about: 'group', 'runs' (run_ids), 'steps', 'batch_size'.
    windows: a dict per logged window: 'step', 'time' (seconds since 1970),
      'alive', and name of a scalar -> a value per run.
  """

  part: str
  about: dict[str, Any]
  windows: list[dict[str, Any]]

  @property
  def step(self) -> int:
    """Steps done."""
    return self.windows[-1]['step'] if self.windows else 0

  def rate(self) -> float:
    """Steps per second over the last windows; NaN before there are two."""
    rates = [
      (later['step'] - earlier['step']) / (later['time'] - earlier['time'])
      for earlier, later in itertools.pairwise(self.windows[-6:])
      # A clock that was set back.
      if later['time'] > earlier['time']
    ]
    # The median: a chunk that was killed and goes on has a gap in its times.
    return statistics.median(rates) if rates else math.nan


def training(workdir: pathlib.Path) -> list[Training]:
  """The chunks of which windows are there and rows are not.

  Args:
    workdir: the study's folder.

  Returns:
    One entry per chunk; a file that cannot be read, or that says nothing yet,
    is left out.
  """
  chunks = []
  for path in folders.live_parts(workdir):
    lines = []
    try:
      for line in storage.read_bytes(path).decode().splitlines():
        lines.append(json.loads(line))
    except (OSError, ValueError):
      pass  # a line that is being written
    if lines and 'runs' in lines[0]:
      chunks.append(Training(path.stem, lines[0], lines[1:]))
  return chunks


def _part(
  source: pathlib.Path | BinaryIO,
  columns: list[str],
  keep: pc.Expression | None,
) -> pa.Table:
  """The chosen rows of one file."""
  names = pq.read_schema(source).names
  known = [name for name in columns if name in names]
  table = pq.read_table(
    source,
    columns=known,
    filters=keep,
    # Thousands of rows say the same. A filter compares plain text.
    read_dictionary=[n for n in known if n in TEXT and keep is None],
  )
  arrays = {}
  for name in columns:
    kind = SCHEMA.field(name).type
    column = table[name] if name in known else pa.nulls(len(table), kind)
    if name in TEXT and not pa.types.is_dictionary(column.type):
      column = column.cast(pa.string()).dictionary_encode()
    arrays[name] = column if name in TEXT else column.cast(kind)
  return pa.table(arrays)
