"""VAE with an auxiliary task that keeps global structure out of some latents.

"Explicit information placement on latent variables using auxiliary generative
modelling task", 2018 (an anonymous submission to ICLR 2019,
https://openreview.net/group?id=ICLR.cc/2019/Conference), sections 2 and 3.1.
The latents are z_g (global) and z_l (local). x_hat is the image with its square
patches in random order: what is local to a patch is kept, the rest destroyed.
Minimised, in nats per image:

  E_q[-log p(x|z_g,z_l) - log p(x_hat|z_l)] + beta KL(q(z_g|x) || N(0, 1))
                                            + beta KL(q(z_l|x_hat) || N(0, 1))

with one sample of z_g and z_l for both terms: two encoders, two decoders. So
z_l knows of x what x_hat shows, and z_g is left with the rest. The likelihood
is the discretised logistic one. Eq. 6 prints + beta KL inside a bound that is
maximised: a slip of the sign, corrected here.

The code vector is [z_g, z_l]. `represent` shows z_l's encoder x_hat under one
fixed order of the patches, the same for every image, so that it is a function
of the image; the image itself would be an order that training as good as never
shows. With `auxiliary=False` the task is off, for comparison: z_l's encoder
sees x and there is no second decoder, which leaves a VAE with two encoders.

The paper does not state the patch side, the numbers of latents and the widths
of the networks; beta is 1 for its figure 3 and 20 for its figure 2.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common, decoders
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, patches, per_example

CITATION = 'Explicit information placement on latent variables, section 3.1'
DISPLAY = 'AuxVAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0}
STRENGTH = 'beta'
State = common.State
# The order of the patches that `represent` shows.
_FIXED_ORDER = 0


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    likelihood: of both decoders, each with a scale of its own.
    likelihood_scale: where the learned scales start.
    num_global: latents of z_g, the first in the code vector.
    num_local: latents of z_l, behind them.
    patch: side of the patches, pixels; divides the image into at least two.
    auxiliary: whether z_l has the task of modelling the shuffled image.
  """

  likelihood: str = 'discretized_logistic'
  likelihood_scale: float = 0.1
  num_global: int = 16
  num_local: int = 16
  patch: int = 8
  auxiliary: bool = True


def batch(config: Config) -> tuple[requests.Request, ...]:
  """The images and their shuffled form."""
  return (requests.Observation(), requests.Shuffled(config.patch))


class Networks(NamedTuple):
  """Two encoders and up to two decoders.

  Attributes:
    init: `(key, observation [B, ...]) -> params`.
    encode_global: `(params, observation) -> {head: float32 [B, size]}`.
    encode_local: `(params, observation) -> {'mean', 'logvar'}`, of what
      `local_view` or a batch's 'shuffled' gives.
    local_view: `(observation) -> observation`, what z_l's encoder sees outside
      of training.
    decoder: p(x|z_g, z_l).
    auxiliary: p(x_hat|z_l), its parameters in params['auxiliary']; None when
      the task is off.
  """

  init: Callable[..., types.PyTree]
  encode_global: Callable[..., dict[str, jax.Array]]
  encode_local: Callable[..., dict[str, jax.Array]]
  local_view: Callable[[jax.Array], jax.Array]
  decoder: decoders.Decoder
  auxiliary: decoders.Decoder | None


def build(
  config: Config,
  data: types.Dataset,
  heads: Mapping[str, int] | None = None,
) -> Networks:
  """Networks for the data set's observations.

  Args:
    config: static choices.
    data: gives the observation shape.
    heads: further heads of the global encoder, name -> size.

  Returns:
    The networks.

  Raises:
    ConfigError: patches that do not divide the image, or an option of the
      decoder out of range.
  """
  shape, patch = data.observation_shape, config.patch
  if len(shape) != 3 or any(side % patch for side in shape[:2]):
    rule = f'must divide the image of {data.name}, {shape}'
    raise errors.value('config.static.patch', patch, rule)
  if shape[0] * shape[1] == patch * patch:
    rule = f'leaves one patch of {shape}: there is nothing to shuffle'
    raise errors.value('config.static.patch', patch, rule)
  width = config.num_global + config.num_local
  decoder = decoders.build(config, data, width)
  auxiliary = None
  if config.auxiliary:
    auxiliary = decoders.build(config, data, config.num_local)
  gaussian_heads = lambda size: dict.fromkeys(common.HEADS, size)
  of_global = {**gaussian_heads(config.num_global), **(heads or {})}
  of_local = gaussian_heads(config.num_local)
  encoders = {
    'global_encoder': nets.Encoder(config.net, tuple(of_global.items())),
    'local_encoder': nets.Encoder(config.net, tuple(of_local.items())),
  }

  def init(key, observation):
    keys = jax.random.split(key, 4)
    params = {
      name: module.init(k, observation[:1])['params']
      for k, (name, module) in zip(keys, encoders.items())
    }
    params.update(decoder.init(keys[2]))
    if auxiliary:
      params['auxiliary'] = auxiliary.init(keys[3])
    return params

  def encode(name):
    return lambda params, x: nets.apply(
      encoders[name], params[name], x, config.precision
    )

  def local_view(observation):
    if not config.auxiliary:
      return observation
    key = jax.random.key(_FIXED_ORDER)
    shuffle = lambda image: patches.shuffle(key, image, patch)
    return jax.vmap(shuffle)(observation)

  return Networks(
    init,
    encode('global_encoder'),
    encode('local_encoder'),
    local_view,
    decoder,
    auxiliary,
  )


class Terms(NamedTuple):
  """What both objectives of this family are made of, for one batch.

  Attributes:
    reconstruction: float32 scalar, -log p(x|z_g,z_l) in nats per image.
    auxiliary: float32 scalar, -log p(x_hat|z_l) in nats per image; 0 when the
      task is off.
    heads: of the global encoder, float32 [B, size] each.
    kl_local: float32 [num_local], KL of z_l to N(0, 1), nats, batch mean.
  """

  reconstruction: jax.Array
  auxiliary: jax.Array
  heads: Mapping[str, jax.Array]
  kl_local: jax.Array


def terms_of(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  batch: Mapping[str, jax.Array],
) -> Terms:
  """Encodes, samples, decodes one batch.

  Args:
    networks: from `build`.
    params: the method's.
    key: typed PRNG key of this step.
    batch: 'observation' and 'shuffled' [B, H, W, C], 'index' int32 [B].

  Returns:
    The terms; means are over all shards of the batch.
  """
  observation, index = batch['observation'], batch['index']
  auxiliary = networks.auxiliary
  seen = observation if auxiliary is None else batch['shuffled']
  heads = networks.encode_global(params, observation)
  local = networks.encode_local(params, seen)
  mean, logvar = (
    jnp.concatenate([heads[name], local[name]], axis=-1)
    for name in common.HEADS
  )
  eps = per_example.normal(key, index, mean.shape[1:])
  z = gaussian.sample(mean, logvar, eps)

  def cost(decoder, own, z, x):
    raw = decoder.decode(own, z)
    return -axis.mean(decoder.log_likelihood(own, raw, x))

  second = jnp.float32(0.0)
  if auxiliary is not None:
    z_local = z[:, heads['mean'].shape[1] :]
    second = cost(auxiliary, params['auxiliary'], z_local, seen)
  return Terms(
    reconstruction=cost(networks.decoder, params, z, observation),
    auxiliary=second,
    heads=heads,
    kl_local=axis.mean(gaussian.kl_to_standard(local['mean'], local['logvar'])),
  )


def scalars_of(loss: jax.Array, terms: Terms, kl_global: jax.Array):
  """Training scalars, nats: those of every VAE and the parts of this one."""
  kl = jnp.concatenate([kl_global, terms.kl_local])
  return {
    **common.scalars_of(loss, terms.reconstruction, kl),
    'auxiliary_reconstruction': terms.auxiliary,
    'kl_global': jnp.sum(kl_global),
    'kl_local': jnp.sum(terms.kl_local),
  }


def represent_with(networks: Networks) -> Callable[..., types.Codes]:
  """`represent`: vector and Gaussian parts over [z_g, z_l]."""

  def represent(state, observation):
    heads = networks.encode_global(state.params, observation)
    seen = networks.local_view(observation)
    local = networks.encode_local(state.params, seen)
    parts = {
      name: jnp.concatenate([heads[name], local[name]], axis=-1)
      for name in common.HEADS
    }
    more = {name: x for name, x in heads.items() if name not in parts}
    return types.Codes(parts['mean'], {**parts, **more})

  return represent


def layout_of(config: Config) -> types.Layout:
  """Both groups of latents are Gaussian."""
  return types.Layout(gaussian=config.num_global + config.num_local)


def extras_with(
  networks: Networks, num_global: int, resample_global: Callable[..., jax.Array]
) -> dict[str, Callable]:
  """What `make` promises beside the extras of every decoder."""

  def resample_local(key, state, vector):
    del state
    noise = jax.random.normal(key, vector[:, num_global:].shape)
    return jnp.concatenate([vector[:, :num_global], noise], axis=-1)

  extras = {
    'resample_global': resample_global,
    'resample_local': resample_local,
    'local_view': lambda state, observation: networks.local_view(observation),
  }
  auxiliary = networks.auxiliary
  if auxiliary is not None:

    def decode_local(state, vector):
      own = state.params['auxiliary']
      return auxiliary.mean(auxiliary.decode(own, vector[:, num_global:]))

    extras['decode_local'] = decode_local
  return extras


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method. 'kl' covers both groups; 'kl_global', 'kl_local' and
    'auxiliary_reconstruction' are also reported, nats. Its extras
    'resample_global' and 'resample_local' are `(key, state, vector [B, D]) ->
    vector [B, D]`: the codes with that group drawn anew from the prior;
    'local_view' `(state, observation) -> observation` is what z_l is encoded
    from, and 'decode_local' `(state, vector) -> observation` the mean of
    p(x_hat|z_l), where there is one.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)
  num_global = config.num_global

  def loss_fn(params, key, state, batch, hparams):
    terms = terms_of(networks, params, key, batch)
    heads = terms.heads
    kl_global = axis.mean(
      gaussian.kl_to_standard(heads['mean'], heads['logvar'])
    )
    kl = jnp.sum(kl_global) + jnp.sum(terms.kl_local)
    loss = terms.reconstruction + terms.auxiliary + hparams['beta'] * kl
    return loss, (scalars_of(loss, terms, kl_global), ())

  def resample_global(key, state, vector):
    del state
    noise = jax.random.normal(key, vector[:, :num_global].shape)
    return jnp.concatenate([noise, vector[:, num_global:]], axis=-1)

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']), loss_fn
  )
  decode, extras = decoders.decoding(networks.decoder)
  more = extras_with(networks, num_global, resample_global)
  return types.Method(
    init,
    update,
    represent_with(networks),
    decode,
    {**extras, **more},
    layout_of(config),
  )
