"""Scores of a finished sweep as Markdown: mean and 95 % interval over seeds.

  python -m experiments.scores --workdir=runs/study --scores=mig_binned,kl
  python -m experiments.scores --workdir=runs/attack --table=attack_target

The first prints one row per setting and one column per score. The second prints
a score that is a table ('attack_target/3_7': row 3, column 7) for each setting,
means over seeds. Intervals: 95 % percentile bootstrap over seeds; a dash where
there is one seed alone.
"""

from absl import flags
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.commands import cli

_WORKDIR = flags.DEFINE_list('workdir', [], 'Directories of finished sweeps.')
_SCORES = flags.DEFINE_list('scores', [], 'Scores to show; all by default.')
_TABLE = flags.DEFINE_string('table', '', 'A score with one value per cell.')
_REPRESENTATION = flags.DEFINE_string(
  'representation', 'mean', "Representation to show: 'mean' or 'sampled'."
)


def columns(study, names: list[str], representation: str) -> list[int]:
  """Places of the scores that were asked for.

  Args:
    study: `report.tables.Study`.
    names: of scores; empty for all.
    representation: for scores that differ between representations.

  Returns:
    Indices into the columns of `study.scores`.

  Raises:
    ConfigError: a name that the study does not hold.
  """
  held = {
    name: i
    for i, (name, shown) in enumerate(study.scores.columns)
    if shown in ('', representation)
  }
  for name in names:
    if name not in held:
      raise errors.choices('--scores', name, held)
  return [held[name] for name in names or held]


def settings_table(study, places: list[int]) -> str:
  """Markdown: a row per setting, a column per score.

  Args:
    study: `report.tables.Study`.
    places: from `columns`.
  """
  from disentangle_jax.report import summaries

  heads = [study.scores.columns[i][0] for i in places]
  tables = [summaries.cell_table(study, i) for i in places]
  lines = [
    f'| setting | runs | {" | ".join(heads)} |',
    '|---' * (2 + len(heads)) + '|',
  ]
  several = study.cells['dataset'].nunique() > 1
  for c, cell in study.cells.iterrows():
    where = f'{cell["dataset"]}: ' if several else ''
    figures = []
    for table in tables:
      row = table.loc[c]
      within = summaries.interval(row['mean_low'], row['mean_high'])
      figures.append(f'{summaries.figure(row["mean"])} {within}')
    lines.append(
      f'| {where}{cell["label"]} | {cell["runs"]} | {" | ".join(figures)} |'
    )
  return '\n'.join(lines)


def grid(rows: pd.DataFrame, name: str) -> str:
  """Markdown: one grid per setting of a score 'name/<row>_<column>'.

  Args:
    rows: of the store.
    name: of the score.

  Raises:
    ConfigError: no such score.
  """
  found = rows['name'].str.extract(rf'^{name}/(\d+)_(\d+)$').astype(float)
  rows = rows.assign(row=found[0], column=found[1]).dropna(subset=['row'])
  if rows.empty:
    raise errors.ConfigError(
      f'--table={name}: the store holds no score {name}/<row>_<column>'
    )
  rows = rows.astype({'row': int, 'column': int})
  parts = []
  keys = ['dataset', 'method', 'variant', 'strength']
  for place, part in rows.groupby(keys, sort=False, dropna=False):
    means = part.pivot_table(index='row', columns='column', values='value')
    dataset, method, variant, strength = place
    apart = f' ({variant})' if variant else ''
    parts.append(
      f'\n{dataset}, {method}{apart}, strength {strength:g}, '
      f'{part["seed"].nunique()} seeds\n'
    )
    parts.append('| | ' + ' | '.join(map(str, means.columns)) + ' |')
    parts.append('|---' * (1 + len(means.columns)) + '|')
    for row, values in means.iterrows():
      shown = ['' if pd.isna(v) else f'{v:.2f}' for v in values]
      parts.append(f'| **{row}** | ' + ' | '.join(shown) + ' |')
  return '\n'.join(parts)


def main(argv):
  """See the module docstring."""
  import pathlib

  from disentangle_jax.engine import store
  from disentangle_jax.report import tables

  del argv
  if not _WORKDIR.value:
    raise errors.ConfigError('--workdir is missing')
  if _TABLE.value:
    rows = pd.concat(store.read(pathlib.Path(w)) for w in _WORKDIR.value)
    print(grid(rows, _TABLE.value))
    return
  study = tables.load(_WORKDIR.value)
  places = columns(study, _SCORES.value, _REPRESENTATION.value)
  print(settings_table(study, places))


if __name__ == '__main__':
  cli.run(main)
