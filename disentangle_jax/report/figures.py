"""The figures of a seed-variance study, one function each.

Every function draws into the axes it is given, or makes a figure, from arrays
and tables that `tables`, `summaries`, `statistics` and `selection` produce.
Files and pages are made in `gallery`.
"""

from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
import seaborn as sns

from disentangle_jax.report import charts, style, tables
from disentangle_jax.report import scores as scores_lib

_LONG_LABEL = 30
_SMALL = 7  # points, of names with settings
_MOST_LABELS = 12  # of a strength axis


def new(width: float = style.WIDTH, height: float = 2.8, **kwargs):
  """A figure without pyplot's global state, and its axes."""
  figure = empty(width, height)
  return figure, figure.subplots(**kwargs)


def panels(count: int, above: float, across: int = 3, sharey: bool = False):
  """A figure of small panels of equal size, row by row.

  Args:
    count: panels.
    above: room for a legend, inches.
    across: panels of a row, at most.
    sharey: whether all have one y axis.

  Returns:
    The figure, its axes [rows, columns], and the axes of the panels in order;
    those behind the last panel are hidden.
  """
  columns = min(across, count)
  rows = -(-count // columns)
  figure, axes = new(
    width=min(7.5, 1.2 + 2.4 * columns),
    height=above + 1.9 * rows,
    nrows=rows,
    ncols=columns,
    squeeze=False,
    sharey=sharey,
  )
  for panel in axes.flat[count:]:
    panel.set_visible(False)
  return figure, axes, list(axes.flat[:count])


def empty(
  width: float = style.WIDTH,
  height: float = 2.8,
  layout: str = 'constrained',
):
  """A figure without axes; `layout` 'none' leaves them where they are put."""
  return mpl.figure.Figure(figsize=(width, height), layout=layout)


def _mark_ceiling(axes, score: scores_lib.Score) -> None:
  """A line where the ceiling lies within the axis, which does not grow."""
  low, high = axes.get_ylim()
  if low <= score.ceiling <= high:
    axes.axhline(score.ceiling, color=style.INK, lw=0.8, ls=(0, (2, 2)))
    axes.annotate(
      f'ceiling {score.ceiling:.2f}',
      (1, score.ceiling),
      xycoords=('axes fraction', 'data'),
      ha='right',
      va='bottom',
      fontsize=7,
    )


def method_ticks(axes, methods: Sequence[str]) -> None:
  """A place on the x axis for each method, its name below.

  Names with their settings, 'dip_vae_i (lambda_od=5, steps=400)', are upright,
  a setting a line, and the figure grows by what they take: laid across they
  would leave no room for the axes.

  Args:
    axes: whose x axis is set.
    methods: from left to right.
  """
  axes.set_xlim(-0.6, len(methods) - 0.4)
  names = _broken(methods)
  if names == list(methods):
    axes.set_xticks(range(len(methods)), methods, rotation=20, ha='right')
    return
  axes.set_xticks(range(len(names)), names, rotation=90, fontsize=_SMALL)
  lines = max(name.count('\n') + 1 for name in names)
  _grow(axes, names, least=1.0 + len(names) * (lines + 1) * _SMALL / 60)


def _broken(names: Sequence[str]) -> list[str]:
  """A setting a line, where one of the names is long because of them."""
  if not any('=' in name and len(name) > _LONG_LABEL for name in names):
    return list(names)
  return [name.replace(' (', '\n(').replace(', ', ',\n') for name in names]


def _grow(axes, names: Sequence[str], least: float = 0.0) -> None:
  """Room for upright names: a higher figure, `least` inches wide."""
  longest = max(len(line) for name in names for line in name.split('\n'))
  figure = axes.get_figure(root=True)
  width, height = figure.get_size_inches()
  figure.set_size_inches(max(width, least), height + longest * _SMALL / 120)


def violins(
  axes,
  values: np.ndarray,
  runs: pd.DataFrame,
  score: scores_lib.Score,
  methods: Sequence[str],
) -> None:
  """Scores of all runs of each method, one violin per method.

  Args:
    axes: to draw into.
    values: float [N], one per run.
    runs: with 'method'.
    score: what the values are.
    methods: from left to right, gives each its look; those without runs are
      left out.
  """
  half = 0.4
  present = [m for m in methods if (runs['method'] == m).any()]
  for at, method in enumerate(present):
    i = list(methods).index(method)
    mine = values[(runs['method'] == method).to_numpy()]
    mine = mine[np.isfinite(mine)]
    if not mine.size:
      axes.text(at, 0.5, 'no runs', ha='center', transform=_x_data(axes))
      continue
    heights = charts.density(mine)
    if heights is not None:
      axes.fill_betweenx(
        np.linspace(mine.min(), mine.max(), len(heights)),
        at - half * heights,
        at + half * heights,
        facecolor=(style.colour(i), 0.28),
        edgecolor=style.colour(i),
        lw=0.8,
      )
    low, middle, high = np.quantile(mine, [0.25, 0.5, 0.75])
    axes.vlines(at, low, high, color=style.INK, lw=3, alpha=0.55)
    small = mine.size > charts.CROWDED
    axes.plot(
      at + half * charts.shifts(mine, heights),
      mine,
      ls='',
      mec='none',
      color=style.colour(i),
      alpha=0.5 if small else 0.7,
      **style.mark(i, 1.8 if small else 3),
    )
    axes.plot(at, middle, 'o', ms=4, mfc='white', mec=style.INK, zorder=4)
  method_ticks(axes, present)
  axes.set_ylim(charts.extent(values))
  axes.set_ylabel(score.label)
  axes.grid(False, axis='x')
  _mark_ceiling(axes, score)


def _x_data(axes):
  return axes.get_xaxis_transform()


def strength_axis(axes, strengths: np.ndarray) -> dict[float, float]:
  """Ticks at the strengths with room for them, where `charts.positions` says.

  Args:
    axes: whose x axis is set.
    strengths: float [S], finite.

  Returns:
    Strength -> its place on the axis.
  """
  ticks = np.unique(strengths)
  places = charts.positions(ticks)
  room = np.ptp(places) / _MOST_LABELS if len(ticks) > _MOST_LABELS else 0
  shown = [0]
  for i in range(1, len(ticks)):
    shown += [i] if places[i] - places[shown[-1]] >= room else []
  axes.set_xticks(places[shown], [f'{tick:g}' for tick in ticks[shown]])
  axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
  return dict(zip(ticks.tolist(), places.tolist()))


def score_against_strength(
  figure,
  table: pd.DataFrame,
  score: scores_lib.Score,
  methods: Sequence[str],
  values: Sequence[np.ndarray] = (),
) -> None:
  """Mean over seeds with its 95 % band, one panel per name of a strength.

  Beta, gamma and a capacity are different axes; methods that share a name
  share a panel. A method without a strength is a line across all panels.

  Args:
    figure: empty, to draw into.
    table: as from `summaries.cell_table`, of one data set.
    score: what is shown.
    methods: gives each method its look.
    values: finite scores of the runs of each row of the table; the runs of a
      strength are shown singly where they are few.
  """
  values = dict(zip(table.index, values))
  table = table[table['mean'].notna()]
  swept = table[table['strength'].notna()]
  names = list(dict.fromkeys(swept['strength_name'])) or ['']
  panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
  runs = [values.get(i, swept.loc[[i], 'mean']) for i in swept.index]
  level = table.loc[table['strength'].isna(), 'mean']
  panels[0].set_ylim(charts.extent(np.concatenate([*runs, level])))
  long = {}  # label -> handle
  for panel, name in zip(panels, names):
    mine = swept[swept['strength_name'] == name]
    places = strength_axis(panel, mine['strength'].to_numpy())
    for method, line in mine.groupby('method', sort=False):
      line = line.sort_values('strength')
      x = line['strength'].map(places)
      _strengths_of(panel, line, x, list(methods).index(method), values)
    for row in table[table['strength'].isna()].itertuples():
      i = list(methods).index(row.method)
      panel.axhline(
        row.mean, color=style.colour(i), ls=style.dash(i), label=row.method
      )
    panel.set_xlabel(name or 'no strength')
    own = dict(zip(*reversed(panel.get_legend_handles_labels())))
    if own and max(map(len, own)) <= _LONG_LABEL:
      panel.legend()
    else:
      long.update(own)
    _mark_ceiling(panel, score)
  if long:
    # Inside a panel they would cover its curves and squeeze it.
    figure.legend(long.values(), long, loc='outside upper center', fontsize=6.5)
  panels[0].set_ylabel(score.label)


def _strengths_of(panel, line: pd.DataFrame, x, i: int, values) -> None:
  """One method over its strengths: mean, band, bars, single runs if few."""
  colour = style.colour(i)
  panel.plot(
    x,
    line['mean'],
    label=line['method'].iloc[0],
    color=colour,
    ls=style.dash(i),
    mec=style.INK,
    mew=0.6,
    zorder=3,
    **style.mark(i, 4),
  )
  low, high = line['mean_low'], line['mean_high']
  panel.fill_between(x, low, high, alpha=0.2, color=colour, lw=0)
  panel.vlines(x, low, high, color=style.INK, lw=1)
  for at, cell in zip(x, line.index):
    runs = values.get(cell, np.zeros(0))
    if len(runs) <= charts.SINGLE:
      panel.plot(
        np.full(len(runs), at),
        runs,
        ls='',
        mec='none',
        color=colour,
        alpha=0.7,
        **style.mark(i, 2.5),
      )


def heat_map(
  axes,
  matrix: pd.DataFrame,
  diverging: bool = True,
  decimals: int = 2,
) -> None:
  """A labelled matrix; [-1, 1] in two hues or [0, 1] in one.

  Args:
    axes: to draw into.
    matrix: float; NaN cells stay empty.
    diverging: whether the values are in [-1, 1] around 0.
    decimals: of the printed values; none are printed beyond 16 columns.
  """
  crowded = matrix.shape[1] > 16
  sns.heatmap(
    matrix.astype(float),
    ax=axes,
    vmin=-1 if diverging else 0,
    vmax=1,
    cmap=style.DIVERGING if diverging else style.SEQUENTIAL,
    annot=not crowded,
    fmt=f'.{decimals}f',
    annot_kws={'size': 6.5 if matrix.shape[1] > 8 else 8},
    cbar=crowded,
    linewidths=0.0 if crowded else 0.5,
    linecolor='white',
    xticklabels=True,
    yticklabels=True,
  )
  small = 5.5 if max(matrix.shape) > 30 else 7
  axes.tick_params(length=0, labelsize=small if crowded else 8)
  below, beside = (
    _broken([str(name) for name in of]) for of in (matrix.columns, matrix.index)
  )
  if below == [str(name) for name in matrix.columns]:
    axes.set_xticklabels(below, rotation=40, ha='right')
  else:
    axes.set_xticklabels(below, rotation=90, fontsize=_SMALL)
    _grow(axes, below)
  axes.set_yticklabels(beside, rotation=0)
  axes.set(xlabel='', ylabel='')
  axes.grid(False)


def variance_shares(axes, shares: dict[str, pd.DataFrame]) -> None:
  """One bar per score: what method, strength and seed explain of it.

  Args:
    axes: to draw into.
    shares: {label of the score: as from `statistics.variance_shares`}.
  """
  shares = {k: v for k, v in shares.items() if v['share'].notna().all()}
  left = np.zeros(len(shares))
  inks = {
    'method': style.COLOURS[0],
    'strength': style.COLOURS[5],
    'seed': style.COLOURS[1],
  }
  hatch = {'method': '', 'strength': '//', 'seed': ''}
  place = np.arange(len(shares))[::-1]
  for part, ink in inks.items():
    share = np.array([table.loc[part, 'share'] for table in shares.values()])
    axes.barh(
      place,
      share,
      0.7,
      left,
      color=ink,
      label=part,
      hatch=hatch[part],
      edgecolor='white',
      lw=0,
    )
    for y, start, size in zip(place, left, share):
      if size > 0.08:
        axes.text(
          start + size / 2,
          y,
          f'{100 * size:.0f}',
          ha='center',
          va='center',
          fontsize=7,
          bbox={'fc': 'white', 'ec': 'none', 'pad': 0.8},
          color='black',
        )
    left = left + share
  axes.set_yticks(place, list(shares))
  axes.set_xlim(0, 1)
  axes.set_ylim(-0.6, len(shares) - 0.4)
  axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0))
  axes.set_xlabel('share of the variance over runs')
  axes.grid(False, axis='y')
  axes.legend(ncols=3, loc='lower center', bbox_to_anchor=(0.5, 1.0))


def front(
  axes,
  cost: np.ndarray,
  values: np.ndarray,
  runs: pd.DataFrame,
  labels: tuple[str, str],
  methods: Sequence[str],
  sign: float = 1.0,
) -> None:
  """Every run's score against its reconstruction, and the best trade-offs.

  Args:
    axes: to draw into.
    cost: float [N], reconstruction error, lower is better.
    values: float [N], the score.
    runs: with 'method'.
    labels: of the two axes.
    methods: gives each method its colour.
    sign: -1 where a lower score is better.
  """
  for i, method in enumerate(methods):
    mine = (runs['method'] == method).to_numpy()
    axes.plot(
      cost[mine],
      values[mine],
      ls='',
      mec='none',
      color=style.colour(i),
      alpha=0.75,
      label=method,
      **style.mark(i, 3.5),
    )
  edge = charts.front(cost, values, sign)
  axes.plot(cost[edge], values[edge], color=style.INK, lw=1, zorder=1)
  both = np.isfinite(cost) & np.isfinite(values)
  axes.set_xlim(charts.extent(cost[both]))
  axes.set_ylim(charts.extent(values[both]))
  axes.set(xlabel=labels[0], ylabel=labels[1])
  axes.legend()


def sheet(
  axes, image: np.ndarray, kl: np.ndarray, order: np.ndarray, title: str
) -> None:
  """A traversal sheet with the KL of each row beside it.

  Args:
    axes: to draw into.
    image: uint8 [height, width, 3], one band per latent.
    kl: float [D], nats.
    order: int [D], latent of each row, from above.
    title: of the sheet.
  """
  axes.imshow(image, interpolation='nearest')
  rows = len(order)
  middle = (np.arange(rows) + 0.5) * image.shape[0] / max(rows, 1)
  names = [f'z{latent}: {tables.nats(kl[latent])}' for latent in order]
  axes.set_yticks(middle, names, fontsize=7)
  axes.set_xticks([])
  axes.tick_params(length=0)
  axes.grid(False)
  for spine in axes.spines.values():
    spine.set_visible(False)
  axes.set_title(title)
