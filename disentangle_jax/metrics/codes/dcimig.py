"""DCIMIG: gaps of codes, credited to the factor that each code knows best.

Source: Sepliarskaia et al. 2019, https://arxiv.org/abs/1910.05587
(3CharM, DCIMIG). A code j credits its most informative factor with the gap
R_j = I(z_j; f_k*) - I(z_j; f_k') to its second one; S_k is the largest credit
of factor k, 0 where no code credits it; the score is sum_k S_k / sum_k H(f_k).
Information as in `mig_binned`.

Range [0, 1], higher is better; 1 if every factor has a code that knows it fully
and nothing else.

Deviations: with one factor that varies the second information counts as 0; all
factors constant: 0.

Known failure modes: a factor may take several codes at no cost; a factor with
more values than bins cannot reach its entropy; factors of high entropy weigh
most.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import mig_binned

SCORES = {
  'dcimig': types.Score(
    'sum over factors of the largest gap of a code that informs about it '
    'most, over the sum of their entropies',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Sepliarskaia et al. 2019, arXiv:1910.05587'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    num_bins: equal-width bins per code.
    continuous: whether factors are real numbers, then binned as the codes are.
  """

  num_train: int = 10000
  num_bins: int = 20
  continuous: bool = False


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  base.at_least(config, num_train=1, num_bins=2)
  sizes = mig_binned.values_of(config, data.factor_sizes)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    factors = mig_binned.labels_of(config, factors)
    matrix, entropy = mig_binned.information(
      codes.vector, factors, sizes, config.num_bins
    )
    credit = base.gap(matrix.T)
    best = jnp.argmax(matrix, axis=1)
    credits = jnp.where(
      best[:, None] == jnp.arange(len(sizes)), credit[:, None], 0
    )
    total = jnp.sum(entropy)
    share = jnp.sum(jnp.max(credits, axis=0)) / jnp.where(total > 0, total, 1)
    return {'dcimig': jnp.minimum(share, 1)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
