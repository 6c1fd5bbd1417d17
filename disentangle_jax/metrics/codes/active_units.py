"""Active units: codes whose posterior mean varies with the observation.

Source: Burda et al. 2016, https://arxiv.org/abs/1509.00519, section 5: the
number of dimensions whose posterior mean has a variance above 0.01.

Range [0, D]; neither direction is better. Deviations: none.

Known failure modes: depends on the scale of the codes.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs

SCORES = {
  'active_units': types.Score(
    'number of codes whose posterior mean varies', low=0.0
  ),
}
CITATION = 'Burda et al. 2016, arXiv:1509.00519, section 5'
RESAMPLING = 'bootstrap'
COST = 0.0015  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    threshold: least variance of an active code's mean.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  threshold: float = 0.01
  continuous: bool = False


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    variance = jnp.var(codes.parts['mean'], axis=0, ddof=1)
    return {'active_units': jnp.sum(variance > config.threshold)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    needs=('mean',),
    reads_factors=False,
  )
