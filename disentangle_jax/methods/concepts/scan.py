"""SCAN: symbols learn to stand for what frozen eyes see.

Higgins et al. 2018, "SCAN: Learning Hierarchical Compositional Visual
Concepts", https://arxiv.org/abs/1707.03389. The eyes, a phase of
their own, are a VAE with the encoder q(z|x); K latents. On pairs of a picture x
and a k-hot symbol y that fits it, minimised, in nats per pair:

  -log p(y|z_y) + beta_symbol KL(q(z_y|y) || N(0, I))
    + lambda_grounding KL(q(z|x) || q(z_y|y))

with one sample z_y of q(z_y|y), Bernoulli places of y, and no gradient into the
eyes. The forward KL makes q(z_y|y) cover all pictures that fit: narrow where
the symbol says something, wide where it does not. `direction` 'reverse' turns
the last term round, KL(q(z_y|y) || q(z|x)), the paper's baseline, which settles
on one picture.

sym2img draws z of q(z_y|y) and lets the eyes decode it; img2sym reads p(y|z) at
the eyes' mean.

The paper's text gives lambda 1 and beta 10 and says that the last term is the
one raised; its appendix has 10 and 1, as here. Its eyes are a DAE-perceptual
beta-VAE (`vision` 'perceptual_vae', beta 53); those of a low beta are its
unstructured baseline.

Traps: beta_symbol above lambda_grounding pulls q(z_y|y) to the prior and
symbols lose their meaning; few pictures of each symbol put the mean of an
irrelevant latent off by its deviation over the root of their number.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.concepts import common
from disentangle_jax.ops import gaussian, per_example

CITATION = 'Higgins et al. 2018, arXiv:1707.03389'
HPARAMS = {
  'learning_rate': 1e-4,
  'beta_symbol': 1.0,
  'lambda_grounding': 10.0,
}
STRENGTH = 'lambda_grounding'
DISPLAY = 'SCAN'
DIRECTIONS = ('forward', 'reverse')
EYES = ('beta_vae', 'perceptual_vae')
ROOMS = (
  'rooms',
  {
    'resolution': 8,
    'hues': 3,
    'scales': 1,
    'orientations': 2,
    'unseen': 6,
    'concepts': 40,
    'images': 2,
    'tested': 4,
  },
)
TEST = {'dataset': ROOMS, 'static': {'symbol_hidden': (8,)}}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    num_latents: K, of the eyes and of symbols.
    symbol_hidden: widths of the ReLU layers of both nets of symbols.
    direction: of the grounding, of DIRECTIONS.
    vision: the method that sees, of EYES; a phase by the name 'eyes'.
    precision: of the networks' products, see `nets.apply`.
  """

  num_latents: int = 32
  symbol_hidden: tuple[int, ...] = (100,)
  direction: str = 'forward'
  vision: str = 'beta_vae'
  precision: str = 'auto'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Symbols, each with one of its few pictures."""
  del config
  return (requests.Observation(), requests.Symbol())


def after(config: Config) -> types.Phase:
  """The eyes, by one name whichever they are."""
  checks.choice('config.static.vision', config.vision, EYES)
  return types.Phase(config.vision, name='eyes')


def grounding(
  direction: str, seen: common.Posterior, said: common.Posterior
) -> jax.Array:
  """The KL between what is seen and what a symbol says.

  Args:
    direction: of DIRECTIONS.
    seen: mean and logvar of q(z|x), float [B, K].
    said: of q(z_y|y).

  Returns:
    float scalar, nats summed over latents, mean over the batch.
  """
  first, second = (seen, said) if direction == 'forward' else (said, seen)
  return common.kl(first, second)


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with concepts.
    before: the eyes.

  Returns:
    The method. Codes are those of the eyes. It reports 'loss', 'naming'
    (-log p(y|z_y)), 'kl' (of q(z_y|y) to the prior) and 'grounding', nats per
    pair. Extras: those of `common.extras`.

  Raises:
    ConfigError: no eyes, eyes of another number of latents, a data set without
      concepts, or an option out of range.
  """
  checks.choice('config.static.direction', config.direction, DIRECTIONS)
  if before is None:
    rule = 'needs trained eyes: make(config, data, before)'
    raise errors.value('method scan', 'before=None', rule)
  latents = config.num_latents
  if before.layout is None or before.layout.gaussian != latents:
    width = None if before.layout is None else before.layout.gaussian
    rule = f'must be that of the eyes, {width}'
    raise errors.value('config.static.num_latents', latents, rule)
  symbols = common.symbols(
    data, config.symbol_hidden, latents, config.precision
  )
  optimiser = lambda hparams: optax.adam(hparams['learning_rate'])
  eyes = lambda params: common.as_state(params['eyes'])

  def init(key, batch, hparams, frozen=None):
    del batch
    if frozen is None:
      rule = 'needs the state of the eyes: init(..., frozen)'
      raise errors.value('method scan', 'frozen=None', rule)
    own = symbols.init(key)
    opt_state = optimiser(hparams).init(own)
    params = {**own, 'eyes': frozen.params}
    return State(params, opt_state, jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    fixed, symbol = state.params['eyes'], batch['symbol']
    own = {k: v for k, v in state.params.items() if k != 'eyes'}
    seen = common.posterior_of(
      before.represent(common.as_state(fixed), batch['symbol_observation'])
    )

    def loss_fn(own):
      said = symbols.encode(own, symbol)
      eps = per_example.normal(key, batch['index'], (latents,))
      logits = symbols.decode(own, gaussian.sample(*said, eps))
      naming = common.nats_of_symbols(logits, symbol)
      kl = common.kl_to_prior(said)
      ground = grounding(config.direction, seen, said)
      loss = (
        naming
        + hparams['beta_symbol'] * kl
        + hparams['lambda_grounding'] * ground
      )
      return loss, {
        'loss': loss,
        'naming': naming,
        'kl': kl,
        'grounding': ground,
      }

    own, opt_state, scalars = training.descend(
      loss_fn, optimiser(hparams), own, state.opt_state
    )
    return State({**own, 'eyes': fixed}, opt_state, state.step + 1), scalars

  def represent(state, observation):
    return before.represent(eyes(state.params), observation)

  def decode(state, vector):
    return before.decode(eyes(state.params), vector)

  seeing = common.Seeing(
    represent,
    decode,
    lambda state, symbol: symbols.encode(state.params, symbol),
    lambda state, vector: symbols.decode(state.params, vector),
  )
  extras = common.extras(seeing, data)
  extras |= common.likelihood_of(before, eyes)
  layout = types.Layout(gaussian=latents)
  return types.Method(init, update, represent, decode, extras, layout)
