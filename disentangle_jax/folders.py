"""Where everything of a study stands in its folder: the one place that says.

DIR/study.json                    what was planned, with versions
DIR/results/part-<part>.parquet   the rows
DIR/params/<run_id>.safetensors   parameters
DIR/samples/<run_id>.npz          pictures
DIR/checkpoints/<part>/           of unfinished chunks
DIR/live/<part>.jsonl             curves of unfinished chunks
DIR/figures/, DIR/report/         drawn
DIR/only/                         the same for `config.only`
"""

import os
import pathlib
import re

from disentangle_jax import errors

_ADDRESS = re.compile(r'[a-zA-Z][a-zA-Z0-9+.-]+://')


def workdir(path: str | os.PathLike) -> pathlib.Path:
  """A study's folder as a user names it.

  Args:
    path: '~' stands for the home folder.

  Returns:
    The path; it may not exist yet.

  Raises:
    StoreError: an address such as gs://bucket, which is no folder.
  """
  text = os.fspath(path)
  if _ADDRESS.match(text):
    raise errors.StoreError(
      f'--workdir={text}: is an address, and only folders can be written; '
      'mount the bucket as one, or copy a finished folder there'
    )
  return pathlib.Path(text).expanduser()


def study(workdir: pathlib.Path) -> pathlib.Path:
  """What was planned."""
  return workdir / 'study.json'


def results(workdir: pathlib.Path) -> pathlib.Path:
  """The folder of the rows."""
  return workdir / 'results'


def part(workdir: pathlib.Path, name: str) -> pathlib.Path:
  """The rows of one chunk."""
  return results(workdir) / f'part-{name}.parquet'


def parts(workdir: pathlib.Path) -> list[pathlib.Path]:
  """All files of rows, in order; none where the folder is missing."""
  return sorted(results(workdir).glob('*.parquet'))


def params(workdir: pathlib.Path, run_id: str) -> pathlib.Path:
  """A run's parameters."""
  return workdir / 'params' / f'{run_id}.safetensors'


def samples(workdir: pathlib.Path, run_id: str) -> pathlib.Path:
  """A run's pictures."""
  return workdir / 'samples' / f'{run_id}.npz'


def checkpoints(workdir: pathlib.Path) -> pathlib.Path:
  """Checkpoints, a folder per chunk."""
  return workdir / 'checkpoints'


def live(workdir: pathlib.Path, name: str) -> pathlib.Path:
  """Curves of a chunk that is still training."""
  return workdir / 'live' / f'{name}.jsonl'


def live_parts(workdir: pathlib.Path) -> list[pathlib.Path]:
  """All files of such curves, in order."""
  return sorted((workdir / 'live').glob('*.jsonl'))


def figures(workdir: pathlib.Path) -> pathlib.Path:
  """Drawn files."""
  return workdir / 'figures'


def page(workdir: pathlib.Path, name: str = 'index') -> pathlib.Path:
  """The report."""
  return workdir / 'report' / f'{name}.html'


def only(workdir: pathlib.Path) -> pathlib.Path:
  """The workdir of chosen runs alone."""
  return workdir / 'only'


def lock(workdir: pathlib.Path) -> pathlib.Path:
  """The file that a running sweep holds."""
  return workdir / '.lock'
