"""beta-VAE with a few labels.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2. Minimised:

  loss of `beta_vae` + gamma_supervised S(labelled examples)

S is the static option `supervision`, 'xent', 'l2', 'embed' or 'cov', defined in
`methods/supervised/labels.py` with deviations: nats per image, but for 'l2' and
'cov', which are in squares of grid indices. At gamma_supervised = 0 it is
`beta_vae`, bit for bit,
operation by operation; compiled whole, the last bits of two programs may part.
"""

import dataclasses

from disentangle_jax import requests, types
from disentangle_jax.methods.supervised import labels
from disentangle_jax.methods.vae import beta_vae

CITATION = labels.CITATION
DISPLAY = r'S2-$\beta$-VAE'
HPARAMS = {**beta_vae.HPARAMS, **labels.HPARAMS}
STRENGTH = labels.STRENGTH
# 'cov' has none of a single example.
MIN_BATCH = 2
State = beta_vae.State
TEST = labels.TEST


@dataclasses.dataclass(frozen=True)
class Config(labels.Options, beta_vae.Config):
  """Static choices of `beta_vae` and of the labels."""


def batch(config: Config) -> tuple[requests.Request, ...]:
  """What `beta_vae` asks for, and labelled examples."""
  return (requests.Observation(), labels.request_of(config))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its factors and observation shape.

  Returns:
    The method; it also reports 'supervised', S without its weight.

  Raises:
    ConfigError: see `labels.addition` and `beta_vae.make`.
  """
  return beta_vae.make(config, data, labels.addition(config, data))
