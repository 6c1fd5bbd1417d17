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
from disentangle_jax.metrics import base
from disentangle_jax.ops import likelihood

SCORES = {
  'reconstruction/nats': types.Score(
    '-log p(x|z), summed over pixels, mean over images', 'lower'
  ),
  'reconstruction/squared_error': types.Score(
    'squared error of the decoded mean, summed over pixels, mean over images',
    'lower',
    0.0,
  ),
}
CITATION = 'Kingma & Welling 2014, arXiv:1312.6114, eq. 10'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: observations that the mean is taken over.
  """

  num_points: int = 10000


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; `batch['codes']` holds the codes to decode."""
  del data
  base.at_least(config, num_points=1)

  def score(key, context, method, state, arrays, batch):
    del key, context, arrays
    observation, vector = batch['observation'], batch['codes'].vector
    nats = -method.extras['log_likelihood'](state, vector, observation)
    decoded = method.decode(state, vector)
    error = likelihood.squared_error(decoded, observation)
    return {
      'reconstruction/nats': jnp.mean(nats),
      'reconstruction/squared_error': jnp.mean(error),
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'decode', 'log_likelihood'),
    needs=(),
    examples=config.num_points,
    constants=dataclasses.asdict(config),
    per_representation=True,
    # Squared differences of token numbers mean nothing.
    kinds=('image', 'video', 'voxels', 'vector'),
  )
