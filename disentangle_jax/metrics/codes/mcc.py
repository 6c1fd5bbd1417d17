"""Mean correlation coefficient: does every factor have a code of its own?

Source: Hyvärinen & Morioka 2016, https://arxiv.org/abs/1605.06336, as scored by
Klindt et al. 2021, https://arxiv.org/abs/2007.10930: the absolute correlation
of every code with every factor, then the one-to-one assignment of codes to
factors with the largest sum; the score is the mean over factors of what is
assigned. 'mcc' takes Pearson's correlation, 'mcc_spearman' that of ranks (ties
share their mean rank), which any monotone code passes.

Range [0, 1], higher is better. Codes that are the factors permuted, with
another sign or scale, score 1. With fewer codes than factors those without a
code count 0.

Deviations: the public code pads missing factors with columns of noise, which
gives dead codes a share; here the assignment is that of a rectangular matrix.
Factors that do not vary are left out of the mean, a code that does not vary
correlates 0 with everything.

Known failure modes: a factor whose values have no order (a shape) has no reason
to correlate with its code; codes of noise score the best of several chance
correlations, about 0.8 / sqrt(N) times the gain of the best match; what else a
code carries beside its factor costs nothing but correlation.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import ranking

_MEAN = (
  'mean over factors of the absolute {} correlation with the code assigned to '
  'them, one to one'
)
SCORES = {
  'mcc': types.Score(_MEAN.format("(Pearson's)"), 'higher', 0.0, 1.0),
  'mcc_spearman': types.Score(_MEAN.format('rank'), 'higher', 0.0, 1.0),
}
CITATION = (
  'Hyvärinen & Morioka 2016, arXiv:1605.06336; '
  'Klindt et al. 2021, arXiv:2007.10930'
)


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    continuous: whether factors are real numbers; both are taken as they are.
  """

  num_train: int = 10000
  continuous: bool = False


def assigned(correlation: jax.Array) -> jax.Array:
  """What the best one-to-one assignment gives every factor.

  Args:
    correlation: float [D, K], non-negative.

  Returns:
    float [K]; 0 for factors without a code, of which there are K - D.
  """
  rows, columns = optax.assignment.hungarian_algorithm(-correlation)
  taken = correlation[rows, columns]
  return jnp.zeros(correlation.shape[1]).at[columns].set(taken)


def pearson(a: jax.Array, b: jax.Array) -> jax.Array:
  """Pearson's correlation of every pair of columns; 0 where one is constant.

  Args:
    a: float [N, D].
    b: float [N, K].

  Returns:
    float [D, K] in [-1, 1].
  """
  product = base.standardize(a, a).T @ base.standardize(b, b) / len(a)
  return jnp.clip(product, -1, 1)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  base.at_least(config, num_train=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    varies = base.varies(factors)
    numbers = factors.astype(jnp.float32)
    matrices = {
      'mcc': pearson(codes.vector, numbers),
      'mcc_spearman': ranking.spearman(codes.vector, numbers),
    }
    return {
      name: base.masked_mean(
        assigned(jnp.where(varies, jnp.abs(matrix), 0)), varies
      )
      for name, matrix in matrices.items()
    }

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
