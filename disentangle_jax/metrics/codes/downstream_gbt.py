"""Downstream accuracy of boosted trees at several numbers of labels.

Source: Locatello et al. 2019, https://arxiv.org/abs/1811.12359, section 5.4:
per factor gradient-boosted trees (100 rounds, learning rate 0.1, depth 3) are
fitted to the codes of 10, 100, 1,000 and 10,000 labelled points; test accuracy,
mean over factors that vary. Efficiency is the accuracy at 100 labels over that
at 10,000.

Range [0, 1] (efficiency may pass 1), chance is the mean of the shares of the
most frequent values; higher is better.

Deviations: the smaller training sets are the first points of the larger ones
(the reference draws anew); trees as in `dci_gbt`. A size above the number of
rows that a user gives is NaN.

Known failure modes: says little about disentanglement once there are many
labels.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import boosted

SIZES = (10, 100, 1000, 10000)
SCORES = {
  **{
    f'downstream_gbt_{size}': types.Score(
      f'test accuracy of boosted trees on the codes of {size} labelled '
      'points, mean over factors',
      'higher',
      0.0,
      1.0,
    )
    for size in reversed(SIZES)
  },
  'downstream_gbt_efficiency': types.Score(
    'accuracy at 100 labels over that at 10000', 'higher', 0.0
  ),
}
CITATION = 'Locatello et al. 2019, arXiv:1811.12359, section 5.4'
COST = 42  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the largest training set.
    num_test: points that are scored.
    num_rounds: boosting rounds.
    learning_rate: shrinkage.
  """

  num_train: int = 10000
  num_test: int = 5000
  num_rounds: int = 100
  learning_rate: float = 0.1


def check(config: Config) -> None:
  """Raises ConfigError when there are too few points for any size."""
  base.at_least(config, num_train=min(SIZES), num_test=1)


def accuracy_of(
  predicted: jax.Array, factors: jax.Array, varies: jax.Array
) -> jax.Array:
  """Share of right predictions, mean over the factors that vary; else 1.

  Args:
    predicted: int32 [M, K].
    factors: int32 [M, K].
    varies: bool [K].

  Returns:
    float32 scalar.
  """
  shares = jnp.mean(predicted == factors, axis=0)
  mean = base.masked_mean(shares, varies)
  return jnp.where(jnp.any(varies), mean, 1)


def scores_of(prefix: str, accuracy: dict[int, jax.Array]):
  """Names the accuracies of the sizes that there are points for."""
  missing = jnp.array(jnp.nan)
  scores = {f'{prefix}_{size}': accuracy.get(size, missing) for size in SIZES}
  some, most = scores[f'{prefix}_100'], scores[f'{prefix}_10000']
  ratio = some / jnp.where(most > 0, most, jnp.nan)
  return {**scores, f'{prefix}_efficiency': ratio}


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  factor_sizes = data.factor_sizes
  check(config)
  if config.num_rounds < 1:
    raise errors.value('downstream_gbt.num_rounds', config.num_rounds, '>= 1')

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    z, test = codes.vector, slice(config.num_train, None)
    accuracy, varies = {}, base.varies(factors[: config.num_train])
    for size in SIZES:
      if size <= config.num_train:
        ensemble = boosted.fit(
          jax.random.fold_in(key, size),
          z[:size],
          factors[:size],
          z[test],
          factor_sizes,
          config.num_rounds,
          config.learning_rate,
        )
        accuracy[size] = accuracy_of(
          ensemble.predicted_test, factors[test], varies
        )
    return scores_of('downstream_gbt', accuracy)

  return base.build(
    designs.iid(factor_sizes, config.num_train, config.num_test), score, config
  )
