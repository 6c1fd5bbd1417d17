"""Measures this engine on this machine, in one go and as ratios.

  python -m experiments.benchmark
  python -m experiments.benchmark --torch=eager,compiled --output=runs/benchmark
  python -m experiments.benchmark --config=FILE.py --method=all --runs=1,8,24
  python -m experiments.benchmark --compare=laptop.json,gpu.json
  python -m experiments.benchmark --metrics=default --runs=100

For every number of runs per program: run-steps/s, compile time and peak memory
of one group of a study (the first; --method's; or of every method); beside them
the same training as one run at a time (`loop`) and, with --torch, as PyTorch
does it, eager and compiled. The rates of all forms are taken in turns and the
best of several repeats is shown: a shared machine's noise then hits all alike.

  python -m experiments.benchmark --config=unsupervised_study --minutes=9 \\
      --vary="net.conv.conv_form=blocks,lax" --output=runs/benchmark

--vary measures every combination of some fields' values. With --output, what
the file holds already is not measured again (--again does), so that a call that
was cut off, or that --minutes ended, goes on where it was.

  python -m experiments.benchmark --suite --output=runs/benchmark
  python -m experiments.benchmark --profile=runs/trace --runs=24

--threads=8 compiles all programs first, so many at once: sooner where a machine
has cores to spare and is lent by the minute, but compile times are then those
of a busy machine.

--suite measures four kinds of programs (an MLP, a conv net, a GAN, a recurrent
net) at 1, 8, 32 and 128 runs, and what their studies' scores add. What would
take longer than --longest seconds there is measured with fewer steps or left
out, and told. --profile writes a trace of the last measurement of each program.

--output names a folder: it gets one JSON file per machine (devices, driver,
versions, rates of a matrix product and of a copy; measurements of further calls
are added), a Markdown table and a plot. --compare puts such files side by side.

  python -m experiments.benchmark --many_runs=100,1000,10000

--many_runs plans, trains, stores and reports tiny studies of so many runs, each
in a process of its own: time, memory, files and bytes.

With --metrics it times scoring instead of training: the metrics named, each
alone and all together, for so many runs of made-up codes at dSprites' size; and
boosted-tree DCI against scikit-learn's on the same arrays.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
import copy
import json
import pathlib
import time
import types
from typing import Any

from absl import flags
import jax
from rich import box as rich_box
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.benchmark import (
  engines,
  forms,
  machine,
  many_runs,
  record,
  suite,
)
from disentangle_jax.benchmark import scoring as scoring_costs
from disentangle_jax.commands import cli
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import (
  algebra,
  declare,
  planning,
  study_plan,
)
from disentangle_jax.engine.programs import devices
from disentangle_jax.engine.workdir import study
from disentangle_jax.studies.quickstart import config as quickstart

_CONFIG = cli.config_flag()
_RUNS = flags.DEFINE_list(
  'runs', [], 'Runs per program; 1,8,24, or 1,8,32,128 of the suite.'
)
_METHOD = flags.DEFINE_string(
  'method',
  '',
  "Method whose group is measured; the first by default, 'all' for every one.",
)
_LOOP = flags.DEFINE_bool('loop', True, 'Also time one run at a time.')
_TORCH = flags.DEFINE_list(
  'torch', [], "Also time PyTorch: 'eager', 'compiled' (extra [torch])."
)
_METRICS = flags.DEFINE_list(
  'metrics', [], "Time these metrics instead; 'default' for a sweep's own."
)
_EACH = flags.DEFINE_bool('each', True, 'Time every metric alone as well.')
_AT_ONCE = flags.DEFINE_integer('at_once', 24, 'Runs scored in one program.')
_SCIKIT_LEARN = flags.DEFINE_bool(
  'scikit_learn', False, 'Also time DCI by scikit-learn (takes minutes).'
)
_STEPS = flags.DEFINE_integer('steps', 100, 'Steps per measurement.', 1)
_REPEATS = flags.DEFINE_integer('repeats', 3, 'Measurements of each form.', 1)
_OUTPUT = flags.DEFINE_string(
  'output', '', 'Folder for JSON, table and plot; with --metrics a JSON file.'
)
_COST = flags.DEFINE_list(
  'cost',
  ['1800x300000', '1000000x300000'],
  'Studies, as runs x steps, whose cost the best rate implies.',
)
_VARY = flags.DEFINE_string(
  'vary', '', "Fields and values, 'net.conv.conv_form=blocks,lax; ...'."
)
_MINUTES = flags.DEFINE_float(
  'minutes', 0.0, 'Begin no further group after so long; 0: no limit.', 0.0
)
_THREADS = flags.DEFINE_integer(
  'threads',
  0,
  'Compile all programs of the engine first, so many at once; 0: each when it '
  'is measured.',
  0,
)
_AGAIN = flags.DEFINE_bool(
  'again', False, 'Measure what the file of --output holds once more.'
)
_SUITE = flags.DEFINE_bool(
  'suite',
  False,
  'Measure an MLP, a conv net, a GAN and a recurrent net, scores included.',
)
_LONGEST = flags.DEFINE_float(
  'longest',
  30.0,
  'Seconds that a measurement of --suite may take: with fewer steps, or left '
  'out, where it would be more.',
  1.0,
)
_PROFILE = flags.DEFINE_string(
  'profile',
  '',
  "Folder for a trace of each program's last measurement (TensorBoard, "
  'Perfetto).',
)
_MANY_RUNS = flags.DEFINE_list(
  'many_runs',
  [],
  'Runs of tiny studies that are planned, trained, stored and reported.',
)
_COMPARE = flags.DEFINE_list(
  'compare', [], 'Show these files of machines side by side; measure nothing.'
)


def groups_of(config, method: str) -> list[study_plan.Group]:
  """The first group of a study, of one method, or of every method.

  Raises:
    ConfigError: the study has no such method.
  """
  groups = {}
  for group in planning.make(config).groups:
    groups.setdefault(group.method_name, group)
  if method == 'all':
    return list(groups.values())
  if method and method not in groups:
    raise errors.choices('--method', method, {*groups, 'all'})
  return [groups[method or next(iter(groups))]]


def studies(texts: list[str]) -> list[tuple[int, int]]:
  """'1800x300000' -> (runs, steps), several of them.

  Raises:
    ConfigError: a text of another form.
  """
  asked = []
  for text in texts:
    runs, _, steps = text.partition('x')
    if not (runs.isdigit() and steps.isdigit() and int(runs) * int(steps)):
      rule = 'must be RUNSxSTEPS, e.g. 1800x300000'
      raise errors.value('--cost', text, rule)
    asked.append((int(runs), int(steps)))
  return asked


def _varied(config) -> Iterator[tuple[str, study_plan.Group]]:
  """Every group to be measured, with what to call it."""
  for point in algebra.parse_sweep(_VARY.value):
    own = copy.deepcopy(config)
    own.update_from_flattened_dict(point)
    for group in groups_of(own, _METHOD.value):
      title = suite.title(config.study, group)
      named = title.split(', ')
      parts = [
        f'{name}={value}'
        for name, value in point.items()
        if str(value) not in (*named, 'auto')
      ]
      yield ', '.join([title, *parts]), group


def _asked(config):
  """What is measured: (name, group, member of the suite or None)."""
  if _SUITE.value:
    for member in suite.members():
      yield member.what, member.group, member
    return
  for what, group in _varied(config):
    yield what, group, None


def _measured(done: Mapping[str, Any], what: str, asked: Any) -> bool:
  """Whether a file holds this already; it is told."""
  if done.get(what) != asked:
    return False
  print(f'{what}: measured already')
  return True


def measure(
  group: study_plan.Group,
  counts: list[int],
  mesh,
  what: str,
  member: suite.Member | None = None,
  ahead: Mapping[int, futures.Future] = types.MappingProxyType({}),
) -> dict:
  """One measurement, as `record.save` takes it; of the suite, with scores."""
  longest = _LONGEST.value if member is not None else 0.0
  measured = list(engines.within(group, counts, mesh, longest, ahead))
  ways = list(measured)
  if _LOOP.value:
    ways.append(forms.Loop(group))
  if _TORCH.value:
    ways += [forms.Torch(group, kind == 'compiled') for kind in _TORCH.value]
  rows = forms.measure(ways, _REPEATS.value)
  if member is not None:
    for row, engine in zip(rows, measured):
      row['steps'] = engine.group.steps
      seconds = suite.scoring_seconds(member, engine)
      if seconds > longest:
        print(
          f'{engine.name}: not scored, encoding would take about '
          f'{progress.duration(seconds)} (--longest)'
        )
        continue
      row.update(suite.scored(member, engine, mesh))
  if _PROFILE.value:
    folder = pathlib.Path(_PROFILE.value) / record.file_name(what)
    with jax.profiler.trace(str(folder)):
      measured[-1].rate()
    print(f'trace of {measured[-1].name}: {folder}')
  return {
    'what': what,
    'steps': group.steps,
    'batch_size': group.batch_size,
    'floor': forms.floors(group),
    'rows': rows,
  }


def show(title: str, heads, lines, left: int = 1) -> None:
  """Prints a table, all columns but the first `left` to the right.

  Of several such columns the first says what it is about once.
  """
  table = rich_table.Table(title=title, box=rich_box.SIMPLE, pad_edge=False)
  for i, head in enumerate(heads):
    table.add_column(head, justify='left' if i < left else 'right')
  above = None
  for line in lines:
    first = '' if left > 1 and line[0] == above else line[0]
    table.add_row(first, *line[1:])
    above = line[0]
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = 120
  console.print(table)


def score(config, counts: list[int]) -> None:
  """Times metrics and prints a table."""
  names = _METRICS.value
  if names == ['default']:
    names = declare.DEFAULT_METRICS
  names = [n for n in names if n not in ('kl', 'elbo', 'reconstruction')]
  config.engine.compile_cache = False
  devices.prepare(config.engine)
  about = {'devices': devices.describe(), 'versions': study.versions()}
  for runs in counts if len(names) else ():
    rows = scoring_costs.measure(
      names, runs, min(runs, _AT_ONCE.value), _EACH.value
    )
    heads = ('metric', 'seconds', 'seconds per run', 'first chunk')
    lines = [
      (
        row['metric'],
        f'{row["seconds"]:.1f}',
        f'{row["seconds"] / runs:.3f}',
        f'{row["first_s"]:.1f}',
      )
      for row in rows
    ]
    show(f'scoring {runs} runs on {about["devices"]}', heads, lines)
    about[f'runs_{runs}'] = rows
  print(f'peak memory {machine.peak_mib():,.0f} MiB')
  if _SCIKIT_LEARN.value:
    about['dci'] = scoring_costs.dci_against_scikit_learn()
    print(json.dumps(about['dci'], indent=1))
  if _OUTPUT.value:
    with open(_OUTPUT.value, 'w') as file:
      json.dump(about, file, indent=1)


def compare(paths: list[str]) -> None:
  """Prints files side by side; a plot and a table with --output."""
  machines = [record.load(path) for path in paths]
  heads, lines = record.compare(machines)
  show('run-steps/s', heads, lines, left=2)
  if _OUTPUT.value:
    _write(pathlib.Path(_OUTPUT.value), 'comparison', machines, heads, lines)


def _write(folder, name, found, heads, lines) -> None:
  folder.mkdir(parents=True, exist_ok=True)
  (folder / f'{name}.md').write_text(record.markdown(heads, lines) + '\n')
  record.plot(found, folder / f'{name}.png')
  print(f'table and plot: {folder / name}.md, .png')


def grow(texts: list[str]) -> None:
  """Whole tiny studies, one after the other, as a table."""
  if not all(text.isdecimal() and int(text) for text in texts):
    raise errors.value('--many_runs', texts, 'must be numbers of at least 1')
  lines = [many_runs.line(many_runs.measure(int(text))) for text in texts]
  title = f'{many_runs.STEPS} steps of principal components'
  show(title, many_runs.HEADS, lines, left=0)


def main(argv):
  """See the module docstring."""
  del argv
  if _MANY_RUNS.value:
    grow(_MANY_RUNS.value)
    return
  if _COMPARE.value:
    compare(_COMPARE.value)
    return
  try:
    usual = suite.RUNS if _SUITE.value else (1, 8, 24)
    counts = sorted({int(count) for count in _RUNS.value or usual})
  except ValueError:
    counts = [0]
  if counts[0] < 1:
    raise errors.value('--runs', _RUNS.value, 'must be numbers of at least 1')
  asked = studies(_COST.value)
  for kind in _TORCH.value:
    if kind not in ('eager', 'compiled'):
      raise errors.choices('--torch', kind, ('eager', 'compiled'))
  config = _CONFIG.value or quickstart.get_config()
  if _METRICS.value:
    score(config, counts)
    return
  # Compile times are part of the result: no help from the cache.
  config.engine.compile_cache = False
  devices.prepare(config.engine)
  mesh = devices.mesh(config.engine.data_shards)
  about = machine.describe()
  print(
    f'{record.machine_name(about)}: matrix product '
    f'{about["matmul_gflop_per_s"]:,.0f} GFLOP/s (bfloat16 '
    f'{about["matmul_bfloat16_gflop_per_s"]:,.0f}), copy '
    f'{about["copy_gb_per_s"]:,.1f} GB/s'
  )
  path, done = None, {}
  forms_asked = {
    'runs': counts,
    'loop': _LOOP.value,
    'torch': sorted(_TORCH.value),
    'steps': _STEPS.value,
  }
  if _SUITE.value:
    forms_asked['longest'] = _LONGEST.value
  if _OUTPUT.value:
    path = record.path_of(_OUTPUT.value, about)
    if path.exists() and not _AGAIN.value:
      done = {
        m['what']: m.get('asked') for m in record.load(path)['measurements']
      }
  began, left = time.monotonic(), 0
  wanted: Iterable = (
    (what, group._replace(steps=_STEPS.value), member)
    for what, group, member in _asked(config)
    if not _measured(done, what, forms_asked)
  )
  ahead: dict[str, dict[int, futures.Future]] = {}
  if _THREADS.value:
    wanted = list(wanted)
    ahead = engines.compile_ahead(wanted, counts, mesh, _THREADS.value)
  for what, group, member in wanted:
    if _MINUTES.value and time.monotonic() - began > 60 * _MINUTES.value:
      left += 1
      continue
    measurement = measure(
      group, counts, mesh, what, member, ahead.pop(what, {})
    )
    measurement['asked'] = forms_asked
    show(what, record.HEADS, record.table(measurement, about))
    arithmetic, traffic = record.floor_rate(measurement, about)
    print(
      f'at most {arithmetic:,.0f} run-steps/s by arithmetic, {traffic:,.0f} by '
      'reading and writing the state'
    )
    for runs, steps in asked:
      form, hours = record.cost(measurement, runs, steps)
      print(
        f'{runs:,} runs of {steps:,} steps: {hours:,.1f} hours of this machine '
        f'({form})'
      )
    if _OUTPUT.value:
      path = record.save(_OUTPUT.value, about, [measurement])
  if left:
    print(f'{left} left after {_MINUTES.value:g} minutes: give the same again')
  print(record.EXPLAINED)
  if path is not None and path.exists():
    contents = record.load(path)
    lines = [
      (m['what'], *line)
      for m in contents['measurements']
      for line in record.table(m, contents['machine'])
    ]
    print(f'measurements: {path}')
    _write(path.parent, path.stem, [contents], ('what', *record.HEADS), lines)


def run() -> None:
  """The command itself."""
  cli.run(main, __doc__)
