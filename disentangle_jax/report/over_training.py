"""Figures of what was recorded over training, drawn into given axes."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd

from disentangle_jax.report import style

_NAMED = 8  # strengths that a legend names


def bands(
  axes,
  curves: pd.DataFrame,
  runs: pd.DataFrame,
  methods: Sequence[str],
  points: int = 120,
) -> None:
  """A training scalar over steps: median and quartiles over runs.

  One line per method; runs of all its strengths and seeds together.

  Args:
    axes: to draw into.
    curves: 'run', 'step', 'value'.
    runs: with 'method'.
    methods: gives each method its colour.
    points: at most so many steps are drawn.
  """
  method = runs['method'].to_numpy(object)
  quartiles = _quartiles(curves, method, points)
  for i, method in enumerate(methods):
    if method in quartiles.index.get_level_values('group'):
      part = quartiles.loc[method]
      axes.plot(
        part.index,
        part[0.5],
        color=style.colour(i),
        ls=style.dash(i),
        label=method,
      )
      axes.fill_between(
        part.index,
        part[0.25],
        part[0.75],
        color=style.colour(i),
        alpha=0.2,
        lw=0,
      )
  axes.set_xlabel('training step')


def _quartiles(
  curves: pd.DataFrame, groups: np.ndarray, points: int
) -> pd.DataFrame:
  """Quartiles 0.25, 0.5, 0.75 over the runs of each group, by (group, step)."""
  steps = np.unique(curves['step'])
  chosen = np.unique(np.linspace(0, steps.size - 1, points).astype(int))
  curves = curves[curves['step'].isin(steps[chosen])]
  return (
    curves.assign(group=groups[curves['run'].to_numpy()])
    .groupby(['group', 'step'])['value']
    .quantile([0.25, 0.5, 0.75])
    .unstack()
  )


def bands_by_strength(
  axes, curves: pd.DataFrame, runs: pd.DataFrame, points: int = 120
) -> None:
  """A training scalar of one method over steps: a line per strength.

  Median and quartiles over the seeds. A method without strengths is one line.

  Args:
    axes: to draw into.
    curves: 'run', 'step', 'value', of the runs of one method.
    runs: with 'strength' and 'strength_name', all that `curves` may name.
    points: at most so many steps are drawn.
  """
  strength = runs['strength'].to_numpy(float)
  # NaN is no group: a method without a strength is the group of one number.
  quartiles = _quartiles(curves, np.nan_to_num(strength), points)
  strengths = list(dict.fromkeys(quartiles.index.get_level_values('group')))
  own = runs.loc[curves['run'].unique()]
  name = own['strength_name'].iloc[0] if own['strength'].notna().any() else ''
  for i, (value, ink) in enumerate(zip(strengths, style.ramp(len(strengths)))):
    part = quartiles.loc[value]
    # Of many strengths the legend names the ends.
    named = len(strengths) <= _NAMED or i in (0, len(strengths) - 1)
    label = f'{name} = {value:g}' if name and named else '_'
    axes.plot(part.index, part[0.5], color=ink, ls=style.dash(i), label=label)
    axes.fill_between(
      part.index, part[0.25], part[0.75], color=ink, alpha=0.2, lw=0
    )
  if name:
    axes.legend(fontsize=6.5)
  axes.set_xlabel('training step')


def latent_kl(axes, curves: pd.DataFrame) -> None:
  """KL of each latent of one run over training.

  Args:
    axes: to draw into.
    curves: 'step', 'latent', 'value' in nats, as `tables.latent_curves`.
  """
  wide = curves.pivot(index='step', columns='latent', values='value')
  wide = wide[wide.iloc[-1].sort_values(ascending=False).index]
  shades = mpl.colormaps[style.SEQUENTIAL](np.linspace(0, 0.9, wide.shape[1]))
  for i, latent in enumerate(wide):
    axes.plot(
      wide.index,
      wide[latent],
      color=shades[i],
      ls=style.dash(i),
      label=f'latent {latent:.0f}',
    )
  axes.set(xlabel='training step', ylabel='KL (nats)')
  if wide.shape[1] <= 12:
    axes.legend(ncols=2, fontsize=6.5)


def factor_kl(axes, curves: pd.DataFrame) -> None:
  """KL of each factor over training: median and range over runs.

  Args:
    axes: to draw into.
    curves: 'run', 'step', 'name' ('train/kl/<factor>'), 'value' in nats.
  """
  for i, (name, part) in enumerate(curves.groupby('name', sort=False)):
    by_step = part.groupby('step')['value']
    middle = by_step.median()
    axes.plot(
      middle.index,
      middle,
      color=style.colour(i),
      ls=style.dash(i),
      label=name.rpartition('/')[2].replace('_', ' '),
    )
    axes.fill_between(
      middle.index,
      by_step.min(),
      by_step.max(),
      color=style.colour(i),
      alpha=0.2,
      lw=0,
    )
  axes.set(xlabel='training step', ylabel='KL (nats)')
  axes.legend(fontsize=7)
