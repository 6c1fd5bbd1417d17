"""Factored and entangled films: claims, blocks of information, generations."""

from collections.abc import Iterator

import markupsafe
import numpy as np

from disentangle_jax.report import (
  arms,
  figures,
  films,
  numbered,
  statistics,
  style,
  summaries,
  tables,
  traversals,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Estimate,
  Guard,
  by_seed,
  runs_of,
  values_of,
)
from disentangle_jax.report.section import Markup, Section

PAPER = 'Whitney and Fergus 2019, table 2'
FACTORED = Arm('factored', {'variant.transition': 'factored'})
ENTANGLED = Arm('entangled', {'variant.transition': 'entangled'})
ARMS = (FACTORED, ENTANGLED)
SAME, CROSS = 'mutual_information_same', 'mutual_information_cross'
LEAST, BOUND = 'mutual_information_same_min', 'elbo_frame'
SHOWN = (SAME, CROSS, LEAST, BOUND, 'object_purity')
# Largest relative differences that count as equal.
NEAR_SAME, NEAR_BOUND = 0.15, 0.02
# Nats that every factor's state must say of its own next one.
ALIVE = 0.5
_SEEDS = 5  # columns of the figures of blocks, at most
GENERATIONS, PREDICTION = 'independent_generation', 'prediction'
_HOW = (
  'above the film itself, then its reconstruction; below one row per factor, '
  'which alone moves while all others stay as in the second frame'
)


def relative(study: tables.Study, score: str) -> tuple[float, float, float]:
  """How far the factored arm's mean lies from the entangled one's.

  Args:
    study: as loaded.
    score: its name.

  Returns:
    |mean difference| over |mean of the entangled arm|, over seeds that both
    have, with the 95 % bootstrap interval of the paired differences folded at
    0; NaN with fewer than two seeds.
  """
  values = values_of(study, score)
  first, second = (by_seed(study, arm, values) for arm in ARMS)
  seeds = sorted(set(first) & set(second))
  if len(seeds) < 2:
    return (float('nan'),) * 3
  unit = abs(np.mean([second[seed] for seed in seeds]))
  apart = np.array([first[seed] - second[seed] for seed in seeds]) / unit
  ((low, high),) = statistics.bootstrap_interval([apart])
  nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
  return abs(float(apart.mean())), nearest, max(abs(low), abs(high))


def alive(study: tables.Study) -> np.ndarray:
  """Whether every factor of a run says something of its own future.

  Args:
    study: as loaded.

  Returns:
    float [runs], 1 or 0; NaN where a run has no such score.
  """
  least = values_of(study, LEAST)
  return np.where(np.isnan(least), np.nan, least >= ALIVE)


def claims(study: tables.Study) -> Iterator[Claim]:
  """Table 2: less across factors, as much within, at an equal bound."""
  del study
  guards = (Guard(alive, 1.0, 1.0, 'share of runs without a dead factor'),)
  yield Claim(
    statement='A state of one factor says less of the next state of another '
    'where each factor has a transition of its own than where one transition '
    'moves all (nats, the best of 20 partitions of the latter).',
    source=PAPER,
    published='0.75 against 2.61',
    arms=ARMS,
    score=CROSS,
    rule=Difference('lower'),
    guards=guards,
  )
  for score, near, words, published in (
    (
      SAME,
      NEAR_SAME,
      'States of factors with transitions of their own say as much of their '
      'own next states',
      '4.61 against 4.66',
    ),
    (
      BOUND,
      NEAR_BOUND,
      'The bound per frame with a transition for each factor is the same',
      '-2,902 against -2,896',
    ),
  ):
    yield Claim(
      statement=f'{words} as with one for all, to {100 * near:g} % of the '
      'latter.',
      source=PAPER,
      published=published,
      arms=ARMS,
      score=score,
      rule=Estimate(
        lambda study, score=score: relative(study, score),
        near,
        'lower',
        f'{score}, mean difference of both over the mean of the entangled one',
      ),
      guards=guards,
    )


def matrices_of(study: tables.Study, name: str) -> dict[int, np.ndarray]:
  """A table of scores of every run that has it.

  Args:
    study: as loaded.
    name: of the scores '<name>/<row>_<column>'.

  Returns:
    Row of the study's runs -> float [rows, columns], NaN where it has no score.
  """
  cells = numbered.values(study, name)
  matrices = {}
  for run, own in cells.groupby('run'):
    at = np.array([index.split('_') for index in own['index']], int)
    matrices[int(run)] = np.full(at.max(axis=0) + 1, np.nan)
    matrices[int(run)][tuple(at.T)] = own['value']
  return matrices


def first_seeds(study: tables.Study) -> list[tuple[Arm, list[int]]]:
  """(arm, rows of its runs by seed) of the arms that were run."""
  rows = []
  for arm in ARMS:
    own = np.flatnonzero(runs_of(study, arm))
    own = sorted(own, key=lambda run: study.runs['seed'].iloc[run])
    if own:
      rows.append((arm, own[:_SEEDS]))
  return rows


def blocks(
  study: tables.Study,
  name: str,
  look: dict,
  labels: tuple[str, str],
  columns: tuple[str, ...] = (),
):
  """Heat maps of a table of scores: a row per arm, a column per seed.

  Args:
    study: as loaded.
    name: of the table.
    look: colours and limits, of `imshow`; the limits those of the values where
      there are none.
    labels: of the axes, x and y.
    columns: their names; their numbers where they do not fit.

  Returns:
    The figure; None where no run has the table.
  """
  matrices = matrices_of(study, name)
  rows = [
    (arm, [run for run in runs if run in matrices])
    for arm, runs in first_seeds(study)
  ]
  rows = [(arm, runs) for arm, runs in rows if runs]
  if not rows:
    return None
  high = max(np.nanmax(matrices[run]) for _, runs in rows for run in runs)
  look = {'vmin': 0.0, 'vmax': max(1.0, high), **look}
  count = max(len(runs) for _, runs in rows)
  figure, axes = figures.new(
    style.WIDTH, 1.4 * len(rows), nrows=len(rows), ncols=count, squeeze=False
  )
  for axis in axes.ravel():
    axis.set_axis_off()
  for (arm, runs), across in zip(rows, axes):
    for run, axis in zip(runs, across):
      axis.set_axis_on()
      axis.set_title(
        f'{arm.label}, seed {study.runs["seed"].iloc[run]}', fontsize=style.TINY
      )
      _heat(axis, matrices[run], look, columns)
  axes[-1, 0].set_xlabel(labels[0], fontsize=style.TINY)
  axes[-1, 0].set_ylabel(labels[1], fontsize=style.TINY)
  return figure


def _heat(axis, matrix, look, columns) -> None:
  """One heat map; values are printed where they are few."""
  axis.imshow(matrix, aspect='auto', **look)
  axis.grid(False)
  axis.tick_params(length=0, labelsize=style.TINY)
  rows, width = matrix.shape
  if max(rows, width) > 8:  # units, not factors
    axis.set(xticks=[], yticks=[])
    return
  names = columns if len(columns) == width else range(width)
  axis.set_xticks(range(width), names)
  axis.set_yticks(range(rows))
  for (row, column), value in np.ndenumerate(matrix):
    dark = value < (look['vmin'] + look['vmax']) / 2
    ink = 'white' if dark else 'black'
    text = f'{value:.1f}' if width > 2 else f'{value:.2f}'
    place = {'ha': 'center', 'va': 'center', 'fontsize': style.TINY}
    axis.text(column, row, text, color=ink, **place)


def strips(study: tables.Study, name: str) -> list[tuple[str, np.ndarray]]:
  """(arm, uint8 [rows, frames, H, W, C]) of the first seed of every arm."""
  return [
    (arm.label, samples.pictures[name])
    for arm, samples in arms.first_samples(study, ARMS)
    if name in samples.pictures
  ]


def film_of(strip: np.ndarray) -> np.ndarray:
  """The rows of a strip side by side, moving.

  Args:
    strip: uint8 [rows, frames, H, W, C].

  Returns:
    uint8 [frames, height, width, 3].
  """
  return np.stack(
    [traversals.grid(frame[None]) for frame in np.moveaxis(strip, 1, 0)]
  )


def _films(moving: list[tuple[str, np.ndarray]]) -> Markup:
  """The generations of every arm as endless films, for the page alone."""
  figure = markupsafe.Markup(
    '<figure><img alt="independent generations, {label}" src="{uri}">'
    '<figcaption>{label}</figcaption></figure>'
  )
  html = markupsafe.Markup('')
  for label, strip in moving:
    content, kind, _ = films.encode(film_of(strip))
    html += figure.format(label=label, uri=summaries.data_uri(content, kind))
  return Markup(html)


def _still(strips_of_arms: list[tuple[str, np.ndarray]]):
  images = [traversals.grid(strip, 24) for _, strip in strips_of_arms]
  shape = max(height / width for height, width, _ in (i.shape for i in images))
  figure, axes = figures.new(
    style.WIDTH,
    (style.WIDTH * shape + 0.3) * len(images),
    nrows=len(images),
    squeeze=False,
  )
  for axis, image, (label, _) in zip(axes.ravel(), images, strips_of_arms):
    axis.set_axis_off()
    axis.imshow(image, interpolation='nearest')
    axis.set_title(label, fontsize=style.SMALL)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of both arms, blocks of information, films.

  Args:
    study: as loaded.

  Yields:
    What the runs have left.
  """
  table = arms.table(study, ARMS, SHOWN, label='transition')
  if table.empty:
    return
  yield Section(
    'independent_prediction_arms',
    'Information within and across factors',
    'Mean over seeds with 95 % interval, nats. Nothing in the objective asks '
    'for objects: at chance half of them have both coordinates in one factor.',
    table,
  )
  one_hue = {'cmap': style.SEQUENTIAL}
  for key, heading, text, *drawn in (
    (
      'blocks',
      'Blocks of information',
      "What a factor's state (columns) says of a factor's next state (rows), "
      'nats. Blocks of the entangled model are those of its best partition.',
      'mutual_information',
      one_hue,
      ('at t', 'at t + 1'),
    ),
    (
      'chains',
      'Which coordinates a factor holds',
      'Share of the variance of a coordinate (columns) that a factor (rows) '
      'tells of.',
      'chain_r2',
      one_hue,
      ('coordinate', 'factor'),
      ('x1', 'y1', 'x2', 'y2'),
    ),
    (
      'correlation',
      'Correlation of units',
      'Of every unit at t (rows) with every unit at t + 1 (columns), in the '
      'order of the blocks.',
      'latent_correlation',
      {'cmap': style.DIVERGING, 'vmin': -1.0, 'vmax': 1.0},
      ('at t + 1', 'at t'),
    ),
  ):
    figure = blocks(study, *drawn)
    if figure is not None:
      yield Section(f'independent_prediction_{key}', heading, text, figure)
  generations = strips(study, GENERATIONS)
  if generations:
    yield Section(
      'independent_prediction_generations',
      'Independent generations',
      f'First seed of every arm, time from left to right: {_HOW}. The '
      'entangled model has no factors: its rows are equal parts of its units.',
      _still(generations),
    )
    yield Section(
      'independent_prediction_films',
      '',
      'The same as films; what stands above each other there stands side by '
      'side here.',
      _films(generations),
    )
  predictions = strips(study, PREDICTION)
  if predictions:
    yield Section(
      'independent_prediction_predictions',
      'Predictions',
      'First seed of every arm: above a film; below what the model makes of '
      'its first half, then what it predicts of the second.',
      _still(predictions),
    )
