"""Says where a study stands, without touching it (also while it runs).

python -m experiments.status --workdir=runs/quickstart
python -m experiments.status --workdir=runs/quickstart --watch
"""

import contextlib
import math
import pathlib
import statistics
import time
from typing import NamedTuple

from absl import flags
import numpy as np
from rich import console as rich_console
from rich import live as rich_live
from rich import table as rich_table

from disentangle_jax import folders, stored_rows
from disentangle_jax.commands import cli
from disentangle_jax.engine.progress import duration
from disentangle_jax.engine.workdir import status, store


class View(NamedTuple):
  """Where a study stands, to be printed.

  Attributes:
    table: of the methods, earlier phases apart.
    lines: what trains, what waits, how much is done.
    over: whether all runs are finished.
  """

  table: rich_table.Table
  lines: list[str]
  over: bool

  def drawn(self) -> rich_console.Group:
    """Table and lines together."""
    return rich_console.Group(self.table, *self.lines)


def look(workdir: pathlib.Path) -> View:
  """Reads where a study stands."""
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
  lines = [*training(workdir), *status.waiting(workdir)]
  worker = store.worker(workdir)
  running = f'{worker or "no process"} is working here'
  wall = duration(contents.get('wall_seconds') or 0)
  last = runs['phase'] == ''
  done = f'{runs.loc[last, "finished"].sum()} of {last.sum()} runs'
  if phased:
    early = runs.loc[~last, 'finished']
    done += f' and {early.sum()} of {len(early)} of earlier phases'
  lines.append(f'{done} finished in {wall}; {running}')
  over = bool(runs['finished'].all())
  if not over and not worker and contents.get('command'):
    lines.append(f'continue with: {contents["command"]}')
  return View(table, lines, over)


def training(workdir: pathlib.Path) -> list[str]:
  """One line for every chunk that trains, or did when its process ended."""
  lines = []
  for chunk in stored_rows.training(workdir):
    runs, steps = len(chunk.about['runs']), chunk.about['steps']
    line = f'{chunk.about["group"]}: step {chunk.step:,}/{steps:,}'
    if chunk.windows:
      last = chunk.windows[-1]
      line += f', {last["alive"]}/{runs} alive'
      losses = [x for x in last.get('loss', ()) if math.isfinite(x)]
      if losses:
        line += f', loss {statistics.median(losses):.4g}'
      line += f', {duration(time.time() - last["time"])} ago'
    rate = chunk.rate()
    if rate > 0:
      line += (
        f', {rate * runs:,.0f} run-steps/s, about '
        f'{duration((steps - chunk.step) / rate)} of its training left'
      )
    lines.append(line)
  return lines


def show(workdir: pathlib.Path) -> None:
  """Prints it once."""
  view = look(workdir)
  rich_console.Console().print(view.table)
  for line in view.lines:
    print(line)


def watch(workdir: pathlib.Path, every: float = 2.0) -> None:
  """Shows it again and again, until all runs are finished or Ctrl-C.

  Args:
    workdir: of the study.
    every: seconds between two looks.
  """
  console = rich_console.Console()
  view = look(workdir)
  if not console.is_terminal:
    # A file or a pipe: what changed, a line at a time.
    said: list[str] = []
    while True:
      for line in view.lines:
        if line not in said:
          print(line, flush=True)
      said = view.lines
      if view.over:
        return
      time.sleep(every)
      view = look(workdir)
  with rich_live.Live(
    view.drawn(), console=console, auto_refresh=False
  ) as live:
    while not view.over:
      time.sleep(every)
      view = look(workdir)
      live.update(view.drawn(), refresh=True)


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  cli.required('workdir', flags.FLAGS.workdir, 'runs/try')
  workdir = folders.workdir(flags.FLAGS.workdir)
  if flags.FLAGS.watch:
    # Ctrl-C is how one leaves it.
    with contextlib.suppress(KeyboardInterrupt):
      watch(workdir)
  else:
    show(workdir)


def run() -> None:
  """The command itself."""
  flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
  flags.DEFINE_bool(
    'watch', False, 'Look every two seconds until all runs are finished.'
  )
  cli.run(main, __doc__)
