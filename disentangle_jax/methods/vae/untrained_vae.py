"""A VAE as it is initialised, never trained.

A baseline of Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl
(table "2D shapes"). The networks are those of `vae`, whose loss (nats per
image) is reported on every batch; the update changes nothing but the count of
steps. Deviations: none.
"""

from disentangle_jax import types
from disentangle_jax.methods.vae import common, vae

CITATION = 'Higgins et al. 2017'
DISPLAY = 'Untrained VAE'
HPARAMS: dict[str, float] = {}
STRENGTH = None
LEARNS = False
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
  trained = vae.make(config, data)

  def init(key, batch, hparams):
    del hparams
    return trained.init(key, batch, vae.HPARAMS)

  def update(key, state, batch, hparams):
    del hparams
    _, scalars = trained.update(key, state, batch, vae.HPARAMS)
    return state._replace(step=state.step + 1), scalars

  return trained._replace(init=init, update=update)
