"""DIP-VAE-II: covariance of the sampled codes pulled to the identity.

Kumar, Sattigeri & Balakrishnan, ICLR 2018, https://arxiv.org/abs/1711.00848,
eq. 7 (with eq. 4 of the workshop text). The loss of `dip_vae_i` with the whole
covariance of z ~ q(z|x), by the law of total covariance,

  M = Cov_x(mean(x)) + E_x[diag(exp(logvar(x)))].

lambda_d_factor is 1, as in the 2019 study. Deviations: those of `dip_vae_i`.
"""

from disentangle_jax import types
from disentangle_jax.methods.vae import common, dip_vae_i
from disentangle_jax.ops import covariance

CITATION = 'Kumar et al. 2018, arXiv:1711.00848, eq. 7'
DISPLAY = 'DIP-VAE-II'
HPARAMS = {**common.HPARAMS, 'lambda_od': 10.0, 'lambda_d_factor': 1.0}
STRENGTH = 'lambda_od'
MIN_BATCH = dip_vae_i.MIN_BATCH
Config = dip_vae_i.Config
State = common.State


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; scalars as in `dip_vae_i`.
  """
  of_terms = lambda terms: covariance.of_samples(terms.mean, terms.logvar)
  return dip_vae_i.make_with(config, data, of_terms)
