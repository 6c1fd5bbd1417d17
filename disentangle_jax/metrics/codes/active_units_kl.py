"""Active units by their divergence from the prior.

Source: the criterion of Rolinek et al. 2019, https://arxiv.org/abs/1812.06775,
and of the mask in Duan et al. 2020, https://arxiv.org/abs/1905.12614: the
number of dimensions whose KL(q(z_d|x) || N(0, 1)), averaged over points, is
above 0.01 nats.

Range [0, D]; neither direction is better. Deviations: none.

Known failure modes: for Gaussian posteriors and a standard normal prior only.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import gaussian

SCORES = {
  'active_units_kl': types.Score(
    'number of codes whose mean KL from the prior is large', low=0.0
  ),
}
CITATION = 'Duan et al. 2020, arXiv:1905.12614'
RESAMPLING = 'bootstrap'
COST = 0.0021  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    threshold: least KL of an active code, nats.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  threshold: float = 0.01
  continuous: bool = False


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=1)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    parts = codes.parts
    kl = gaussian.kl_to_standard(parts['mean'], parts['logvar'])
    active = jnp.mean(kl, axis=0) > config.threshold
    return {'active_units_kl': jnp.sum(active)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    ('mean', 'logvar'),
    reads_factors=False,
  )
