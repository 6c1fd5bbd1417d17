"""Says where a study stands, without touching it (also while it runs).

python -m experiments.status --workdir=runs/quickstart
"""

import pathlib

from absl import flags
import numpy as np
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors, folders
from disentangle_jax.commands import cli
from disentangle_jax.engine.progress import duration
from disentangle_jax.engine.workdir import status, store


def show(workdir: pathlib.Path) -> None:
  """Prints a table of the methods, earlier phases apart, and what is left."""
  contents, runs = status.summarise(workdir)
  # Stores of older versions have no phases.
  phases = contents.get('phases') or {}
  runs['phase'] = [phases.get(run_id, '') for run_id in runs['run_id']]
  phased = bool(runs['phase'].any())
  table = rich_table.Table(title=f'study {contents["study"]}')
  names = ('method', 'finished', 'diverged', 'seconds per run')
  for name in (*(('phase',) if phased else ()), *names):
    left = name in ('phase', 'method')
    table.add_column(name, justify='left' if left else 'right')
  for (phase, method), part in runs.groupby(['phase', 'method'], sort=False):
    seconds = part['seconds'].mean()
    table.add_row(
      *([phase] if phased else []),
      method,
      f'{part["finished"].sum()}/{len(part)}',
      str(int(part['diverged'].sum())),
      '' if np.isnan(seconds) else f'{seconds:.1f}',
    )
  rich_console.Console().print(table)
  for line in status.waiting(workdir):
    print(line)
  running = f'{store.worker(workdir) or "no process"} is working here'
  wall = duration(contents.get('wall_seconds') or 0)
  last = runs['phase'] == ''
  done = f'{runs.loc[last, "finished"].sum()} of {last.sum()} runs'
  if phased:
    early = runs.loc[~last, 'finished']
    done += f' and {early.sum()} of {len(early)} of earlier phases'
  print(f'{done} finished in {wall}; {running}')
  if not runs['finished'].all() and contents.get('command'):
    print(f'continue with: {contents["command"]}')


def main(argv):
  """See the module docstring."""
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  if not flags.FLAGS.workdir:
    raise errors.ConfigError('--workdir is missing, e.g. --workdir=runs/try')
  show(folders.workdir(flags.FLAGS.workdir))


def run() -> None:
  """The command itself."""
  flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
  cli.run(main, __doc__)
