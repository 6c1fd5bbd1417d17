"""How well runs are chosen by what needs no labels."""

from collections.abc import Iterator

import pandas as pd

from disentangle_jax.report import selection
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def table(results: Results, columns: list[int]) -> pd.DataFrame:
  """Quality of every score with a direction that reads no factors.

  Args:
    results: of the study.
    columns: of the criteria and scores.

  Returns:
    'criterion', 'score' and the entries of `selection.selection_quality`; a row
    for each pair that three runs or more have.
  """
  rows, scores = [], results.study.scores
  for i in columns:
    criterion = results.described[i]
    if criterion.supervised or criterion.direction == 'none':
      continue
    for j in results.supervised(columns):
      quality = selection.selection_quality(
        criterion.sign * scores.iloc[:, i].to_numpy(),
        scores.iloc[:, j].to_numpy(),
      )
      if quality['n'] >= 3:
        pair = {
          'criterion': criterion.label,
          'score': results.described[j].label,
        }
        rows.append(pair | quality)
  return pd.DataFrame(rows)


def sections(results: Results) -> Iterator[Section]:
  """One table, or two; none where there is no criterion or no score."""
  for view, ending, more, columns in results.views:
    quality = table(results, columns)
    if len(quality):
      yield Section(
        f'label_free{ending}',
        f'Choosing without labels{more}',
        'Of ten runs drawn at random the one that the criterion likes best is '
        'kept. Recovered: 1 would be as good as choosing by the score itself, '
        '0 as good as chance.',
        quality,
        view,
      )
