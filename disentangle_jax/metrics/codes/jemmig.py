"""Joint entropy minus mutual information gap.

Source: Do & Tran 2020, https://arxiv.org/abs/1908.09961. For each
factor f_k, with j* its most informative code, j' the second, B bins per code:
J_k = H(f_k, z_j*) - I(f_k; z_j*) + I(f_k; z_j'), and the score is the mean over
factors of 1 - J_k / (H(f_k) + log B). Information as in `mig_binned`. Unlike
the gap alone, the joint entropy falls where the code holds nothing but the
factor.

Range [0, 1], higher is better; 1 for a perfect code.

Deviations: with one code the second largest information counts as 0; factors
that do not vary are left out; all factors constant: 0.

Known failure modes: normalised by all B bins, as published, so that codes that
say nothing score above 0: a constant code log B / (H(f_k) + log B), one that
takes c values equally often 1 - (H(f_k) + log c) / (H(f_k) + log B); a factor
with more values than bins cannot reach 1.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import mig_binned
from disentangle_jax.ops import discrete

SCORES = {
  'jemmig': types.Score(
    'mean over factors of one minus the joint entropy of factor and best '
    'code, less their information, plus that of the second code, normalised',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Do & Tran 2020, arXiv:1908.09961'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    num_bins: B, equal-width bins per code.
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
    bins = discrete.histogram_bins(codes.vector, config.num_bins)
    counts = jnp.sum(jax.nn.one_hot(bins, config.num_bins), axis=0)
    # H(f, z) = H(f) + H(z) - I(f; z); and I(f; z) - I(f; z') is the gap.
    best = jnp.argmax(matrix, axis=0)
    most = jnp.max(matrix, axis=0)
    joint = entropy + discrete.entropy(counts)[best] - most
    ratio = (joint - base.gap(matrix)) / (entropy + np.log(config.num_bins))
    return {'jemmig': base.masked_mean(1 - ratio, entropy > 0)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
