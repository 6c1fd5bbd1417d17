"""Whether the best setting by one score does well by another."""

from collections.abc import Iterator

from disentangle_jax.report import selection
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One table, or two; none with fewer than two scores, settings or seeds."""
  for view, ending, more, columns in results.views:
    supervised = results.supervised(columns)
    if not len(results.study.runs) or len(supervised) < 2:
      continue
    scores = results.first_dataset(supervised)
    table = selection.transfer(scores, scores)
    if table.notna().any(axis=None):
      yield Section(
        f'transfer{ending}',
        f'Transfer of the best setting{more}',
        'Method and strength chosen by the score of the row on one seed; '
        'the probability that a run of another seed beats a run drawn at '
        'random, by the score of the column. Chance is 0.5.',
        table.rename_axis('chosen by').reset_index(),
        view,
      )
