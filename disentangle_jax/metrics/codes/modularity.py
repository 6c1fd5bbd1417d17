"""Modularity: does every code inform about one factor only?

Source: Ridgeway & Mozer 2018, https://arxiv.org/abs/1802.05312, section 4, with
the estimator of Locatello et al. 2019, https://arxiv.org/abs/1811.12359. With m
the mutual information of a code with each factor (codes in equal-width bins),
a code scores 1 - (sum_k m_k^2 - max_k m_k^2) / ((K - 1) max_k m_k^2); the score
is the mean over all D codes. K counts the factors that vary.

Range [0, 1], higher is better.

Deviations: a constant code scores 0 and stays in the mean (information below
1e-6 nats counts as none); with one factor every informative code scores 1 (the
reference returns NaN).

Known failure modes: codes of pure noise score by the bias of the estimator
(0.65 on dSprites sizes), and dead codes pull the mean down; nothing rewards
that all factors are encoded.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import mig_binned

SCORES = {
  'modularity': types.Score(
    'mean over codes of one minus the relative squared mutual information '
    'with factors other than the best one',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Ridgeway & Mozer 2018, arXiv:1802.05312, section 4'
RESAMPLING = 'debiased'
COST = 0.035  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'modularity': 'Modularity'}

# Information below this is rounding.
NO_INFORMATION = 1e-6


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points.
    num_bins: equal-width bins per code.
    continuous: whether factors are real numbers, then binned as the codes are.
  """

  num_train: int = 10000
  num_bins: int = 20
  continuous: bool = False


def of_matrix(matrix: jax.Array, varies: jax.Array) -> jax.Array:
  """Modularity of every code.

  Args:
    matrix: float [D, K], non-negative informativeness.
    varies: bool [K], the factors that count.

  Returns:
    float [D] in [0, 1].
  """
  matrix = jnp.where(varies, matrix, 0)
  squared = jnp.square(matrix)
  best = jnp.max(squared, axis=1)
  others = jnp.sum(squared, axis=1) - best
  alive = jnp.max(matrix, axis=1) > NO_INFORMATION
  spill = others / (
    jnp.maximum(jnp.sum(varies) - 1, 1) * jnp.where(alive, best, 1)
  )
  return jnp.where(alive, 1 - spill, 0)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=1, num_bins=2)
  sizes = mig_binned.values_of(config, factor_sizes)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    factors = mig_binned.labels_of(config, factors)
    varies = base.varies(factors)
    matrix, _ = mig_binned.information(
      codes.vector, factors, sizes, config.num_bins
    )
    return {'modularity': jnp.mean(of_matrix(matrix, varies))}

  return base.build(designs.iid(factor_sizes, config.num_train), score, config)
