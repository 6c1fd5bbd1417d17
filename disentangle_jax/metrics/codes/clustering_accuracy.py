"""Clustering accuracy of a discrete latent.

Source: the measure of deep clustering, as defined in "Explicit information
placement on latent variables using auxiliary generative modelling task",
section 3.2.1: every cluster takes the label that most of its points have, and
the score is the share of points whose label that is. A point's cluster is its
largest class logit; there may be more clusters than labels.

Range [0, 1], at least the share of the most frequent label; higher is better.

Deviations: one-to-one matching (the other common form) is not used, so that
more clusters can only raise the score.

Known failure modes: with as many clusters as points it is 1.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import discrete

SCORES = {
  'clustering_accuracy': types.Score(
    'share of points that carry the most frequent label of their cluster',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Explicit information placement on latent variables, section 3.2.1'
COST = 0.0014  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    factor: number of the factor that is the label.
  """

  num_train: int = 10000
  factor: int = 0


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=1, factor=0)
  if config.factor >= len(factor_sizes):
    raise errors.value(
      'clustering_accuracy.factor',
      config.factor,
      f'must be below the number of factors, {len(factor_sizes)}',
    )

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key
    logits = codes.parts['class_logits']
    cluster = jnp.argmax(logits, axis=-1)[:, None]
    label = factors[:, config.factor][:, None]
    counts = discrete.contingency(
      cluster, logits.shape[-1], label, factor_sizes[config.factor]
    )
    right = jnp.sum(jnp.max(counts[0, 0], axis=1))
    return {'clustering_accuracy': right / len(factors)}

  return base.build(
    designs.iid(factor_sizes, config.num_train),
    score,
    config,
    ('class_logits',),
  )
