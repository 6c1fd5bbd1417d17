"""Z-max variance score: which code varies most when one factor moves.

Source: Kim et al. 2019 (RF-VAE), https://arxiv.org/abs/1902.01568.
In every batch all factors but one random factor are held; the code with the
largest variance relative to its global variance casts a vote for the one that
moves. Each code predicts the factor that it got most training votes for; the
score is the accuracy of that majority rule on fresh votes. Batches, votes and
the pruning of dead codes as in `factor_vae_score`.

Range [0, 1], chance about 1 / K, K the factors that vary; higher is better.

Deviations: codes that vary equally much share the vote, and a code whose votes
tie names each of these factors in part; factors of one value never move;
without an active code the scores are 0.

Known failure modes: a factor may be spread over many codes, and several codes
may hold one factor, at no cost. Asks for a full grid: rows that a user has
cannot be scored.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import factor_vae_score

SCORES = {
  'z_max_variance': types.Score(
    'accuracy of a majority rule that names the only factor that moves from '
    'the code with the largest relative variance; fresh votes',
    'higher',
    0.0,
    1.0,
  ),
  'z_max_variance_train': types.Score(
    'the same on the votes that made the rule', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Kim et al. 2019, arXiv:1902.01568'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants, those of `factor_vae_score`.

  Attributes:
    num_variance: points for the global variances.
    num_train: votes that make the rule.
    num_test: votes that are scored.
    batch_size: points per vote.
    threshold: least standard deviation of an active code.
  """

  num_variance: int = 10000
  num_train: int = 10000
  num_test: int = 5000
  batch_size: int = 64
  threshold: float = 0.05


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; points [variance batches + votes, batch_size, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_variance=2, num_train=1, num_test=1, batch_size=2)

  def score(key: jax.Array, codes: types.Codes, factors: types.Intervention):
    del key
    ratio, active = factor_vae_score.relative_variances(config, codes.vector)
    test, train = factor_vae_score.majority(
      jnp.where(active, ratio, -1),
      factors.factor,
      len(factor_sizes),
      config.num_train,
    )
    any_active = jnp.any(active)
    return {
      'z_max_variance': jnp.where(any_active, test, 0),
      'z_max_variance_train': jnp.where(any_active, train, 0),
    }

  return base.build(
    designs.moved_batches(
      factor_sizes,
      config.num_variance,
      config.num_train,
      config.num_test,
      config.batch_size,
    ),
    score,
    config,
  )
