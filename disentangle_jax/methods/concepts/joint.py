"""Networks of VAEs of pictures and symbols: `jmvae` and `trelbo`.

Over one z: q(z|x,y) from both, q(z|x) from the picture, q(z|y) from the symbol,
p(x|z) and p(y|z). The encoder of both takes the picture's features and the
symbol side by side into one more ReLU layer.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import checks, types
from disentangle_jax.methods.concepts import common
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import axis, gaussian, per_example


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    num_latents: D.
    symbol_hidden: widths of the ReLU layers of both nets of symbols.
    joint_hidden: width of picture's features and symbol taken together.
  """

  num_latents: int = 32
  symbol_hidden: tuple[int, ...] = (100,)
  joint_hidden: int = 256


class JointEncoder(nn.Module):
  """Picture and symbol -> mean and log variance of q(z|x,y).

  Attributes:
    net: of the picture's features.
    hidden: width of the layer that sees both.
    latents: D.
  """

  net: nets.NetConfig
  hidden: int
  latents: int

  @nn.compact
  def __call__(self, given) -> dict[str, jax.Array]:
    """(float [B, ...], float [B, S]) -> {'mean', 'logvar': float [B, D]}."""
    observation, symbol = given
    features = nets.NETS[self.net.name].encode(self.net, observation)
    both = jnp.concatenate([features, symbol], axis=-1)
    both = mlp.MLP((self.hidden,))(both)
    return mlp.Heads(tuple((h, self.latents) for h in common.HEADS))(both)


class Networks(NamedTuple):
  """All nets as pure functions of the parameters.

  Attributes:
    init: `(key, observation) -> params`.
    of_both: `(params, observation, symbol) -> (mean, logvar)`.
    of_picture: `(params, observation) -> (mean, logvar)`.
    symbols: encoder and decoder of symbols.
    decoder: of pictures.
  """

  init: Callable[..., types.PyTree]
  of_both: Callable[..., common.Posterior]
  of_picture: Callable[..., common.Posterior]
  symbols: common.Symbols
  decoder: decoders.Decoder


def build(config: Config, data: types.Dataset) -> Networks:
  """Networks for pictures and symbols of a data set.

  Args:
    config: static choices.
    data: with concepts.

  Returns:
    The functions.

  Raises:
    ConfigError: a data set without concepts, or an option out of range.
  """
  latents = config.num_latents
  symbols = common.symbols(
    data, config.symbol_hidden, latents, config.precision
  )
  checks.integer('config.static.joint_hidden', config.joint_hidden, 1)
  decoder = decoders.build(config, data, latents)
  picture = nets.Encoder(config.net, tuple((h, latents) for h in common.HEADS))
  both = JointEncoder(config.net, config.joint_hidden, latents)

  def init(key, observation):
    keys, first = jax.random.split(key, 4), observation[:1]
    symbol = jnp.zeros((1, symbols.grammar.width))
    return {
      **symbols.init(keys[0]),
      **decoder.init(keys[1]),
      'encoder': picture.init(keys[2], first)['params'],
      'joint_encoder': both.init(keys[3], (first, symbol))['params'],
    }

  def posterior(module, own, given):
    heads = nets.apply(module, own, given, config.precision)
    return heads['mean'], heads['logvar']

  return Networks(
    init,
    lambda params, x, y: posterior(both, params['joint_encoder'], (x, y)),
    lambda params, x: posterior(picture, params['encoder'], x),
    symbols,
    decoder,
  )


def sample(
  key: jax.Array, index: jax.Array, posterior: common.Posterior
) -> jax.Array:
  """One draw for each example, float32 [B, D]."""
  mean, logvar = posterior
  eps = per_example.normal(key, index, mean.shape[1:])
  return gaussian.sample(mean, logvar, eps)


def nats_of_pictures(
  networks: Networks,
  params: types.PyTree,
  z: jax.Array,
  observation: jax.Array,
) -> jax.Array:
  """-log p(x|z), summed over pixels, mean over the batch."""
  raw = networks.decoder.decode(params, z)
  return -axis.mean(networks.decoder.log_likelihood(params, raw, observation))


def naming(
  networks: Networks, params: types.PyTree, z: jax.Array, symbol: jax.Array
) -> jax.Array:
  """-log p(y|z), summed over places, mean over the batch."""
  logits = networks.symbols.decode(params, z)
  return common.nats_of_symbols(logits, symbol)


def joint_bound(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  batch: dict[str, jax.Array],
) -> tuple[common.Posterior, dict[str, jax.Array]]:
  """The negative ELBO of pictures and symbols together, term by term.

  Args:
    networks: from `build`.
    params: of them.
    key: typed PRNG key.
    batch: 'symbol', 'symbol_observation' and 'index'.

  Returns:
    q(z|x,y), and 'reconstruction', 'naming' and 'kl', nats per pair.
  """
  observation, symbol = batch['symbol_observation'], batch['symbol']
  both = networks.of_both(params, observation, symbol)
  z = sample(key, batch['index'], both)
  return both, {
    'reconstruction': nats_of_pictures(networks, params, z, observation),
    'naming': naming(networks, params, z, symbol),
    'kl': common.kl_to_prior(both),
  }


def abilities(
  networks: Networks, config: Config, data: types.Dataset
) -> tuple[Callable, Callable, dict[str, Callable], types.Layout]:
  """`represent`, `decode`, extras and layout: q(z|x), p(x|z) and symbols."""

  def represent(state, observation):
    mean, logvar = networks.of_picture(state.params, observation)
    return types.Codes(mean, {'mean': mean, 'logvar': logvar})

  decode, extras = decoders.decoding(networks.decoder)
  symbols = networks.symbols
  seeing = common.Seeing(
    represent,
    decode,
    lambda state, symbol: symbols.encode(state.params, symbol),
    lambda state, vector: symbols.decode(state.params, vector),
  )
  extras = {**extras, **common.extras(seeing, data)}
  return represent, decode, extras, types.Layout(gaussian=config.num_latents)
