"""Do InfoGAN's codes mean something, and a plain GAN's not: claims, curves."""

from collections.abc import Iterator, Sequence

import matplotlib.figure
import numpy as np
import pandas as pd

from disentangle_jax.report import (
  arms,
  figures,
  over_training,
  stored,
  style,
  summaries,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
  runs_of,
)
from disentangle_jax.report.section import Section

PAPER = 'Chen et al. 2016'
_INFORMATION = f'{stored.TRAINING}information_categorical'
# Share of the logged steps, the last ones, whose mean is "the end".
_END = 0.1
# Of log 10 = 2.303 nats, all that a code of ten values holds.
REACHED = 2.2
ARMS = {
  1.0: Arm('InfoGAN', {'strength': 1.0}),
  0.0: Arm('GAN, posterior trained', {'strength': 0.0}),
}
_SCORES = (
  'clustering_accuracy',
  'sample_classes',
  'sample_nearest',
  'sample_coverage',
  'sample_spread',
)
GUARDS = (
  Guard(
    'sample_nearest', high=3.0, reason='draws must lie as near as the data do'
  ),
  Guard(
    'sample_classes', low=5.0, reason='half of the digits must be among draws'
  ),
)


def curves_of(study: tables.Study, name: str) -> pd.DataFrame:
  """What was logged of one scalar.

  Args:
    study: as loaded.
    name: 'train/...'.

  Returns:
    DataFrame with 'run', 'step', 'name' and 'value'.
  """
  curves = study.training.astype({'name': str})
  return curves[curves['name'] == name]


def at_the_end(study: tables.Study, name: str) -> np.ndarray:
  """A scalar of training, mean of the last tenth of the logged steps.

  Args:
    study: as loaded.
    name: 'train/...'.

  Returns:
    float64 [runs]; NaN where nothing was logged.
  """
  curves, ends = curves_of(study, name), {}
  for run, part in curves.groupby('run'):
    values = part.sort_values('step')['value'].to_numpy(float)
    ends[run] = values[-max(1, int(_END * len(values))) :].mean()
  return np.array([ends.get(run, np.nan) for run in study.runs.index])


def information_at_the_end(study: tables.Study) -> np.ndarray:
  """The bound L_I of the ten-valued code at the end, nats, float64 [runs]."""
  return at_the_end(study, _INFORMATION)


def curves_figure(
  study: tables.Study, name: str, arms: Sequence[Arm], line: float, label: str
) -> matplotlib.figure.Figure | None:
  """A scalar of training against the step, a band for each arm.

  Args:
    study: as loaded.
    name: 'train/...'.
    arms: with their labels.
    line: a value of the scalar to mark.
    label: of the axis.

  Returns:
    The figure; None with fewer than two logged steps.
  """
  curves = curves_of(study, name)
  if curves['step'].nunique() < 2:
    return None
  labels = np.full(len(study.runs), '', object)
  for arm in arms:
    labels[runs_of(study, arm)] = arm.label
  figure, axes = figures.new(4.5, 2.8)
  over_training.bands(
    axes,
    curves,
    pd.DataFrame({'method': labels}),
    [arm.label for arm in arms],
  )
  axes.axhline(line, **style.LEVEL)
  axes.set_ylabel(label)
  axes.legend(fontsize=style.SMALL)
  return figure


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of digits."""
  del study
  both = (ARMS[1.0], ARMS[0.0])
  return (
    Claim(
      statement='The bound on the information of the ten-valued code comes to '
      f'{REACHED} of 2.30 nats.',
      source=f'{PAPER}, section 7.1 and figure 1',
      published='2.30, "quickly"',
      arms=both[:1],
      score=information_at_the_end,
      rule=Threshold(REACHED, 'higher'),
      seeds=8,
      guards=GUARDS,
    ),
    Claim(
      statement='Without the term the generator keeps nothing of the code: '
      'the bound is lower (nats).',
      source=f'{PAPER}, section 7.1 and figure 1',
      published='near 0 without the term',
      arms=both,
      score=information_at_the_end,
      rule=Difference('higher'),
      seeds=8,
      guards=GUARDS,
    ),
    Claim(
      statement='Its values follow the digits more than those of a plain '
      "GAN's code (accuracy, each value named by its most frequent digit).",
      source=f'{PAPER}, section 7.2 and figure 2',
      published='0.95 with the term; no number without',
      arms=both,
      score='clustering_accuracy',
      rule=Difference('higher'),
      seeds=8,
      guards=GUARDS,
    ),
  )


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: its seeds, the bound at the end, codes and draws."""
  table = arms.table(study, tuple(ARMS.values()), _SCORES)
  if len(table):
    ends = information_at_the_end(study)
    bounds = [
      summaries.mean_with_interval(ends[runs_of(study, arm)])
      for arm in ARMS.values()
      if runs_of(study, arm).any()
    ]
    table.insert(2, 'information (nats)', bounds)
  return table


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of both arms, and how the bound rises.

  Args:
    study: as loaded.

  Yields:
    The table and the figure that the study has numbers for.
  """
  table = scores_table(study)
  if len(table):
    yield Section(
      'infogan_scores',
      'Codes and draws',
      'Mean over seeds with 95 % interval; the bound is the mean of the last '
      'tenth of the logged steps. sample_nearest above 3 or sample_classes '
      'below 5 makes the claims void.',
      table,
    )
  figure = curves_figure(
    study, _INFORMATION, tuple(ARMS.values()), np.log(10), 'bound (nats)'
  )
  if figure is None:
    return
  yield Section(
    'infogan_information',
    'Information in the ten-valued code',
    'The bound L_I against the step: median and quartiles over seeds; the line '
    'is log 10 = 2.30 nats, all that such a code holds.',
    figure,
  )
