"""Independent Gaussian features behind a random linear map.

Kågebäck & Mogren 2018, "Disentanglement by penalizing correlation",
https://arxiv.org/abs/1802.05591, section 3.2: z ~ N(0, S) with S diagonal and
x = W z with a random W; 10,000 independent rows, seen as they are in every
epoch. Four features in their experiment.

Deviations, where the paper is silent: x has 10 entries by default; the standard
deviations are uniform on [least_scale, 1]; W has independent standard normal
entries over sqrt(entries of x), so that x keeps about the variance of z. The
features are real numbers and no grid, so that nothing can be scored against
them.
"""

import dataclasses

import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import stream


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    entries: length of x.
    features: d, length of z.
    rows: number of rows.
    projection: which W, S and rows: the seed of all three.
    least_scale: smallest standard deviation of a feature; the largest is 1.
  """

  entries: int = 10
  features: int = 4
  rows: int = 10_000
  projection: int = 0
  least_scale: float = 0.5


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream without factors; observations are float32 [entries], about 0.

  Raises:
    ConfigError: an option out of range.
  """
  for field, least in (
    ('entries', 1),
    ('features', 1),
    ('rows', 2),
    ('projection', 0),
  ):
    checks.integer(f'config.dataset.{field}', getattr(config, field), least)
  checks.number('config.dataset.least_scale', config.least_scale, 1e-3, 1.0)
  generator = np.random.default_rng(config.projection)
  shape = (config.features, config.entries)
  projection = generator.normal(size=shape) / np.sqrt(config.entries)
  scale = generator.uniform(config.least_scale, 1.0, config.features)
  features = generator.normal(size=(config.rows, config.features)) * scale
  return stream.rows(features @ projection, name='random_projection')
