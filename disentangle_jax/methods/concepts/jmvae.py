"""JMVAE: one VAE of pictures and symbols, a baseline of SCAN.

Suzuki, Nakayama & Matsuo, "Joint Multimodal Learning with Deep Generative
Models", 2016, https://arxiv.org/abs/1611.01891, there JMVAE-kl. On pairs of a
picture x and a symbol y that fits it, minimised, in nats per pair:

  -log p(x|z) - log p(y|z) + KL(q(z|x,y) || N(0, I))
    + alpha [KL(q(z|x,y) || q(z|x)) + KL(q(z|x,y) || q(z|y))]

with one sample z of q(z|x,y). Codes are those of q(z|x). As a baseline it sees
what SCAN's symbols come with: a few pictures of each, and no others, where
SCAN's eyes have seen all. Deviations: alpha .01,
likelihoods and nets are this project's choice.
"""

from disentangle_jax import requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.concepts import common, joint, scan

CITATION = 'Suzuki et al. 2016, arXiv:1611.01891, JMVAE-kl'
HPARAMS = {'learning_rate': 1e-4, 'weight_decay': 0.0, 'alpha': 0.01}
STRENGTH = 'alpha'
DISPLAY = 'JMVAE'
TEST = {
  'dataset': scan.ROOMS,
  'static': {'symbol_hidden': (8,), 'joint_hidden': 8},
}
Config = joint.Config
State = training.State


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Symbols, each with one of its few pictures."""
  del config
  return (requests.Observation(), requests.Symbol())


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with concepts.

  Returns:
    The method. It reports 'loss', 'reconstruction', 'naming', 'kl',
    'picture_gap' and 'symbol_gap' (the two KL of the last line), nats per pair.
    Extras: those of `common.extras`.

  Raises:
    ConfigError: a data set without concepts, or an option out of range.
  """
  networks = joint.build(config, data)

  def loss_fn(params, key, state, batch, hparams):
    del state
    both, terms = joint.joint_bound(networks, params, key, batch)
    picture = networks.of_picture(params, batch['symbol_observation'])
    symbol = networks.symbols.encode(params, batch['symbol'])
    gaps = {
      'picture_gap': common.kl(both, picture),
      'symbol_gap': common.kl(both, symbol),
    }
    loss = sum(terms.values()) + hparams['alpha'] * sum(gaps.values())
    return loss, ({'loss': loss, **terms, **gaps}, ())

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']), loss_fn
  )
  return types.Method(init, update, *joint.abilities(networks, config, data))
