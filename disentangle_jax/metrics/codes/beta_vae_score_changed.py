"""beta-VAE score, older variant: which factor differs between two points?

Source: the score that Eastwood & Williams 2018,
https://openreview.net/forum?id=By-7dz-AZ, attribute to Higgins et al.: pairs
that differ in a single factor, the absolute difference of their codes scaled to
a largest entry of 1, a linear classifier of the changed factor. One pair per
point.

Range [0, 1], chance 1 / K, K the factors that vary; higher is better.

Deviations: none known; no code of the authors is public. Multinomial logistic
regression with L2 penalty (C = 1), solved to its optimum. A pair with equal
codes has the feature 0.

The points of a pair differ by definition. Of given rows, the first is drawn
among all that differ in the factor alone from another, the second among those
others; without test rows both sets of pairs come from all rows.

Known failure modes: blind to factors that no code holds as long as only one is
missing (its pairs have the feature 0, which is a class of its own).
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import beta_vae_score

SCORES = {
  'beta_vae_score_changed': types.Score(
    'accuracy of a linear classifier that names the one factor in which two '
    'points differ from their normalised absolute code difference',
    'higher',
    0.0,
    1.0,
  ),
  'beta_vae_score_changed_train': types.Score(
    'the same on the points it was fitted to', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Higgins et al., as described in Eastwood & Williams 2018'
COST = 0.017  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: pairs for the classifier.
    num_test: pairs that are scored.
    l2: penalty of the classifier, 1 / C.
  """

  num_train: int = 10000
  num_test: int = 5000
  l2: float = 1.0


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; points [num_train + num_test, 2, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_test=1)

  def score(key: jax.Array, codes: types.Codes, factors: types.Intervention):
    del key
    z = codes.vector
    difference = jnp.abs(z[:, 0] - z[:, 1])
    largest = jnp.max(difference, axis=1, keepdims=True)
    features = difference / jnp.where(largest > 0, largest, 1)
    train, test = beta_vae_score.accuracies(
      features, factors.factor, len(factor_sizes), config.num_train, config.l2
    )
    return {
      'beta_vae_score_changed': test,
      'beta_vae_score_changed_train': train,
    }

  return base.build(
    designs.changed_pairs(factor_sizes, config.num_train, config.num_test),
    score,
    config,
  )
