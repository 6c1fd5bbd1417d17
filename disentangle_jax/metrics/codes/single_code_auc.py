"""Best single code per factor value, by area under the ROC curve.

Source: Ridgeway & Mozer 2018 (NeurIPS), https://arxiv.org/abs/1802.05312,
section 4: for each value of each factor, how well the most predictive single
code tells that value from the others. The area is direction-free,
max(a, 1 - a); the score is its mean over all values of all factors, or of those
that the option `factors` names. `single_code_auc_median` is the median over the
same values, `single_code_auc_share` the share of values above 0.95. With the
option, `single_code_auc/<factor>_<value>` is the area of one value, NaN where
the value does not occur.

Range [0.5, 1], of the share [0, 1]; higher is better.

Deviations: the two values of a binary factor count once, as they say the same;
values that do not occur, and constant factors, are left out (nothing left:
0.5, and a share of 0).

Known failure modes: a monotone code cannot single out a middle value, so that a
perfect code of a many-valued factor stays near 0.75; two codes may serve
different values of one factor at no cost.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import logistic, ranking

SCORES = {
  'single_code_auc': types.Score(
    'mean over factor values of the area under the ROC curve of the most '
    'predictive single code',
    'higher',
    0.5,
    1.0,
  ),
  'single_code_auc_median': types.Score(
    'median over factor values of the area under the ROC curve of the most '
    'predictive single code',
    'higher',
    0.5,
    1.0,
  ),
  'single_code_auc_share': types.Score(
    'share of factor values that some single code tells with an area under the '
    'ROC curve above 0.95',
    'higher',
    0.0,
    1.0,
  ),
}
# An area above it counts as a value that one code tells.
TOLD = 0.95
CITATION = 'Ridgeway & Mozer 2018, arXiv:1802.05312, section 4'
COST = 0.027  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    factors: names of the factors whose values count; () for all.
  """

  num_train: int = 10000
  factors: tuple[str, ...] = ()


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2)
  sizes = np.array(factor_sizes)
  group = logistic.segments(factor_sizes)
  first = (np.cumsum(sizes) - sizes)[group]
  redundant = (sizes[group] == 2) & (np.arange(len(group)) > first)
  named = (
    (config.factors,)
    if isinstance(config.factors, str)
    else tuple(config.factors)
  )
  for name in named:
    if name not in data.factor_names:
      raise errors.choices('single_code_auc.factors', name, data.factor_names)
  asked = [not named or data.factor_names[k] in named for k in group]
  left_out = redundant | ~np.array(asked, bool)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    ranks = ranking.average_ranks(codes.vector.T)
    positive = logistic.stack_one_hot(factors, factor_sizes)
    count = jnp.sum(positive, axis=0)
    rest = len(factors) - count
    # Mann-Whitney: the mean rank of the positives gives the area. Ranks are
    # centred first, which keeps their sums small and exact.
    middle = (len(factors) + 1) / 2
    mean = (ranks - middle) @ positive / jnp.maximum(count, 1)
    shift = jnp.abs(mean) / len(factors)
    area = 0.5 + shift * len(factors) / jnp.maximum(rest, 1)
    best = jnp.clip(jnp.max(area, axis=0), 0.5, 1)
    counted = (count > 0) & (rest > 0) & ~left_out
    some = jnp.any(counted)
    median = jnp.nanmedian(jnp.where(counted, best, jnp.nan))
    told = (best > TOLD).astype(jnp.float32)
    scores = {
      'single_code_auc': jnp.where(some, base.masked_mean(best, counted), 0.5),
      'single_code_auc_median': jnp.where(some, median, 0.5),
      'single_code_auc_share': base.masked_mean(told, counted),
    }
    if named:
      for place in np.flatnonzero(~left_out):
        name = data.factor_names[group[place]]
        value = jnp.where(counted[place], best[place], jnp.nan)
        scores[f'single_code_auc/{name}_{place - first[place]}'] = value
    return scores

  return base.build(designs.iid(factor_sizes, config.num_train), score, config)
