"""Disentanglement, completeness, informativeness from lasso regressions.

Source: Eastwood & Williams 2018, https://openreview.net/forum?id=By-7dz-AZ,
section 2: per factor a lasso on standardised codes and targets, penalty by
cross-validation; the importance of a code is the size of its weight.
Informativeness is the error NRMSE: root mean squared error on test points,
targets of unit variance.

Disentanglement and completeness: range [0, 1], higher is better. NRMSE: range
[0, inf), lower is better, 1 = predicting the mean.

Deviations: the order of a factor's grid values is taken as its scale, also for
categorical factors (shape); constant factors are left out of the means (all
constant: NRMSE 1). Five consecutive folds and 100 penalties, as scikit-learn's
LassoCV.

Known failure modes: sees linear relations only; a code that is informative but
not linear in the factor counts for nothing.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import importance, lasso

SCORES = {
  'dci_disentanglement_lasso': types.Score(
    'one minus the entropy of each code over factors, by absolute lasso '
    'weights, mean weighted by importance',
    'higher',
    0.0,
    1.0,
  ),
  'dci_completeness_lasso': types.Score(
    'one minus the entropy of each factor over codes, by absolute lasso '
    'weights, mean weighted by importance',
    'higher',
    0.0,
    1.0,
  ),
  'dci_nrmse_lasso': types.Score(
    'normalised root mean squared error of the lasso, test', 'lower', 0.0
  ),
}
CITATION = 'Eastwood & Williams 2018, section 2'
COST = 0.037  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points for the regressions.
    num_test: points that are scored.
    num_folds: folds of the cross-validation.
    num_alphas: penalties tried.
    continuous: whether factors are real numbers (no difference here).
  """

  num_train: int = 10000
  num_test: int = 5000
  num_folds: int = 5
  num_alphas: int = 100
  continuous: bool = False


def nrmse(
  predicted: jax.Array, target: jax.Array, varies: jax.Array
) -> jax.Array:
  """Mean over factors of the root mean squared error of unit-variance targets.

  Args:
    predicted: float [M, K].
    target: float [M, K].
    varies: bool [K], the factors that count.

  Returns:
    float scalar; 1 without such a factor.
  """
  error = jnp.sqrt(jnp.mean(jnp.square(predicted - target), axis=0))
  return jnp.where(jnp.any(varies), base.masked_mean(error, varies), 1)


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  base.at_least(config, num_train=config.num_folds, num_test=1, num_folds=2)
  num_train = config.num_train

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    values = factors.astype(jnp.float32)
    z = base.standardize(codes.vector, codes.vector[:num_train])
    y = base.standardize(values, values[:num_train])
    fit = lasso.cross_validated(
      z[:num_train], y[:num_train], config.num_folds, config.num_alphas
    )
    varies = base.varies(values[:num_train])
    weights = jnp.where(varies, jnp.abs(fit.weights), 0)
    predicted = z[num_train:] @ fit.weights + fit.intercepts
    return {
      'dci_disentanglement_lasso': importance.disentanglement(weights, varies),
      'dci_completeness_lasso': importance.completeness(weights),
      'dci_nrmse_lasso': nrmse(predicted, y[num_train:], varies),
    }

  return base.build(
    designs.iid(data.factor_sizes, config.num_train, config.num_test),
    score,
    config,
  )
