"""What of each score is the method, what the strength, what the seed."""

from collections.abc import Iterator

from disentangle_jax.report import figures
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, none where no score has shares."""
  shares = {
    results.described[i].label: table
    for i, table in results.shares.items()
    if table['share'].notna().all()
  }
  if not shares:
    return
  figure, axes = figures.new(height=0.8 + 0.26 * len(shares))
  figures.variance_shares(axes, shares)
  yield Section(
    'variance_shares',
    'How much is the method, the strength, the seed',
    'Nested analysis of variance over all runs, in per cent, corrected for '
    'the noise of the means.',
    figure,
  )
