"""What the latents of one trained run say about the factors, in four figures.

From codes and factors alone, so that arrays from anywhere can be drawn too:
mutual information, importances as a Hinton diagram, responses of every code to
every factor, and the aggregate posterior against the prior.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.patches
import numpy as np

from disentangle_jax.metrics import base
from disentangle_jax.metrics.codes import dci_lasso, mig_binned
from disentangle_jax.ops import lasso
from disentangle_jax.report import figures, style
from disentangle_jax.runs import trained

_BAND = (0.05, 0.5, 0.95)


class Table(NamedTuple):
  """Codes of independent observations.

  Attributes:
    mean: float [N, D], the representation.
    sample: float [N, D], one draw of q(z|x); the mean where there is none.
    factors: int [N, K].
    names: K names of factors.
    sizes: K numbers of values.
    order: int [D], latents in the order to show, e.g. by KL.
    gaussian: the first so many latents have the prior N(0, 1); None for all.
  """

  mean: np.ndarray
  sample: np.ndarray
  factors: np.ndarray
  names: tuple[str, ...]
  sizes: tuple[int, ...]
  order: np.ndarray
  gaussian: int | None = None


def table_of(
  run: trained.TrainedRun, count: int = 4000, seed: int = 0
) -> Table:
  """Draws observations of the run's data set and encodes them.

  Args:
    run: with an encoder and a data set with factors.
    count: N.
    seed: of observations and of the draw from the posterior.

  Returns:
    The table, latents in the order of their KL.
  """
  batch = run.sample(count, seed)
  codes = run.represent(batch['observation'])
  mean, gaussian = np.asarray(codes.vector), run.layout.gaussian
  sample, kl = mean.copy(), np.zeros(mean.shape[1])
  if gaussian:
    noise = np.random.default_rng(seed).normal(size=(count, gaussian))
    deviation = np.exp(np.asarray(codes.parts['logvar']) / 2)
    sample[:, :gaussian] = np.asarray(codes.parts['mean']) + deviation * noise
    kl[:gaussian] = run.kl()
  return Table(
    mean,
    sample,
    np.asarray(batch['factors']),
    run.dataset.factor_names,
    run.dataset.factor_sizes,
    np.argsort(-kl, kind='stable'),
    gaussian,
  )


def mutual_information(table: Table, num_bins: int = 20) -> np.ndarray:
  """Binned mutual information as in `mig_binned`, float [D, K], nats."""
  matrix, _ = mig_binned.information(
    jnp.asarray(table.mean), jnp.asarray(table.factors), table.sizes, num_bins
  )
  return np.asarray(matrix)


def importances(table: Table) -> np.ndarray:
  """Absolute lasso weights as in `dci_lasso`, float [D, K], >= 0."""
  settings = dci_lasso.Config()
  values = jnp.asarray(table.factors, jnp.float32)
  codes = jnp.asarray(table.mean)
  fit = jax.jit(
    lambda z, y: lasso.cross_validated(
      z, y, settings.num_folds, settings.num_alphas
    )
  )(base.standardize(codes, codes), base.standardize(values, values))
  varies = np.ptp(table.factors, axis=0) > 0
  return np.where(varies, np.abs(np.asarray(fit.weights)), 0)


def _labels(table: Table) -> tuple[list[str], list[str]]:
  latents = [f'z{latent}' for latent in table.order]
  return latents, [name.replace('_', ' ') for name in table.names]


def heat_map(axes, matrix: np.ndarray, table: Table) -> None:
  """Mutual information of every code and factor, nats."""
  latents, factors = _labels(table)
  ordered = matrix[table.order]
  image = axes.imshow(ordered, cmap=style.SEQUENTIAL, vmin=0, aspect='auto')
  axes.set_yticks(range(len(latents)), latents)
  axes.set_xticks(range(len(factors)), factors, rotation=35, ha='right')
  axes.grid(False)
  middle = ordered.max() / 2
  for row, column in np.ndindex(ordered.shape):
    value = ordered[row, column]
    colour = 'white' if value < middle else style.INK
    axes.text(
      column,
      row,
      f'{value:.2f}',
      ha='center',
      va='center',
      fontsize=7,
      color=colour,
    )
  axes.figure.colorbar(image, ax=axes, label='mutual information (nats)')


def hinton(axes, matrix: np.ndarray, table: Table) -> None:
  """Importances as squares whose area is the share of the largest."""
  latents, factors = _labels(table)
  ordered = matrix[table.order]
  largest = ordered.max() if ordered.max() > 0 else 1.0
  for row, column in np.ndindex(ordered.shape):
    side = 0.92 * np.sqrt(ordered[row, column] / largest)
    axes.add_patch(
      matplotlib.patches.Rectangle(
        (column - side / 2, row - side / 2), side, side, color=style.INK
      )
    )
  axes.set(xlim=(-0.5, len(factors) - 0.5), ylim=(len(latents) - 0.5, -0.5))
  axes.set_yticks(range(len(latents)), latents)
  axes.set_xticks(range(len(factors)), factors, rotation=35, ha='right')
  axes.set_aspect('equal')
  axes.grid(False)


def responses(figure, table: Table, most: int = 10) -> None:
  """Every code against every factor: median and 5 to 95 % over the others.

  Args:
    figure: empty.
    table: codes and factors.
    most: at most so many latents, the first ones of the order.
  """
  latents, factors = _labels(table)
  rows = min(most, len(latents))
  grid = figure.subplots(
    rows, len(factors), sharex='col', sharey='row', squeeze=False
  )
  for row, latent in enumerate(table.order[:rows]):
    for column, size in enumerate(table.sizes):
      axes = grid[row, column]
      groups = [
        table.mean[table.factors[:, column] == v, latent] for v in range(size)
      ]
      at = [v for v, group in enumerate(groups) if group.size]
      low, middle, high = np.array(
        [np.quantile(groups[v], _BAND) for v in at]
      ).T
      axes.fill_between(at, low, high, color=style.colour(0), alpha=0.25, lw=0)
      axes.plot(at, middle, color=style.colour(0), marker='.')
      if row == 0:
        axes.set_title(factors[column])
      if column == 0:
        axes.set_ylabel(latents[row], rotation=0, ha='right', va='center')
      axes.tick_params(labelsize=6)


def histograms(figure, table: Table, most: int = 10) -> None:
  """The codes of each latent, Gaussian ones against the prior N(0, 1).

  Args:
    figure: empty.
    table: codes and factors.
    most: at most so many latents, the first ones of the order.
  """
  chosen: Sequence[int] = table.order[:most]
  columns = min(5, len(chosen))
  rows = -(-len(chosen) // columns)
  grid = figure.subplots(rows, columns, squeeze=False)
  walk = np.linspace(-4, 4, 161)
  prior = np.exp(-(walk**2) / 2) / np.sqrt(2 * np.pi)
  for axes in grid.flat[len(chosen) :]:
    axes.set_visible(False)
  for axes, latent in zip(grid.flat, chosen):
    axes.hist(
      table.sample[:, latent],
      bins=50,
      density=True,
      color=style.colour(0),
      alpha=0.45,
    )
    if table.gaussian is None or latent < table.gaussian:
      axes.plot(walk, prior, color=style.INK, lw=1)
    axes.set_title(f'z{latent}')
    axes.set_yticks([])


def draw(table: Table) -> dict[str, object]:
  """All four figures by name, to be drawn within `style.use()`."""
  size = len(table.order)
  wide = 1.2 + 0.75 * len(table.names)
  matches = {}
  matches['mutual_information'], axes = figures.new(
    wide + 1.2, 0.9 + 0.3 * size
  )
  heat_map(axes, mutual_information(table), table)
  matches['importances'], axes = figures.new(wide, 0.9 + 0.45 * size)
  hinton(axes, importances(table), table)
  axes.set_title('lasso weights (area)')
  rows = min(size, 10)
  matches['responses'] = figures.empty(
    1.2 * len(table.names) + 0.8, 0.8 * rows + 0.6
  )
  responses(matches['responses'], table)
  matches['histograms'] = figures.empty(style.WIDTH, 0.4 + 1.2 * -(-rows // 5))
  histograms(matches['histograms'], table)
  return matches
