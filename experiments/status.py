"""Says where a study stands, without touching it (also while it runs).

python -m experiments.status --workdir=runs/quickstart
"""

import pathlib

from absl import flags
import numpy as np
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.engine import status, store
from disentangle_jax.engine.progress import duration

_WORKDIR = flags.DEFINE_string('workdir', None, 'Directory of a sweep.')


def main(argv):
  """See the module docstring."""
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  if not _WORKDIR.value:
    raise errors.ConfigError('--workdir is missing, e.g. --workdir=runs/try')
  workdir = pathlib.Path(_WORKDIR.value)
  contents, runs = status.summarise(workdir)
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
  for line in status.waiting(workdir):
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
