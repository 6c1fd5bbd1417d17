"""What systems of symbols share: their small nets, abilities and pictures.

A symbol is k-hot, S places for the values of F attributes (`ops.concepts`).
Each system has a Gaussian q(z|y) of symbols and an encoder and decoder of
pictures over the same z; everything else that one can do with it follows here.
"""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import axis, concepts, gaussian, hsv, likelihood

HEADS = ('mean', 'logvar')
# Pictures and samples of each of their attributes that a sheet shows.
PICTURES, SAMPLES = 3, 8

Posterior = tuple[jax.Array, jax.Array]


def grammar_of(data: types.Dataset) -> concepts.Grammar:
  """The attributes and symbols of a data set; ConfigError where it has none."""
  if 'concepts' not in data.extras:
    rule = "has no symbols; legal: 'rooms'"
    raise errors.value('config.dataset.name', data.name, rule)
  return data.extras['concepts'].grammar


class SymbolEncoder(nn.Module):
  """Symbol -> mean and log variance of q(z|y).

  Attributes:
    hidden: widths of the ReLU layers.
    latents: D.
  """

  hidden: tuple[int, ...]
  latents: int

  @nn.compact
  def __call__(self, symbol: jax.Array) -> dict[str, jax.Array]:
    """float [B, S] -> {'mean', 'logvar': float [B, D]}."""
    features = mlp.MLP(self.hidden)(symbol)
    return mlp.Heads(tuple((h, self.latents) for h in HEADS))(features)


class SymbolDecoder(nn.Module):
  """Code -> logits of a symbol's places.

  Attributes:
    hidden: widths of the ReLU layers.
    width: S.
  """

  hidden: tuple[int, ...]
  width: int

  @nn.compact
  def __call__(self, z: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, S]."""
    features = mlp.MLP(self.hidden)(z)
    return nn.Dense(self.width, kernel_init=mlp.KERNEL_INIT)(features)


class Symbols(NamedTuple):
  """Encoder and decoder of symbols as pure functions of the parameters.

  Attributes:
    grammar: of the symbols.
    init: `(key) -> {'symbol_encoder', 'symbol_decoder'}`.
    encode: `(params, symbol [B, S]) -> (mean, logvar) [B, D]`.
    decode: `(params, z [B, D]) -> logits [B, S]`.
  """

  grammar: concepts.Grammar
  init: Callable[[jax.Array], types.PyTree]
  encode: Callable[[types.PyTree, jax.Array], Posterior]
  decode: Callable[[types.PyTree, jax.Array], jax.Array]


def symbols(
  data: types.Dataset, hidden: tuple[int, ...], latents: int, precision: str
) -> Symbols:
  """The two nets of symbols for a data set's grammar.

  Args:
    data: with concepts.
    hidden: widths of the ReLU layers of both.
    latents: D.
    precision: one of `nets.PRECISIONS`.

  Returns:
    The functions.

  Raises:
    ConfigError: a data set without concepts, or an option out of range.
  """
  grammar = grammar_of(data)
  of = lambda field: f'config.static.{field}'
  checks.integer(of('num_latents'), latents, 1)
  checks.choice(of('precision'), precision, nets.PRECISIONS)
  for width in hidden:
    checks.integer(of('symbol_hidden'), width, 1)
  encoder = SymbolEncoder(hidden, latents)
  decoder = SymbolDecoder(hidden, grammar.width)

  def init(key):
    encoder_key, decoder_key = jax.random.split(key)
    symbol, z = jnp.zeros((1, grammar.width)), jnp.zeros((1, latents))
    return {
      'symbol_encoder': encoder.init(encoder_key, symbol)['params'],
      'symbol_decoder': decoder.init(decoder_key, z)['params'],
    }

  def encode(params, symbol):
    own = params['symbol_encoder']
    heads = nets.apply(encoder, own, symbol, precision)
    return heads['mean'], heads['logvar']

  def decode(params, z):
    return nets.apply(decoder, params['symbol_decoder'], z, precision)

  return Symbols(grammar, init, encode, decode)


def nats_of_symbols(logits: jax.Array, symbol: jax.Array) -> jax.Array:
  """-log p(y|z), Bernoulli, summed over places, mean over the batch."""
  return -axis.mean(likelihood.bernoulli(logits, symbol))


def kl(first: Posterior, second: Posterior) -> jax.Array:
  """KL(first || second), nats summed over latents, mean over the batch."""
  return jnp.sum(axis.mean(gaussian.kl(*first, *second)))


def kl_to_prior(posterior: Posterior) -> jax.Array:
  """KL(q || N(0, I)), nats summed over latents, mean over the batch."""
  return jnp.sum(axis.mean(gaussian.kl_to_standard(*posterior)))


def as_state(params: types.PyTree) -> training.State:
  """A state of which parameters alone are read."""
  return training.State(params, (), jnp.zeros((), jnp.int32))


def posterior_of(codes: types.Codes) -> Posterior:
  """Mean and log variance of an encoder of pictures."""
  return codes.parts['mean'], codes.parts['logvar']


def likelihood_of(
  before: types.Method, inner: Callable[[types.PyTree], types.PyTree]
) -> dict[str, Callable]:
  """'log_likelihood' of an earlier phase that has one.

  Args:
    before: its method.
    inner: `(params) -> state` of the phase, from the later one's parameters.
  """
  own = before.extras.get('log_likelihood')
  if own is None:
    return {}
  return {
    'log_likelihood': lambda state, vector, observation: own(
      inner(state.params), vector, observation
    )
  }


class Seeing(NamedTuple):
  """Pictures and symbols of one trained system, by its state.

  Attributes:
    represent: `(state, observation) -> Codes` with a mean and a log variance.
    decode: `(state, vector) -> observation`.
    concept: `(state, symbol [B, S]) -> (mean, logvar)`, q(z|y).
    name: `(state, vector [B, D]) -> logits [B, S]`, p(y|z).
  """

  represent: Callable[..., types.Codes]
  decode: Callable[..., jax.Array]
  concept: Callable[..., Posterior]
  name: Callable[..., jax.Array]


def draws(
  key: jax.Array, decode: Callable, state: types.PyTree, of: Posterior, n: int
) -> jax.Array:
  """Decoded draws of Gaussians.

  Args:
    key: typed PRNG key.
    decode: of the method.
    state: its state.
    of: mean and logvar, float [B, D].
    n: draws of each.

  Returns:
    observation [B, n, ...].
  """
  mean, logvar = (x[:, None] for x in of)
  noise = jax.random.normal(key, (len(mean), n, mean.shape[-1]))
  z = mean + jnp.exp(0.5 * logvar) * noise
  decoded = decode(state, z.reshape(-1, z.shape[-1]))
  return decoded.reshape(len(mean), n, *decoded.shape[1:])


def extras(seeing: Seeing, data: types.Dataset) -> dict[str, Callable]:
  """'concept', 'sym2img', 'img2sym' and 'pictures' of a system.

  Args:
    seeing: its parts.
    data: with concepts.

  Returns:
    name -> function, see `types.EXTRAS`.
  """
  grammar = grammar_of(data)

  def sym2img(key, state, symbol, count):
    concept = seeing.concept(state, symbol)
    return draws(key, seeing.decode, state, concept, count)

  def img2sym(state, observation):
    vector = seeing.represent(state, observation).vector
    return jax.nn.sigmoid(seeing.name(state, vector))

  def pictures(key, state, observation):
    few = observation[:PICTURES]
    said = concepts_named(grammar, img2sym(state, few))
    asked = [only(grammar, said, (k,)) for k in range(len(grammar.sizes))] + [
      said
    ]
    columns = [
      sym2img(jax.random.fold_in(key, k), state, symbol, SAMPLES)
      for k, symbol in enumerate(asked)
    ]
    return {'sym2img': sheet(data, few, columns)}

  return {
    'concept': seeing.concept,
    'sym2img': sym2img,
    'img2sym': img2sym,
    'pictures': pictures,
  }


def concepts_named(
  grammar: concepts.Grammar, probabilities: jax.Array
) -> jax.Array:
  """Symbols of all attributes, each with its likeliest value.

  Args:
    grammar: of the symbols.
    probabilities: float [B, S].

  Returns:
    float32 [B, S], F-hot.
  """
  blocks = [
    jax.nn.one_hot(jnp.argmax(probabilities[:, a : a + n], axis=-1), n)
    for a, n in zip(grammar.starts, grammar.sizes)
  ]
  return jnp.concatenate(blocks, axis=-1)


def only(
  grammar: concepts.Grammar, symbol: jax.Array, attributes: tuple[int, ...]
) -> jax.Array:
  """The symbol without all attributes but some, float [B, S]."""
  kept = np.zeros(grammar.width, np.float32)
  for k in attributes:
    start = grammar.starts[k]
    kept[start : start + grammar.sizes[k]] = 1.0
  return symbol * kept


def sheet(
  data: types.Dataset, first: jax.Array, samples: list[jax.Array]
) -> jax.Array:
  """Rows of a picture and its samples, picture by picture.

  Args:
    data: whose colours they are in.
    first: observation [B, H, W, 3].
    samples: observation [B, n, H, W, 3] each.

  Returns:
    float32 [B * len(samples), 1 + n, H, W, 3], RGB.
  """
  rows = jnp.stack(samples, axis=1)
  shown = jnp.broadcast_to(first[:, None, None], rows[:, :, :1].shape)
  rows = jnp.concatenate([shown, rows], axis=2)
  rows = rows.reshape(-1, *rows.shape[2:])
  if data.extras.get('colour_space') == 'hsv':
    rows = hsv.hsv_to_rgb(rows)
  return rows
