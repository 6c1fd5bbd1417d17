"""The figures of a seed-variance study, one function each.

Every function draws into the axes it is given, or makes a figure, from arrays
and tables that `tables`, `summaries`, `statistics` and `selection` produce.
Files and pages are made in `gallery`.
"""

from collections.abc import Sequence
import math

import matplotlib as mpl
import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
import seaborn as sns

from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report import style, tables

_LONG_LABEL = 30
SPANS_DECADES = 30.0  # ratio of strengths beyond which their axis is a log one


def new(width: float = style.WIDTH, height: float = 2.8, **kwargs):
  """A figure without pyplot's global state, and its axes."""
  figure = mpl.figure.Figure(figsize=(width, height), layout='constrained')
  return figure, figure.subplots(**kwargs)


def empty(width: float = style.WIDTH, height: float = 2.8):
  """A figure without axes."""
  return mpl.figure.Figure(figsize=(width, height), layout='constrained')


def _mark_ceiling(axes, score: scores_lib.Score) -> None:
  if math.isfinite(score.ceiling):
    axes.axhline(score.ceiling, color=style.INK, lw=0.8, ls=(0, (2, 2)))
    axes.annotate(
      f'ceiling {score.ceiling:.2f}',
      (1, score.ceiling),
      xycoords=('axes fraction', 'data'),
      ha='right',
      va='bottom',
      fontsize=7,
    )


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
    methods: from left to right.
  """
  for i, method in enumerate(methods):
    mine = values[(runs['method'] == method).to_numpy()]
    mine = mine[np.isfinite(mine)]
    if not mine.size:
      axes.text(i, 0.5, 'no runs', ha='center', transform=_x_data(axes))
      continue
    if mine.size >= 5 and np.ptp(mine) > 0:
      body = axes.violinplot(
        mine, [i], widths=0.8, showextrema=False, showmedians=False
      )['bodies'][0]
      body.set(facecolor=style.colour(i), edgecolor=style.INK, alpha=0.45)
    low, middle, high = np.quantile(mine, [0.25, 0.5, 0.75])
    axes.vlines(i, low, high, color=style.INK, lw=3)
    axes.plot(i, middle, 'o', ms=4, mfc='white', mec=style.INK, zorder=4)
    if mine.size <= 200:
      rng = np.random.default_rng(i)
      jitter = i + rng.uniform(-0.12, 0.12, mine.size)
      axes.plot(jitter, mine, '.', ms=2.5, color=style.colour(i), alpha=0.8)
  axes.set_xticks(range(len(methods)), methods, rotation=20, ha='right')
  axes.set_xlim(-0.6, len(methods) - 0.4)
  axes.set_ylabel(score.label)
  axes.grid(False, axis='x')
  _mark_ceiling(axes, score)


def _x_data(axes):
  return axes.get_xaxis_transform()


def strength_scale(axes, strengths: np.ndarray) -> None:
  """Log axis where the strengths span decades; a zero sits left of the rest.

  Args:
    axes: whose x axis is set.
    strengths: float [S], >= 0 or any sign.
  """
  finite = strengths[np.isfinite(strengths)]
  positive = finite[finite > 0]
  if positive.size < 2 or (finite < 0).any():
    return
  if positive.max() / positive.min() < SPANS_DECADES:
    return
  if (finite == 0).any():
    least = positive.min()
    axes.set_xscale('symlog', linthresh=least, linscale=0.5)
  else:
    axes.set_xscale('log')
  axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
  ticks = np.unique(finite)
  axes.set_xticks(ticks, [f'{tick:g}' for tick in ticks])


def score_against_strength(
  figure, table: pd.DataFrame, score: scores_lib.Score, methods: Sequence[str]
) -> None:
  """Mean over seeds with its 95 % band, one panel per name of a strength.

  Beta, gamma and a capacity are different axes; methods that share a name
  share a panel.

  Args:
    figure: empty, to draw into.
    table: as from `summaries.cell_table`, of one data set.
    score: what is shown.
    methods: gives each method its colour.
  """
  table = table[table['mean'].notna()]
  swept = table[table['strength'].notna()]
  names = list(dict.fromkeys(swept['strength_name'])) or ['']
  panels = np.atleast_1d(
    figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
  )
  long = {}  # label -> handle
  for panel, name in zip(panels, names):
    shown = swept[swept['strength_name'] == name]
    strength_scale(panel, shown['strength'].to_numpy())
    for method in dict.fromkeys(shown['method']):
      i = list(methods).index(method)
      mine = shown[shown['method'] == method].sort_values('strength')
      look = {'color': style.colour(i), 'ls': style.dash(i)}
      panel.plot(
        mine['strength'],
        mine['mean'],
        marker=style.mark(i),
        label=method,
        **look,
      )
      panel.fill_between(
        mine['strength'],
        mine['mean_low'],
        mine['mean_high'],
        alpha=0.2,
        color=style.colour(i),
        lw=0,
      )
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
  axes.set_xticklabels(axes.get_xticklabels(), rotation=40, ha='right')
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
      style.mark(i),
      ms=3.5,
      mec='none',
      color=style.colour(i),
      alpha=0.75,
      label=method,
    )
  both = np.flatnonzero(np.isfinite(cost) & np.isfinite(values))
  order = both[np.lexsort((-sign * values[both], cost[both]))]
  gain = sign * values[order]
  better = np.concatenate([[True], gain[1:] > np.maximum.accumulate(gain)[:-1]])
  edge = order[better[: order.size]]
  axes.plot(cost[edge], values[edge], color=style.INK, lw=1, zorder=1)
  axes.set(xlabel=labels[0], ylabel=labels[1])
  axes.legend()


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
  steps = np.unique(curves['step'])
  kept = steps[np.unique(np.linspace(0, steps.size - 1, points).astype(int))]
  curves = curves[curves['step'].isin(kept)]
  method = runs['method'].to_numpy(object)[curves['run'].to_numpy()]
  quartiles = (
    curves.assign(method=method)
    .groupby(['method', 'step'])['value']
    .quantile([0.25, 0.5, 0.75])
    .unstack()
  )
  for i, method in enumerate(methods):
    if method in quartiles.index.get_level_values('method'):
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
