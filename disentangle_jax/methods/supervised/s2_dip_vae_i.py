"""DIP-VAE-I with a few labels.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2. Minimised:

  loss of `dip_vae_i` + gamma_supervised S(labelled examples)

S is the static option `supervision`, 'xent', 'l2', 'embed' or 'cov', defined in
`methods/supervised/labels.py` with deviations: nats per image, but for 'l2' and
'cov', which are in squares of grid indices. At gamma_supervised = 0 it is
`dip_vae_i`, bit for bit,
operation by operation; compiled whole, the last bits of two programs may part.
"""

import dataclasses

from disentangle_jax import requests, types
from disentangle_jax.methods.supervised import labels
from disentangle_jax.methods.vae import dip_vae_i

CITATION = labels.CITATION
DISPLAY = 'S2-DIP-VAE-I'
HPARAMS = {**dip_vae_i.HPARAMS, **labels.HPARAMS}
STRENGTH = labels.STRENGTH
MIN_BATCH = dip_vae_i.MIN_BATCH
State = dip_vae_i.State
TEST = labels.TEST


@dataclasses.dataclass(frozen=True)
class Config(labels.Options, dip_vae_i.Config):
  """Static choices of `dip_vae_i` and of the labels."""


def batch(config: Config) -> tuple[requests.Request, ...]:
  """What `dip_vae_i` asks for, and labelled examples."""
  return (requests.Observation(), labels.request_of(config))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its factors and observation shape.

  Returns:
    The method; it also reports 'supervised', S without its weight.

  Raises:
    ConfigError: see `labels.addition` and `dip_vae_i.make`.
  """
  return dip_vae_i.make(config, data, labels.addition(config, data))
