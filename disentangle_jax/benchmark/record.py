"""Measurements of machines: one JSON file each, tables and plots of them."""

from collections.abc import Mapping, Sequence
import json
import math
import pathlib
import re
import textwrap
from typing import Any

from disentangle_jax import errors
from disentangle_jax.benchmark import forms, machine
from disentangle_jax.engine.workdir import store
from disentangle_jax.report import style


def path_of(
  folder: str | pathlib.Path, about: Mapping[str, Any]
) -> pathlib.Path:
  """The file of a machine in a folder, named after its devices."""
  device = about['devices']
  if about['backend'] == 'cpu':
    device = f'{about["cores"]} cores {about["cpu"]}'
  return pathlib.Path(folder) / f'{file_name(device)}.json'


def file_name(text: str) -> str:
  """Words as a name of a file: lower case, underscores between."""
  return re.sub(r'[^a-z0-9]+', '_', text.lower()).strip('_')


def save(
  folder: str | pathlib.Path,
  about: Mapping[str, Any],
  measurements: Sequence[Mapping[str, Any]],
) -> pathlib.Path:
  """Adds measurements to the file of a machine; same names are replaced.

  Args:
    folder: made if need be.
    about: from `machine.describe`.
    measurements: dicts with 'what'.

  Returns:
    The file.

  Raises:
    StoreError: it cannot be written.
    ConfigError: the file that is there is not from here.
  """
  path = path_of(folder, about)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise errors.StoreError(
      f'{path.parent}: cannot be made: {error.strerror}'
    ) from error
  old = load(path)['measurements'] if path.exists() else []
  new = {m['what'] for m in measurements}
  others = [m for m in old if m['what'] not in new]
  store.write_json(
    path, {'machine': about, 'measurements': [*others, *measurements]}
  )
  return path


def load(path: str | pathlib.Path) -> dict[str, Any]:
  """Reads a machine's file.

  Raises:
    ConfigError: no such file, or not one of these.
  """
  try:
    contents = json.loads(pathlib.Path(path).read_text())
    for measurement in contents['measurements']:
      if not {'what', 'rows', 'floor'} <= set(measurement):
        raise KeyError('rows')
    if 'devices' not in contents['machine']:
      raise KeyError('devices')
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.ConfigError(
      f'{path}: not a file of measurements ({type(error).__name__}: {error})'
    ) from error
  return contents


def _rate(measurement: Mapping[str, Any], form: str) -> float | None:
  for row in measurement['rows']:
    if row['form'] == form:
      return row['run_steps_per_s']
  return None


def floor_rate(
  measurement: Mapping[str, Any], about: Mapping[str, Any]
) -> tuple[float, float]:
  """Run-steps/s that arithmetic and memory traffic would allow at most.

  Args:
    measurement: one of `save`.
    about: the machine.

  Returns:
    The two rates of the whole machine.
  """
  many = machine.parallel(about)
  floor = measurement['floor']
  arithmetic = math.inf  # of a method that only keeps what it was given
  if floor['flops']:
    arithmetic = many * about['matmul_gflop_per_s'] * 1e9 / floor['flops']
  return (
    arithmetic,
    many * about['copy_gb_per_s'] * 1e9 / floor['bytes'],
  )


HEADS = (
  'form',
  'rate',
  'ms',
  'x loop',
  'x torch',
  'util',
  'compile',
  'MiB',
  'model',
)
EXPLAINED = (
  'rate: run-steps/s; ms: wall time per run-step; x loop, x torch: times the '
  'rate of one run at a time, and of the faster PyTorch form; util: share of '
  'the matrix product rate that the arithmetic of the model reaches; compile: '
  'seconds, first calls included; MiB: peak memory of the process so far, '
  'rising down the table (CPU), or what the compiled program holds of a '
  'device, of PyTorch its own peak; model: seconds from nothing to one trained '
  'and scored model, where scores were timed'
)


def table(
  measurement: Mapping[str, Any], about: Mapping[str, Any]
) -> list[tuple[str, ...]]:
  """One line per form, columns as HEADS; a dash where there is nothing."""
  loop = _rate(measurement, forms.LOOP)
  torch = max(
    (_rate(measurement, f) or 0.0 for f in (forms.EAGER, forms.COMPILED)),
  )
  arithmetic, _ = floor_rate(measurement, about)
  times = lambda rate, base: f'{rate / base:.2f}' if base else '-'
  lines = []
  for row in measurement['rows']:
    rate = row['run_steps_per_s']
    lines.append(
      (
        row['form'],
        f'{rate:,.1f}' if rate < 100 else f'{rate:,.0f}',
        f'{1e3 / rate:,.3f}',
        times(rate, loop),
        times(rate, torch),
        f'{rate / arithmetic:.1%}',
        f'{row["compile_s"]:.1f}',
        _memory(row, about),
        f'{row["model_s"]:,.1f}' if 'model_s' in row else '-',
      )
    )
  return lines


def _memory(row: Mapping[str, Any], about: Mapping[str, Any]) -> str:
  """MiB of a form. A device's peak so far would say nothing of one of many."""
  kind = 'peak_mib'
  if about['backend'] != 'cpu' and row['form'].startswith('engine'):
    kind = 'compiled_mib' if 'compiled_mib' in row else kind
  elif about['backend'] != 'cpu' and row['form'] == forms.LOOP:
    return '-'
  return f'{row[kind]:,.0f}'


def cost(
  measurement: Mapping[str, Any], runs: int, steps: int
) -> tuple[str, float]:
  """What a study takes at the best rate of the engine that was measured.

  Args:
    measurement: one of `save`.
    runs: of the study.
    steps: of each.

  Returns:
    The form with the best rate and the hours of this machine, for training
    alone.
  """
  ours = [r for r in measurement['rows'] if r['form'].startswith('engine')]
  best = max(ours, key=lambda row: row['run_steps_per_s'])
  return best['form'], runs * steps / best['run_steps_per_s'] / 3600


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
  """A Markdown table."""
  rows = [heads, ['---'] * len(heads), *lines]
  return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def compare(
  found: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[list[str]]]:
  """Rates of several machines side by side.

  Args:
    found: from `load`, the first being what the others are compared with.

  Returns:
    Heads and lines: one line per measurement and form that any of them has,
    run-steps/s and, from the second machine on, the ratio to the first.
  """
  heads = ['measurement', 'form']
  heads += [machine_name(f['machine']) for f in found]
  rates_of = [
    {
      (m['what'], row['form']): row['run_steps_per_s']
      for m in f['measurements']
      for row in m['rows']
    }
    for f in found
  ]
  places = dict.fromkeys(place for rates in rates_of for place in rates)
  lines = []
  for place in places:
    base = rates_of[0].get(place)
    cells = []
    for rates in rates_of:
      rate = rates.get(place)
      text = '-' if rate is None else f'{rate:,.0f}'
      if rate is not None and base and rates is not rates_of[0]:
        text += f' ({rate / base:.2f}x)'
      cells.append(text)
    lines.append([*place, *cells])
  return heads, lines


def machine_name(about: Mapping[str, Any]) -> str:
  """'2 x cpu (Intel Xeon)' or '1 x NVIDIA H200'."""
  if about['backend'] == 'cpu':
    return f'{about["devices"]} ({about["cpu"]})'
  return about['devices']


def plot(found: Sequence[Mapping[str, Any]], path: str | pathlib.Path) -> None:
  """Run-steps/s against runs per program: a panel per measurement.

  Args:
    found: from `load`; one line style per machine. Forms that train one run at
      a time are level lines.
    path: of the picture, PNG or SVG.
  """
  # Slow to import, and needed here alone.
  from matplotlib import ticker

  from disentangle_jax.report import figures

  whats = list(
    dict.fromkeys(m['what'] for f in found for m in f['measurements'])
  )
  columns = min(3, len(whats))
  rows = -(-len(whats) // columns)
  with style.use():
    canvas, axes = figures.new(
      4.2 * columns, 3.3 * rows, nrows=rows, ncols=columns, squeeze=False
    )
    colours = style.COLOURS
    for what, axis in zip(whats, axes.flat):
      for number, one in enumerate(found):
        measurement = next(
          (m for m in one['measurements'] if m['what'] == what), None
        )
        if measurement is None:
          continue
        _lines(
          axis, measurement, ('-', '--', ':')[number % 3], colours, one, found
        )
      axis.set_xscale('log', base=2)
      axis.set_yscale('log')
      axis.margins(x=0.08)  # room for the last number below
      axis.xaxis.set_major_formatter(ticker.StrMethodFormatter('{x:,.0f}'))
      axis.yaxis.set_major_formatter(ticker.StrMethodFormatter('{x:,.0f}'))
      axis.yaxis.set_minor_formatter(ticker.NullFormatter())
      low, high = axis.get_ylim()
      if high < 30 * low:  # one power of ten or none, in sight
        axis.yaxis.set_major_locator(ticker.AutoLocator())
      axis.set_title(textwrap.fill(what, 44))
      axis.set_xlabel('runs per program')
      axis.set_ylabel('run-steps/s')
      axis.legend(fontsize=style.SMALL)
    for axis in axes.flat[len(whats) :]:
      axis.set_visible(False)
    canvas.savefig(path)


def _lines(axis, measurement, dash, colours, one, found) -> None:
  place = f', {machine_name(one["machine"])}' if len(found) > 1 else ''
  ours = [r for r in measurement['rows'] if r['form'].startswith('engine')]
  axis.plot(
    [r['runs'] for r in ours],
    [r['run_steps_per_s'] for r in ours],
    marker='o',
    linestyle=dash,
    color=colours[0],
    label=f'engine{place}',
  )
  others = [r for r in measurement['rows'] if r not in ours]
  for colour, row in zip(colours[1:], others):
    axis.axhline(
      row['run_steps_per_s'],
      linestyle=dash,
      color=colour,
      label=f'{row["form"]}{place}',
    )
