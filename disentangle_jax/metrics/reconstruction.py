"""How well observations come back from their codes.

Source: the first term of the evidence lower bound, Kingma & Welling 2014, eq.
10, and the squared error of the decoder's mean. `reconstruction/nats` is
-log p(x|z) per image, summed over pixels, at z = the representation that is
scored (mean or sampled); `reconstruction/squared_error` sums the squared
differences per image. Range [0, inf) for Bernoulli pixels, lower is better.

Known failure modes: says nothing about disentanglement; nats of different
likelihoods or image sizes do not compare.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.ops import likelihood

KEYS = ('reconstruction/nats', 'reconstruction/squared_error')
DIRECTION = {key: 'lower' for key in KEYS}
RANGE = {
  'reconstruction/nats': (float('-inf'), float('inf')),
  'reconstruction/squared_error': (0.0, float('inf')),
}
# Squared differences of token numbers mean nothing.
KINDS = ('image', 'video', 'voxels', 'vector')
SOURCE = 'Kingma & Welling 2014, arXiv:1312.6114, eq. 10'
DEFINITIONS = {
  'reconstruction/nats': '-log p(x|z), summed over pixels, mean over images',
  'reconstruction/squared_error': (
    'squared error of the decoded mean, summed over pixels, mean over images'
  ),
}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: observations that the mean is taken over.
  """

  num_points: int = 10000


def make(config: Config, factor_sizes: tuple[int, ...]) -> types.Diagnostic:
  """Builds the diagnostic; `batch['codes']` holds the codes to decode."""
  del factor_sizes

  def score(key, method, state, batch):
    del key
    observation, vector = batch['observation'], batch['codes'].vector
    nats = -method.extras['log_likelihood'](state, vector, observation)
    decoded = method.decode(state, vector)
    error = likelihood.squared_error(decoded, observation)
    return {
      'reconstruction/nats': jnp.mean(nats),
      'reconstruction/squared_error': jnp.mean(error),
    }

  return types.Diagnostic(
    score=score,
    requires=('represent', 'decode', 'log_likelihood'),
    needs=(),
    num_points=config.num_points,
    constants=dataclasses.asdict(config),
  )
