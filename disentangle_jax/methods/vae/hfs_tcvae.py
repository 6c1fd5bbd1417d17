"""beta-TCVAE with a factorised support.

Roth, Ibrahim, Akata, Vincent & Bouchacourt, "Disentanglement of Correlated
Factors via Hausdorff Factorized Support", ICLR 2023,
https://arxiv.org/abs/2210.07347. Minimised, in nats per image:

  loss of `beta_tcvae` + gamma_support D + delta S

with the distance D of combinations of codes to the batch and the cost S of
codes with a deviation below 1, both as in `hfs_vae`. `gamma` is beta-TCVAE's
weight of the dimension-wise KL, so that the distance's has a name of its own.

Deviations: those of `hfs_vae` and of `beta_tcvae`. The public code takes
stratified sampling and the sampled KL (`estimator='mss'`, `kl='sampled'`); here
beta-TCVAE's own defaults stay, for comparison with it.
"""

import dataclasses

from disentangle_jax import types
from disentangle_jax.methods.vae import beta_tcvae, common, hfs_vae

CITATION = hfs_vae.CITATION
DISPLAY = r'HFS-$\beta$-TCVAE'
HPARAMS = {**beta_tcvae.HPARAMS, 'gamma_support': 100.0, 'delta': 1.0}
STRENGTH = 'gamma_support'
MIN_BATCH = 2
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(hfs_vae.Options, beta_tcvae.Config):
  """Static choices."""


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and its size.

  Returns:
    The method; it also reports the scalars of `beta_tcvae` and of
    `hfs_vae.penalty`.

  Raises:
    ConfigError: see `hfs_vae.check` and `beta_tcvae.make`.
  """
  hfs_vae.check(config)
  of_parts = beta_tcvae.objective_of(config, data)

  def objective(hparams, step, terms):
    loss, scalars = of_parts(hparams, step, terms)
    weights = {'gamma': hparams['gamma_support'], 'delta': hparams['delta']}
    cost, more = hfs_vae.penalty(config, weights, terms)
    return loss + cost, {**scalars, **more}

  return common.make(config, data, objective)
