"""Where everything of a study stands in its folder: the one place that says.

DIR/study.json                    what was planned, with versions
DIR/results/part-<part>.parquet   the rows
DIR/params/<run_id>.safetensors   parameters
DIR/samples/<run_id>.npz          pictures
DIR/params/, samples/<part>.zip   those of a chunk, with `engine.pack`
DIR/checkpoints/<part>/           of unfinished chunks
DIR/live/<part>.jsonl             curves of unfinished chunks
DIR/figures/, DIR/report/         drawn
DIR/only/                         the same for `config.only`

DIR is a folder, or an address of a bucket: `pathlib.Path` in a signature that
takes a workdir stands for the `upath.UPath` of an address too (`storage`).
"""

import os
import pathlib

from disentangle_jax import packs, storage


def workdir(path: str | os.PathLike) -> pathlib.Path:
  """A study's folder as a user names it.

  Args:
    path: '~' stands for the home folder; an address is s3://BUCKET/PATH,
      gs://BUCKET/PATH or memory://PATH, as text or as `upath.UPath`.

  Returns:
    The path; it may not exist yet.

  Raises:
    StoreError: an address of another protocol, or one whose package is missing.
  """
  if not isinstance(path, str | os.PathLike):
    path = str(path)  # a upath.UPath, which is no file of this machine
  text = os.fspath(path)
  if storage.is_address(text):
    return storage.of_address(text)
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
  return storage.listed(results(workdir), '.parquet')


def params(workdir: pathlib.Path, run_id: str) -> pathlib.Path:
  """A run's parameters."""
  return workdir / 'params' / f'{run_id}.safetensors'


def with_params(workdir: pathlib.Path) -> set[str]:
  """run_ids of the runs that left parameters."""
  return packs.stems(workdir / 'params', '.safetensors')


def params_pack(workdir: pathlib.Path, part: str) -> pathlib.Path:
  """Where a chunk's parameters are one file."""
  return workdir / 'params' / f'{part}{packs.ENDING}'


def samples(workdir: pathlib.Path, run_id: str) -> pathlib.Path:
  """A run's pictures."""
  return workdir / 'samples' / f'{run_id}.npz'


def samples_pack(workdir: pathlib.Path, part: str) -> pathlib.Path:
  """Where a chunk's pictures are one file."""
  return workdir / 'samples' / f'{part}{packs.ENDING}'


def checkpoints(workdir: pathlib.Path) -> pathlib.Path:
  """Checkpoints, a folder per chunk."""
  return workdir / 'checkpoints'


def live(workdir: pathlib.Path, name: str) -> pathlib.Path:
  """Curves of a chunk that is still training."""
  return workdir / 'live' / f'{name}.jsonl'


def live_parts(workdir: pathlib.Path) -> list[pathlib.Path]:
  """All files of such curves, in order."""
  return storage.listed(workdir / 'live', '.jsonl')


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
