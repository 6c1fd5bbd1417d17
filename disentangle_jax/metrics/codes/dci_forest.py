"""Disentanglement, completeness, informativeness from random forests.

Source: Eastwood & Williams 2018, https://openreview.net/forum?id=By-7dz-AZ,
section 2: per factor a forest of 10 regression trees; the importance of a code
is the share of splits that it makes. The depth is chosen on validation points
(a fifth of the training points). Informativeness is the error NRMSE: root mean
squared error on test points, targets of unit variance.

Disentanglement and completeness: range [0, 1], higher is better. NRMSE: range
[0, inf), lower is better, 1 = predicting the mean.

Deviations: codes are binned, half of the `num_bins` borders at quantiles and
half where the factor's values change; trees end at `max_depth`
(the paper names no limit); the order of a factor's grid values is its scale;
constant factors are left out of the means. Codes that split equally well are
drawn from.

Known failure modes: counting splits gives noise codes a share in deep trees,
where the last splits separate single points.
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import dci_lasso
from disentangle_jax.ops import discrete, forest, importance, trees

SCORES = {
  'dci_disentanglement_forest': types.Score(
    'one minus the entropy of each code over factors, by shares of splits '
    'in a random forest, mean weighted by importance',
    'higher',
    0.0,
    1.0,
  ),
  'dci_completeness_forest': types.Score(
    'one minus the entropy of each factor over codes, by shares of splits '
    'in a random forest, mean over factors',
    'higher',
    0.0,
    1.0,
  ),
  'dci_nrmse_forest': types.Score(
    'normalised root mean squared error of the forest, test', 'lower', 0.0
  ),
}
CITATION = 'Eastwood & Williams 2018, section 2'
COST = 5  # seconds, see `catalogue.COST_MACHINE`

# Bins of a continuous factor, for the choice of the borders alone.
CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points for the forests, validation included.
    num_test: points that are scored.
    num_trees: trees per factor.
    max_depth: greatest depth tried.
    num_bins: bins per code.
    continuous: whether factors are real numbers (no difference here).
  """

  num_train: int = 10000
  num_test: int = 5000
  num_trees: int = 10
  max_depth: int = 10
  num_bins: int = 128
  continuous: bool = False


def regressions(
  config: Config, num_classes: int
) -> Callable[..., tuple[jax.Array, jax.Array]]:
  """The forests of every factor, and what they say of points.

  Args:
    config: constants; all points beyond `num_train` are for tests.
    num_classes: most values of a factor, for the choice of the borders.

  Returns:
    `(key, codes [N, D], targets [N, K], labels int32 [N, K]) -> (shares of
    splits float32 [K, D], predictions of the test points [K, N - num_train])`.
  """
  num_train = config.num_train
  num_fit = num_train - num_train // 5
  added = config.num_bins // 2

  @base.one_at_a_time
  def fit_all(key, z, y, labels):
    trained = jnp.arange(len(z)) < num_fit

    def one_factor(inputs):
      key, target, label = inputs
      cuts = trees.class_cuts(
        z[:num_fit],
        label[:num_fit],
        num_classes,
        config.num_bins - 1 - added,
        added,
      )
      is_above = z.T[:, :, None] >= cuts[:, None, :]
      fitted = forest.fit(
        key,
        jnp.sum(is_above, axis=2, dtype=jnp.int32).T,
        target,
        trained,
        config.num_bins,
        config.max_depth,
        config.num_trees,
      )
      error = jnp.mean(
        jnp.square(fitted.predictions - target)[:, num_fit:num_train], axis=1
      )
      # At least one level, so that there are splits to count.
      depth = 1 + jnp.argmin(error[1:])
      level = jnp.arange(config.max_depth)[:, None]
      splits = jnp.sum(jnp.where(level < depth, fitted.splits, 0), axis=0)
      share = splits / jnp.maximum(jnp.sum(splits), 1)
      return share, fitted.predictions[depth, num_train:]

    keys = jax.random.split(key, y.shape[1])
    return jax.lax.map(one_factor, (keys, y.T, labels.T))

  return fit_all


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train + num_test, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=10, num_test=1, max_depth=1, num_bins=2)
  num_train = config.num_train
  num_classes = CLASSES if config.continuous else max(factor_sizes)
  fit_all = regressions(config, num_classes)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    values = factors.astype(jnp.float32)
    y = base.standardize(values, values[:num_train])
    varies = base.varies(values[:num_train])
    labels = factors
    if config.continuous:
      labels = discrete.histogram_bins(values, CLASSES)
    share, predicted = fit_all(key, codes.vector, y, labels)
    matrix = share.T
    return {
      'dci_disentanglement_forest': importance.disentanglement(matrix, varies),
      'dci_completeness_forest': importance.completeness(matrix),
      'dci_nrmse_forest': dci_lasso.nrmse(predicted.T, y[num_train:], varies),
    }

  return base.build(
    designs.iid(factor_sizes, config.num_train, config.num_test), score, config
  )
