"""The tables that --dry_run prints."""

from collections.abc import Sequence

from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax.engine import estimate, plan, progress


def _gib(count: float) -> str:
  return f'{count / 2**30:.2f} GiB'


def print_plan(
  planned: plan.Plan, sizes: Sequence[int], needs: Sequence[estimate.Need]
) -> None:
  """Every numbered run, then every group with memory and time.

  Args:
    planned: the study.
    sizes: runs per program of each group.
    needs: estimates of each group.
  """
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = 120
  runs = rich_table.Table(title=f'study {planned.study}: runs')
  for name in ('run', 'run_id', 'method', 'strength', 'seed', 'group'):
    runs.add_column(
      name, justify='right' if name in ('run', 'seed') else 'left'
    )
  where = {
    run.run_id: g
    for g, group in enumerate(planned.groups)
    for run in group.runs
  }
  for run in planned.runs:
    strength = (
      f'{run.strength_name}={run.strength:g}' if run.strength_name else ''
    )
    runs.add_row(
      str(run.number),
      run.run_id,
      run.method,
      strength,
      str(run.seed),
      str(where[run.run_id]),
    )
  console.print(runs)
  groups = rich_table.Table(
    title='groups (memory and time are rough estimates)'
  )
  for name in (
    'group',
    'what',
    'runs',
    'chunks',
    'steps',
    'memory',
    'training',
  ):
    groups.add_column(name)
  for g, (group, size, need) in enumerate(zip(planned.groups, sizes, needs)):
    chunks = -(-len(group.runs) // size)
    groups.add_row(
      str(g),
      progress.group_name(group),
      str(len(group.runs)),
      f'{chunks} of {size} runs',
      f'{group.steps:,}',
      _gib(need.bytes_per_run * size),
      progress.duration(need.seconds),
    )
  console.print(groups)
  for note in planned.notes:
    console.print(f'note: {note}')
  total = sum(need.seconds for need in needs)
  console.print(
    f'{len(planned.runs)} runs in {len(planned.groups)} group(s), about '
    f'{progress.duration(total)} of training on this machine, compile and '
    'scoring on top'
  )
