"""Tables and sheets of a study's arms, for pages that compare a few of them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  claims,
  figures,
  style,
  summaries,
  tables,
  traversals,
)
from disentangle_jax.report.section import Section


def table(
  study: tables.Study,
  arms: Sequence[claims.Arm],
  scores: Sequence[claims.Score],
  label: str = 'arm',
  count: str = 'runs',
) -> pd.DataFrame:
  """A row per arm that has runs: their number, every score with its interval.

  Args:
    study: as loaded.
    arms: rows.
    scores: names; those that the study lacks are left out.
    label: heading of the arms' labels.
    count: heading of the numbers of runs.

  Returns:
    The table; empty without runs. Scores are means over runs with 95 %
    bootstrap intervals, as text.
  """
  names = {name for name, _ in study.scores.columns}
  rows = []
  for arm in arms:
    mine = claims.runs_of(study, arm)
    if not mine.any():
      continue
    row = {label: arm.label, count: int(mine.sum())}
    for score in (score for score in scores if score in names):
      values = claims.values_of(study, score)[mine]
      row[score] = summaries.mean_with_interval(values)
    rows.append(row)
  return pd.DataFrame(rows)


def run(
  study: tables.Study, arms: Sequence[claims.Arm]
) -> list[tuple[claims.Arm, np.ndarray]]:
  """(arm, bool [runs]) of the arms that were run."""
  both = [(arm, np.asarray(claims.runs_of(study, arm))) for arm in arms]
  return [(arm, runs) for arm, runs in both if runs.any()]


def by_score(
  study: tables.Study,
  arms: Sequence[claims.Arm],
  scores: Sequence[claims.Score],
) -> pd.DataFrame:
  """A row per score: its mean over runs of every arm, with its interval.

  Args:
    study: as loaded.
    arms: columns; those without runs are left out.
    scores: names; those that the study lacks are left out.

  Returns:
    The table; empty without scores.
  """
  names = {name for name, _ in study.scores.columns}
  rows = []
  for score in (score for score in scores if score in names):
    values, row = claims.values_of(study, score), {'score': score}
    for arm, runs in run(study, arms):
      row[arm.label] = summaries.mean_with_interval(values[runs])
    rows.append(row)
  return pd.DataFrame(rows)


def first_samples(
  study: tables.Study, arms: Sequence[claims.Arm]
) -> Iterator[tuple[claims.Arm, traversals.Samples]]:
  """What the first seed of every arm left to be drawn, where it left any."""
  for arm, runs in run(study, arms):
    first = study.runs[runs].sort_values('seed').iloc[0]
    workdir = study.workdirs[int(first['workdir'])]
    samples = traversals.load(workdir, first['run_id'])
    if samples is not None:
      yield arm, samples


def sheets(
  study: tables.Study,
  arms: Sequence[claims.Arm],
  pictures: Mapping[str, tuple[str, str]],
  prefix: str,
  height: float,
) -> Iterator[Section]:
  """A figure per picture that methods draw, the first seed of every arm.

  Args:
    study: as loaded.
    arms: beside one another, two in a row.
    pictures: name -> (heading, text).
    prefix: of the sections' names.
    height: of a row of sheets, inches.

  Yields:
    The sections of those pictures that some run has left.
  """
  samples_of = list(first_samples(study, arms))
  for name, (heading, text) in pictures.items():
    images = [
      (arm.label, traversals.frames_of(samples, f'pictures/{name}', least=16))
      for arm, samples in samples_of
      if name in samples.pictures
    ]
    if not images:
      continue
    columns = min(2, len(images))
    rows = -(-len(images) // columns)
    figure, axes = figures.new(
      5.2, height * rows, nrows=rows, ncols=columns, squeeze=False
    )
    for axis in axes.ravel():
      axis.set_axis_off()
    for axis, (label, frames) in zip(axes.ravel(), images):
      axis.imshow(traversals.still(frames), interpolation='nearest')
      axis.set_title(label, fontsize=style.SMALL)
    yield Section(
      f'{prefix}_{name}', heading, f'{text} First seed of every arm.', figure
    )
