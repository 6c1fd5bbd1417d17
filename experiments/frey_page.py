"""The tables and figures of docs/studies/frey.md from a finished study.

  python -m experiments.frey_page --workdir=runs/frey --out=docs/images

Betas are the source's: those of the store over the number of pixels. Intervals:
95 % percentile bootstrap over seeds.
"""

import pathlib

from absl import flags
import numpy as np

from disentangle_jax import errors
from disentangle_jax.commands import cli

PIXELS, EPOCHS = 560, 10
SCORES = {
  'reconstruction (nats)': ('reconstruction/nats', 'mean'),
  'KL (nats)': ('kl', ''),
  'Frobenius degree': ('frobenius_degree', 'mean'),
  'aggregate KL (nats)': ('aggregate_kl', ''),
  'aggregate Frechet': ('aggregate_frechet', ''),
}


def epochs(curves):
  """Training loss, mean over every epoch: {run: float [EPOCHS]}."""
  found = {}
  for run, part in curves[curves['name'] == 'train/loss'].groupby('run'):
    values = part.sort_values('step')['value'].to_numpy()
    parts = np.array_split(values, EPOCHS)
    found[run] = np.array([np.mean(p) for p in parts])
  return found


def figure(values: np.ndarray) -> str:
  """Mean and interval: '0.12 [0.10, 0.14]'."""
  from disentangle_jax.report import statistics

  low, high = statistics.bootstrap_interval([values])[0]
  return f'{np.mean(values):.3g} [{low:.3g}, {high:.3g}]'


def settings(study):
  """(latents, source's beta, indices of the runs) of every setting."""
  from disentangle_jax.report import stored

  for _, part in study.runs.groupby('cell'):
    row = part.iloc[0]
    beta = stored.loads(row['hparams'])['beta'] / PIXELS
    latents = len(study.latents[part.index[0]])
    yield latents, beta, part.index.to_numpy()


def print_table(study, losses) -> None:
  """Scores of every setting, and how far the loss still falls."""
  heads = ['latents', 'beta', *SCORES, 'loss, epoch 6 - 10']
  print('| ' + ' | '.join(heads) + ' |\n' + '|---' * len(heads) + '|')
  for latents, beta, runs in settings(study):
    cells = [f'{latents}', f'{beta:g}']
    for column in SCORES.values():
      cells.append(figure(study.scores[column].to_numpy()[runs]))
    fall = np.array([losses[run][5] - losses[run][9] for run in runs])
    cells.append(figure(fall))
    print('| ' + ' | '.join(cells) + ' |')


def draw_curves(study, losses, out: pathlib.Path) -> None:
  """Losses by epoch; Frobenius degree and distance from the prior by beta."""
  import matplotlib as mpl

  from disentangle_jax.report import figures

  drawn, axes = figures.new(7.2, 2.5, ncols=3)
  found = list(settings(study))
  shown = [(b, runs) for latents, b, runs in found if latents == found[0][0]]
  hues = mpl.colormaps['viridis'](np.linspace(0, 0.95, len(shown)))
  for hue, (beta, runs) in zip(hues, shown):
    mean = np.mean([losses[run] for run in runs], axis=0)
    axes[0].plot(range(1, EPOCHS + 1), mean, color=hue, label=f'{beta:g}')
  axes[0].set(xlabel='epoch', ylabel='training loss (nats)', ylim=(348, 372))
  axes[0].legend(title='beta', fontsize=5, title_fontsize=6, ncols=2)
  for axis, name in zip(axes[1:], ('frobenius_degree', 'aggregate_kl')):
    column = next(c for c in SCORES.values() if c[0] == name)
    for size in sorted({latents for latents, *_ in found}):
      mine = [(b, runs) for latents, b, runs in found if latents == size]
      values = [study.scores[column].to_numpy()[runs] for _, runs in mine]
      betas = [b for b, _ in mine]
      line = axis.plot(betas, [np.mean(v) for v in values], '-', label=size)
      for beta, value in zip(betas, values):
        axis.plot([beta] * len(value), value, '.', color=line[0].get_color())
    axis.set(xscale='log', yscale='log', xlabel='beta', ylabel=name)
    axis.legend(title='latents', fontsize=6, title_fontsize=6)
  drawn.savefig(out / 'frey_beta.png', dpi=110)


def draw_models(study, out: pathlib.Path) -> None:
  """Aggregate posteriors and sample grids of the first seed's runs."""
  from disentangle_jax import load_run
  from disentangle_jax.report import figures

  mine = [(b, runs[0]) for size, b, runs in settings(study) if size == 2]
  rng = np.random.default_rng(0)
  columns = -(-(len(mine) + 1) // 2)
  clouds, clouds_axes = figures.new(7.2, 2.9, nrows=2, ncols=columns)
  sheets, sheet_axes = figures.new(7.2, 3.5, nrows=2, ncols=columns)
  clouds_axes, sheet_axes = clouds_axes.ravel(), sheet_axes.ravel()
  for axis in (*clouds_axes[len(mine) + 1 :], *sheet_axes):
    axis.set_axis_off()
  prior = rng.normal(size=(2000, 2))
  shown = rng.normal(size=(36, 2))
  clouds_axes[0].plot(*prior.T, '.', ms=1)
  clouds_axes[0].set_title('prior', fontsize=7)
  for place, (beta, run) in enumerate(mine):
    number = int(study.runs['run_number'][run])
    trained = load_run(study.workdirs[0], number)
    images = np.asarray(trained.sample(2000)['observation'])
    parts = trained.represent(images).parts
    mean, logvar = np.asarray(parts['mean']), np.asarray(parts['logvar'])
    z = mean + np.exp(logvar / 2) * rng.normal(size=mean.shape)
    clouds_axes[place + 1].plot(*z.T, '.', ms=1)
    clouds_axes[place + 1].set_title(f'beta {beta:g}', fontsize=7)
    faces = np.asarray(trained.decode(shown))[..., 0]
    height, width = faces.shape[1:]
    sheet = faces.reshape(6, 6, height, width).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(6 * height, 6 * width)
    sheet_axes[place].imshow(sheet, cmap='gray', vmin=0, vmax=1)
    sheet_axes[place].set_title(f'beta {beta:g}', fontsize=7)
  for axis in clouds_axes:
    axis.tick_params(labelsize=5)
  clouds.savefig(out / 'frey_aggregate.png', dpi=110)
  sheets.savefig(out / 'frey_samples.png', dpi=95)


def main(argv):
  """See the module docstring."""
  from disentangle_jax.report import tables

  del argv
  if not flags.FLAGS.workdir:
    raise errors.ConfigError('--workdir is missing')
  study = tables.load([flags.FLAGS.workdir])
  losses = epochs(study.training)
  print_table(study, losses)
  if flags.FLAGS.out:
    out = pathlib.Path(flags.FLAGS.out)
    draw_curves(study, losses, out)
    draw_models(study, out)


if __name__ == '__main__':
  flags.DEFINE_string('workdir', '', 'Directory of a finished sweep.')
  flags.DEFINE_string('out', '', 'Folder for the figures; none if empty.')
  cli.run(main)
