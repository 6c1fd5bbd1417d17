"""Separated attribute predictability: gap between the two best single codes.

Source: Kumar et al. 2018, https://arxiv.org/abs/1711.00848, section 3, with the
constants of Locatello et al. 2019, https://arxiv.org/abs/1811.12359. For every
code and factor a linear SVM (squared hinge, one-vs-rest, balanced classes,
C = 0.01) on the one raw code; its plain test accuracy is the entry of a matrix,
and the score is the gap between the two largest entries of a factor, averaged
over factors. For continuous factors the entry is the squared correlation on the
training points.

Range [0, 1], higher is better; far below 1 even for perfect codes of
many-valued factors (`ceiling`).

Deviations: the SVMs are solved to their optimum; with one code the second
largest entry counts as 0; a factor that does not vary is left out of the mean.

Known failure modes: a linear one-vs-rest classifier on one code cannot single
out middle values, so that a perfect code scores 0.25 on dSprites; duplicated
codes score 0; the scale of the codes enters through the penalty.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import svm

SCORES = {
  'sap': types.Score(
    'mean over factors of the gap between the two codes that predict the '
    'factor best on their own (linear SVM, test accuracy)',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Kumar et al. 2018, arXiv:1711.00848, section 3'
# The penalty on the bias makes the offset of the codes count.
OFFSET_FREE = False
COST = 0.12  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'sap': 'SAP'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the SVMs.
    num_test: points that are scored.
    c: weight of the SVMs' loss.
    continuous: whether factors are real numbers.
  """

  num_train: int = 10000
  num_test: int = 5000
  c: float = 0.01
  continuous: bool = False


def accuracies(codes, factors, factor_sizes, num_train, c):
  """Test accuracy of every single-code classifier.

  Args:
    codes: float [N, D], training rows first.
    factors: int32 [N, K].
    factor_sizes: number of values of each factor.
    num_train: number of training rows.
    c: weight of the loss.

  Returns:
    float [D, K].
  """
  ends = np.cumsum(factor_sizes)

  def one_code(x):
    w, b = svm.fit_feature(x[:num_train], factors[:num_train], factor_sizes, c)
    test = x[num_train:]
    shares = []
    for k, (end, size) in enumerate(zip(ends, factor_sizes)):
      part = slice(end - size, end)
      # Classes first: the largest is then looked for along whole vectors.
      predicted = jnp.argmax(w[part, None] * test + b[part, None], axis=0)
      shares.append(jnp.mean(predicted == factors[num_train:, k]))
    return jnp.stack(shares)

  return jax.lax.map(one_code, codes.T)


def squared_correlations(codes, factors):
  """Squared correlation of every code and factor; 0 for constant ones.

  Args:
    codes: float [N, D].
    factors: float [N, K].

  Returns:
    float [D, K] in [0, 1].
  """
  unit = lambda x: x - jnp.mean(x, axis=0)
  a, b = unit(codes), unit(factors)
  covariance = a.T @ b / (len(a) - 1)
  variance = lambda x: jnp.sum(jnp.square(x), axis=0) / (len(a) - 1)
  product = variance(a)[:, None] * variance(b)
  alive = (variance(a)[:, None] > 1e-12) & (product > 0)
  return jnp.where(
    alive, jnp.square(covariance) / jnp.where(alive, product, 1), 0
  )


def ceiling(config: Config, factor_sizes: tuple[int, ...]) -> float:
  """About the score of a standardised code that is linear in each factor."""
  if config.continuous:
    return 1.0
  gaps = []
  for size in factor_sizes:
    if size > 1:
      gaps.append(svm.linear_accuracy(size, config.c, config.num_train))
      gaps[-1] -= 1 / size
  return float(np.mean(gaps)) if gaps else 0.0


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_test=0 if config.continuous else 1)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    train = factors[: config.num_train]
    if config.continuous:
      matrix = squared_correlations(
        codes.vector[: config.num_train], train.astype(jnp.float32)
      )
    else:
      matrix = accuracies(
        codes.vector, factors, factor_sizes, config.num_train, config.c
      )
    varies = base.varies(train)
    return {'sap': base.masked_mean(base.gap(matrix), varies)}

  return base.build(
    designs.iid(factor_sizes, config.num_train, config.num_test),
    score,
    config,
    ceiling=ceiling(config, factor_sizes),
  )
