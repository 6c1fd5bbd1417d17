"""Tables per score and the sentences that say what came out."""

import base64
from collections.abc import Iterable, Sequence
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report import statistics, tables

UNKNOWN = '\u2013'  # an en dash


def cell_table(
  study: tables.Study, column: int, resamples: int = statistics.RESAMPLES
) -> pd.DataFrame:
  """One score per data set, method and strength.

  Args:
    study: as loaded.
    column: which column of `study.scores`.
    resamples: of the bootstrap.

  Returns:
    DataFrame with one row per cell of the study: 'dataset', 'method',
    'strength_name', 'strength', 'n' (finite values), 'lost' (runs without
    one), 'mean', 'mean_low', 'mean_high' (95 %), 'interquartile_mean',
    'interquartile_mean_low', 'interquartile_mean_high', 'median', 'deviation'
    (of the seeds, n - 1), 'least', 'greatest'. NaN where not defined.
  """
  cells = cell_values(study, column)
  frame = study.cells[list(tables.CELL)].copy()
  frame['n'] = [cell.size for cell in cells]
  frame['lost'] = study.cells['runs'].to_numpy() - frame['n']
  for summary in ('mean', 'interquartile_mean'):
    frame[summary] = [statistics.summarise(cell, summary) for cell in cells]
    interval = statistics.bootstrap_interval(
      cells, summary, resamples=resamples
    )
    frame[f'{summary}_low'], frame[f'{summary}_high'] = interval.T
  frame['median'] = [statistics.summarise(cell, 'median') for cell in cells]
  frame['deviation'] = [
    cell.std(ddof=1) if cell.size > 1 else math.nan for cell in cells
  ]
  frame['least'] = [cell.min() if cell.size else math.nan for cell in cells]
  frame['greatest'] = [cell.max() if cell.size else math.nan for cell in cells]
  return frame


def cell_values(study: tables.Study, column: int) -> list[np.ndarray]:
  """Finite values of a score per cell, in the order of the cells."""
  values = study.scores.iloc[:, column].to_numpy()
  groups = study.runs.groupby('cell').indices
  return [statistics.finite(values[groups[i]]) for i in range(len(study.cells))]


def figure(value: float) -> str:
  """A number as tables show it: 0.312, 2.31, 23.1; a dash for NaN."""
  if not math.isfinite(value):
    return UNKNOWN
  size = abs(value)
  if size == 0:
    return '0'
  if not 1e-3 <= size < 1e6:
    return f'{value:.2e}'
  return f'{value:.{3 if size < 1 else 2 if size < 10 else 1}f}'


def plain(value) -> str:
  """A cell of a table as text: counts whole, other numbers as `figure`."""
  if isinstance(value, int) and not isinstance(value, bool):
    return f'{value:,}'
  return figure(value) if isinstance(value, float) else str(value)


def interval(low: float, high: float) -> str:
  """'[0.1, 0.2]', or a dash when unknown."""
  if not (math.isfinite(low) and math.isfinite(high)):
    return UNKNOWN
  return f'[{figure(low)}, {figure(high)}]'


def with_interval(
  value: float, low: float, high: float, signed: bool = False
) -> str:
  """A number and its interval as every table shows them.

  Args:
    value: the number.
    low: lower end of its interval.
    high: upper end.
    signed: whether positive numbers have a plus, as differences do.

  Returns:
    '0.312 [0.280, 0.330]' or '+0.312 [+0.280, +0.330]'; a dash for an interval
    that is not known, '' without a value.
  """
  if not math.isfinite(value):
    return ''
  if not (math.isfinite(low) and math.isfinite(high)):
    return f'{_signed(value, signed)} {UNKNOWN}'
  ends = ', '.join(_signed(end, signed) for end in (low, high))
  return f'{_signed(value, signed)} [{ends}]'


def _signed(value: float, signed: bool) -> str:
  return f'+{figure(value)}' if signed and value > 0 else figure(value)


def mean_with_interval(values: np.ndarray, signed: bool = False) -> str:
  """Mean of the finite values and its 95 % bootstrap interval, as text."""
  ((low, high),) = statistics.bootstrap_interval([values])
  return with_interval(statistics.summarise(values), low, high, signed)


def mean_text(row: pd.Series) -> str:
  """'0.31 [0.28, 0.33]' of a row of a `cell_table`; '' without a value."""
  return with_interval(row['mean'], row['mean_low'], row['mean_high'])


def csv(table: pd.DataFrame) -> str:
  """The table as CSV, full precision."""
  return table.to_csv(index=False)


def latex(
  table: pd.DataFrame, score: scores_lib.Score, caption: str = ''
) -> str:
  """The table as LaTeX for the package booktabs.

  Args:
    table: as from `cell_table`.
    score: the score it shows.
    caption: text of the caption; a plain one by default.

  Returns:
    A complete table environment.
  """
  escape = lambda text: str(text).replace('_', r'\_').replace('%', r'\%')
  several = table['dataset'].nunique() > 1
  heads = ['Data set'] * several + ['Method', 'Strength', '$n$', 'Mean']
  heads += [r'95\,\%', 'IQM', r'95\,\%']
  caption = caption or (
    f'{escape(score.label)}: mean and interquartile mean (IQM) over seeds with '
    r'95\,\% bootstrap intervals.'
  )
  math_interval = lambda low, high: interval(low, high).replace(UNKNOWN, '--')
  rows = []
  for row in table.itertuples():
    strength = (
      '--'
      if math.isnan(row.strength)
      else f'{escape(row.strength_name)} = {row.strength:g}'
    )
    rows.append(
      [
        *([escape(row.dataset)] * several),
        escape(row.method),
        strength,
        str(row.n),
        figure(row.mean).replace(UNKNOWN, '--'),
        math_interval(row.mean_low, row.mean_high),
        figure(row.interquartile_mean).replace(UNKNOWN, '--'),
        math_interval(row.interquartile_mean_low, row.interquartile_mean_high),
      ]
    )
  return booktabs('l' * (2 + several) + 'rrlrl', heads, rows, caption)


def booktabs(
  columns: str,
  heads: Sequence[str],
  rows: Iterable[Sequence[str]],
  caption: str,
) -> str:
  """A table environment of LaTeX for the package booktabs.

  Args:
    columns: their alignment, such as 'lrr'.
    heads: of the columns, as LaTeX.
    rows: cells, as LaTeX.
    caption: as LaTeX.

  Returns:
    The environment, with a line end.
  """
  line = lambda cells: f'    {" & ".join(cells)} \\\\\n'
  return ''.join(
    [
      '\\begin{table}\n  \\centering\n',
      f'  \\caption{{{caption}}}\n',
      f'  \\begin{{tabular}}{{{columns}}}\n',
      '    \\toprule\n',
      line(heads),
      '    \\midrule\n',
      *map(line, rows),
      '    \\bottomrule\n  \\end{tabular}\n\\end{table}\n',
    ]
  )


def data_uri(content: bytes | str, kind: str) -> str:
  """`content` as a data URI of the MIME type `kind`."""
  if isinstance(content, str):
    content = content.encode('utf-8')
    kind += ';charset=utf-8'
  return f'data:{kind};base64,{base64.b64encode(content).decode("ascii")}'


def best_cell(table: pd.DataFrame, score: scores_lib.Score) -> int | None:
  """Index of the cell with the best mean; None if the score has no best."""
  if score.direction == 'none' or not table['mean'].notna().any():
    return None
  return int((score.sign * table['mean']).idxmax())


def headline(
  study: tables.Study, column: int, score: scores_lib.Score, table: pd.DataFrame
) -> tuple[str, str]:
  """Who wins by a score, and how sure that is.

  The winner was picked as the best mean of many, which flatters it; the
  comparison with the best setting of every other method is what a reader can
  lean on.

  Args:
    study: as loaded.
    column: which column of `study.scores`.
    score: its description.
    table: its `cell_table`.

  Returns:
    One sentence and what qualifies it, plain text; ('', '') if nothing can be
    said.
  """
  best = best_cell(table, score)
  if best is None:
    return '', ''
  cells = cell_values(study, column)
  row, label = table.loc[best], study.cells['label'][best]
  where = (
    f' on {row["dataset"]}' if study.cells['dataset'].nunique() > 1 else ''
  )
  end = 'highest' if score.direction == 'higher' else 'lowest'
  name = score.name
  if score.representation:
    name += f' ({score.representation} codes)'
  sure = (
    f', 95 % interval {interval(row["mean_low"], row["mean_high"])}'
    if math.isfinite(row['mean_low'])
    else ''
  )
  lead = (
    f'{label} reaches the {end} average {name}{where}:'
    f' {figure(row["mean"])}{sure}, {tables.count(int(row["n"]), "seed")}.'
  )
  known = (table['dataset'] == row['dataset']) & table['mean'].notna()
  rivals = table[known & (table['method'] != row['method'])]
  kind = 'method'
  if rivals.empty:
    kind = 'setting'
    rivals = table[known].drop(index=best)
  if rivals.empty:
    return lead, 'There is no other setting to compare it with.'
  other = int((score.sign * rivals['mean']).idxmax())
  rest = f'Next {kind}: {study.cells["label"][other]}'
  rest += f' with {figure(table["mean"][other])}'
  chance, low, high = statistics.probability_of_improvement(
    [score.sign * cells[best]], [score.sign * cells[other]]
  )
  if not math.isfinite(low):
    return lead, rest + '; with one seed nothing says which is better.'
  rest += (
    f'; a run of the first beats a run of the second with probability'
    f' {chance:.2f} {interval(low, high)}'
  )
  if low <= 0.5 <= high:
    needed = statistics.seeds_needed(chance)
    rest += ': these seeds do not tell the two apart'
    if math.isfinite(needed) and needed < 10000:
      rest += (
        f' (about {needed:.0f} seeds of each would, if {chance:.2f} holds)'
      )
  return lead, rest + '.'


def shares_sentence(shares: pd.DataFrame) -> str:
  """What the method, the strength and the seed explain, in words."""
  if not np.isfinite(shares['share']).all():
    return ''
  part = lambda name: (
    f'{100 * shares.loc[name, "share"]:.0f} %'
    + (
      f' [{100 * shares.loc[name, "low"]:.0f},'
      f' {100 * shares.loc[name, "high"]:.0f}]'
      if math.isfinite(shares.loc[name, 'low'])
      else ''
    )
  )
  return (
    f'Variance over runs: method {part("method")}, strength'
    f' {part("strength")}, seed {part("seed")}.'
  )


def pick_runs(
  values: np.ndarray, sign: float, among: Sequence[int] | None = None
) -> dict[str, int]:
  """The best, the median and the worst run by a score.

  Args:
    values: float [N], one per run.
    sign: -1 where lower is better.
    among: indices to choose from; all by default.

  Returns:
    {'best': index, 'median': index, 'worst': index}, fewer when there are
    fewer finite values; the median is the lower of the middle two.
  """
  among = np.arange(values.size) if among is None else np.asarray(among, int)
  among = among[np.isfinite(values[among])]
  order = among[np.argsort(sign * values[among], kind='stable')]
  picks = {}
  if order.size:
    picks['best'] = int(order[-1])
  if order.size > 2:
    picks['median'] = int(order[(order.size - 1) // 2])
  if order.size > 1:
    picks['worst'] = int(order[0])
  return picks


def shared_cells(study: tables.Study) -> list[int]:
  """Cells that have runs in both of two workdirs, in order."""
  homes = study.runs.groupby('cell')['workdir'].nunique()
  return homes.index[homes == 2].tolist()


def _paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
  """Runs of equal seed side by side, where one side has no other seeds.

  Args:
    first: 'seed' and 'value' of the runs of one side.
    second: of the other.

  Returns:
    'seed', 'value_x', 'value_y'; empty unless all seeds of one side, two at
    least, are seeds of the other, each with one run.
  """
  columns = ['seed', 'value']
  pairs = first[columns].merge(second[columns], on='seed')
  once = first['seed'].is_unique and second['seed'].is_unique
  fewer = min(len(first), len(second))
  whole = once and len(pairs) == fewer >= 2
  return pairs if whole else pairs.iloc[:0]


def compare(
  study: tables.Study, column: int, score: scores_lib.Score
) -> pd.DataFrame:
  """Second workdir minus first, per cell that both have.

  Args:
    study: loaded from exactly two workdirs.
    column: which column of `study.scores`.
    score: its description.

  Returns:
    DataFrame with 'setting', 'n_first', 'n_second', 'first', 'second' (means),
    'paired' (seeds whose runs were paired; 0: drawn apart), 'difference',
    'low', 'high' (95 %), 'probability' (that a run of the second is better; NaN
    if the score has no direction), 'probability_low', 'probability_high'.
    Runs are paired where every seed of one side is a seed of the other; the
    difference is then that of the paired runs.
  """
  runs = study.runs.assign(value=study.scores.iloc[:, column].to_numpy())
  runs = runs[np.isfinite(runs['value'])]
  rows = []
  for i in shared_cells(study):
    label = study.cells['label'][i]
    sides = [
      runs[(runs['cell'] == i) & (runs['workdir'] == where)] for where in (0, 1)
    ]
    first, second = (part['value'].to_numpy() for part in sides)
    if not (first.size and second.size):
      continue
    pairs = _paired(*sides)
    difference, low, high = (
      statistics.paired_interval(pairs['value_y'], pairs['value_x'])
      if len(pairs)
      else statistics.difference_interval(second, first)
    )
    chance = (math.nan,) * 3
    if score.direction != 'none':
      chance = statistics.probability_of_improvement(
        [score.sign * second], [score.sign * first]
      )
    rows.append(
      {
        'setting': label,
        'n_first': first.size,
        'n_second': second.size,
        'first': first.mean(),
        'second': second.mean(),
        'paired': len(pairs),
        'difference': difference,
        'low': low,
        'high': high,
        'probability': chance[0],
        'probability_low': chance[1],
        'probability_high': chance[2],
      }
    )
  return pd.DataFrame(rows)
