"""Whether a score orders settings alike on two data sets."""

from collections.abc import Iterator

from disentangle_jax.report import datasets
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One table, or two; none where data sets share no settings."""
  for view, ending, more, columns in results.views:
    table = datasets.correlation_table(
      results.study, results.described, results.supervised(columns)
    )
    if len(table):
      yield Section(
        f'dataset_agreement{ending}',
        f'Do data sets agree{more}',
        'Spearman rank correlation of a score between two data sets, over the '
        'settings and seeds that both have.',
        table,
        view,
      )
