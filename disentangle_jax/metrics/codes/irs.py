"""Interventional robustness score: what nuisance changes do to each code.

Source: Suter et al. 2019, https://arxiv.org/abs/1811.00007, section 4, with the
estimator of Locatello et al. (disentanglement_lib). For a code i and a factor
j: within each value of j the 99th percentile of |z_i - group mean|, averaged
over values, relative to the largest |z_i - mean|; one minus that is the entry.
Best factor per code, then the mean weighted by the largest deviations.

Range [0, 1], higher is better.

Deviations: the factors are put in `num_bins` equal-width bins as the reference
does (values are merged when there are more); constant codes are left out; all
constant: 0; `irs_active` counts the codes that vary (the reference sums their
values). Percentiles carry a rounding of 2e-6 relative.

Known failure modes: not 0 for noise (about 0.4 for Gaussian noise on dSprites
sizes), and noise codes draw a perfect score down; the scale of the codes enters
through the weights.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import discrete

SCORES = {
  'irs': types.Score(
    'one minus the relative deviation of a code while its best factor is '
    'fixed, mean over codes weighted by their largest deviation',
    'higher',
    0.0,
    1.0,
  ),
  'irs_active': types.Score('number of codes that vary', low=0.0),
}
CITATION = 'Suter et al. 2019, arXiv:1811.00007, section 4'
COST = 0.043  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'irs': 'IRS'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference.

  Attributes:
    num_train: points.
    num_bins: equal-width bins per factor.
    quantile: of the deviations within a group; 1 is the paper's maximum.
    continuous: whether factors are real numbers (they are binned either way).
  """

  num_train: int = 10000
  num_bins: int = 20
  quantile: float = 0.99
  continuous: bool = False


def group_quantiles(
  x: jax.Array, group: jax.Array, num_groups: int, quantile: float
) -> tuple[jax.Array, jax.Array]:
  """Quantiles of non-negative numbers within groups, linearly interpolated.

  Args:
    x: float32 [N], >= 0.
    group: int32 [N] in [0, num_groups).
    num_groups: number of groups.
    quantile: in [0, 1].

  Returns:
    (float32 [num_groups], counts int32 [num_groups]); 0 for empty groups.
  """
  # One integer holds group and value: the group in the highest bits, then the
  # bits of the float, whose lowest ones are lost.
  bits = max(num_groups - 1, 1).bit_length()
  value = jax.lax.bitcast_convert_type(jnp.abs(x), jnp.uint32)
  # The sign bit is free, hence one place less.
  key = (group.astype(jnp.uint32) << (32 - bits)) | (value >> (bits - 1))
  key = jnp.sort(key)
  groups = jnp.arange(num_groups, dtype=jnp.uint32)
  begin = jnp.searchsorted(key, groups << (32 - bits))
  end = jnp.append(begin[1:], x.shape[0])
  count = end - begin
  rank = quantile * jnp.maximum(count - 1, 0).astype(jnp.float32)
  low = jnp.floor(rank).astype(begin.dtype)
  share = rank - low
  mask = jnp.uint32((1 << (32 - bits)) - 1)
  read = lambda at: jax.lax.bitcast_convert_type(
    (key[jnp.clip(at, 0, x.shape[0] - 1)] & mask) << (bits - 1), jnp.float32
  )
  below = read(begin + low)
  above = read(begin + jnp.minimum(low + 1, jnp.maximum(count - 1, 0)))
  values = below + share * (above - below)
  return jnp.where(count > 0, values, 0), count


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  base.at_least(config, num_train=1, num_bins=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    z = codes.vector
    groups = discrete.histogram_bins(
      factors.astype(jnp.float32), config.num_bins
    )
    alive = jnp.any(z != z[0], axis=0)
    z = z - jnp.mean(z, axis=0)
    largest = jnp.max(jnp.abs(z), axis=0)

    def one_factor(group):
      hot = discrete.one_hot(group[:, None], config.num_bins)
      count = jnp.maximum(jnp.sum(hot, axis=0), 1)
      means = jnp.matmul(hot.T, z, precision='highest') / count[:, None]
      deviations = jnp.abs(z - means[group])

      def one_code(x):
        spread, count = group_quantiles(
          x, group, config.num_bins, config.quantile
        )
        return base.masked_mean(spread, count > 0)

      return jax.lax.map(one_code, deviations.T)

    spread = jax.lax.map(one_factor, groups.T)
    scale = jnp.where(alive & (largest > 0), largest, 1)
    robust = 1 - jnp.min(spread, axis=0) / scale
    weight = jnp.where(alive, largest, 0)
    total = jnp.sum(weight)
    mean = jnp.sum(weight * robust) / jnp.where(total > 0, total, 1)
    return {'irs': jnp.where(total > 0, mean, 0), 'irs_active': jnp.sum(alive)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
