"""Independent sources whose deviations change from segment to segment, mixed.

The synthetic set of nonlinear ICA with labels: Hyvärinen & Morioka 2016,
https://arxiv.org/abs/1605.06336, as used by Khemakhem et al. 2020,
https://arxiv.org/abs/1907.04809. In segment u source d is normal with mean 0
and a deviation (not a variance) drawn uniformly from [least_deviation,
greatest_deviation]. x is the sources through `layers` square matrices with
tanh(x) + 0.1 x between them; the columns of a matrix have length 1, and its
condition number is below the first quartile of such matrices. With one layer
the mixing is linear.

The one factor is 'segment', which is the label; the sources themselves are the
field 'sources', float32 [sources]: real numbers, so that `field_mcc` scores
codes against them.

Deviations: the entries of x are shifted and scaled to mean 0 and deviation 1,
so that a decoder's deviation means the same whatever the mixing. All of
segments, deviations, sources and matrices come from one seed, `mixing`.
"""

import dataclasses

import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import stream

# Matrices among which one of the better-conditioned quarter is taken.
_CANDIDATES = 200


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    segments: number of values of u.
    per_segment: rows of each.
    sources: number of sources, and of entries of x.
    layers: matrices of the mixing; 1 for a linear one.
    least_deviation: of a source in a segment.
    greatest_deviation: the other end; both equal: nothing is identified.
    mixing: which deviations, rows and matrices: the seed of all three.
  """

  segments: int = 40
  per_segment: int = 1000
  sources: int = 5
  layers: int = 3
  least_deviation: float = 0.5
  greatest_deviation: float = 3.0
  mixing: int = 0


def _matrix(generator: np.random.Generator, size: int) -> np.ndarray:
  """A random square matrix with columns of length 1, well conditioned."""
  every = generator.uniform(-1, 1, (_CANDIDATES, size, size))
  every /= np.linalg.norm(every, axis=1, keepdims=True)
  conditions = np.linalg.cond(every)
  good = every[conditions <= np.quantile(conditions, 0.25)]
  return good[generator.integers(len(good))]


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream with the factor 'segment' and the field 'sources' float32
    [sources]; observations are float32 [sources].

  Raises:
    ConfigError: an option out of range.
  """
  for field, least in (
    ('segments', 1),
    ('per_segment', 2),
    ('sources', 1),
    ('layers', 1),
    ('mixing', 0),
  ):
    checks.integer(f'config.dataset.{field}', getattr(config, field), least)
  low, high = config.least_deviation, config.greatest_deviation
  checks.number('config.dataset.least_deviation', low, 1e-3, 1e3)
  if not checks.is_number(high) or high < low:
    rule = f'must be a number of at least least_deviation = {low}'
    raise errors.value('config.dataset.greatest_deviation', high, rule)
  generator = np.random.default_rng(config.mixing)
  shape = (config.segments, config.sources)
  deviations = generator.uniform(low, high, shape)
  segment = np.repeat(np.arange(config.segments), config.per_segment)
  normal = generator.normal(size=(len(segment), config.sources))
  sources = normal * deviations[segment]
  x = sources
  for layer in range(config.layers):
    if layer:
      x = np.tanh(x) + 0.1 * x
    x = x @ _matrix(generator, config.sources)
  x = (x - x.mean(0)) / x.std(0)
  return stream.rows(
    x,
    segment[:, None],
    ('segment',),
    name='nonstationary_sources',
    fields={'sources': sources.astype(np.float32)},
  )
