"""Autoencoder of sentences with a decoder for each label.

The baseline of Zhao, Kim, Zhang, Rush & LeCun, "Adversarially Regularized
Autoencoders", ICML 2018, https://arxiv.org/abs/1706.04223:
the same encoder and decoders as `arae`, without its adversaries. Minimised, in
nats per sentence, is `rec` of `methods.text.two_decoders`, by Adam or plain
gradient steps whose length is cut at the global norm `clip`.

Nothing keeps the label out of the code: where it is there, the other decoder
can copy it. Where label and sentiment are one (purity 1) the decoder alone
transfers: each is a language model of its class. What the code forgets is
transferred by accident: train until `reconstruction_exact` is 0.95 or more
before comparing.

Deviations: as of `arae`.
"""

import dataclasses

import optax

from disentangle_jax import requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.text import two_decoders

CITATION = 'Zhao et al. 2018, arXiv:1706.04223'
DISPLAY = 'Text autoencoder'
HPARAMS = {
  'learning_rate': 3e-3,
  'clip': 1.0,
  'noise': 0.1,
  'noise_half_life': 140_000.0,
}
BOUNDS = {'clip': (1e-6, float('inf')), 'noise_half_life': (1.0, float('inf'))}
# Both decoders need a sentence.
MIN_BATCH = 2
TEST = {
  'dataset': ('template_sentences', {}),
  'static': {'code': 5, 'hidden': 6, 'embedding': 4, 'cell': 'gru'},
}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config(two_decoders.Config):
  """Static choices."""


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Sentences and their labels."""
  del config
  return (requests.Observation(), requests.Field('label'))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: sentences of two classes.

  Returns:
    The method; see `two_decoders.parts` for what it offers.

  Raises:
    ConfigError: see `two_decoders.check`.
  """
  networks = two_decoders.build(config, data)

  def init_params(key, batch):
    del batch
    return networks.init(key)

  def loss_fn(params, key, state, batch, hparams):
    loss = two_decoders.reconstruction(
      networks, params, key, state.step, batch, hparams
    )
    return loss, ({'loss': loss}, ())

  def optimiser(hparams):
    steps = two_decoders.OPTIMISERS[config.optimiser]
    return optax.chain(
      optax.clip_by_global_norm(hparams['clip']),
      steps(hparams['learning_rate']),
    )

  init, update = training.minimise(init_params, loss_fn, optimiser=optimiser)
  represent, decode, extras = two_decoders.parts(networks)
  layout = types.Layout(plain=networks.width)
  return types.Method(init, update, represent, decode, extras, layout)
