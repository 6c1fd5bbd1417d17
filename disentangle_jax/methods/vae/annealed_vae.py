"""VAE with controlled capacity increase (AnnealedVAE in Locatello et al.).

Burgess et al., "Understanding disentangling in beta-VAE", 2018,
https://arxiv.org/abs/1804.03599, eq. 8. Minimised, in nats per image:

  E_q[-log p(x|z)] + gamma |KL - C|,   C = c_max min(1, step / anneal_steps)

where KL is the batch mean of the total KL. The absolute value is taken of the
batch mean, as in the published code, not of every example's KL. Paper: gamma
1000, C from 0 to 25 nats in 100,000 steps, learning rate 5e-4; the 2019 study
uses its common rate 1e-4 and c_max 5 to 100. Deviations: none.
"""

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common

CITATION = 'Burgess et al. 2018, arXiv:1804.03599, eq. 8'
DISPLAY = 'AnnealedVAE'
HPARAMS = {
  **common.HPARAMS,
  'c_max': 25.0,
  'gamma': 1000.0,
  'anneal_steps': 100_000.0,
}
STRENGTH = 'c_max'
# A capacity cannot rise in no time; everything else may be zero.
BOUNDS = {'anneal_steps': (1.0, float('inf'))}
Config = common.Config
State = common.State


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports the scalar 'capacity', nats.
  """

  def objective(hparams, step, terms):
    risen = training.ramp(step, hparams['anneal_steps'])
    capacity = hparams['c_max'] * risen
    deviation = jnp.abs(jnp.sum(terms.kl) - capacity)
    loss = terms.reconstruction + hparams['gamma'] * deviation
    return loss, {'capacity': capacity}

  return common.make(config, data, objective)
