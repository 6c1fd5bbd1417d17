"""The sections that a study gives of its own."""

from collections.abc import Iterator

from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """What `extra` of `report.write` yields."""
  if results.extra is not None:
    yield from results.extra(results.study)
