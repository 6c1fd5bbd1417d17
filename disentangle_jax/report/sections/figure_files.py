"""Where the figures are as files."""

from collections.abc import Iterator

from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One sentence, none where no files are drawn."""
  if results.figure_folder:
    text = (
      'As PNG and SVG, with violins and strengths of the scores, in'
      f' {results.figure_folder}.'
    )
    yield Section('figure_files', '', text)
