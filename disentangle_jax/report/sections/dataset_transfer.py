"""Whether the best setting on one data set does well on another."""

from collections.abc import Iterator

from disentangle_jax.report import datasets
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One table, or two; none where data sets share no settings."""
  for view, ending, more, columns in results.views:
    table = datasets.transfer_table(
      results.study, results.described, results.supervised(columns)
    )
    if len(table):
      yield Section(
        f'dataset_transfer{ending}',
        f'Transfer between data sets{more}',
        'Method and strength chosen on one data set and seed; the probability '
        'that a run of another seed beats a run drawn at random on the data '
        'set of the column, by the same score. Chance is 0.5.',
        table,
        view,
      )
