"""Mutual information gap of each code: between factors, not between codes.

Source: Li et al. 2020, https://arxiv.org/abs/2002.10549 (MIG-sup).
With NMI the information of a code about a factor over the factor's entropy,
the gap between the largest and the second largest NMI of each code, mean over
the active codes. Information as in `mig_binned`. It falls where one code holds
several factors, which the gap of `mig_binned` does not see.

Range [0, 1], higher is better.

Deviations: active codes are those that fall in more than one bin; with one
factor that varies the second largest counts as 0; no active code or no factor
that varies: 0.

Known failure modes: noise codes stay active and pull the mean down; nothing
rewards that all factors are encoded, nor that a factor takes one code alone.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import mig_binned

SCORES = {
  'mig_sup': types.Score(
    'mean over active codes of the gap between the two factors that the code '
    'informs about most, over the entropies of the factors',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Li et al. 2020, arXiv:2002.10549'


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
    # A factor that does not vary has no information in any code.
    shares = matrix / jnp.where(entropy > 0, entropy, 1)
    active = base.varies(codes.vector)
    return {'mig_sup': base.masked_mean(base.gap(shares.T), active)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
