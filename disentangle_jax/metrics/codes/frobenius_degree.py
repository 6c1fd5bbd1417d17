"""Degree of disentanglement of Hassan: posterior against aggregate covariance.

Source: Hassan 2022, "Understanding Variational Autoencoders and Disentanglement
Metrics", section 5.1: the mean over observations of
the Frobenius norm of Sigma_i - Sigma, with Sigma_i = diag(sigma_i^2) the
covariance of the posterior q(z|x_i) and Sigma the empirical covariance of
samples, one per posterior.

Range [0, inf); lower is better in the source (it falls as beta grows).

Deviations: none known. Known failure modes: 0 for a posterior that ignores the
observation; depends on the scale of the codes.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import gaussian

SCORES = {
  'frobenius_degree': types.Score(
    'mean Frobenius distance of the posterior covariances from the '
    'covariance of sampled codes',
    'lower',
    0.0,
  ),
}
CITATION = 'Hassan 2022, Understanding Variational Autoencoders, section 5.1'
RESAMPLING = 'bootstrap'
COST = 0.012  # seconds, see `catalogue.COST_MACHINE`


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  continuous: bool = False


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del factors
    mean, logvar = codes.parts['mean'], codes.parts['logvar']
    z = gaussian.sample(mean, logvar, jax.random.normal(key, mean.shape))
    z = z - jnp.mean(z, axis=0)
    covariance = z.T @ z / (len(z) - 1)
    diagonal = jnp.diagonal(covariance)
    off = jnp.sum(jnp.square(covariance)) - jnp.sum(jnp.square(diagonal))
    own = jnp.sum(jnp.square(jnp.exp(logvar) - diagonal), axis=1)
    distance = jnp.sqrt(own + jnp.maximum(off, 0))
    return {'frobenius_degree': jnp.mean(distance)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    ('mean', 'logvar'),
    reads_factors=False,
  )
