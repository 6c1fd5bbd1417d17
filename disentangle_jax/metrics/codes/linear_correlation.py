"""Linear correlation between codes, and how many codes are used.

Source: Kågebäck & Mogren 2018, https://arxiv.org/abs/1802.05591, section 3.1,
with C the covariance of the D codes: MAPC, the mean absolute Pearson
correlation of pairs; CVR = sum |C_ij| / tr C; TdV, the share of the d largest
variances in the total, d the number of factors that vary; UD90, the number of
codes needed for 90 % of the total variance. The option num_top gives d where a
data set has no factors; without either TdV is NaN.

MAPC in [0, 1], lower is better. CVR in [1, D], lower is better. TdV in [0, 1],
higher is better. UD90 in [1, D], neither.

Deviations: CVR without the factor 1 / D^2 of the text, under which the optimum
1 that the paper names could not be reached; constant codes are left out of
MAPC's pairs (no pair left: 0); no variance at all: CVR 1, TdV 0, UD90 0.

Known failure modes: blind to non-linear dependence; MAPC counts almost dead
codes like any other.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs

SCORES = {
  'mapc': types.Score(
    'mean absolute Pearson correlation of pairs of codes', 'lower', 0.0, 1.0
  ),
  'cvr': types.Score(
    'sum of absolute covariances over the total variance', 'lower', 1.0
  ),
  'tdv': types.Score(
    'share of the largest variances (as many as factors) in the total',
    'higher',
    0.0,
    1.0,
  ),
  'ud90': types.Score(
    'number of codes that hold 90 % of the total variance', low=0.0
  ),
}
CITATION = 'Kågebäck & Mogren 2018, arXiv:1802.05591, section 3.1'
RESAMPLING = 'bootstrap'
COST = 0.0027  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    num_top: d of TdV; 0 stands for the number of factors that vary.
    share: of the total variance that UD90 asks for.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  num_top: int = 0
  share: float = 0.9
  continuous: bool = False


def measures(
  z: jax.Array, num_top: int | jax.Array, share: float = 0.9
) -> dict[str, jax.Array]:
  """The four measures of any activations.

  Args:
    z: float [N, D].
    num_top: d of TdV.
    share: of the total variance that UD90 asks for.

  Returns:
    'mapc', 'cvr', 'tdv' and 'ud90', float scalars; see the module docstring.
  """
  unit = base.standardize(z, z)
  alive = jnp.any(unit != 0, axis=0)
  correlation = jnp.abs(unit.T @ unit) / len(z)
  pair = alive[:, None] & alive & ~jnp.eye(len(alive), dtype=bool)
  mapc = base.masked_mean(correlation.reshape(-1), pair.reshape(-1))
  deviation = jnp.where(alive, jnp.std(z, axis=0, ddof=1), 0)
  total = jnp.sum(jnp.square(deviation))
  some = jnp.where(total > 0, total, 1)
  # Covariances from correlations: dead codes then count for exactly 0.
  diagonal = jnp.eye(len(alive)) == 1
  covariance = jnp.where(diagonal, 1, correlation) * deviation
  covariance = deviation[:, None] * covariance
  ordered = jnp.sort(jnp.square(deviation))[::-1] / some
  is_top = jnp.arange(len(ordered)) < num_top
  cumulative = jnp.cumsum(ordered)
  # The number of codes before the share is reached, and the one that does.
  needed = 1 + jnp.sum(cumulative < share - 1e-6)
  return {
    'mapc': jnp.minimum(mapc, 1),
    'cvr': jnp.where(total > 0, jnp.sum(covariance) / some, 1),
    'tdv': jnp.minimum(jnp.sum(jnp.where(is_top, ordered, 0)), 1),
    'ud90': jnp.where(total > 0, needed, 0),
  }


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], of which it reads how many
  vary."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    # A set without factors has nothing that says how many: TdV is then NaN.
    num_top = config.num_top or jnp.sum(base.varies(factors))
    scores = measures(codes.vector, num_top, config.share)
    return {**scores, 'tdv': jnp.where(num_top > 0, scores['tdv'], jnp.nan)}

  return base.build(
    designs.iid(factor_sizes, config.num_train),
    score,
    config,
    reads_factors=False,
  )
