"""Tables of a study's arms, for pages that compare a few of them."""

from collections.abc import Sequence

import pandas as pd

from disentangle_jax.report import claims, summaries, tables


def table(
  study: tables.Study,
  arms: Sequence[claims.Arm],
  scores: Sequence[claims.Score],
  label: str = 'arm',
  count: str = 'runs',
) -> pd.DataFrame:
  """A row per arm that has runs: their number, every score with its interval.

  Args:
    study: as loaded.
    arms: rows.
    scores: names; those that the study lacks are left out.
    label: heading of the arms' labels.
    count: heading of the numbers of runs.

  Returns:
    The table; empty without runs. Scores are means over runs with 95 %
    bootstrap intervals, as text.
  """
  names = {name for name, _ in study.scores.columns}
  rows = []
  for arm in arms:
    mine = claims.runs_of(study, arm)
    if not mine.any():
      continue
    row = {label: arm.label, count: int(mine.sum())}
    for score in (score for score in scores if score in names):
      values = claims.values_of(study, score)[mine]
      row[score] = summaries.mean_with_interval(values)
    rows.append(row)
  return pd.DataFrame(rows)
