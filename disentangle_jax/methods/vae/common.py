"""What every Gaussian VAE shares; a method file adds its objective alone.

An objective is `(hparams, step, terms) -> (loss, scalars)`. It sees the terms
of one batch, already reduced over the mesh, and returns the loss to minimise in
nats. Everything else (networks, one reparameterised sample, Adam at a traced
rate, encoding, decoding) is the same for all and lives here.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, likelihood, per_example

HPARAMS = {'learning_rate': 1e-4}
BATCH = ('observation',)
HEADS = ('mean', 'logvar')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices of a VAE.

  Attributes:
    net: which networks.
    num_latents: D.
  """

  net: nets.NetConfig = nets.ConvConfig()
  num_latents: int = 10


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: {'encoder', 'decoder'} parameters; what an export keeps.
    opt_state: Adam's moments.
    step: int32 scalar, updates done so far.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array


class Terms(NamedTuple):
  """The terms that objectives are made of, for one batch.

  Attributes:
    reconstruction: float32 scalar, -log p(x|z) in nats per image, batch mean.
    kl: float32 [D], KL(q(z_d|x) || N(0, 1)) in nats, batch mean.
    mean: float32 [B, D] of q(z|x), this shard's rows.
    logvar: float32 [B, D].
    z: float32 [B, D], one sample.
  """

  reconstruction: jax.Array
  kl: jax.Array
  mean: jax.Array
  logvar: jax.Array
  z: jax.Array


Objective = Callable[
  [Mapping[str, jax.Array], jax.Array, Terms],
  tuple[jax.Array, Mapping[str, jax.Array]],
]


class Networks(NamedTuple):
  """The pair of networks as pure functions of the parameters.

  Attributes:
    init: `(key, observation [B, ...]) -> params`.
    encode: `(params, observation) -> (mean, logvar)`, float32 [B, D] each.
    decode: `(params, z [B, D]) -> logits [B, ...]`.
    log_likelihood: `(logits, observation) -> float32 [B]`, nats.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., tuple[jax.Array, jax.Array]]
  decode: Callable[..., jax.Array]
  log_likelihood: Callable[..., jax.Array]


def build(config: Any, data: types.Dataset) -> Networks:
  """Networks for the data set's observations.

  Args:
    config: has `net` and `num_latents`.
    data: gives the observation shape.

  Returns:
    The four functions.

  Raises:
    ConfigError: the network cannot take such observations.
  """
  nets.check(config.net, data.observation_shape)
  heads = tuple((name, config.num_latents) for name in HEADS)
  encoder = nets.Encoder(config.net, heads)
  decoder = nets.Decoder(config.net, data.observation_shape)

  def init(key, observation):
    encoder_key, decoder_key = jax.random.split(key)
    z = jnp.zeros((1, config.num_latents))
    return {
      'encoder': encoder.init(encoder_key, observation[:1])['params'],
      'decoder': decoder.init(decoder_key, z)['params'],
    }

  def encode(params, observation):
    out = encoder.apply({'params': params['encoder']}, observation)
    return out['mean'], out['logvar']

  def decode(params, z):
    return decoder.apply({'params': params['decoder']}, z)

  return Networks(init, encode, decode, likelihood.bernoulli)


def terms_of(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  batch: Mapping[str, jax.Array],
) -> Terms:
  """Encodes, samples, decodes one batch.

  Args:
    networks: from `build`.
    params: {'encoder', 'decoder'}.
    key: typed PRNG key of this step.
    batch: 'observation' [B, ...] and 'index' int32 [B].

  Returns:
    The terms; the two means are over all shards of the batch.
  """
  observation = batch['observation']
  mean, logvar = networks.encode(params, observation)
  noise = per_example.normal(key, batch['index'], mean.shape[1:])
  z = gaussian.sample(mean, logvar, noise)
  logits = networks.decode(params, z)
  reconstruction = -networks.log_likelihood(logits, observation)
  return Terms(
    reconstruction=axis.mean(reconstruction),
    kl=axis.mean(gaussian.kl_to_standard(mean, logvar)),
    mean=mean,
    logvar=logvar,
    z=z,
  )


def scalars_of(loss: jax.Array, terms: Terms) -> dict[str, jax.Array]:
  """The training scalars that every VAE reports, nats."""
  per_latent = {f'kl/{d}': terms.kl[d] for d in range(terms.kl.shape[0])}
  return {
    'loss': loss,
    'reconstruction': terms.reconstruction,
    'kl': jnp.sum(terms.kl),
    **per_latent,
  }


def make(
  config: Any, data: types.Dataset, objective: Objective
) -> types.Method:
  """A VAE that minimises `objective` with Adam.

  Args:
    config: has `net` and `num_latents`.
    data: gives the observation shape.
    objective: see the module docstring.

  Returns:
    The method; `state` is a `State`.
  """
  networks = build(config, data)

  def init(key, batch, hparams):
    params = networks.init(key, batch['observation'])
    opt_state = optax.adam(hparams['learning_rate']).init(params)
    return State(params, opt_state, jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    def loss_fn(params):
      terms = terms_of(networks, params, key, batch)
      loss, extra = objective(hparams, state.step, terms)
      return loss, {**scalars_of(loss, terms), **extra}

    grads, scalars = jax.grad(loss_fn, has_aux=True)(state.params)
    adam = optax.adam(hparams['learning_rate'])
    updates, opt_state = adam.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return State(params, opt_state, state.step + 1), scalars

  return types.Method(init, update, *inference(networks))


def inference(networks: Networks) -> tuple[Callable, Callable, Mapping]:
  """`represent`, `decode` and the extras of a Gaussian VAE."""

  def represent(state, observation):
    mean, logvar = networks.encode(state.params, observation)
    return types.Codes(mean, {'mean': mean, 'logvar': logvar})

  def decode(state, vector):
    return jax.nn.sigmoid(networks.decode(state.params, vector))

  def log_likelihood(state, vector, observation):
    logits = networks.decode(state.params, vector)
    return networks.log_likelihood(logits, observation)

  return represent, decode, {'log_likelihood': log_likelihood}
