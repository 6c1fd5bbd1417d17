"""The sections of a report, one file each, in the order of SECTIONS.

A new one is a file here with `sections(results) -> Iterator[Section]` and a
line in SECTIONS. It reads a `results.Results`, yields what there is to say and
nothing where there is nothing; the page and Markdown are made from it.
"""

from collections.abc import Callable, Iterator

from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section
from disentangle_jax.report.sections import (
  comparison,
  dataset_agreement,
  dataset_transfer,
  definitions,
  factor_capacity,
  facts,
  figure_files,
  headline,
  how_often_best,
  label_free,
  latent_capacity,
  notes,
  own,
  paper,
  phases,
  pictures,
  running,
  score_agreement,
  scores,
  seeds,
  training,
  transfer,
  variance,
)

Maker = Callable[[Results], Iterator[Section]]


def together(key: str, heading: str, *makers: Maker) -> Maker:
  """Several under one heading; left out where none of them has anything."""

  def sections(results: Results) -> Iterator[Section]:
    parts = [part for maker in makers for part in maker(results)]
    if parts:
      yield Section(key, heading, '', parts)

  return sections


SECTIONS: tuple[Maker, ...] = (
  comparison.opening,
  headline.sections,
  notes.sections,
  running.sections,
  facts.sections,
  own.sections,
  scores.sections,
  pictures.sections,
  phases.sections,
  together(
    'across',
    'Across scores and over training',
    figure_files.sections,
    variance.sections,
    how_often_best.sections,
    score_agreement.sections,
    training.sections,
    factor_capacity.sections,
    latent_capacity.sections,
    seeds.sections,
    comparison.sections,
    transfer.sections,
    dataset_transfer.sections,
    dataset_agreement.sections,
    label_free.sections,
  ),
  definitions.sections,
  paper.sections,
)


def of(results: Results) -> list[Section]:
  """All that a report shows of a study, in order."""
  return [part for maker in SECTIONS for part in maker(results)]
