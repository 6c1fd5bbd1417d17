"""The tables that --dry_run prints."""

from collections.abc import Sequence

from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import invocation
from disentangle_jax.engine import outlook as outlook_lib
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import study_plan

# Of more settings than twice so many, the first and the last are shown.
_ENDS = 50


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
  outlook: outlook_lib.Outlook, device: str = '', every_run: bool = False
) -> None:
  """The settings of a study, then every group with memory and time.

  Args:
    outlook: from `engine.dry_run`.
    device: those that it was compiled for; '' for this machine, walked
      through and not compiled.
    every_run: a row for each numbered run, in the place of each setting.
  """
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = 120
  plan = outlook.plan
  console.print(_runs(plan) if every_run else _settings(outlook))
  console.print(_groups(outlook, device))
  for note in plan.notes:
    console.print(f'note: {note}')
  earlier = sum(bool(run.phase) for run in plan.runs)
  also = f', {earlier} of them of earlier phases,' if earlier else ''
  console.print(
    f'{len(plan.runs):,} runs{also} in {len(plan.groups)} group(s)'
    + ('' if every_run else '; --list_runs shows every run'),
    highlight=False,
  )
  finished = len(plan.runs) - len(outlook.left)
  if finished:
    console.print(
      f'{finished:,} of them are there already; times are of the '
      f'{len(outlook.left):,} that are left',
      highlight=False,
    )
  console.print(_said(outlook, device), highlight=False)


def _said(outlook: outlook_lib.Outlook, device: str) -> str:
  """What all of it takes, in a line or two."""
  disk = f'about {_size(outlook.disk_bytes)} on disk'
  if device:
    command = ' '.join(invocation.words('compile-for'))
    return f'{disk}; every score is compiled too by {command}'
  parts = {
    'compile': sum(need.compile_seconds for need in outlook.needs),
    'training': sum(need.seconds for need in outlook.needs),
    'scoring': sum(need.scoring_seconds for need in outlook.needs),
    'report': outlook.report_seconds,
  }
  told = ', '.join(
    f'{name} {progress.duration(seconds)}'
    for name, seconds in parts.items()
    if seconds or name != 'compile'
  )
  lines = [
    f'about {progress.duration(outlook.seconds)} on this machine ({told}), '
    + disk
  ]
  worked_out = sum(
    not need.timed and need.seconds > 0 for need in outlook.needs
  )
  if worked_out:
    lines.append(
      f'~ {worked_out} group(s) were not timed: worked out from their '
      'arithmetic, without compiling; --seconds gives the timing more room'
    )
  return '\n'.join(lines)


def _size(count: float) -> str:
  """Bytes as a person reads them."""
  for unit, size in (('GiB', 2**30), ('MiB', 2**20)):
    if count >= size:
      return f'{count / size:,.1f} {unit}'
  return f'{count / 2**10:,.0f} KiB'


def _strength(run: study_plan.Run) -> str:
  own = f'{run.strength_name}={run.strength:g}' if run.strength_name else ''
  return ', '.join(part for part in (own, run.variant) if part)


def _table(title: str, names: Sequence[str]) -> rich_table.Table:
  table = rich_table.Table(title=title)
  right = ('run', 'runs', 'seed', 'after run', 'there')
  for name in names:
    table.add_column(name, justify='right' if name in right else 'left')
  return table


def _group_numbers(plan: study_plan.Plan) -> dict[str, str]:
  """run_id -> number of its group."""
  return {
    run.run_id: str(g)
    for g, group in enumerate(plan.groups)
    for run in group.runs
  }


def _settings(outlook: outlook_lib.Outlook) -> rich_table.Table:
  """A row for the repetitions of each setting."""
  plan = outlook.plan
  phased = any(run.phase for run in plan.runs)
  names = ('runs', 'method', 'setting', 'seeds', 'group')
  more = (
    *(('phase',) if phased else ()),
    *(('there',) if _some(outlook) else ()),
  )
  table = _table(f'study {plan.study}: settings', (*names, *more))
  where = _group_numbers(plan)
  alike = {}
  for run in plan.runs:
    alike.setdefault((run.setting, run.phase), []).append(run)
  listed = list(alike.values())
  hidden = max(0, len(listed) - 2 * _ENDS)
  for place, runs in enumerate(listed):
    if hidden and place == _ENDS:
      table.add_row('...', f'{hidden:,} settings more')
    if hidden and _ENDS <= place < len(listed) - _ENDS:
      continue
    first = runs[0]
    finished = sum(run.run_id not in outlook.left for run in runs)
    table.add_row(
      _ranges([run.number for run in runs]),
      first.method,
      _strength(first),
      _ranges([run.seed for run in runs]),
      where[first.run_id],
      *((first.phase,) if phased else ()),
      *((f'{finished}/{len(runs)}',) if _some(outlook) else ()),
    )
  return table


def _some(outlook: outlook_lib.Outlook) -> bool:
  """Whether any run is there already."""
  return len(outlook.left) < len(outlook.plan.runs)


def _ranges(numbers: Sequence[int]) -> str:
  """'0-3,7' for 0, 1, 2, 3 and 7."""
  ranges = []
  for number in sorted(numbers):
    if ranges and number == ranges[-1][1] + 1:
      ranges[-1][1] = number
    else:
      ranges.append([number, number])
  return ','.join(
    str(low) if low == high else f'{low}-{high}' for low, high in ranges
  )


def _runs(plan: study_plan.Plan) -> rich_table.Table:
  """A row for every run."""
  phased = any(run.phase for run in plan.runs)
  names = ('run', 'run_id', 'method', 'setting', 'seed', 'group')
  more = ('phase', 'after run') if phased else ()
  table = _table(f'study {plan.study}: runs', (*names, *more))
  where = _group_numbers(plan)
  for run in plan.runs:
    table.add_row(
      str(run.number),
      run.run_id,
      run.method,
      _strength(run),
      str(run.seed),
      where[run.run_id],
      *_chain(run)[: 2 * phased],
    )
  return table


def _groups(outlook: outlook_lib.Outlook, device: str) -> rich_table.Table:
  """A row for every program, with memory and times."""
  title = 'groups (memory is a bound; a compiled program decides)'
  if device:
    title = f'groups on {device} (memory of one run, compiled, times runs)'
  times = () if device else ('compile', 'training', 'scoring')
  table = _table(
    title,
    (
      'group',
      'what',
      'runs',
      'chunks',
      'steps',
      'memory' if device else 'memory, at most',
      *times,
    ),
  )
  rows = zip(
    outlook.plan.groups, outlook.sizes, outlook.needs, outlook.runs_left()
  )
  for g, (group, size, need, left) in enumerate(rows):
    about = '' if need.timed else '~'
    seconds = (need.compile_seconds, need.seconds, need.scoring_seconds)
    told = [about + progress.duration(s) for s in seconds]
    if not need.timed:
      told[0] = '-'
    table.add_row(
      str(g),
      _what(group),
      str(len(left)),
      f'{-(-len(left) // size)} of {size} runs',
      f'{group.steps:,}',
      _gib(need.data_bytes + need.bytes_per_run * size),
      *told[: len(times)],
    )
  return table
