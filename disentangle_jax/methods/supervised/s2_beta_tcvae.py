"""beta-TCVAE with a few labels.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2. Minimised:

  loss of `beta_tcvae` + gamma_supervised S(labelled examples)

S is the static option `supervision`, 'xent', 'l2', 'embed' or 'cov', defined in
`methods/supervised/labels.py` with deviations: nats per image, but for 'l2' and
'cov', which are in squares of grid indices. At gamma_supervised = 0 it is
`beta_tcvae`, bit for bit,
operation by operation; compiled whole, the last bits of two programs may part.
"""

import dataclasses

from disentangle_jax import requests, types
from disentangle_jax.methods.supervised import labels
from disentangle_jax.methods.vae import beta_tcvae

CITATION = labels.CITATION
DISPLAY = r'S2-$\beta$-TCVAE'
HPARAMS = {**beta_tcvae.HPARAMS, **labels.HPARAMS}
STRENGTH = labels.STRENGTH
MIN_BATCH = beta_tcvae.MIN_BATCH
State = beta_tcvae.State
TEST = labels.TEST


@dataclasses.dataclass(frozen=True)
class Config(labels.Options, beta_tcvae.Config):
  """Static choices of `beta_tcvae` and of the labels."""


def batch(config: Config) -> tuple[requests.Request, ...]:
  """What `beta_tcvae` asks for, and labelled examples."""
  return (requests.Observation(), labels.request_of(config))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its factors and observation shape.

  Returns:
    The method; it also reports 'supervised', S without its weight.

  Raises:
    ConfigError: see `labels.addition` and `beta_tcvae.make`.
  """
  return beta_tcvae.make(config, data, labels.addition(config, data))
