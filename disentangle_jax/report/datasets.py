"""Do conclusions from one data set hold on another?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report import selection, statistics, tables


def _by_dataset(study: tables.Study, column: int) -> dict[str, pd.Series]:
  """data set -> score, index ('setting', 'seed') that data sets share."""
  runs = study.runs
  setting = (
    runs['method']
    + ' '
    + runs['strength_name']
    + runs['strength'].map(lambda x: '' if np.isnan(x) else f'={x:g}')
  )
  values = study.scores.iloc[:, column]
  out = {}
  for name, part in runs.groupby('dataset', sort=False):
    index = pd.MultiIndex.from_arrays(
      [setting[part.index], part['seed']], names=['setting', 'seed']
    )
    series = pd.Series(values.iloc[part.index].to_numpy(), index)
    out[str(name)] = series[~series.index.duplicated()]
  return out


def transfer_table(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  columns: Sequence[int],
) -> pd.DataFrame:
  """Transfer of the best setting between data sets, score by score.

  Args:
    study: with runs on two data sets or more.
    described: one Score per column.
    columns: scores where higher is better.

  Returns:
    'score', 'chosen on', and one column per data set: `selection.transfer`
    within the score. Empty with one data set, or where no setting is shared.
  """
  rows = []
  for column in columns:
    held = _by_dataset(study, column)
    if len(held) < 2:
      return pd.DataFrame()
    for source, values in held.items():
      row = {'score': described[column].label, 'chosen on': source}
      for target, other in held.items():
        moved = selection.transfer(
          values.to_frame('source'), other.to_frame('target')
        )
        row[target] = moved.iloc[0, 0]
      rows.append(row)
  found = pd.DataFrame(rows)
  numbers = found.columns[2:]
  return found[found[numbers].notna().any(axis=1)] if rows else found


def correlation_table(
  study: tables.Study,
  described: Sequence[scores_lib.Score],
  columns: Sequence[int],
) -> pd.DataFrame:
  """Rank correlation of a score between data sets, over settings and seeds.

  Args:
    study: with runs on two data sets or more.
    described: one Score per column.
    columns: scores.

  Returns:
    'score', 'first', 'second', 'runs' (settings and seeds that both have) and
    'rank correlation'; Locatello et al. 2019, section 5.4.
  """
  rows = []
  for column in columns:
    held = list(_by_dataset(study, column).items())
    for i, (first, one) in enumerate(held):
      for second, other in held[i + 1 :]:
        both = pd.concat([one, other], axis=1, keys=['a', 'b']).dropna()
        if len(both) < 3 or both['a'].nunique() < 2 or both['b'].nunique() < 2:
          continue
        matrix = statistics.rank_correlation(both)
        rows.append(
          {
            'score': described[column].label,
            'first': first,
            'second': second,
            'runs': len(both),
            'rank correlation': float(matrix.loc['a', 'b']),
          }
        )
  return pd.DataFrame(rows)
