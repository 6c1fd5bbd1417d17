"""What the methods share that learn from pairs of images.

Both images of a pair go through the networks in one pass, each with noise of
its own. Losses are per image: the mean over the two.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, gaussian, groups, per_example


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    average: of the posteriors of a shared latent, one of `groups.AVERAGES`.
    pair_changes: how many factors differ within a pair.
    random_changes: whether that number is drawn for each pair instead, uniform
      from one to all but one of the factors that can change.
  """

  average: str = 'gvae'
  pair_changes: int = 1
  random_changes: bool = False


class Codes(NamedTuple):
  """Posteriors of both images.

  Attributes:
    mean: float32 [2, B, D], of 'observation' and of 'pair'.
    logvar: float32 [2, B, D].
    noise: float32 [2, B, D], standard normal.
  """

  mean: jax.Array
  logvar: jax.Array
  noise: jax.Array


def encode(
  networks: common.Networks,
  params: types.PyTree,
  key: jax.Array,
  batch: Mapping[str, jax.Array],
) -> Codes:
  """Encodes both images as in training.

  Args:
    networks: from `common.build`.
    params: the method's.
    key: typed PRNG key of this step.
    batch: 'observation' and 'pair' [B, ...], 'index' int32 [B].

  Returns:
    The posteriors and the noise for one sample of each.
  """
  index = batch['index']
  pictures, keys = [], []
  for k, name in zip(jax.random.split(key), ('observation', 'pair')):
    k, seen = networks.see(k, batch[name], index)
    pictures.append(seen)
    keys.append(k)
  heads = networks.encode(params, jnp.concatenate(pictures))
  mean, logvar = (
    heads[name].reshape(2, len(index), -1) for name in common.HEADS
  )
  noise = [per_example.normal(k, index, mean.shape[2:]) for k in keys]
  return Codes(mean, logvar, jnp.stack(noise))


def terms_of(
  networks: common.Networks,
  params: types.PyTree,
  codes: Codes,
  batch: Mapping[str, jax.Array],
) -> tuple[jax.Array, jax.Array]:
  """Samples and decodes both images.

  Args:
    networks: from `common.build`.
    params: the method's.
    codes: the posteriors that are sampled.
    batch: 'observation' and 'pair' [B, ...].

  Returns:
    Reconstruction, float32 scalar, and KL to N(0, 1), float32 [D]: nats per
    image, means over both images of all pairs.
  """
  z = gaussian.sample(codes.mean, codes.logvar, codes.noise)
  decoder = networks.decoder
  raw = decoder.decode(params, z.reshape(-1, z.shape[-1]))
  clean = jnp.concatenate([batch['observation'], batch['pair']])
  nats = decoder.log_likelihood(params, raw, clean).reshape(2, -1)
  kl = gaussian.kl_to_standard(codes.mean, codes.logvar)
  return -axis.mean(jnp.mean(nats, 0)), axis.mean(jnp.mean(kl, 0))


def shared_by(codes: Codes, shared: jax.Array, average: str) -> Codes:
  """Both images get the averaged posterior of the latents that they share.

  Args:
    codes: the posteriors as encoded.
    shared: bool [B, D].
    average: one of `groups.AVERAGES`.

  Returns:
    The posteriors to sample; the gradient of a shared latent reaches both
    encodings.
  """
  each_last = lambda x: jnp.moveaxis(x, 0, -2)  # [B, 2, D]
  mean, logvar = groups.average(
    each_last(codes.mean), each_last(codes.logvar), average
  )
  return codes._replace(
    mean=jnp.where(shared, mean, codes.mean),
    logvar=jnp.where(shared, logvar, codes.logvar),
  )


def of_changes(config: Config) -> tuple[requests.Request, ...]:
  """Pairs in which so many factors differ."""
  changes = 0 if config.random_changes else config.pair_changes
  return (requests.Observation(), requests.Pair(changes))


def make(
  config: Config,
  data: types.Dataset,
  shared_of: Callable[[Codes, Mapping[str, Any]], jax.Array],
) -> types.Method:
  """A VAE of pairs that share some posteriors.

  Args:
    config: static choices.
    data: gives the observation shape.
    shared_of: `(codes, batch) -> bool [B, D]`, which latents a pair shares.

  Returns:
    The method; it also reports 'shared_latents', how many a pair shares, mean
    over the batch.

  Raises:
    ConfigError: fewer than two latents, an unknown average, or see
      `common.build`.
  """
  if config.average not in groups.AVERAGES:
    raise errors.choices(
      'config.static.average', config.average, groups.AVERAGES
    )
  if config.num_latents < 2:
    rule = 'must be at least 2, so that a pair can share one and not another'
    raise errors.value('config.static.num_latents', config.num_latents, rule)
  networks = common.build(config, data)

  def loss_fn(params, key, state, batch, hparams):
    del state
    codes = encode(networks, params, key, batch)
    shared = shared_of(codes, batch)
    codes = shared_by(codes, shared, config.average)
    reconstruction, kl = terms_of(networks, params, codes, batch)
    loss = reconstruction + hparams['beta'] * jnp.sum(kl)
    count = jnp.sum(shared.astype(jnp.float32), axis=1)
    scalars = common.scalars_of(loss, reconstruction, kl)
    return loss, ({**scalars, 'shared_latents': axis.mean(count)}, ())

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']), loss_fn
  )
  return types.Method(
    init, update, *common.inference(networks, config.num_latents)
  )
