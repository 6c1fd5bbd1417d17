"""Whether a score orders settings alike on two data sets."""

from collections.abc import Iterator

from disentangle_jax.report import datasets
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One table, none where data sets share no settings."""
  table = datasets.correlation_table(
    results.study, results.described, results.supervised
  )
  if len(table):
    yield Section(
      'dataset_agreement',
      'Do data sets agree',
      'Spearman rank correlation of a score between two data sets, over the '
      'settings and seeds that both have.',
      table,
    )
