"""Says where a study stands, without touching it (also while it runs).

python -m experiments.status --workdir=runs/quickstart
"""

import json
import pathlib

from absl import flags
import numpy as np
import pandas as pd
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.engine import checkpoint, store, study
from disentangle_jax.engine.progress import duration

_WORKDIR = flags.DEFINE_string('workdir', None, 'Directory of a sweep.')


def summarise(workdir: pathlib.Path) -> tuple[dict, pd.DataFrame]:
  """What study.json and the store say.

  Args:
    workdir: the study.

  Returns:
    The contents of study.json, and one row per planned run: method, strengths,
    'finished', 'diverged', 'seconds'.

  Raises:
    StoreError: no study here, or a file that cannot be read.
  """
  contents = store.read_json(workdir / study.FILE)
  if contents is None:
    raise errors.StoreError(f'--workdir={workdir}: holds no {study.FILE}')
  rows = store.read(workdir, ['run_id', 'status', 'seconds'])
  done = rows.drop_duplicates('run_id').set_index('run_id')
  out = []
  for run_id, (place, _) in contents['runs'].items():
    method, hparams, seed = json.loads(place)
    finished = run_id in done.index
    out.append(
      {
        'run_id': run_id,
        'method': method,
        'hparams': json.dumps(hparams, sort_keys=True),
        'seed': seed,
        'finished': finished,
        'diverged': finished and done['status'][run_id] != 'ok',
        'seconds': done['seconds'][run_id] if finished else np.nan,
      }
    )
  return contents, pd.DataFrame(out)


def _waiting(workdir: pathlib.Path) -> list[str]:
  found = []
  for folder in sorted((workdir / checkpoint.FOLDER).glob('*')):
    steps = [int(p.stem) for p in folder.glob('*.npz') if p.stem.isdigit()]
    if steps:
      found.append(f'chunk {folder.name}: checkpoint at step {max(steps):,}')
  return found


def main(argv):
  """See the module docstring."""
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  if not _WORKDIR.value:
    raise errors.ConfigError('--workdir is missing, e.g. --workdir=runs/try')
  workdir = pathlib.Path(_WORKDIR.value)
  contents, runs = summarise(workdir)
  table = rich_table.Table(title=f'study {contents["study"]}')
  for name in ('method', 'finished', 'diverged', 'seconds per run'):
    table.add_column(name, justify='left' if name == 'method' else 'right')
  for method, part in runs.groupby('method', sort=False):
    seconds = part['seconds'].mean()
    table.add_row(
      method,
      f'{part["finished"].sum()}/{len(part)}',
      str(int(part['diverged'].sum())),
      '' if np.isnan(seconds) else f'{seconds:.1f}',
    )
  rich_console.Console().print(table)
  for line in _waiting(workdir):
    print(line)
  try:
    with store.lock(workdir):
      running = 'no process is working here'
  except errors.StoreError:
    running = 'a process is working here'
  wall = duration(contents.get('wall_seconds') or 0)
  done = runs['finished'].sum()
  print(f'{done} of {len(runs)} runs finished in {wall}; {running}')
  if not runs['finished'].all() and contents.get('command'):
    print(f'continue with: {contents["command"]}')


if __name__ == '__main__':
  cli.run(main)
