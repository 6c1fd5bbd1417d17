"""Unsupervised disentanglement ranking: do runs find the same codes?

Source: Duan et al. 2020, https://arxiv.org/abs/1905.12614, section 4, as in the
reference implementation. The codes of two runs that differ in the seed alone
are compared dimension by dimension: by the weights of a lasso (alpha = 0.1)
that predicts one from the other, or by Spearman's correlation. With A the
matrix of absolute values, rows the dimensions of one run and columns those of
the other, a pair scores the mean of mean_b max_b^2 / sum_b and
mean_a max_a^2 / sum_a; `_paper` weights all dimensions of both runs equally
instead, 1 / (d_a + d_b), as the paper writes. Dimensions whose KL from the
prior is at most 0.01 nats are masked. A run's score is the median over the
others.

One value per run. Range [0, 1] for Spearman; with the lasso a perfect
coefficient of unit-variance codes is 0.9, and the range is not bounded. Higher
is better.

Deviations: both masks use the one threshold (the reference hard-codes it in
one of them); a run without an unmasked dimension scores 0 in every pair
(the reference fails); diverged runs get NaN and are left out of the medians; a
single run: NaN.

Known failure modes: rewards runs that repeat each other's mistakes; with the
lasso, scores depend on alpha.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import gaussian, lasso, ranking

SCORES = {
  'udr_lasso': types.Score(
    'median over the other seeds of how one-to-one lasso weights between '
    'the codes of two runs are',
    'higher',
    0.0,
  ),
  'udr_spearman': types.Score(
    'the same by absolute rank correlations', 'higher', 0.0, 1.0
  ),
  'udr_lasso_paper': types.Score(
    'udr_lasso, all dimensions of both runs weighted equally', 'higher', 0.0
  ),
  'udr_spearman_paper': types.Score(
    'udr_spearman, all dimensions of both runs weighted equally',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Duan et al. 2020, arXiv:1905.12614, section 4'
RESAMPLING = None
COST = 0.0024  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'udr': 'UDR'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference.

  Attributes:
    num_train: points.
    alpha: penalty of the lasso.
    threshold: least KL of an informative dimension, nats.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 1000
  alpha: float = 0.1
  threshold: float = 0.01
  continuous: bool = False


def pair_scores(
  matrix: jax.Array, rows: jax.Array, columns: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """How one-to-one a matrix of similarities is.

  Args:
    matrix: float [D, E], >= 0.
    rows: bool [D], unmasked rows.
    columns: bool [E], unmasked columns.

  Returns:
    (mean of the two means, mean over all unmasked rows and columns).
  """
  matrix = jnp.where(rows[:, None] & columns, matrix, 0)

  def peaks(matrix):
    total = jnp.sum(matrix, axis=0)
    some = total > 0
    best = jnp.square(jnp.max(matrix, axis=0))
    return jnp.where(some, best / jnp.where(some, total, 1), 0)

  by_column, by_row = jnp.sum(peaks(matrix)), jnp.sum(peaks(matrix.T))
  num_columns, num_rows = jnp.sum(columns), jnp.sum(rows)
  mean = lambda x, count: x / jnp.maximum(count, 1)
  halves = mean(by_column, num_columns) + mean(by_row, num_rows)
  return halves / 2, mean(by_column + by_row, num_columns + num_rows)


def _medians(scores, usable):
  """scores [from, to] -> median over usable others, per column."""
  others = usable[:, None] & ~jnp.eye(len(usable), dtype=bool)
  return jnp.nanmedian(jnp.where(others, scores, jnp.nan), axis=0)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; codes [S, num_train, D], factors [num_train, K]."""
  base.at_least(config, num_train=2)

  def score(key, codes, factors):
    del key, factors
    usable, codes = base.usable_runs(codes)
    parts = codes.parts
    kl = gaussian.kl_to_standard(parts['mean'], parts['logvar'])
    informative = jnp.mean(kl, axis=1) > config.threshold
    z = jax.vmap(base.standardize)(codes.vector, codes.vector)
    z = jnp.where(informative[:, None, :], z, 0)
    num_runs, num_points, num_codes = z.shape
    flat = jnp.moveaxis(z, 0, 1).reshape(num_points, -1)

    def regress(inputs):
      gram = inputs.T @ inputs / num_points
      moment = inputs.T @ flat / num_points
      start = jnp.zeros_like(moment)
      weights = lasso.descend(gram, moment, config.alpha, start)
      weights = jnp.abs(weights).reshape(num_codes, num_runs, num_codes)
      return jnp.moveaxis(weights, 1, 0)

    by_lasso = jax.lax.map(regress, z)
    correlation = jnp.abs(ranking.spearman(flat, flat))
    shape = (num_runs, num_codes, num_runs, num_codes)
    by_rank = jnp.moveaxis(correlation.reshape(shape), 2, 1)
    # [from, to]: the run that predicts, the run that is scored.
    to_all = jax.vmap(pair_scores, (0, None, 0))
    pairs = jax.vmap(to_all, (0, 0, None))
    lasso_pairs = pairs(by_lasso, informative, informative)
    rank_pairs = pairs(by_rank, informative, informative)
    medians = {
      'udr_lasso': _medians(lasso_pairs[0], usable),
      'udr_spearman': _medians(rank_pairs[0], usable),
      'udr_lasso_paper': _medians(lasso_pairs[1], usable),
      'udr_spearman_paper': _medians(rank_pairs[1], usable),
    }
    return {k: jnp.where(usable, v, jnp.nan) for k, v in medians.items()}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    needs=('mean', 'logvar'),
    over='seeds',
  )
