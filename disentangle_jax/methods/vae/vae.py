"""Variational autoencoder.

Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014,
https://arxiv.org/abs/1312.6114. Minimised, in nats per image:

  E_q[-log p(x|z)] + sum_d KL(q(z_d|x) || N(0, 1))        (their eq. 10)

with one sample of z per image. Deviations: none from the estimator; network and
optimiser are those of Locatello et al. 2019 by default.
"""

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.vae import common

CITATION = 'Kingma & Welling 2014, arXiv:1312.6114, eq. 10'
DISPLAY = 'VAE'
HPARAMS = {**common.HPARAMS}
STRENGTH = None
Config = common.Config
State = common.State


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method.
  """

  def objective(hparams, step, terms):
    del hparams, step
    return terms.reconstruction + jnp.sum(terms.kl), {}

  return common.make(config, data, objective)
