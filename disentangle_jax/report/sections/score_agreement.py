"""Whether scores agree on which runs are good."""

from collections.abc import Iterator

from disentangle_jax.report import figures, statistics
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, or two; none where no two scores can be correlated."""
  for view, ending, more, columns in results.views:
    table = results.study.scores.iloc[:, columns].copy()
    table.columns = [results.described[i].label for i in columns]
    # A score that is the same for every run has no ranks.
    matrix = statistics.rank_correlation(table.loc[:, table.nunique() > 1])
    if matrix.notna().sum().sum() <= len(matrix):
      continue
    side = min(6.5, 1.8 + 0.45 * len(matrix))
    figure, axes = figures.new(side, side * 0.85)
    figures.heat_map(axes, matrix)
    yield Section(
      f'rank_correlation{ending}',
      f'Do the scores agree{more}',
      'Spearman rank correlation between scores over runs. Rows without a '
      'direction and errors are shown as they are: a good score and a low '
      'error correlate negatively.',
      figure,
      view,
    )
