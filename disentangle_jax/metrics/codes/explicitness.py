"""Explicitness: can a linear classifier read the factors off all codes?

Source: Ridgeway & Mozer 2018, https://arxiv.org/abs/1802.05312, section 4, with
the constants of Locatello et al. 2019, https://arxiv.org/abs/1811.12359. Per
factor a multinomial logistic regression (L2 penalty, C = 1) on standardised
codes; the area under the ROC curve of each value against the rest by predicted
probability, averaged over values, then over factors.

Range [0, 1], chance 0.5 (not rescaled), higher is better.

Deviations: a constant code standardises to 0 (the reference fails); values that
a sample lacks are left out of its mean (the reference fails or mismatches
columns); the classifier is solved to its optimum. The reference's numbers with
scikit-learn before 0.22 are up to 0.06 lower (one-vs-rest classifiers).

Known failure modes: says nothing about disentanglement: any invertible linear
mixture of the codes scores the same.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import logistic, ranking

SCORES = {
  'explicitness': types.Score(
    'area under the ROC curve of a logistic regression on all codes, mean '
    'over values and factors; test points',
    'higher',
    0.0,
    1.0,
  ),
  'explicitness_train': types.Score(
    'the same on the points that it was fitted to', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Ridgeway & Mozer 2018, arXiv:1802.05312, section 4'
COST = 0.81  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'explicitness': 'Explicitness'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the classifiers.
    num_test: points that are scored.
    l2: penalty of the classifiers, 1 / C.
    num_steps: most evaluations of the classifiers' loss (the score moves by
      less than 1e-5 after 80).
  """

  num_train: int = 10000
  num_test: int = 5000
  l2: float = 1.0
  num_steps: int = 100


def _mean_auc(log_p, factors, factor_sizes):
  positive = logistic.stack_one_hot(factors, factor_sizes).T > 0
  # One value at a time keeps the sorted copies in cache.
  areas = jax.lax.map(lambda pair: ranking.auc(*pair), (log_p.T, positive))
  present = jnp.any(positive, axis=1) & ~jnp.all(positive, axis=1)
  group = logistic.segments(factor_sizes)
  means, varies = [], []
  for k in range(len(factor_sizes)):
    part = np.flatnonzero(group == k)
    means.append(base.masked_mean(areas[part], present[part]))
    varies.append(jnp.any(present[part]))
  varies = jnp.stack(varies)
  mean = base.masked_mean(jnp.stack(means), varies)
  return jnp.where(jnp.any(varies), mean, 0.5)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_test=1)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    num_train = config.num_train
    z = base.standardize(codes.vector, codes.vector[:num_train])
    weights, intercepts = logistic.fit(
      z[:num_train],
      factors[:num_train],
      factor_sizes,
      config.l2,
      num_steps=config.num_steps,
    )
    logits = z @ weights + intercepts
    log_p = logistic.log_softmax(logits, factor_sizes)
    mean = lambda rows: _mean_auc(log_p[rows], factors[rows], factor_sizes)
    return {
      'explicitness': mean(slice(num_train, None)),
      'explicitness_train': mean(slice(0, num_train)),
    }

  return base.build(
    designs.iid(factor_sizes, config.num_train, config.num_test), score, config
  )
