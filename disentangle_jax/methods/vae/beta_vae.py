"""beta-VAE.

Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained
Variational Framework", ICLR 2017, https://openreview.net/forum?id=Sy2fzU9gl.
Minimised, in nats per image (their eq. 4, with the sign turned):

  E_q[-log p(x|z)] + beta sum_d KL(q(z_d|x) || N(0, 1))

Both terms are sums over pixels and over latents; code that averages over pixels
means another number by beta (multiply its beta by the number of pixels and
channels to get this one). beta = 1 is the VAE; beta = 0 leaves the sampling
noise on and drops the prior. Deviations: none.
"""

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.vae import common

CITATION = 'Higgins et al. 2017, eq. 4'
DISPLAY = r'$\beta$-VAE'
HPARAMS = {**common.HPARAMS, 'beta': 4.0}
STRENGTH = 'beta'
Config = common.Config
State = common.State


def make(
  config: Config,
  data: types.Dataset,
  addition: common.Addition | None = None,
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.
    addition: what is minimised beside it.

  Returns:
    The method.
  """

  def objective(hparams, step, terms):
    del step
    return terms.reconstruction + hparams['beta'] * jnp.sum(terms.kl), {}

  return common.make(config, data, objective, addition)
