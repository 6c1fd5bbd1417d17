"""What every VAE shares; a method file adds its objective alone.

An objective is `(hparams, step, terms) -> (loss, scalars)`. It sees the terms
of one batch, already reduced over the mesh, and returns the loss to minimise in
nats. Everything else (networks, likelihood, one reparameterised sample, Adam at
a traced rate with decoupled weight decay, encoding, decoding) is the same for
all and lives here. Methods with other terms or further state bring a loss of
their own to `training.minimise`.

Options of all of them: the likelihood; denoising, where the encoder sees a
corrupted image in training and the decoder is scored on the clean one; and
weight decay, which shrinks all weights and biases by learning_rate x
weight_decay per step outside of Adam's moments (`training.adamw`).
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, noise, per_example

HPARAMS = {'learning_rate': 1e-4, 'weight_decay': 0.0}
HEADS = ('mean', 'logvar')
State = training.State


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


class Terms(NamedTuple):
  """The terms that objectives are made of, for one batch.

  Attributes:
    reconstruction: float32 scalar, -log p(x|z) in nats per image, batch mean.
    kl: float32 [D], KL(q(z_d|x) || N(0, 1)) in nats, batch mean.
    mean: float32 [B, D] of q(z|x), this shard's rows.
    logvar: float32 [B, D].
    z: float32 [B, D], one sample.
    index: int32 [B], the rows' numbers in the whole batch.
    key: typed PRNG key for what an objective draws, other than that of z.
  """

  reconstruction: jax.Array
  kl: jax.Array
  mean: jax.Array
  logvar: jax.Array
  z: jax.Array
  index: jax.Array
  key: jax.Array


Objective = Callable[
  [Mapping[str, jax.Array], jax.Array, Terms],
  tuple[jax.Array, Mapping[str, jax.Array]],
]


class Addition(NamedTuple):
  """What is minimised beside a VAE's own loss, e.g. an error on labels.

  Attributes:
    init: `() -> params`, its own parameters, {} for none; they are kept under
      ADDED among those of encoder and decoder.
    loss: `(encode, own, batch, hparams, step) -> (float32 scalar, scalars)`;
      `encode` takes observations to the encoder's heads, `own` are its
      parameters.
  """

  init: Callable[[], types.PyTree]
  loss: Callable[..., tuple[jax.Array, Mapping[str, jax.Array]]]


ADDED = 'added'


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
    # Far from the numbers of examples, which the latents' keys are folded with.
    key=jax.random.fold_in(key, jnp.iinfo(jnp.int32).max),
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


def initial(
  networks: Networks,
  key: jax.Array,
  observation: jax.Array,
  addition: Addition | None,
) -> types.PyTree:
  """Parameters of the networks and, where there are some, of an addition."""
  params = networks.init(key, observation)
  own = addition.init() if addition else {}
  return {**params, ADDED: own} if own else params


def total(
  networks: Networks,
  params: types.PyTree,
  batch: Mapping[str, jax.Array],
  hparams: Mapping[str, jax.Array],
  step: jax.Array,
  loss: jax.Array,
  scalars: Mapping[str, jax.Array],
  addition: Addition | None,
) -> tuple[jax.Array, Mapping[str, jax.Array]]:
  """A VAE's own loss and scalars with those of an addition; None adds nothing.

  Args:
    networks: from `build`.
    params: of `initial`.
    batch: what the requests gave.
    hparams: traced.
    step: int32 scalar.
    loss: the VAE's own.
    scalars: its scalars.
    addition: see `Addition`.

  Returns:
    The sum, and all scalars, with 'loss' the sum.
  """
  if addition is None:
    return loss, scalars
  encode = lambda observation: networks.encode(params, observation)
  own = params.get(ADDED, {})
  more, told = addition.loss(encode, own, batch, hparams, step)
  loss = loss + more
  return loss, {**scalars, **told, 'loss': loss}


def make(
  config: Any,
  data: types.Dataset,
  objective: Objective,
  addition: Addition | None = None,
) -> types.Method:
  """A Gaussian VAE that minimises `objective`.

  Args:
    config: has the fields of `Config`.
    data: gives the observation shape.
    objective: see the module docstring.
    addition: what is added to it.

  Returns:
    The method; `state` is a `State`.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)

  def init_params(key, batch):
    return initial(networks, key, batch['observation'], addition)

  def loss_fn(params, key, state, batch, hparams):
    terms = terms_of(networks, params, key, batch)
    loss, extra = objective(hparams, state.step, terms)
    scalars = scalars_of(loss, terms.reconstruction, terms.kl)
    scalars = {**scalars, **extra}
    loss, scalars = total(
      networks, params, batch, hparams, state.step, loss, scalars, addition
    )
    return loss, (scalars, ())

  init, update = training.minimise(init_params, loss_fn)
  inferring = inference(networks, config.num_latents)
  return types.Method(init, update, *inferring)


def inference(
  networks: Networks, num_latents: int
) -> tuple[Callable, Callable, Mapping, types.Layout]:
  """`represent`, `decode`, extras and layout of a Gaussian VAE."""

  def represent(state, observation):
    heads = networks.encode(state.params, observation)
    return types.Codes(heads['mean'], dict(heads))

  decode, extras = decoders.decoding(networks.decoder)
  layout = types.Layout(gaussian=num_latents)
  return represent, decode, extras, layout
