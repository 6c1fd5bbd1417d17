"""InfoMEC: modularity, explicitness and compactness of the codes.

Source: Hsu et al. 2023, https://arxiv.org/abs/2305.18378, section 4. With NMI
the mutual information of code and factor over the entropy of the factor:
InfoM = (mean over active codes of max_k NMI / sum_k NMI - 1/K) / (1 - 1/K);
InfoC the same per factor over the A active codes; InfoE the mean over factors
of the predictive information (null - loss) / null of an unpenalised, balanced
multinomial logistic regression on all codes, fitted and scored on the same
points, null being the log loss of a constant prediction. Continuous codes:
nearest-neighbour estimate with 10 neighbours; discrete ones: plug-in.

Range [0, 1] (InfoE can fall below 0), higher is better.

Deviations: an active code without information about any factor counts as
evenly spread (NaN in the reference), likewise a factor; with one active code
InfoC is 1, with one factor InfoM is 1, without an active code both are 0; a
constant factor is left out. The regression has no optimum where classes can be
separated: it is stopped after `num_steps` evaluations.

Known failure modes: noise codes of full range stay active and pull InfoM down;
InfoE is 1 for any invertible linear mixture of the factors.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import discrete, logistic, neighbors

SCORES = {
  'infomec_modularity': types.Score(
    'share of the best factor in the normalised information of each active '
    'code, rescaled so that an even spread is 0',
    'higher',
    0.0,
    1.0,
  ),
  'infomec_explicitness': types.Score(
    'predictive information of a linear classifier of each factor on all codes',
    'higher',
    float('-inf'),
    1.0,
  ),
  'infomec_compactness': types.Score(
    'share of the best active code in the normalised information about each '
    'factor, rescaled so that an even spread is 0',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Hsu et al. 2023, arXiv:2305.18378, section 4'
RESAMPLING = 'debiased'
COST = 1.5  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference.

  Attributes:
    num_train: points.
    num_neighbors: neighbours of the estimate for continuous codes.
    range_share: a code is active when its range is above this share of the
      largest range (continuous), or above 0 (discrete).
    num_steps: evaluations of the regressions.
    num_values: 0 for continuous codes; else the most distinct values that a
      discrete code takes.
  """

  num_train: int = 10000
  num_neighbors: int = 10
  range_share: float = 0.05
  num_steps: int = 100
  num_values: int = 0


def _rescaled_peak(matrix, rows, columns):
  """Mean over rows of max / sum over columns, an even spread being 0."""
  matrix = jnp.where(rows[:, None] & columns, matrix, 0)
  total = jnp.sum(matrix, axis=1)
  width = jnp.sum(columns)
  even = 1 / jnp.maximum(width, 1)
  some = total > 0
  peak = jnp.where(
    some, jnp.max(matrix, axis=1) / jnp.where(some, total, 1), even
  )
  mean = base.masked_mean(peak, rows)
  scaled = (mean - even) / jnp.where(width > 1, 1 - even, 1)
  scaled = jnp.where(width > 1, scaled, 1)
  return jnp.where(jnp.any(rows) & (width > 0), jnp.maximum(scaled, 0), 0)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_neighbors=1, num_values=0)
  group = logistic.segments(factor_sizes)

  def continuous_information(key, z, factors):
    def one_pair(inputs):
      key, d, k = inputs
      return neighbors.mutual_information(
        key, z[:, d], factors[:, k], max(factor_sizes), config.num_neighbors
      )

    num_codes, num_factors = z.shape[1], factors.shape[1]
    d, k = jnp.divmod(jnp.arange(num_codes * num_factors), num_factors)
    keys = jax.random.split(key, len(d))
    information = jax.lax.map(one_pair, (keys, d, k))
    return information.reshape(num_codes, num_factors)

  def predictive_information(x, factors, entropy):
    hot = logistic.stack_one_hot(factors, factor_sizes)
    count = jnp.sum(hot, axis=0)
    inverse = jnp.where(count > 0, 1 / jnp.maximum(count, 1), 0)
    present = jnp.stack(
      [jnp.sum(count[group == k] > 0) for k in range(len(factor_sizes))]
    )
    # Balanced weights: every value that occurs has the same mass.
    per_class = hot * inverse
    weights = jnp.stack(
      [jnp.sum(per_class[:, group == k], 1) for k in range(len(factor_sizes))],
      axis=1,
    )
    weights = weights * config.num_train / present
    w, b = logistic.fit(
      x, factors, factor_sizes, 0.0, weights, config.num_steps
    )
    log_p = logistic.log_softmax(x @ w + b, factor_sizes)
    total = -jnp.sum(jnp.where(hot > 0, log_p, 0), axis=0) / config.num_train
    loss = jnp.stack(
      [jnp.sum(total[group == k]) for k in range(len(factor_sizes))]
    )
    # A balanced fit to nothing predicts all values equally.
    null = jnp.log(jnp.maximum(present, 1).astype(jnp.float32))
    varies = entropy > 0
    gain = jnp.where(varies, (null - loss) / jnp.where(varies, null, 1), 0)
    return base.masked_mean(gain, varies)

  @base.one_at_a_time
  def all_scores(key, z, factors):
    counts = jnp.stack(
      [jnp.sum(factors == v, axis=0) for v in range(max(factor_sizes))], axis=1
    ).astype(jnp.float32)
    entropy = discrete.entropy(counts)
    spread = jnp.max(z, axis=0) - jnp.min(z, axis=0)
    if config.num_values:
      ranks = jax.vmap(neighbors.dense_ranks, 1, 1)(z)
      active = spread > 0
      table = discrete.contingency(
        ranks, config.num_values, factors, max(factor_sizes)
      )
      information = discrete.mutual_information(table)
      inputs = discrete.one_hot(ranks, config.num_values)
    else:
      active = spread > config.range_share * jnp.max(spread)
      information = continuous_information(key, z, factors)
      inputs = base.standardize(z, z)
    varies = entropy > 0
    normalised = information / jnp.where(varies, entropy, 1)
    return {
      'infomec_modularity': _rescaled_peak(normalised, active, varies),
      'infomec_explicitness': predictive_information(inputs, factors, entropy),
      'infomec_compactness': _rescaled_peak(normalised.T, varies, active),
    }

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    return all_scores(key, codes.vector, factors)

  return base.build(designs.iid(factor_sizes, config.num_train), score, config)
