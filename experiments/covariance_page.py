"""Tables and figures of docs/studies/covariance_penalty.md.

  python -m experiments.covariance_page --workdir=runs/covariance_penalty
  python -m experiments.covariance_page --workdir=runs/xor --out=docs/images
  python -m experiments.covariance_page --workdir=runs/images --out=docs/images

Intervals: 95 % percentile bootstrap over the projections, or the seeds.
"""

import math
import pathlib
import re

from absl import flags
import numpy as np
import pandas as pd

from disentangle_jax import errors, load_run
from disentangle_jax.commands import cli

MEASURES = ('mse', 'cvr', 'mapc', 'tdv', 'ud90')
TRAINED = ('cross_entropy', 'accuracy')
LAYERS = ('hidden_1', 'hidden_2')


def _cell(values) -> str:
  from disentangle_jax.report import statistics

  low, high = statistics.bootstrap_interval([np.asarray(values)])[0]
  return f'{np.mean(values):.3g} [{low:.3g}, {high:.3g}]'


def wide(rows: pd.DataFrame) -> pd.DataFrame:
  """One row per run: scores as columns, with 'penalty' and 'strength'."""
  keys = ['run_id', 'variant', 'strength', 'seed']
  last = rows.sort_values('step').drop_duplicates(
    ['run_id', 'name'], keep='last'
  )
  found = last.pivot(index=keys, columns='name', values='value').reset_index()
  found['penalty'] = found['variant'].str.extract(r'penalty=(\w+)')[0]
  return found


def _costly(parts):
  """Strengths above the error without penalty, which is Adam's noise."""
  least = parts[0]['mse'].mean()
  return [part for part in parts if part['mse'].mean() > least]


def autoencoders(
  rows: pd.DataFrame, entries: int, kind: str, out: pathlib.Path | None
) -> None:
  """Sections 3.2 and 3.4: the table, the comparison at equal error, a figure.

  Args:
    rows: of the store.
    entries: numbers per observation.
    kind: ends the name of the figure's file.
    out: folder of the figure; None draws nothing.
  """
  from disentangle_jax.report import figures, matching

  runs = wide(rows[~rows['name'].str.startswith('train/')])
  runs['mse'] = runs['reconstruction/squared_error'] / entries
  heads = ['penalty', 'lambda', 'repetitions', *MEASURES]
  print('| ' + ' | '.join(heads) + ' |\n' + '|---' * len(heads) + '|')
  cells = {}
  # In one order everywhere: row i is the same seed, or the same projection.
  runs = runs.sort_values(['variant', 'seed'])
  for (penalty, strength), part in runs.groupby(['penalty', 'strength']):
    shown = [penalty, f'{strength:g}', str(len(part))]
    shown += [_cell(part[name]) for name in MEASURES]
    print('| ' + ' | '.join(shown) + ' |')
    cells.setdefault(penalty, []).append(part)
  print('\n| lambda | error, l1 / covariance | cvr, covariance - l1 |')
  print('|---' * 3 + '|')
  for ours, theirs in zip(*cells.values()):
    # Row i of both is the same projection: differences within projections.
    ratio = theirs['mse'].to_numpy() / ours['mse'].to_numpy()
    apart = ours['cvr'].to_numpy() - theirs['cvr'].to_numpy()
    strength = ours['strength'].iloc[0]
    print(f'| {strength:g} | {_cell(ratio)} | {_cell(apart)} |')
  print('\n| measure | strengths | covariance minus l1 at equal error |')
  print('|---|---|---|')
  for name in MEASURES[1:]:
    # On a log scale of the error, over which the strengths spread.
    first, second = (
      [
        matching.Cell(np.log(p['mse'].to_numpy()), p[name].to_numpy())
        for p in c
      ]
      for c in (_costly(cells['covariance']), _costly(cells['l1']))
    )
    value, low, high, count = matching.difference_at_equal_cost(first, second)
    print(f'| {name} | {count} | {value:+.3f} [{low:+.3f}, {high:+.3f}] |')
  if out is None:
    return
  drawn, axes = figures.new(7.2, 2.4, ncols=4)
  for axis, name in zip(axes, MEASURES[1:]):
    for penalty, parts in cells.items():
      means = [(p['mse'].mean(), p[name].mean()) for p in parts]
      axis.plot(*np.transpose(means), 'o-', ms=3, label=penalty)
    axis.set(xlabel='squared error', ylabel=name, xscale='log')
    axis.tick_params(labelsize=6)
  axes[0].legend(fontsize=6)
  drawn.savefig(out / f'covariance_penalty_{kind}.png', dpi=110)


def exclusive_or(rows: pd.DataFrame, out: pathlib.Path | None) -> None:
  """Section 3.3: units in use, and covariances of the hidden units."""
  from disentangle_jax.report import figures

  runs = wide(rows)
  print('| lambda | seed | cross entropy | accuracy | UD90 | units |')
  print('|---' * 6 + '|')
  pair = lambda run, name: ', '.join(
    f'{run[f"{name}/{layer}"]:g}' for layer in LAYERS
  )
  for _, run in runs.sort_values(['strength', 'seed']).iterrows():
    trained = ' | '.join(f'{run[f"train/{name}"]:.3g}' for name in TRAINED)
    print(
      f'| {run["strength"]:g} | {run["seed"]} | {trained} | '
      f'{pair(run, "layer_ud90")} | {pair(run, "layer_units")} |'
    )
  if out is None:
    return
  shown = runs[runs['seed'] == runs['seed'].max()].sort_values('strength')
  drawn, axes = figures.new(7.2, 1.9, ncols=2 * len(shown))
  places = iter(axes)
  for _, run in shown.iterrows():
    names = [n for n in runs.columns if n.startswith('layer_covariance/')]
    where = [tuple(map(int, re.findall(r'\d+', n))) for n in names]
    matrix = np.zeros([1 + max(where)[0]] * 2)
    for name, place in zip(names, where):
      matrix[place] = run[name]
    half = len(matrix) // 2
    for layer, rows_of in enumerate((slice(0, half), slice(half, None)), 1):
      axis, own = next(places), matrix[rows_of, rows_of]
      peak = np.abs(own).max()
      axis.imshow(own, cmap='RdBu', vmin=-peak, vmax=peak)
      title = f'lambda {run["strength"]:g}, layer {layer}\n+-{peak:.2g}'
      axis.set_title(title, fontsize=7)
      axis.tick_params(labelsize=6)
  drawn.savefig(out / 'covariance_penalty_xor.png', dpi=110)


def main(argv):
  """See the module docstring."""
  from disentangle_jax.engine.workdir import store

  del argv
  if not flags.FLAGS.workdir:
    raise errors.ConfigError('--workdir is missing')
  workdir = pathlib.Path(flags.FLAGS.workdir)
  rows = store.read(workdir)
  out = pathlib.Path(flags.FLAGS.out) if flags.FLAGS.out else None
  if (rows['method'] == 'covariance_classifier').any():
    exclusive_or(rows, out)
    return
  first = load_run(workdir, int(rows['run_number'].min()))
  shape = first.dataset.observation_shape
  name = 'images' if len(shape) == 3 else 'linear'
  autoencoders(rows, math.prod(shape), name, out)


if __name__ == '__main__':
  flags.DEFINE_string('workdir', '', 'Directory of a finished sweep.')
  flags.DEFINE_string('out', '', 'Folder for the figures; none if empty.')
  cli.run(main)
