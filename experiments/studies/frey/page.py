"""Losses, covariances and prior against beta: claims, table and figures.

Betas on the page are the source's, which averages over pixels: those of the
store over their number.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import (
  display,
  figures,
  stored,
  style,
  summaries,
  tables,
)
from disentangle_jax.report.claims import Arm, Claim, Difference, Trend
from disentangle_jax.report.section import Section
from disentangle_jax.studies.frey import config as frey

PIXELS, EPOCHS = frey.PIXELS, 10
BETA = display.SYMBOLS['beta']
SCORES = {
  'reconstruction (nats)': ('reconstruction/nats', 'mean'),
  'KL (nats)': ('kl', ''),
  'Frobenius degree': ('frobenius_degree', 'mean'),
  'aggregate KL (nats)': ('aggregate_kl', ''),
  'aggregate Frechet': ('aggregate_frechet', ''),
}
FALL = 'loss, epoch 6 - 10'
_SOURCE = 'Hassan 2022, '
FLAT = 1e-2  # beta from which on losses are said to be flat
# Betas that are run at every number of latents.
COMMON = (1e-3, 1e-1)


def epochs(curves: pd.DataFrame) -> dict[int, np.ndarray]:
  """Training loss, mean over every epoch.

  Args:
    curves: `Study.training`.

  Returns:
    {run: float [EPOCHS]}, of runs with at least as many logged steps.
  """
  losses = {}
  for run, part in curves[curves['name'] == stored.LOSS].groupby('run'):
    values = part.sort_values('step')['value'].to_numpy()
    if len(values) >= EPOCHS:
      parts = np.array_split(values, EPOCHS)
      losses[run] = np.array([np.mean(epoch) for epoch in parts])
  return losses


def fall(study: tables.Study) -> np.ndarray:
  """How far the loss falls from epoch 6 to 10, nats, float [runs]."""
  losses, values = epochs(study.training), np.full(len(study.runs), np.nan)
  for run, loss in losses.items():
    values[run] = loss[5] - loss[9]
  return values


def latents_of(study: tables.Study) -> np.ndarray:
  """Number of latents of every run, int [runs]; 0 where it is not known."""
  named = study.runs['variant'].str.extract(r'num_latents=(\d+)')[0]
  known = pd.Series({run: len(kl) for run, kl in study.latents.items()})
  known = known.reindex(study.runs.index)
  return named.astype(float).fillna(known).fillna(0).to_numpy(int)


def betas_of(study: tables.Study) -> np.ndarray:
  """The source's beta of every run, float [runs], rounded to six figures."""
  return np.array([float(f'{b / PIXELS:.6g}') for b in study.runs['strength']])


def settings(study: tables.Study) -> Iterator[tuple[int, float, np.ndarray]]:
  """(latents, the source's beta, indices of the runs) of every setting."""
  latents, betas = latents_of(study), betas_of(study)
  for size, beta in sorted(set(zip(latents.tolist(), betas.tolist()))):
    yield size, beta, np.flatnonzero((latents == size) & (betas == beta))


def _arm(latents: int, betas: tuple[float, ...], label: str) -> Arm:
  """Runs with as many latents at some of the source's betas."""
  where = {
    'method': 'beta_vae',
    'variant.num_latents': latents,
    'strength': tuple(beta * PIXELS for beta in betas),
  }
  return Arm(label, where)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the source says of losses, covariances and the prior."""
  betas = sorted({b for b in betas_of(study).tolist() if np.isfinite(b)})
  high = tuple(beta for beta in betas if beta >= FLAT)
  low = tuple(beta for beta in betas if beta < FLAT)
  every = _arm(2, tuple(betas), '2 latents')
  at = {
    size: [_arm(size, (beta,), f'{size} latents, {beta:g}') for beta in COMMON]
    for size in (3, 5)
  }
  measures = {
    'Frobenius degree': ('frobenius_degree', 'mean'),
    'KL of the aggregate posterior from the prior': 'aggregate_kl',
  }
  figure = dict(zip(measures, ('figure 5.1', 'figure 5.2')))
  return (
    Claim(
      f'Losses are flat from beta {FLAT:g} on: they fall less from epoch 6 to '
      '10 than those of smaller betas (2 latents).',
      f'{_SOURCE}section 5.1, items 4 and 5',
      'flat',
      (_arm(2, high, f'beta from {FLAT:g}'), _arm(2, low, 'smaller beta')),
      fall,
      Difference('lower'),
    ),
    *(
      Claim(
        f'The {name} falls with beta (2 latents, all betas).',
        _SOURCE + figure[name],
        'falls',
        (every,),
        score,
        Trend('lower'),
      )
      for name, score in measures.items()
    ),
    *(
      Claim(
        f'The {name} is lower at beta {COMMON[1]:g} than at {COMMON[0]:g} '
        f'({size} latents).',
        f'{_SOURCE}section 5.1, item 6',
        'the same for 3 and 5 latents',
        tuple(reversed(at[size])),
        score,
        Difference('lower'),
      )
      for name, score in measures.items()
      for size in (3, 5)
    ),
  )


def settings_table(study: tables.Study) -> pd.DataFrame:
  """Scores of every setting, and how far the loss still falls."""
  columns, falls, rows = list(study.scores.columns), fall(study), []
  for latents, beta, runs in settings(study):
    row = {'latents': str(latents), 'beta': f'{beta:g}', 'runs': len(runs)}
    for head, column in SCORES.items():
      if column in columns:
        values = study.scores.iloc[runs, columns.index(column)].to_numpy()
        row[head] = summaries.mean_with_interval(values)
    row[FALL] = summaries.mean_with_interval(falls[runs])
    rows.append(row)
  return pd.DataFrame(rows)


def curves_figure(study: tables.Study):
  """Losses by epoch; Frobenius degree and distance from the prior by beta."""
  losses, columns = epochs(study.training), list(study.scores.columns)
  every = list(settings(study))
  first = [(b, runs) for size, b, runs in every if size == every[0][0]]
  figure, axes = figures.new(7.2, 2.5, ncols=3)
  hues = style.ramp(len(first))
  for hue, (beta, runs) in zip(hues, first):
    known = [losses[run] for run in runs if run in losses]
    if known:
      mean = np.mean(known, axis=0)
      axes[0].plot(
        range(1, EPOCHS + 1), mean, color=hue, label=f'{beta:g}', ls='-'
      )
  axes[0].set(xlabel='epoch', ylabel='training loss (nats)')
  if axes[0].lines:
    # The first epochs would squeeze the rest.
    late = np.concatenate([line.get_ydata()[1:] for line in axes[0].lines])
    axes[0].set_ylim(late.min() - 1, late.max() + 1)
    axes[0].legend(
      title=BETA, fontsize=style.TINY, title_fontsize=style.TINY, ncols=2
    )
  for axis, head in zip(axes[1:], ('Frobenius degree', 'aggregate KL (nats)')):
    if SCORES[head] not in columns:
      continue
    place = columns.index(SCORES[head])
    for i, size in enumerate(sorted({latents for latents, *_ in every})):
      mine = [(b, runs) for latents, b, runs in every if latents == size]
      values = [study.scores.iloc[runs, place].to_numpy() for _, runs in mine]
      betas = [b for b, _ in mine]
      look = {'color': style.colour(i), 'ls': style.dash(i)}
      axis.plot(betas, [np.mean(v) for v in values], label=size, **look)
      look = {'color': style.colour(i), 'ls': '', **style.mark(i, 3)}
      for beta, value in zip(betas, values):
        axis.plot([beta] * len(value), value, **look)
    axis.set(xscale='log', yscale='log', xlabel=BETA, ylabel=head)
    axis.legend(title='latents', fontsize=style.TINY, title_fontsize=style.TINY)
  return figure


def first_runs(study: tables.Study) -> list[tuple[float, object]]:
  """(beta, trained run) of the first seed with 2 latents at every beta.

  Those of the first workdir; none where one has left no parameters.
  """
  # Models are loaded for pictures alone.
  from disentangle_jax import load_run

  pairs = []
  for size, beta, runs in settings(study):
    here = study.runs.iloc[runs]
    here = here[here['workdir'] == 0].sort_values('seed')
    if size != 2 or here.empty:
      continue
    number = int(here['run_number'].iloc[0])
    try:
      pairs.append((beta, load_run(study.workdirs[0], number)))
    except (errors.ConfigError, errors.StoreError):
      return []
  return pairs


def clouds_figure(runs: list[tuple[float, object]], count: int = 2000):
  """Samples of the prior, and of the posteriors of drawn images.

  Args:
    runs: as from `first_runs`.
    count: of samples.
  """
  rng = np.random.default_rng(0)
  columns = -(-(len(runs) + 1) // 2)
  figure, axes = figures.new(7.2, 2.9, nrows=2, ncols=columns, squeeze=False)
  axes = axes.ravel()
  clouds = [('prior', rng.normal(size=(count, 2)))]
  observations = np.asarray(runs[0][1].sample(count)['observation'])
  for beta, run in runs:
    parts = run.represent(observations).parts
    mean, logvar = np.asarray(parts['mean']), np.asarray(parts['logvar'])
    codes = mean + np.exp(logvar / 2) * rng.normal(size=mean.shape)
    clouds.append((f'{BETA} = {beta:g}', codes))
  for axis, (name, cloud) in zip(axes, clouds):
    # Thousands of marks would make the page heavy.
    axis.plot(*cloud.T, '.', ms=1, rasterized=True)
    axis.set_title(name, fontsize=style.SMALL)
    axis.tick_params(labelsize=style.TINY)
  for axis in axes[len(clouds) :]:
    axis.set_axis_off()
  return figure


def faces_figure(runs: list[tuple[float, object]], side: int = 6):
  """Images decoded from samples of the prior, the same for every beta."""
  codes = np.random.default_rng(1).normal(size=(side**2, 2))
  columns = -(-len(runs) // 2)
  figure, axes = figures.new(5.2, 2.4, nrows=2, ncols=columns, squeeze=False)
  axes = axes.ravel()
  for axis in axes:
    axis.set_axis_off()
  for axis, (beta, run) in zip(axes, runs):
    faces = np.asarray(run.decode(codes))[..., 0]
    height, width = faces.shape[1:]
    sheet = faces.reshape(side, side, height, width).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(side * height, side * width)
    axis.imshow(sheet, cmap=style.GREYS, vmin=0, vmax=1)
    axis.set_title(f'{BETA} = {beta:g}', fontsize=style.SMALL)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Every setting, losses and distances by beta, clouds and faces."""
  if not set(SCORES.values()) & set(study.scores.columns):
    return
  yield Section(
    'frey_settings',
    'Scores of every setting',
    'Means over seeds with 95 % intervals; mean representation. Betas are of '
    'losses averaged over pixels. "Aggregate" compares mean and covariance of '
    'all sampled codes with the prior.',
    settings_table(study),
  )
  yield Section(
    'frey_beta',
    'Losses by epoch, and distances by beta',
    'Left the least number of latents, mean over seeds; a dot per seed in the '
    'others.',
    curves_figure(study),
  )
  runs = first_runs(study)
  if not runs:
    return
  yield Section(
    'frey_aggregate',
    'Samples of the aggregate posterior',
    '2,000 samples of the prior, and one code for each of 2,000 drawn images; '
    'first seed, 2 latents.',
    clouds_figure(runs),
  )
  yield Section(
    'frey_samples',
    'Images decoded from samples of the prior',
    'First seed, 2 latents.',
    faces_figure(runs),
  )
