"""FactorVAE with a few labels.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2. Minimised:

  loss of `factor_vae` + gamma_supervised S(labelled examples)

S is the static option `supervision`, 'xent', 'l2', 'embed' or 'cov', defined in
`methods/supervised/labels.py` with deviations: nats per image, but for 'l2' and
'cov', which are in squares of grid indices. Of the networks S moves the encoder
alone. At gamma_supervised = 0 it is `factor_vae`, bit for bit,
operation by operation; compiled whole, the last bits of two programs may part.
"""

import dataclasses

from disentangle_jax import requests, types
from disentangle_jax.methods.supervised import labels
from disentangle_jax.methods.vae import factor_vae

CITATION = labels.CITATION
DISPLAY = 'S2-FactorVAE'
HPARAMS = {**factor_vae.HPARAMS, **labels.HPARAMS}
STRENGTH = labels.STRENGTH
MIN_BATCH = factor_vae.MIN_BATCH
State = factor_vae.State
TEST = labels.TEST


@dataclasses.dataclass(frozen=True)
class Config(labels.Options, factor_vae.Config):
  """Static choices of `factor_vae` and of the labels."""


def batch(config: Config) -> tuple[requests.Request, ...]:
  """What `factor_vae` asks for, and labelled examples."""
  return (*factor_vae.batch(config), labels.request_of(config))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its factors and observation shape.

  Returns:
    The method; it also reports 'supervised', S without its weight.

  Raises:
    ConfigError: see `labels.addition` and `factor_vae.make`.
  """
  return factor_vae.make(config, data, labels.addition(config, data))
