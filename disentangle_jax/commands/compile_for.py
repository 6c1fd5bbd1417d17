"""`python -m experiments.compile_for`: would a study fit devices elsewhere?

  python -m experiments.compile_for --topology=v5e:2x2 --config=quickstart
  python -m experiments.compile_for --topology=h100:1 --config=FILE --runs=8,32
  python -m experiments.compile_for --topology=cpu --config=quickstart

Compiles training, encoder and every score of every group for a TPU (libtpu) or
a GPU (JAX's CUDA plugin), without one, and prints what its compiler says: bytes
on a device against its memory, collectives with their groups of devices, and on
a TPU estimated cycles of a step. Cycles rank programs; they are no
milliseconds. Nothing is run. Exit code 1 if something does not fit.
"""

import pathlib
import sys

from absl import flags
import jax
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.engine import compiling, progress
from disentangle_jax.engine.programs import topologies

_CONFIG = cli.config_flag()
_TOPOLOGY = flags.DEFINE_string(
  'topology', '', "Devices: 'v5e:2x2', 'v4:2x2x1', 'h100:1', 'cpu', ..."
)
_RUNS = flags.DEFINE_list(
  'runs', [], 'Runs per program; those that a sweep would plan by default.'
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
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  if _CONFIG.value is None:
    raise errors.ConfigError('--config is missing, e.g. --config=quickstart')
  if not _TOPOLOGY.value:
    raise errors.ConfigError('--topology is missing, e.g. --topology=v5e:2x2')
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
  table = rich_table.Table(
    title=(
      f'study {plan.study} compiled for {len(topology.devices)} x '
      f'{topology.devices[0].device_kind}, {topology.memory / 2**30:.2f} GiB '
      'each'
    )
  )
  for name in ('group', 'what', 'program'):
    table.add_column(name)
  for name in ('runs', 'MiB per device', 'fits'):
    table.add_column(name, justify='right')
  table.add_column('collectives')
  table.add_column('Mcycles per step', justify='right')
  rows, runs = [], _runs()
  for row in compiling.rows(plan, topology, runs):
    rows.append(row)
    group = plan.groups[row.group]
    speak = ', '.join(f'{n} {what}' for what, n in row.collectives.items())
    said = speak or ('none' if row.program == 'training' else '')
    table.add_row(
      str(row.group),
      progress.group_name(group),
      row.program,
      str(row.runs),
      f'{row.bytes / 2**20:,.1f}' if row.bytes else 'refused',
      'yes' if row.fits else 'no',
      row.refused or said,
      f'{row.cycles / 1e6:.3f}' if row.cycles else '-',
    )
  console.print(table)
  large = sum(not row.fits for row in rows)
  if (runs and large) or not compiling.fit(rows):
    print(f'{large} program(s) do not fit')
    sys.exit(1)
  if large:
    print('fits with fewer runs per program, as a sweep would choose by itself')


def run() -> None:
  """The command itself."""
  cli.run(main)
