"""Mean correlation coefficient of codes with a field of real numbers.

Source: Hyvärinen & Morioka 2016, https://arxiv.org/abs/1605.06336, as scored by
Khemakhem et al. 2020, https://arxiv.org/abs/1907.04809: what `mcc` is of
factors, of numbers that the data set gives beside its observations (`field`,
the sources of `nonstationary_sources`): the absolute correlation of every code
with every number, then the one-to-one assignment with the largest sum, and the
mean over numbers of what is assigned. 'field_mcc' takes Pearson's correlation,
'field_mcc_spearman' that of ranks.

Range [0, 1], higher is better. Codes that are the numbers permuted, with
another sign or scale, score 1; with fewer codes than numbers those without a
code count 0.

Deviations: as of `mcc`.

Known failure modes: independent codes of N points score the best of several
chance correlations, about 0.8 / sqrt(N) times the gain of the best match; a
rotation of independent numbers keeps a good part of it.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.codes import mcc
from disentangle_jax.ops import ranking

_MEAN = (
  "mean over a field's numbers of the absolute {} correlation with the code "
  'assigned to them, one to one'
)
SCORES = {
  'field_mcc': types.Score(_MEAN.format("(Pearson's)"), 'higher', 0.0, 1.0),
  'field_mcc_spearman': types.Score(_MEAN.format('rank'), 'higher', 0.0, 1.0),
}
CITATION = (
  'Hyvärinen & Morioka 2016, arXiv:1605.06336; '
  'Khemakhem et al. 2020, arXiv:1907.04809'
)


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: rows that are scored.
    field: of the data set, float [F].
  """

  num_points: int = 5000
  field: str = 'sources'


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a data set with the field.

  Returns:
    The probe.

  Raises:
    ConfigError: a field that the data set lacks, or one that is no vector.
  """
  base.at_least(config, num_points=2)
  option = 'config.metric_options.field_mcc.field'
  if config.field not in data.fields:
    if not data.fields:
      raise errors.value(option, config.field, f'{data.name} has no fields')
    raise errors.choices(option, config.field, data.fields)
  index = jnp.arange(2)
  rows = jax.eval_shape(data.sample, jax.random.key(0), data.arrays, index)
  shape = rows[config.field].shape[1:]
  if len(shape) != 1:
    rule = f'has the shape {shape} in {data.name}, a vector is needed'
    raise errors.value(option, config.field, rule)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    rows = data.sample(key, arrays, jnp.arange(config.num_points))
    vector = method.represent(state, rows['observation']).vector
    numbers = rows[config.field].astype(jnp.float32)
    varies = base.varies(numbers)
    matrices = {
      'field_mcc': mcc.pearson(vector, numbers),
      'field_mcc_spearman': ranking.spearman(vector, numbers),
    }
    return {
      name: base.masked_mean(
        mcc.assigned(jnp.where(varies, jnp.abs(matrix), 0)), varies
      )
      for name, matrix in matrices.items()
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    constants=dataclasses.asdict(config),
    any_order=False,
  )
