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

KEYS = ('active_units_kl',)
DESIGN = 'points'
CONTINUOUS = True
FACTORS = False
DIRECTION = 'none'
RANGE = (0.0, float('inf'))
SOURCE = 'Duan et al. 2020, arXiv:1905.12614'
DEFINITIONS = {
  'active_units_kl': 'number of codes whose mean KL from the prior is large',
}


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


def design(config: Config, factor_sizes: tuple[int, ...]) -> designs.Design:
  return designs.iid(factor_sizes, config.num_train)


def make(config: Config, factor_sizes: tuple[int, ...]) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=1)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    parts = codes.parts
    kl = gaussian.kl_to_standard(parts['mean'], parts['logvar'])
    active = jnp.mean(kl, axis=0) > config.threshold
    return {'active_units_kl': jnp.sum(active)}

  return base.build(
    design(config, factor_sizes).sample, score, config, ('mean', 'logvar')
  )
