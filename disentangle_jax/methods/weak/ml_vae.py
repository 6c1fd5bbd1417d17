"""ML-VAE: groups of images share their content, each has a style of its own.

Bouchacourt, Tomioka & Nowozin, "Multi-level variational autoencoder: learning
disentangled representations from grouped observations", AAAI 2018,
https://arxiv.org/abs/1705.08841. A group G is n images of one
identity. Its content c has one posterior, that gathers the evidence of all its
images: q(c|G) is the normalised product of their n Gaussians (`average`
'product'; 'gvae' averages instead, after Hosoya 2019, 'mlvae' is the product
with n times its variance). One sample of c serves the whole group, every image
has a style s_i. Minimised, in nats per image, mean over groups:

  1/n [sum_i E[-log p(x_i|c, s_i)] + beta sum_i KL(q(s_i|x_i) || N(0, 1))
       + beta KL(q(c|G) || N(0, 1))]

so that the KL of the content is paid once per group, not once per image.

The code vector is [content mean, style mean] of an image alone, whose content
has the evidence of one image: n times the variance that training saw. The extra
'accumulate' gives the content of several images of one identity.

The batch is `identities` x `per_identity` images, and `config.batch_size` must
say so. 'kl/<d>' of a content latent is its share per image, KL(q(c_d|G))/n. One
public version draws the group's noise with deviation 0.1; here it is 1.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common, decoders
from disentangle_jax.ops import axis, gaussian, groups, per_example

CITATION = (
  'Bouchacourt et al. 2018, arXiv:1705.08841; Hosoya 2019, arXiv:1809.02383'
)
DISPLAY = 'ML-VAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0}
STRENGTH = 'beta'
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    num_content: latents of the content, the first in the code vector.
    num_style: latents of the style, behind them.
    identity: names of the factors that make an identity.
    identities: per batch, all different.
    per_identity: images of each, n.
    average: how a group's evidence is gathered, one of `groups.AVERAGES`.
    salt_and_pepper: largest share of pixels that denoising sets to black or
      white in what the encoder sees; 0 for none.
  """

  num_content: int = 8
  num_style: int = 8
  identity: tuple[str, ...] = ()
  identities: int = 8
  per_identity: int = 4
  average: str = 'product'
  salt_and_pepper: float = 0.0


TEST = {
  'static': {
    'num_content': 2,
    'num_style': 3,
    'identity': ('shape', 'scale'),
    'identities': 2,
    'per_identity': 4,
  }
}


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Groups of one identity each."""
  group = requests.IdentityGroup(
    tuple(config.identity), config.identities, config.per_identity
  )
  return (requests.Observation(), group)


def _check(config: Config) -> None:
  """Raises ConfigError for a static option out of range."""
  for field, least in (
    ('num_content', 1),
    ('num_style', 1),
    ('per_identity', 2),
  ):
    got = getattr(config, field)
    if got < least:
      rule = f'must be at least {least}'
      raise errors.value(f'config.static.{field}', got, rule)
  if config.average not in groups.AVERAGES:
    raise errors.choices(
      'config.static.average', config.average, groups.AVERAGES
    )


def content_of_groups(
  mean: jax.Array, logvar: jax.Array, number: jax.Array, config: Config
) -> tuple[jax.Array, jax.Array]:
  """The posterior of the content of every row's group.

  Args:
    mean: float32 [B, C], this shard's rows.
    logvar: float32 [B, C].
    number: int32 [B], of the group in the whole batch.
    config: static choices.

  Returns:
    mean and logvar, float32 [B, C], alike within a group.
  """
  whole = (config.identities, config.per_identity, mean.shape[1])
  # A group may lie on several shards.
  gathered = (axis.gather(x).reshape(whole) for x in (mean, logvar))
  return tuple(x[number] for x in groups.average(*gathered, config.average))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'kl_content' (nats per group) and 'kl_style'
    (nats per image). Extras: 'resample_global' and 'resample_local', `(key,
    state, vector [B, D]) -> vector`, draw content and style anew from the
    prior; 'accumulate' `(state, observation [B, n, ...]) -> Codes` is the
    content [B, num_content] of n images of one identity.

  Raises:
    ConfigError: an option out of range, or a batch that is not identities x
      per_identity.
  """
  _check(config)
  content, rows = config.num_content, config.identities * config.per_identity
  width = content + config.num_style
  heads = dict.fromkeys(common.HEADS, width)
  networks = common.build(config, data, heads, width)
  decoder = networks.decoder

  def init_params(key, batch):
    # Of all shards of the batch.
    count = len(axis.gather(batch['index']))
    if count != rows:
      rule = (
        f'must be {rows}, config.static.identities x config.static.per_identity'
      )
      raise errors.value('config.batch_size', count, rule)
    return networks.init(key, batch['observation'])

  def loss_fn(params, key, state, batch, hparams):
    del state
    observation, index = batch['identity_group'], batch['index']
    number = batch['identity_number']
    key, content_key = jax.random.split(key)
    key, seen = networks.see(key, observation, index)
    heads = networks.encode(params, seen)
    split = lambda x: (x[:, :content], x[:, content:])
    (mean, style_mean), (logvar, style_logvar) = (
      split(heads[name]) for name in common.HEADS
    )
    mean, logvar = content_of_groups(mean, logvar, number, config)
    # One draw for a group: its noise belongs to the group's number.
    noise = per_example.normal(content_key, number, mean.shape[1:])
    c = gaussian.sample(mean, logvar, noise)
    noise = per_example.normal(key, index, style_mean.shape[1:])
    s = gaussian.sample(style_mean, style_logvar, noise)
    raw = decoder.decode(params, jnp.concatenate([c, s], axis=1))
    reconstruction = -axis.mean(
      decoder.log_likelihood(params, raw, observation)
    )
    # Groups are equally large: a mean over rows is one over groups.
    kl_content = axis.mean(gaussian.kl_to_standard(mean, logvar))
    kl_style = axis.mean(gaussian.kl_to_standard(style_mean, style_logvar))
    kl = jnp.concatenate([kl_content / config.per_identity, kl_style])
    loss = reconstruction + hparams['beta'] * jnp.sum(kl)
    scalars = {
      **common.scalars_of(loss, reconstruction, kl),
      'kl_content': jnp.sum(kl_content),
      'kl_style': jnp.sum(kl_style),
    }
    return loss, (scalars, ())

  def accumulate(state, observation):
    size = observation.shape[:2]
    flat = observation.reshape(-1, *observation.shape[2:])
    heads = networks.encode(state.params, flat)
    of_each = (
      heads[name][:, :content].reshape(*size, content) for name in common.HEADS
    )
    mean, logvar = groups.average(*of_each, config.average)
    return types.Codes(mean, {'mean': mean, 'logvar': logvar})

  def resample_global(key, state, vector):
    del state
    noise = jax.random.normal(key, vector[:, :content].shape)
    return jnp.concatenate([noise, vector[:, content:]], axis=-1)

  def resample_local(key, state, vector):
    del state
    noise = jax.random.normal(key, vector[:, content:].shape)
    return jnp.concatenate([vector[:, :content], noise], axis=-1)

  init, update = training.minimise(init_params, loss_fn)
  represent, decode, extras, layout = common.inference(networks, width)
  extras = {
    **extras,
    'resample_global': resample_global,
    'resample_local': resample_local,
    'accumulate': accumulate,
  }
  return types.Method(init, update, represent, decode, extras, layout)
