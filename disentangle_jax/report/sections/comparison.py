"""Two workdirs side by side."""

from collections.abc import Iterator

from disentangle_jax.report import gallery, summaries
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """A table per score that both have, none unless they are to be compared."""
  for i, score in enumerate(results.described if results.compare else ()):
    table = summaries.compare(results.study, i, score)
    if len(table):
      yield Section(
        gallery.stem(f'compared_{score.label}'),
        f'Compared: {score.label}',
        'Second workdir minus first, per setting that both have; '
        'probability: that a run of the second is better.',
        table,
      )
