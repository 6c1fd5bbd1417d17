"""Figures of two studies set side by side."""

from collections.abc import Sequence
import textwrap

import numpy as np
import pandas as pd

from disentangle_jax.report import figures, style, summaries

_POINTS = 121  # of a profile


def forest(table: pd.DataFrame, xlabel: str):
  """Differences with their intervals, a row per setting, and a line at zero.

  Args:
    table: as from `summaries.compare`.
    xlabel: what the differences are.

  Returns:
    The figure. Marks are filled where the interval leaves out zero, round
    where runs were paired by seed and square where not.
  """
  figure, axes = figures.new(6.4, 0.9 + 0.27 * len(table))
  places = np.arange(len(table))[::-1]
  sides = np.sign(table['low']) + np.sign(table['high'])
  for place, side, row in zip(places, sides, table.itertuples()):
    sure = abs(side) == 2
    ink = style.COLOURS[0 if side > 0 else 4] if sure else style.INK
    axes.hlines(place, row.low, row.high, color=ink, lw=1.8)
    axes.plot(
      row.difference,
      place,
      'o' if row.paired else 's',
      ms=5.5,
      color=ink,
      mfc=ink if sure else 'white',
    )
  axes.axvline(0, color=style.INK, lw=0.8, ls=(0, (3, 2)))
  labels = ['\n'.join(textwrap.wrap(s, 44)) for s in table['setting']]
  axes.set_yticks(places, labels)
  axes.set_ylim(-0.7, len(table) - 0.3)
  axes.set_xlabel(xlabel)
  axes.grid(False, axis='y')
  # The numbers stand at the right edge, outside the axes.
  for place, row in zip(places, table.itertuples()):
    axes.annotate(
      summaries.with_interval(row.difference, row.low, row.high, signed=True),
      (1.02, place),
      xycoords=('axes fraction', 'data'),
      va='center',
      fontsize=7,
      annotation_clip=False,
    )
  return figure


def profiles(
  panels: dict[str, Sequence[Sequence[np.ndarray]]],
  profile,
  names: Sequence[str],
  labels: tuple[str, str],
):
  """Share of runs better than a value, a line per study, a panel per method.

  Args:
    panels: title -> the cells of every study.
    profile: (cells, thresholds) -> [T, 3], such as
      `comparing.performance_profile`.
    names: of the studies.
    labels: of the two axes.

  Returns:
    The figure.
  """
  figure, axes, drawn = figures.panels(len(panels), 0.7, sharey=True)
  for panel, (title, studies) in zip(drawn, panels.items()):
    values = np.concatenate([cell for cells in studies for cell in cells])
    low, high = values.min(), values.max()
    room = 0.03 * (high - low) or 0.5
    thresholds = np.linspace(low - room, high + room, _POINTS)
    for i, (name, cells) in enumerate(zip(names, studies)):
      share, least, most = profile(cells, thresholds).T
      panel.plot(
        thresholds,
        share,
        color=style.COLOURS[(0, 4)[i]],
        ls=style.dash(i),
        label=name,
      )
      panel.fill_between(
        thresholds, least, most, color=style.COLOURS[(0, 4)[i]], alpha=0.2, lw=0
      )
    panel.set_title('\n'.join(textwrap.wrap(title, 30)))
    panel.set_xlabel(labels[0])
    panel.set_ylim(-0.02, 1.02)
  for panel in axes[:, 0]:
    panel.set_ylabel(labels[1])
  handles = axes.flat[0].get_legend_handles_labels()
  figure.legend(*handles, loc='outside upper center', ncols=2)
  return figure
