"""Linear correlation and used units of every hidden layer.

Source: Kågebäck & Mogren 2018, https://arxiv.org/abs/1802.05591, section 3.3,
which counts the units in use on pictures of the covariance. `layer_cvr/<part>`
and `layer_ud90/<part>` are those of `linear_correlation` for each part of the
codes that is named 'hidden_...'; `layer_units/<part>` is the number of units
with at least `least_share` of the layer's total variance;
`layer_covariance/<row>_<column>` is the covariance matrix of all hidden layers
side by side, in the order of their names.

CVR in [1, D], lower is better; the counts in [0, D], neither.

Deviations: numbers where the source shows pictures.

Known failure modes: where two units share what one could say, both count.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics.codes import linear_correlation

SCORES = {
  'layer_cvr': types.Score(
    'sum of absolute covariances over the variance, each layer', 'lower', 1.0
  ),
  'layer_ud90': types.Score(
    'units that hold 90 % of the variance, each layer', low=0.0
  ),
  'layer_units': types.Score(
    'units with a visible share of the variance, each layer', low=0.0
  ),
  'layer_covariance': types.Score(
    'covariances of all hidden units, cell by cell'
  ),
}
CITATION = 'Kågebäck & Mogren 2018, arXiv:1802.05591, section 3.3'
PREFIX = 'hidden_'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: observations that covariances are taken over.
    least_share: of the layer's variance, for a unit to count.
  """

  num_points: int = 4096
  least_share: float = 0.01


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: the data set.

  Returns:
    The probe.

  Raises:
    ConfigError: fewer than two points.
  """
  if config.num_points < 2:
    rule = 'must be at least 2'
    raise errors.value('layer_correlation.num_points', config.num_points, rule)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    index = jnp.arange(config.num_points, dtype=jnp.int32)
    observation = data.sample(key, arrays, index)['observation']
    parts = method.represent(state, observation).parts
    layers = {k: parts[k] for k in sorted(parts) if k.startswith(PREFIX)}
    scores = {}
    for name, h in layers.items():
      measures = linear_correlation.measures(h, h.shape[1])
      variance = jnp.var(h, axis=0)
      total = jnp.sum(variance)
      is_used = variance >= config.least_share * total
      scores[f'layer_cvr/{name}'] = measures['cvr']
      scores[f'layer_ud90/{name}'] = measures['ud90']
      scores[f'layer_units/{name}'] = jnp.where(total > 0, jnp.sum(is_used), 0)
    units = jnp.concatenate(list(layers.values()), axis=1)
    units = units - jnp.mean(units, axis=0)
    matrix = units.T @ units / (len(units) - 1)
    for i in range(len(matrix)):
      for j in range(len(matrix)):
        scores[f'layer_covariance/{i}_{j}'] = matrix[i, j]
    return scores

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    needs=(f'{PREFIX}1',),
    constants=dataclasses.asdict(config),
  )
