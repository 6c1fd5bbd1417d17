"""Does each code hold the factor that it was assigned?

Source: Kulkarni et al. 2015, https://arxiv.org/abs/1503.03167, assign codes to
factors and show by figures that they hold them; the two numbers are this
project's. Option `assigned` names factors; code i is the i-th's, by default
that of the i-th factor that varies. For every pair of a factor and its code

  assigned_variance/<factor>  share of the code's variance that lies between the
                              factor's values (eta squared: the variance of the
                              code's means per value over its whole variance)
  assigned_rank/<factor>      absolute value of Spearman's correlation of both

and without a suffix the means over the assigned factors.

Range [0, 1], higher is better. A code that is a strictly monotone function of
its factor has rank 1, one that is any function of it variance 1. By chance the
variance is (V - 1) / (N - 1), with V values and N points, the rank 0.8 /
sqrt(N).

Deviations: none; it is defined here. A factor without a code, for there are
fewer codes, and a constant code score 0; a factor that is constant in the data
scores 0 and is left out of the means.

Known failure modes: says nothing of codes that are not assigned, which may hold
the same factor; the rank of a code that turns back, or of a factor without an
order such as shape, is low however well it is told.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import ranking

SCORES = {
  'assigned_variance': types.Score(
    "share of a code's variance that lies between the values of the factor "
    'that it was assigned, mean over factors',
    'higher',
    0.0,
    1.0,
  ),
  'assigned_rank': types.Score(
    "absolute Spearman's correlation of a code with the factor that it was "
    'assigned, mean over factors',
    'higher',
    0.0,
    1.0,
  ),
}
# The place of a code says which factor it is for.
ORDER_FREE = False
CITATION = 'Kulkarni et al. 2015, arXiv:1503.03167 (codes with an assignment)'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    assigned: names of factors, code i for the i-th; () for all that vary.
  """

  num_train: int = 10000
  assigned: tuple[str, ...] = ()


def between_share(code: jax.Array, factor: jax.Array, size: int) -> jax.Array:
  """Share of a code's variance between the values of a factor, eta squared.

  Args:
    code: float [N], of unit deviation, or 0 throughout.
    factor: int32 [N], in 0 .. size - 1.
    size: number of values.

  Returns:
    float scalar in [0, 1]; 0 for a constant code.
  """
  hot = jax.nn.one_hot(factor, size, dtype=code.dtype)
  count = jnp.sum(hot, axis=0)
  sums = code @ hot
  between = jnp.sum(jnp.square(sums) / jnp.maximum(count, 1)) / len(code)
  within = jnp.mean(jnp.square(code - hot @ (sums / jnp.maximum(count, 1))))
  whole = between + within
  return jnp.where(whole > 0, between / jnp.where(whole > 0, whole, 1), 0)


def _places(config, data):
  """Numbers of the assigned factors."""
  names, sizes = list(data.factor_names), data.factor_sizes
  field = 'config.metric_options.assigned_codes.assigned'
  if not config.assigned:
    places = [k for k, size in enumerate(sizes) if size > 1]
    if not places:
      raise errors.value('factor_sizes', tuple(sizes), 'no factor varies')
    return places
  given = config.assigned
  if isinstance(given, str):
    raise errors.value(field, given, 'must be a tuple of factor names')
  for name in given:
    if name not in names:
      raise errors.choices(field, name, names)
    if list(given).count(name) > 1:
      raise errors.value(field, tuple(given), f'names {name} twice')
    if sizes[names.index(name)] < 2:
      raise errors.value(field, tuple(given), f'{name} has one value')
  return [names.index(name) for name in given]


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  base.at_least(config, num_train=2)
  places = _places(config, data)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    vector = base.standardize(codes.vector, codes.vector)
    varies = base.varies(factors)
    scores, columns = {}, {'assigned_variance': [], 'assigned_rank': []}
    for code, place in enumerate(places):
      both = jnp.zeros(2)
      if code < vector.shape[1]:
        z, factor = vector[:, code], factors[:, place]
        ranked = ranking.spearman(
          z[:, None], factor[:, None].astype(jnp.float32)
        )
        share = between_share(z, factor, data.factor_sizes[place])
        both = jnp.stack([share, jnp.abs(ranked[0, 0])])
      both = jnp.where(varies[place], both, 0)
      for name, value in zip(columns, both):
        columns[name].append(value)
        scores[f'{name}/{data.factor_names[place]}'] = value
    varied = varies[jnp.array(places)]
    for name, values in columns.items():
      scores[name] = base.masked_mean(jnp.stack(values), varied)
    return scores

  return base.build(
    designs.iid(data.factor_sizes, config.num_train), score, config
  )
