"""Downstream accuracy of logistic regression at several numbers of labels.

Source: Locatello et al. 2019, https://arxiv.org/abs/1811.12359, section 5.4:
per factor a multinomial logistic regression on the raw codes of 10, 100, 1,000
and 10,000 labelled points, its penalty 1 / C chosen among ten (1e-4 to 1e4)
by the accuracy in five consecutive folds; test accuracy, mean over factors that
vary. Efficiency is the accuracy at 100 labels over that at 10,000.

Range [0, 1] (efficiency may pass 1), chance is the mean of the shares of the
most frequent values; higher is better.

Deviations: the smaller training sets are the first points of the larger ones
(the reference draws anew); at most `num_steps` evaluations per fit. A size
above the number of rows that a user gives is NaN. With scikit-learn before 0.22
(one-vs-rest) the reference's numbers are far lower.

Known failure modes: measures linear readability, not disentanglement.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import downstream_gbt
from disentangle_jax.ops import logistic

SIZES = downstream_gbt.SIZES
SCORES = {
  **{
    f'downstream_logistic_{size}': types.Score(
      f'test accuracy of logistic regression on the codes of {size} labelled '
      'points, mean over factors',
      'higher',
      0.0,
      1.0,
    )
    for size in reversed(SIZES)
  },
  'downstream_logistic_efficiency': types.Score(
    'accuracy at 100 labels over that at 10000', 'higher', 0.0
  ),
}
CITATION = 'Locatello et al. 2019, arXiv:1811.12359, section 5.4'
COST = 37  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the largest training set.
    num_test: points that are scored.
    num_folds: folds of the cross-validation.
    num_penalties: values of C, from 1e-4 to 1e4.
    num_steps: most evaluations of the loss per fit.
  """

  num_train: int = 10000
  num_test: int = 5000
  num_folds: int = 5
  num_penalties: int = 10
  num_steps: int = 100


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  factor_sizes = data.factor_sizes
  downstream_gbt.check(config)
  base.at_least(config, num_folds=2, num_penalties=1, num_steps=1)
  penalties = jnp.array(np.logspace(4, -4, config.num_penalties), jnp.float32)
  group = logistic.segments(factor_sizes)

  def fit_and_test(z, factors, size, test):
    bounds = np.linspace(0, size, config.num_folds + 1).astype(int)
    fold = np.searchsorted(bounds, np.arange(size), side='right') - 1
    x, labels = z[:size], factors[:size]

    def right(l2, held_out):
      """Accuracy on a fold [K] of a fit without it; fold -1: fit to all."""
      weights = (fold != held_out).astype(np.float32)
      w, b = logistic.fit(
        x, labels, factor_sizes, l2, weights, config.num_steps
      )
      hit = logistic.predict(x @ w + b, factor_sizes) == labels
      inside = (fold == held_out)[:, None]
      share = jnp.sum(hit & inside, axis=0) / jnp.maximum(jnp.sum(inside), 1)
      return share, w, b

    def one_penalty(l2):
      share = lambda held_out: right(l2, held_out)[0]
      accuracy = jax.lax.map(share, jnp.arange(config.num_folds))
      _, w, b = right(l2, -1)
      return jnp.mean(accuracy, axis=0), w, b

    accuracy, w, b = jax.lax.map(one_penalty, penalties)
    # Of equal ones the smallest C, as the reference takes the first.
    best = jnp.argmax(accuracy, axis=0)[group]
    columns = jnp.arange(len(group))
    w, b = w[best, :, columns].T, b[best, columns]
    predicted = logistic.predict(z[test] @ w + b, factor_sizes)
    varies = base.varies(factors[: config.num_train])
    return downstream_gbt.accuracy_of(predicted, factors[test], varies)

  @base.one_at_a_time
  def accuracies(z, factors):
    test = slice(config.num_train, None)
    return {
      size: fit_and_test(z, factors, size, test)
      for size in SIZES
      if size <= config.num_train
    }

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    accuracy = accuracies(codes.vector, factors)
    return downstream_gbt.scores_of('downstream_logistic', accuracy)

  return base.build(
    designs.iid(factor_sizes, config.num_train, config.num_test), score, config
  )
