"""`python -m experiments.compile_for`: would a study fit devices elsewhere?

  python -m experiments.compile_for --topology=v5e:2x2 --config=quickstart
  python -m experiments.compile_for --topology=h100:1 --config=FILE --runs=8,32
  python -m experiments.compile_for --topology=cpu --config=quickstart

Compiles training, encoder and every score of every group for a TPU (libtpu) or
a GPU (JAX's CUDA plugin), without one, and prints what its compiler says. First
the memory of a device: states, scratch and all, against what it has. Then a
training step: collectives with their groups of devices, the share of matrix
products, and on a TPU the estimated cycles, on a GPU the kernels launched and
the bytes that they move, with the least time that these take. All that ranks
programs; it is no stopwatch. Nothing is run. Exit code 1 if something does not
fit. --output=FOLDER keeps the rates that follow, for --compare of
experiments.benchmark, where they are marked as estimated.
"""

from collections.abc import Sequence
import pathlib
import sys

from absl import flags
import jax
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.benchmark import record, suite
from disentangle_jax.commands import cli
from disentangle_jax.engine import compiling, progress
from disentangle_jax.engine.programs import topologies
from disentangle_jax.engine.workdir import study

_CONFIG = cli.config_flag()
_TOPOLOGY = flags.DEFINE_string(
  'topology', '', "Devices: 'v5e:2x2', 'v4:2x2x1', 'h100:1', 'cpu', ..."
)
_RUNS = flags.DEFINE_list(
  'runs', [], 'Runs per program; those that a sweep would plan by default.'
)
_OUTPUT = flags.DEFINE_string(
  'output',
  '',
  'Folder for a file of estimated rates, for experiments.benchmark --compare.',
)
_TARGET = flags.DEFINE_string(
  'target_config', '', "A file that describes the GPU, as its compiler's text."
)


def _runs() -> list[int]:
  for text in _RUNS.value:
    if not text.isdigit() or int(text) < 1:
      raise errors.value('--runs', text, 'must be whole numbers from 1 on')
  return [int(text) for text in _RUNS.value]


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  cli.required('config', _CONFIG.value, 'quickstart')
  cli.required('topology', _TOPOLOGY.value, 'v5e:2x2')
  text = ''
  if _TARGET.value:
    try:
      text = pathlib.Path(_TARGET.value).read_text(encoding='utf-8')
    except (OSError, UnicodeError) as error:
      rule = f'cannot be read: {errors.first_line(error)}'
      raise errors.value('--target_config', _TARGET.value, rule) from error
  # The host only plans; its own accelerators are left alone.
  jax.config.update('jax_platforms', 'cpu')
  topology = topologies.of(_TOPOLOGY.value, text)
  plan = compiling.planned(_CONFIG.value)
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = 140
  name = lambda row: progress.group_name(plan.groups[row.group])
  table = _memory_table(plan.study, topology)
  rows, runs = [], _runs()
  for row in compiling.rows(plan, topology, runs):
    rows.append(row)
    table.add_row(*_memory_cells(name(row), row))
  console.print(table)
  steps = [row for row in rows if row.training and row.fits]
  if steps:
    over = len(topology.devices) // plan.config.engine.data_shards
    console.print(_step_table(topology, steps, name, over))
  if _OUTPUT.value:
    _save(plan, topology, steps)
  large = sum(not row.fits for row in rows)
  if (runs and large) or not compiling.fit(rows):
    print(f'{large} program(s) do not fit')
    sys.exit(1)
  if large:
    print('fits with fewer runs per program, as a sweep would choose by itself')


def _table(title, left, right):
  table = rich_table.Table(title=title, title_justify='left')
  for name in left:
    table.add_column(name)
  for name in right:
    table.add_column(name, justify='right')
  return table


def _memory_table(study, topology):
  title = (
    f'Memory of a device: {study} on {len(topology.devices)} x '
    f'{topology.devices[0].device_kind}, {topology.memory / 2**30:.2f} GiB each'
  )
  table = _table(
    title,
    ('group', 'what', 'program'),
    ('runs', 'state MiB', 'scratch MiB', 'total MiB', 'bound MiB', 'fits'),
  )
  table.add_column('custom calls')
  return table


def _memory_cells(name: str, row: compiling.Row) -> list[str]:
  mebibytes = lambda count: f'{count / 2**20:,.1f}'
  calls = row.cost.custom_calls if row.cost else {}
  return [
    str(row.group),
    name,
    row.program,
    str(row.runs),
    mebibytes(row.state) if row.state else '-',
    mebibytes(row.scratch) if row.bytes else '-',
    mebibytes(row.bytes) if row.bytes else 'refused',
    mebibytes(row.bound) if row.bound else '-',
    'yes' if row.fits else 'no',
    row.refused or ', '.join(f'{n} {call}' for call, n in calls.items()),
  ]


def _step_table(topology, rows: Sequence[compiling.Row], name, over: int):
  """What a training step takes, in the words of its device's compiler."""
  said, columns = {
    'cpu': ('A training step', ()),
    'tpu': (
      'A training step, as the compiler estimates it (ranks, no times)',
      ('products', 'Mcycles', 'ms per run'),
    ),
    'cuda': (
      'A training step: what its kernels move, and the least time for that',
      ('products', 'kernels', 'GB moved', 'least ms per run'),
    ),
  }[topology.platform]
  table = _table(said, ('group', 'what', 'collectives'), ('runs', *columns))
  for row in rows:
    cost, seconds = row.cost, topology.seconds(row.cost)
    each = f'{1e3 * seconds / (row.runs // over):.3g}' if seconds else '-'
    cells = {
      'cpu': [],
      'tpu': [f'{cost.products:.0%}', f'{cost.cycles / 1e6:.3f}', each],
      'cuda': [
        f'{cost.products:.0%}',
        str(cost.kernels),
        f'{cost.bytes / 1e9:.3g}',
        each,
      ],
    }[topology.platform]
    speak = ', '.join(f'{n} {kind}' for kind, n in row.collectives.items())
    table.add_row(
      str(row.group), name(row), speak or 'none', str(row.runs), *cells
    )
  return table


def _save(plan, topology, rows: Sequence[compiling.Row]) -> None:
  """Estimated rates, as if this were a machine that was measured."""
  about = {
    'devices': (
      f'{len(topology.devices)} x {topology.devices[0].device_kind} (estimated)'
    ),
    'backend': topology.platform,
    'versions': study.versions(),
    'matmul_gflop_per_s': topology.peak / 1e9,
    'copy_gb_per_s': topology.bandwidth / 1e9,
  }
  estimates = {}
  for row in rows:
    group, seconds = plan.groups[row.group], topology.seconds(row.cost)
    if not seconds:
      rule = 'has no published clock or bandwidth to estimate rates from'
      raise errors.value('--topology', topology.name, rule)
    what = suite.title(plan.study, group)
    one = suite.estimated(what, group, row.runs, seconds, row.bytes / 2**20)
    if what in estimates:
      estimates[what]['rows'] += one['rows']
    else:
      estimates[what] = one
  print(f'estimates: {record.save(_OUTPUT.value, about, estimates.values())}')


def run() -> None:
  """The command itself."""
  cli.run(main, __doc__)
