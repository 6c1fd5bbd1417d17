"""What of each score is the method, what the strength, what the seed."""

from collections.abc import Iterator

from disentangle_jax.report import figures
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, or two; none where no score has shares."""
  for view, ending, more, columns in results.views:
    shares = {
      results.described[i].label: results.shares[i]
      for i in columns
      if results.shares[i]['share'].notna().all()
    }
    if not shares:
      continue
    figure, axes = figures.new(height=0.8 + 0.26 * len(shares))
    figures.variance_shares(axes, shares)
    yield Section(
      f'variance_shares{ending}',
      f'How much is the method, the strength, the seed{more}',
      'Nested analysis of variance over all runs, in per cent, corrected for '
      'the noise of the means.',
      figure,
      view,
    )
