"""What every VAE shares; a method file adds its objective alone.

An objective is `(hparams, step, terms) -> (loss, scalars)`. It sees the terms
of one batch, already reduced over the mesh, and returns the loss to minimise in
nats. Everything else (networks, likelihood, one reparameterised sample, Adam at
a traced rate with decoupled weight decay, encoding, decoding) is the same for
all and lives here. Methods with other terms or further state bring a loss of
their own to `trainer`.

Options of all of them: the likelihood; denoising, where the encoder sees a
corrupted image in training and the decoder is scored on the clean one; and
weight decay, which shrinks all weights and biases by learning_rate x
weight_decay per step outside of Adam's moments (Loshchilov & Hutter 2019,
https://arxiv.org/abs/1711.05101).
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, types
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, noise, per_example

HPARAMS = {'learning_rate': 1e-4, 'weight_decay': 0.0}
BATCH = ('observation',)
HEADS = ('mean', 'logvar')


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices of a VAE.

  Attributes:
    num_latents: D.
    salt_and_pepper: largest share of pixels that denoising sets to black or
      white in what the encoder sees; 0 for none.
  """

  num_latents: int = 10
  salt_and_pepper: float = 0.0


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: {'encoder', 'decoder'} parameters, and 'log_scale' where the
      likelihood learns one; what an export keeps.
    opt_state: Adam's moments.
    step: int32 scalar, updates done so far.
    memory: what a loss carries from step to step; () for most.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  memory: types.PyTree = ()


class Terms(NamedTuple):
  """The terms that objectives are made of, for one batch.

  Attributes:
    reconstruction: float32 scalar, -log p(x|z) in nats per image, batch mean.
    kl: float32 [D], KL(q(z_d|x) || N(0, 1)) in nats, batch mean.
    mean: float32 [B, D] of q(z|x), this shard's rows.
    logvar: float32 [B, D].
    z: float32 [B, D], one sample.
    index: int32 [B], the rows' numbers in the whole batch.
  """

  reconstruction: jax.Array
  kl: jax.Array
  mean: jax.Array
  logvar: jax.Array
  z: jax.Array
  index: jax.Array


Objective = Callable[
  [Mapping[str, jax.Array], jax.Array, Terms],
  tuple[jax.Array, Mapping[str, jax.Array]],
]


class Networks(NamedTuple):
  """Encoder and decoder as pure functions of the parameters.

  Attributes:
    init: `(key, observation [B, ...]) -> params`.
    encode: `(params, observation) -> {head: float32 [B, size]}`.
    see: `(key, observation, index) -> (key, observation)`: what the encoder
      sees in training and the key that is left for the latents.
    decoder: see `decoders.Decoder`.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., dict[str, jax.Array]]
  see: Callable[..., tuple[jax.Array, jax.Array]]
  decoder: decoders.Decoder


def build(
  config: Any,
  data: types.Dataset,
  heads: Mapping[str, int] | None = None,
  width: int | None = None,
) -> Networks:
  """Networks for the data set's observations.

  Args:
    config: has the fields of `Config`.
    data: gives the observation shape.
    heads: head -> size; None for a Gaussian's 'mean' and 'logvar'.
    width: length of the code; None for `num_latents`.

  Returns:
    The functions.

  Raises:
    ConfigError: see `decoders.build`; a share of noise out of range.
  """
  share = config.salt_and_pepper
  if not 0.0 <= share <= 1.0:
    raise errors.value(
      'config.static.salt_and_pepper', share, 'must lie between 0 and 1'
    )
  decoder = decoders.build(config, data, width or config.num_latents)
  heads = heads or dict.fromkeys(HEADS, config.num_latents)
  encoder = nets.Encoder(config.net, tuple(heads.items()))

  def init(key, observation):
    encoder_key, decoder_key = jax.random.split(key)
    params = encoder.init(encoder_key, observation[:1])['params']
    return {'encoder': params, **decoder.init(decoder_key)}

  def encode(params, observation):
    return nets.apply(encoder, params['encoder'], observation, config.precision)

  def see(key, observation, index):
    if not share:
      return key, observation
    key, noise_key = jax.random.split(key)
    return key, noise.salt_and_pepper(noise_key, index, observation, share)

  return Networks(init, encode, see, decoder)


def infer(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  observation: jax.Array,
  index: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Encodes as in training and draws one sample per example.

  Args:
    networks: from `build`.
    params: the method's.
    key: typed PRNG key.
    observation: float [B, ...], clean.
    index: int32 [B].

  Returns:
    mean, logvar and z, float32 [B, D] each.
  """
  key, seen = networks.see(key, observation, index)
  heads = networks.encode(params, seen)
  mean, logvar = heads['mean'], heads['logvar']
  eps = per_example.normal(key, index, mean.shape[1:])
  return mean, logvar, gaussian.sample(mean, logvar, eps)


def terms_of(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  batch: Mapping[str, jax.Array],
) -> Terms:
  """Encodes, samples, decodes one batch.

  Args:
    networks: from `build`.
    params: {'encoder', 'decoder', ...}.
    key: typed PRNG key of this step.
    batch: 'observation' [B, ...] and 'index' int32 [B].

  Returns:
    The terms; the two means are over all shards of the batch.
  """
  observation, index = batch['observation'], batch['index']
  mean, logvar, z = infer(networks, params, key, observation, index)
  decoder = networks.decoder
  raw = decoder.decode(params, z)
  log_likelihood = decoder.log_likelihood(params, raw, observation)
  return Terms(
    reconstruction=-axis.mean(log_likelihood),
    kl=axis.mean(gaussian.kl_to_standard(mean, logvar)),
    mean=mean,
    logvar=logvar,
    z=z,
    index=index,
  )


def scalars_of(
  loss: jax.Array,
  reconstruction: jax.Array,
  kl: jax.Array,
  names: Sequence[str] | None = None,
) -> dict[str, jax.Array]:
  """The training scalars that every VAE reports, nats.

  Args:
    loss: scalar.
    reconstruction: scalar.
    kl: float32 [D].
    names: of the D entries; their indices by default.

  Returns:
    name -> scalar; 'kl' is the sum, 'kl/<name>' one entry.
  """
  names = names or range(kl.shape[0])
  per_latent = {f'kl/{name}': kl[d] for d, name in enumerate(names)}
  return {
    'loss': loss,
    'reconstruction': reconstruction,
    'kl': jnp.sum(kl),
    **per_latent,
  }


def ramp(step: jax.Array, steps: jax.Array) -> jax.Array:
  """Rises linearly from 0 at step 0 to 1 at `steps`, and stays there."""
  return jnp.minimum(1.0, step / steps)


def optimiser(hparams: Mapping[str, jax.Array]) -> optax.GradientTransformation:
  """Adam with decoupled weight decay; at decay 0 it is Adam."""
  return optax.adamw(
    hparams['learning_rate'], weight_decay=hparams['weight_decay']
  )


def trainer(
  init_params: Callable[..., types.PyTree],
  loss: Callable[..., tuple[jax.Array, tuple[Mapping, types.PyTree]]],
  memory: types.PyTree = (),
) -> tuple[Callable, Callable]:
  """`init` and `update` of a method that minimises one loss.

  Args:
    init_params: `(key, batch) -> params`.
    loss: `(params, key, state, batch, hparams) -> (loss, (scalars, memory))`.
    memory: what `State.memory` starts as.

  Returns:
    The two functions of a `types.Method`; `state` is a `State`.
  """

  def init(key, batch, hparams):
    params = init_params(key, batch)
    opt_state = optimiser(hparams).init(params)
    return State(params, opt_state, jnp.zeros((), jnp.int32), memory)

  def update(key, state, batch, hparams):
    of_params = lambda params: loss(params, key, state, batch, hparams)
    grads, (scalars, left) = jax.grad(of_params, has_aux=True)(state.params)
    updates, opt_state = optimiser(hparams).update(
      grads, state.opt_state, state.params
    )
    params = optax.apply_updates(state.params, updates)
    return State(params, opt_state, state.step + 1, left), scalars

  return init, update


def make(
  config: Any, data: types.Dataset, objective: Objective
) -> types.Method:
  """A Gaussian VAE that minimises `objective`.

  Args:
    config: has the fields of `Config`.
    data: gives the observation shape.
    objective: see the module docstring.

  Returns:
    The method; `state` is a `State`.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)

  def init_params(key, batch):
    return networks.init(key, batch['observation'])

  def loss_fn(params, key, state, batch, hparams):
    terms = terms_of(networks, params, key, batch)
    loss, extra = objective(hparams, state.step, terms)
    scalars = scalars_of(loss, terms.reconstruction, terms.kl)
    return loss, ({**scalars, **extra}, ())

  init, update = trainer(init_params, loss_fn)
  return types.Method(init, update, *inference(networks))


def inference(networks: Networks) -> tuple[Callable, Callable, Mapping]:
  """`represent`, `decode` and the extras of a Gaussian VAE."""

  def represent(state, observation):
    heads = networks.encode(state.params, observation)
    return types.Codes(heads['mean'], dict(heads))

  decode, extras = decoders.decoding(networks.decoder)
  return represent, decode, extras
