"""The tables that --dry_run prints."""

from collections.abc import Sequence

from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import invocation
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import estimate


def _gib(count: float) -> str:
  return f'{count / 2**30:.2f} GiB'


def _chain(run: study_plan.Run) -> tuple[str, str]:
  """Its phase, and the number of the run that it starts from."""
  return run.phase, '' if run.after is None else str(run.after.number)


def _what(group: study_plan.Group) -> str:
  """'phase dae: denoising_autoencoder, mlp, ...' for an earlier phase."""
  phases = dict.fromkeys(run.phase for run in group.runs if run.phase)
  phase = '' if group.listed else f'phase {", ".join(phases)}: '
  return phase + progress.group_name(group)


def print_plan(
  planned: study_plan.Plan,
  sizes: Sequence[int],
  needs: Sequence[estimate.Need],
  device: str = '',
) -> None:
  """Every numbered run, then every group with memory and time.

  Args:
    planned: the study.
    sizes: runs per program of each group.
    needs: estimates of each group.
    device: those that it was compiled for; '' for this machine, walked
      through and not compiled.
  """
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = 120
  phased = any(run.phase for run in planned.runs)
  runs = rich_table.Table(title=f'study {planned.study}: runs')
  names = ('run', 'run_id', 'method', 'strength', 'seed', 'group')
  for name in (*names, *(('phase', 'after run') if phased else ())):
    runs.add_column(
      name,
      justify='right' if name in ('run', 'seed', 'after run') else 'left',
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
      *_chain(run)[: 2 * phased],
    )
  console.print(runs)
  title = 'groups (memory and time are rough; a compiled program decides)'
  if device:
    title = f'groups on {device} (memory of one run, compiled, times runs)'
  groups = rich_table.Table(title=title)
  for name in (
    'group',
    'what',
    'runs',
    'chunks',
    'steps',
    'memory' if device else 'memory, at most',
    *(() if device else ('training',)),
  ):
    groups.add_column(name)
  for g, (group, size, need) in enumerate(zip(planned.groups, sizes, needs)):
    chunks = -(-len(group.runs) // size)
    groups.add_row(
      str(g),
      _what(group),
      str(len(group.runs)),
      f'{chunks} of {size} runs',
      f'{group.steps:,}',
      _gib(need.bytes_per_run * size),
      *(() if device else (progress.duration(need.seconds),)),
    )
  console.print(groups)
  for note in planned.notes:
    console.print(f'note: {note}')
  total = sum(need.seconds for need in needs)
  earlier = sum(bool(run.phase) for run in planned.runs)
  also = f', {earlier} of them of earlier phases,' if earlier else ''
  said = (
    f'about {progress.duration(total)} of training on this machine, compile '
    'and scoring on top'
  )
  if device:
    command = ' '.join(invocation.words('compile-for'))
    said = f'every score is compiled too by {command}'
  console.print(
    f'{len(planned.runs)} runs{also} in {len(planned.groups)} group(s); {said}'
  )
