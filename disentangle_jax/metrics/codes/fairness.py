"""Fairness: do predictions from the codes depend on another factor?

Source: Locatello et al. 2019 (NeurIPS), https://arxiv.org/abs/1905.13662,
section 2. Boosted trees predict a target factor from the codes; for a sensitive
factor, the distribution of the predictions under each of its values is compared
with the pooled one by total variation, the other factors being the same. Mean
(and maximum) over values, sensitive factors and targets.

Range [0, 1], lower is better.

Deviations: the contexts of a sensitive factor are shared by all targets;
boosted trees as in `dci_gbt`. Factors of one value are neither targets nor
sensitive. With one factor there is nothing to be sensitive
to: 0.

Known failure modes: predictions that ignore the codes are perfectly fair; with
100 contexts the sampling noise alone is above 0.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import boosted

SCORES = {
  'unfairness': types.Score(
    'mean total variation between predictions of a factor under one value '
    'of another factor and under all of them',
    'lower',
    0.0,
    1.0,
  ),
  'unfairness_max': types.Score(
    'the largest of these total variations', 'lower', 0.0, 1.0
  ),
}
CITATION = 'Locatello et al. 2019, arXiv:1905.13662, section 2'
COST = 36  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the trees.
    num_contexts: points per value of a sensitive factor.
    num_rounds: boosting rounds.
    learning_rate: shrinkage.
  """

  num_train: int = 10000
  num_contexts: int = 100
  num_rounds: int = 100
  learning_rate: float = 0.1


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + contexts, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_contexts=1, num_rounds=1)
  num_train, num_contexts = config.num_train, config.num_contexts
  ends = np.cumsum(factor_sizes) * num_contexts

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    ensemble = boosted.fit(
      key,
      codes.vector[:num_train],
      factors[:num_train],
      codes.vector[num_train:],
      factor_sizes,
      config.num_rounds,
      config.learning_rate,
    )
    means, largest = [], []
    for target, target_size in enumerate(factor_sizes):
      for sensitive, (end, size) in enumerate(zip(ends, factor_sizes)):
        if sensitive == target or 1 in (size, target_size):
          continue
        rows = slice(end - size * num_contexts, end)
        predicted = ensemble.predicted_test[rows, target]
        hot = jax.nn.one_hot(predicted.reshape(size, -1), target_size)
        share = jnp.mean(hot, axis=1)
        pooled = jnp.mean(share, axis=0)
        variation = 0.5 * jnp.sum(jnp.abs(share - pooled), axis=1)
        means.append(jnp.mean(variation))
        largest.append(jnp.max(variation))
    if not means:
      means, largest = [jnp.zeros(())], [jnp.zeros(())]
    return {
      'unfairness': jnp.mean(jnp.stack(means)),
      'unfairness_max': jnp.max(jnp.stack(largest)),
    }

  return base.build(
    designs.swept_values(factor_sizes, config.num_train, config.num_contexts),
    score,
    config,
  )
