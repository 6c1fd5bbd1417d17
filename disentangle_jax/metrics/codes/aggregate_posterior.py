"""How far the aggregate posterior is from the prior, by its first two moments.

Source: Hassan 2022, "Understanding Variational Autoencoders and Disentanglement
Metrics", section 5.1 and figure 5.2, which draws samples of the Gaussian
N(m, S) with the mean and the covariance of all sampled codes beside those of
the prior N(0, I) and judges by eye. Here m = E[mean_i] and S = Cov(mean_i) +
E[diag(variance_i)], the law of total covariance, so that no sampling is needed.
`aggregate_kl` = KL(N(m, S) || N(0, I)) = (tr S + |m|^2 - D - log det S) / 2
nats; `aggregate_frechet` = |m|^2 + tr(S + I - 2 S^1/2), the squared
2-Wasserstein distance. Range [0, inf), lower is nearer to the prior.

Deviations: two numbers where the source has pictures. A covariance that is
singular to rounding gives aggregate_kl = inf.

Known failure modes: blind to all but mean and covariance; 0 for a posterior
that ignores the observation.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import covariance, linalg

SCORES = {
  'aggregate_kl': types.Score(
    'KL of a Gaussian with the moments of the sampled codes to the prior, nats',
    'lower',
    0.0,
  ),
  'aggregate_frechet': types.Score(
    'squared 2-Wasserstein distance between that Gaussian and the prior',
    'lower',
    0.0,
  ),
}
CITATION = 'Hassan 2022, Understanding Variational Autoencoders, section 5.1'
RESAMPLING = 'bootstrap'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  continuous: bool = False


def distances(
  mean: jax.Array, matrix: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """KL to, and squared 2-Wasserstein distance from, the standard normal.

  Args:
    mean: float [D] of a Gaussian.
    matrix: float [D, D], its covariance.

  Returns:
    two float scalars, nats and squared units of the codes.
  """
  values = linalg.eigvalsh(matrix)
  least = jnp.finfo(matrix.dtype).eps * len(mean) * jnp.max(values)
  singular = values[0] <= least
  safe = jnp.where(values > least, values, 1)
  square = jnp.sum(jnp.square(mean))
  # Each term is zero at 1 and positive elsewhere: no cancellation between them.
  kl = (square + jnp.sum(values - 1 - jnp.log(safe))) / 2
  roots = jnp.sqrt(jnp.maximum(values, 0))
  frechet = square + jnp.sum(jnp.square(roots - 1))
  return jnp.where(singular, jnp.inf, jnp.maximum(kl, 0)), frechet


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    mean, logvar = codes.parts['mean'], codes.parts['logvar']
    matrix = covariance.of_samples(mean, logvar)
    kl, frechet = distances(jnp.mean(mean, axis=0), matrix)
    return {'aggregate_kl': kl, 'aggregate_frechet': frechet}

  metric = base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    ('mean', 'logvar'),
    reads_factors=False,
  )
  return metric._replace(per_representation=False)
