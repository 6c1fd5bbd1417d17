"""KL of the posterior to the prior, in total and per latent.

Source: Kingma & Welling 2014, appendix B. `kl` is the sum over latents of
KL(q(z_d|x) || N(0, 1)), `kl/d` latent d's own share, both in nats and averaged
over images. Range [0, inf). Not a score of quality: lower means that less is
coded. Known failure modes: none; a latent below 0.01 nats is unused.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.ops import gaussian

SCORES = {
  'kl': types.Score(
    'KL of q(z|x) to the standard normal prior in nats, mean over images; '
    'kl/d is the share of latent d',
    low=0.0,
  ),
}
CITATION = 'Kingma & Welling 2014, arXiv:1312.6114, appendix B'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: observations that the mean is taken over.
  """

  num_points: int = 10000


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; it reads `batch['codes'].parts`."""
  del data
  base.at_least(config, num_points=1)

  def score(key, context, method, state, arrays, batch):
    del key, context, method, state, arrays
    parts = batch['codes'].parts
    kl = jnp.mean(gaussian.kl_to_standard(parts['mean'], parts['logvar']), 0)
    return {'kl': jnp.sum(kl), **{f'kl/{d}': kl[d] for d in range(len(kl))}}

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    needs=('mean', 'logvar'),
    examples=config.num_points,
    constants=dataclasses.asdict(config),
  )
