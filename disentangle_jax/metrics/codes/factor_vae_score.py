"""FactorVAE score: which code varies least when one factor is held.

Source: Kim & Mnih 2018, https://arxiv.org/abs/1802.05983, section 4, with the
constants and the pruning of Locatello et al. 2019,
https://arxiv.org/abs/1811.12359. In every batch one random factor is held; the
code with the smallest variance relative to its global variance casts a vote for
it. Each code predicts the factor that it got most training votes for; the score
is the accuracy of that majority rule on fresh votes.

Range [0, 1], chance about 1 / K, K the factors that vary; higher is better.

Deviations: `factor_vae_active` counts the active codes (the reference reports
all of them); codes whose standard deviation is below `threshold`, or zero,
never vote; without an active code all scores are 0. Codes that vary equally
little share the vote, and a code whose votes tie names each of these factors in
part, where the reference takes the first. Factors of one value are never held.

Of given rows, the points of a batch are drawn with replacement among the rows
with one value, of the values that occur twice or more; without test rows both
rules and votes come from all rows, so that few rows lift chance: pure noise in
ten codes scores 0.24 at 1,000 rows of dSprites' sizes and 0.21 at 4,000, where
chance is 0.20.

Known failure modes: a factor may be spread over many codes, and several codes
may hold one factor, at no cost.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs

SCORES = {
  'factor_vae_score': types.Score(
    'accuracy of a majority rule that names the held factor from the code '
    'with the smallest relative variance; fresh votes',
    'higher',
    0.0,
    1.0,
  ),
  'factor_vae_score_train': types.Score(
    'the same on the votes that made the rule', 'higher', 0.0, 1.0
  ),
  'factor_vae_active': types.Score(
    'number of codes whose standard deviation reaches the threshold', low=0.0
  ),
}
CITATION = 'Kim & Mnih 2018, arXiv:1802.05983, section 4'
COST = 0.082  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'factor_vae_score': 'FactorVAE score'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

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


def _shares(x, axis):
  """1 at the largest entry along an axis; equal largest entries share it."""
  largest = (x == jnp.max(x, axis=axis, keepdims=True)).astype(jnp.float32)
  return largest / jnp.sum(largest, axis=axis, keepdims=True)


def relative_variances(
  config: Any, z: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Variances of every code in every batch, over its global variance.

  Args:
    config: with `num_variance`, `batch_size` and `threshold`.
    z: float [free batches + V, B, D]; the first `num_variance` points are
      independent.

  Returns:
    float [V, D], and bool [D], the codes that vary enough; 0 for the others.
  """
  free = -(-config.num_variance // config.batch_size)
  points = z[:free].reshape(-1, z.shape[-1])[: config.num_variance]
  variance = jnp.var(points, axis=0, ddof=1)
  active = (jnp.sqrt(variance) >= config.threshold) & (variance > 0)
  # Relative to the first point, so that a held code varies by exactly 0.
  batches = z[free:] - z[free:, :1]
  local = jnp.var(batches, axis=1, ddof=1)
  return jnp.where(active, local / jnp.where(active, variance, 1), 0), active


def majority(
  strength: jax.Array, factor: jax.Array, num_factors: int, num_train: int
) -> tuple[jax.Array, jax.Array]:
  """Accuracy of the majority rule that names factors from winning codes.

  Args:
    strength: float [V, D]; the code with the largest wins the vote.
    factor: int32 [V], the right answer of each vote.
    num_factors: K.
    num_train: the first votes, which make the rule.

  Returns:
    (accuracy on the other votes, on those that made the rule).
  """
  winner = _shares(strength, axis=-1)
  right = jax.nn.one_hot(factor, num_factors)
  votes_train = right[:num_train].T @ winner[:num_train]
  votes_test = right[num_train:].T @ winner[num_train:]
  named = _shares(votes_train, axis=0)
  accuracy = lambda votes: jnp.sum(votes * named) / jnp.sum(votes)
  return accuracy(votes_test), accuracy(votes_train)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; points [variance batches + votes, batch_size, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_variance=2, num_train=1, num_test=1, batch_size=2)

  def score(key: jax.Array, codes: types.Codes, factors: types.Intervention):
    del key
    ratio, active = relative_variances(config, codes.vector)
    test, train = majority(
      jnp.where(active, -ratio, -jnp.inf),
      factors.factor,
      len(factor_sizes),
      config.num_train,
    )
    any_active = jnp.any(active)
    return {
      'factor_vae_score': jnp.where(any_active, test, 0),
      'factor_vae_score_train': jnp.where(any_active, train, 0),
      'factor_vae_active': jnp.sum(active),
    }

  return base.build(
    designs.held_batches(
      factor_sizes,
      config.num_variance,
      config.num_train,
      config.num_test,
      config.batch_size,
    ),
    score,
    config,
  )
