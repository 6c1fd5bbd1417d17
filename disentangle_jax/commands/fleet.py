"""The plan of a study on machines that are not here, and what troubles it.

  python -m experiments.fleet --config=quickstart --topology=v5e:4x4,h100:8
  python -m experiments.fleet --config=F --topology=v5e:4x4 --compile
  python -m experiments.fleet --config=F --topology=v4:2x2x1 --ms=1 --simulate

Prints, as Markdown, a column for each fleet: chunks, memory, what hosts
exchange, files and bytes, time by the model, device-hours, and what is lost
when a host dies. NxTOPOLOGY are N machines that take chunks as Ray tasks; a
slice of TPUs has the hosts that it has, which get chunks in turns. --ms is
what a step of one run of the study's first group takes on a device (the others
follow by their arithmetic); --compile asks the fleet's compiler instead, which
must be installed, for that group alone. Nothing is run: times are as good as
the milliseconds.

--simulate lets workers be preempted, slow, and in each other's way at the
store, as events: nothing sleeps. Chunks, checkpoints and files are those of the
plan.
"""

from collections.abc import Sequence
import math
import pathlib
import re
import sys

from absl import flags
import jax

from disentangle_jax import checks, errors
from disentangle_jax.commands import cli
from disentangle_jax.engine import progress, ray_crew
from disentangle_jax.engine.programs import topologies

_CONFIG = cli.config_flag()
_TOPOLOGY = flags.DEFINE_list(
  'topology', [], "Fleets: 'v5e:4x4', 'h100:8', '100xh100:1', commas between."
)
_HOSTS = flags.DEFINE_integer(
  'hosts', 0, 'Of each fleet; 0 for those that a topology has.', lower_bound=0
)
_RAY = flags.DEFINE_bool(
  'ray',
  None,
  'Whether chunks are Ray tasks, or dealt to hosts that start and end '
  'together; by default tasks for NxTOPOLOGY alone.',
)
_RUNS = flags.DEFINE_integer(
  'runs', 0, 'Runs of the study, by more seeds; 0 for its own.', lower_bound=0
)
_MS = flags.DEFINE_list(
  'ms',
  [],
  'Milliseconds that a step of one run of the first group takes on a device; '
  'one number, or one for each fleet.',
)
_RUN_MEMORY = flags.DEFINE_list(
  'run_memory',
  [],
  'What one run of the first group holds of a device, such as 300MiB, as '
  '--compile says; one size, or one for each fleet. By default, and for -, the '
  'bound of planning, which is several times that.',
)
_COMPILE = flags.DEFINE_bool(
  'compile', False, 'Compile the training of the first group for each fleet.'
)
_COMPILE_SECONDS = flags.DEFINE_float(
  'compile_seconds',
  300.0,
  "Assumed: of a group's programs on a host, training and scores.",
  lower_bound=0.0,
)
_PRICE = flags.DEFINE_float(
  'price', 0.0, 'Of one device for an hour; 0 for a formula.', lower_bound=0.0
)
_SIMULATE = flags.DEFINE_bool(
  'simulate', False, 'Simulate the fleet, for each of --preemptions.'
)
_PREEMPTIONS = flags.DEFINE_list(
  'preemptions', ['0', '0.01', '0.1', '1'], 'Of a worker, per hour.'
)
_REPLACEMENT = flags.DEFINE_float(
  'replacement_minutes',
  5.0,
  'Until another machine stands in the place of a lost one.',
  lower_bound=0.0,
)
_STRAGGLERS = flags.DEFINE_float(
  'stragglers', 0.05, 'Share of workers that are slow.', 0.0, 1.0
)
_SLOWER = flags.DEFINE_float(
  'slower', 1.5, 'Factor by which these are slower.', lower_bound=1.0
)
_SCORE_SECONDS = flags.DEFINE_float(
  'score_seconds', 60.0, 'Assumed: of scoring one chunk.', lower_bound=0.0
)
_BANDWIDTH = flags.DEFINE_string(
  'bandwidth', '1GiB', 'Of the store, all workers together, per second.'
)
_REQUESTS = flags.DEFINE_float(
  'requests', 3500.0, 'That the store answers per second.', lower_bound=1e-6
)
_REPEAT = flags.DEFINE_integer(
  'repeat', 3, 'Simulations of each rate, of which the mean is shown.', 1
)
_FIGURE = flags.DEFINE_string(
  'figure', '', 'With --simulate: a file for a drawing of it, .png or .svg.'
)


def _numbers(name: str, texts: Sequence[str], least: float) -> list[float]:
  numbers = []
  for text in texts:
    try:
      numbers.append(float(text))
    except ValueError:
      numbers.append(math.nan)
    if not least <= numbers[-1] < math.inf:
      raise errors.value(
        f'--{name}', text, f'must be numbers from {least:g} on'
      )
  return numbers


def _fleet(text: str):
  from disentangle_jax.fleet import paper

  count, name = 0, text
  many = re.fullmatch(r'([1-9]\d*)x([a-z].*)', text)
  if many:
    count, name = int(many[1]), many[2]
  machines = topologies.machines(name)
  if machines.hosts > 1 and (count or _HOSTS.value not in (0, machines.hosts)):
    rule = f'a slice of {machines.hosts} hosts has no other number of them'
    raise errors.value('--topology', text, rule)
  ray = bool(count) if _RAY.value is None else _RAY.value
  hosts = _HOSTS.value or count or machines.hosts
  return paper.Fleet(text, machines, hosts, ray)


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  cli.required('config', _CONFIG.value, 'quickstart')
  cli.required('topology', _TOPOLOGY.value, 'v5e:4x4')
  fleets = [_fleet(text) for text in _TOPOLOGY.value]
  steps = _numbers('ms', _MS.value, 0.0) or [0.0]
  if len(steps) not in (1, len(fleets)):
    rule = f'must be one number, or one for each of {len(fleets)} fleets'
    raise errors.value('--ms', ','.join(_MS.value), rule)
  held = [
    0 if one == '-' else checks.memory('--run_memory', one)
    for one in _RUN_MEMORY.value
  ]
  held = held or [0]
  if len(held) not in (1, len(fleets)):
    rule = f'must be one size, or one for each of {len(fleets)} fleets'
    raise errors.value('--run_memory', ','.join(_RUN_MEMORY.value), rule)
  rates = _numbers('preemptions', _PREEMPTIONS.value, 0.0)
  bandwidth = checks.memory('--bandwidth', _BANDWIDTH.value)
  if _SIMULATE.value and not (any(steps) or _COMPILE.value):
    raise errors.ConfigError('--simulate needs times: --ms=0.37, or --compile')
  if _FIGURE.value and not _SIMULATE.value:
    raise errors.value('--figure', _FIGURE.value, 'needs --simulate')
  # The host only plans; its own accelerators are left alone.
  jax.config.update('jax_platforms', 'cpu')
  from disentangle_jax.fleet import drafting

  drawn = drafting.sketch(_CONFIG.value, _RUNS.value)
  papers = []
  for place, fleet in enumerate(fleets):
    papers.append(
      drafting.write(
        drawn,
        fleet,
        drafting.Asked(
          steps[place % len(steps)],
          held[place % len(held)],
          _COMPILE.value,
          _COMPILE_SECONDS.value,
        ),
      )
    )
  if not _SIMULATE.value:
    print('\n'.join(_table(papers)))
    return
  simulated = [_simulated(one, rates, bandwidth) for one in papers]
  if _FIGURE.value:
    from disentangle_jax.fleet import drawing

    drawing.save(pathlib.Path(_FIGURE.value), simulated)
    print(f'figure: {_FIGURE.value}', file=sys.stderr)


def _size(count: float) -> str:
  for unit, size in (('TB', 1e12), ('GB', 1e9), ('MB', 1e6)):
    if count >= size:
      return f'{count / size:,.3g} {unit}'
  return f'{count / 1e3:,.3g} kB'


def _range(numbers, form=lambda n: f'{n:,}') -> str:
  low, high = min(numbers), max(numbers)
  return form(low) if low == high else f'{form(low)} to {form(high)}'


def _table(papers) -> list[str]:
  """A column per fleet, a line per quantity."""
  from disentangle_jax.fleet import paper as lib

  mebibytes = lambda n: f'{n / 2**20:,.0f} MiB'
  timed = lambda text: lambda one: text(one) if one.work_seconds else '-'
  lines = [
    (
      'hosts x devices',
      lambda p: f'{p.fleet.hosts} x {p.fleet.machines.devices}',
    ),
    (
      'chunks are',
      lambda p: 'Ray tasks' if p.fleet.ray else 'dealt in turns',
    ),
    ('runs of a chunk', lambda p: _range([g.size for g in p.groups])),
    ('of them on a device', lambda p: _range([g.each for g in p.groups])),
    ('chunks', lambda p: f'{p.chunks:,}'),
    ('places without a run', lambda p: f'{p.padding:.1%}'),
    (
      'memory of a device',
      lambda p: f'{p.fleet.machines.memory / 2**30:g} GiB',
    ),
    (
      'states there',
      lambda p: _range([g.each * g.state for g in p.groups], mebibytes),
    ),
    (
      'held there at most, training or scored',
      lambda p: _range([g.each * g.bound for g in p.groups], mebibytes),
    ),
    (
      'training of the first group there, compiled',
      lambda p: (
        mebibytes(p.groups[0].compiled.bytes) if p.groups[0].compiled else '-'
      ),
    ),
    (
      'one run, training or scored, compiled',
      lambda p: mebibytes(p.run_bytes) if p.run_bytes else '-',
    ),
    ('exchanged between runs', lambda p: 'nothing'),
    (
      'between hosts',
      lambda p: (
        'letters to the driver, one a second from each worker'
        if p.fleet.ray
        else f'{p.barriers} barriers'
      ),
    ),
    (
      'study.json, read by each host, rewritten every 30 s',
      lambda p: _size(p.study_bytes),
    ),
    ('files of runs and rows', lambda p: f'{p.files:,}'),
    ('bytes of them', lambda p: _size(p.left_bytes)),
    (
      'a checkpoint of a chunk',
      lambda p: _range([g.checkpoint for g in p.groups], _size),
    ),
    ('all checkpoints at once', lambda p: _size(lib.checkpoints_at_once(p))),
    (
      'curves of a chunk while it trains',
      lambda p: _range([g.live for g in p.groups], _size),
    ),
    (
      'ms per step and run, first group',
      timed(lambda p: f'{lib.milliseconds(p.groups[0]):.3g}'),
    ),
    (
      'training of a chunk',
      timed(lambda p: _range([g.seconds for g in p.groups], progress.duration)),
    ),
    ('time', timed(lambda p: progress.duration(p.seconds))),
    ('busy', timed(lambda p: f'{p.busy:.0%}')),
    ('device-hours', timed(lambda p: f'{p.device_hours:,.0f}')),
    ('cost', timed(_cost)),
    ('cost of an hour', _hourly),
    (
      'lost at most when a host dies, device-hours',
      timed(lambda p: f'{p.lost_device_hours:.2g}'),
    ),
  ]
  names = [f'`{one.fleet.name}`' for one in papers]
  title = f'{papers[0].study}, {papers[0].runs:,} runs'
  table = [_row(title, names), _row('---', ['---'] * len(papers))]
  for name, text in lines:
    cells = [text(one) for one in papers]
    if set(cells) != {'-'}:
      table.append(_row(name, cells))
  return table


def _row(name: str, cells: Sequence[str]) -> str:
  return f'| {" | ".join([name, *cells])} |'


def _cost(one) -> str:
  if _PRICE.value:
    return f'{one.device_hours * _PRICE.value:,.0f}'
  return f'{one.device_hours:,.0f} x price'


def _hourly(one) -> str:
  if _PRICE.value:
    return f'{one.fleet.devices * _PRICE.value:,.2f}'
  return f'{one.fleet.devices} x price'


def _simulated(one, rates: Sequence[float], bandwidth: int):
  """Simulates a fleet at all rates; prints as it goes."""
  from disentangle_jax.fleet import weather

  store = weather.Store(bandwidth, _REQUESTS.value)
  works = weather.works(one, _SCORE_SECONDS.value)
  fleet = weather.fleet(
    one,
    store,
    replacement=60 * _REPLACEMENT.value,
    straggler_share=_STRAGGLERS.value,
    straggler_factor=_SLOWER.value,
  )
  forecast = weather.Forecast(one.fleet.name, works, fleet, _REPEAT.value)
  print(
    f'\n{one.study}, {one.runs:,} runs on {one.fleet.name}: '
    f'{progress.duration(forecast.quiet.seconds)} without trouble\n'
  )
  head = ('time', 'times that', 'lost workers', 'checkpoints', 'moved')
  shares = ('repeated', 'compile', 'slow', 'storage', 'absent', 'idle')
  print(_row('preemptions/h', [*head, *shares, 'most']))
  print(_row('---', ['---'] * (len(head) + len(shares) + 1)))
  for rate in rates:
    spell = forecast.at(rate)
    ended = math.isfinite(spell.seconds)
    print(
      _row(
        f'{rate:g}',
        [
          progress.duration(spell.seconds) if ended else 'no end',
          f'{spell.slowdown:.2f}' if ended else '-',
          f'{spell.preempted:,.0f}',
          f'{spell.checkpoints:,.0f}',
          _size(spell.bytes),
          *(f'{spell.shares[kind]:.1%}' for kind in shares),
          spell.trouble or '-',
        ],
      ),
      flush=True,
    )
  retries = ray_crew.RETRIES if one.fleet.ray else 0
  print(f'\n{forecast.verdict(retries)}')
  return forecast


def run() -> None:
  """The command itself."""
  cli.run(main, __doc__)
