"""The VAE that `mvae` is compared with: one vector for the whole scene.

Nash et al. 2017, "The Multi-Entity Variational Autoencoder", section 4 and
appendix A, https://charlienash.github.io/assets/docs/mevae2017.pdf: encoder and
decoders are those of `mvae` with the grid flattened into a linear layer to 60
latents and one vector decoded, without pooling. Minimised, in nats per image:

  sum_{pixels, channels} (softplus(l) - x l)
    + beta sum_d KL(q(z_d|x) || N(0, 1))

Latents are `slots` times `latents_per_slot`, as many as `mvae` has. Two scenes
exchange the D = latents_per_slot latents of largest KL, summed over the two.
Deviations: none that the paper states.
"""

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods import training
from disentangle_jax.methods.object import common
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import axis, gaussian, likelihood, per_example

CITATION = 'Nash et al. 2017, section 4'
HPARAMS = common.HPARAMS
STRENGTH = 'beta'
BOUNDS = common.BOUNDS
MAY_BE_ZERO = common.MAY_BE_ZERO
TEST = common.TEST
Config = common.Config
State = common.State


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method.

  Raises:
    ConfigError: see `common.build`.
  """
  width = config.slots * config.latents_per_slot
  networks = common.build(config, data, width)
  heads = mlp.Heads((('mean', width), ('logvar', width)))

  def init_params(key, batch):
    key, head_key = jax.random.split(key)
    params = networks.init(key, batch['observation'])
    cells = networks.grid(params, batch['observation'][:1])
    flat = cells.reshape(1, -1)
    return {**params, 'heads': heads.init(head_key, flat)['params']}

  def encode(params, observation):
    """Means and log variances, float32 [B, N D] each."""
    cells = jax.nn.elu(networks.grid(params, observation))
    flat = cells.reshape(len(observation), -1)
    return nets.apply(heads, params['heads'], flat, config.precision)

  def decode_logits(params, z):
    return networks.scene(params, networks.objects(params, z))

  def loss_fn(params, key, state, batch, hparams):
    del state
    observation, index = batch['observation'], batch['index']
    own = encode(params, observation)
    eps = per_example.normal(key, index, (width,))
    z = gaussian.sample(own['mean'], own['logvar'], eps)
    logits = decode_logits(params, z)
    nats = -axis.mean(likelihood.bernoulli(logits, observation))
    kl = axis.mean(gaussian.kl_to_standard(own['mean'], own['logvar']))
    loss = nats + hparams['beta'] * jnp.sum(kl)
    return loss, (common.scalars_of(loss, nats, kl), ())

  init, update = training.minimise(init_params, loss_fn, (), common.adam)

  def represent(state, observation):
    own = encode(state.params, observation)
    return types.Codes(own['mean'], dict(own))

  def decode(state, vector):
    return jax.nn.sigmoid(decode_logits(state.params, vector))

  def exchange(state, observation, other):
    first, second = (encode(state.params, x) for x in (observation, other))
    kl = sum(
      gaussian.kl_to_standard(x['mean'], x['logvar']) for x in (first, second)
    )
    _, place = jax.lax.top_k(kl, config.latents_per_slot)
    taken = jnp.any(place[..., None] == jnp.arange(width), axis=1)
    swap = lambda own, given: jnp.where(taken, given['mean'], own['mean'])
    return (
      decode(state, swap(first, second)),
      decode(state, swap(second, first)),
    )

  def pictures(key, state, observation):
    del key
    return {'exchange': common.exchanges(exchange, state, observation)}

  return types.Method(
    init,
    update,
    represent,
    decode,
    {
      'log_likelihood': common.log_likelihood_of(decode_logits),
      'exchange': exchange,
      'pictures': pictures,
    },
    types.Layout(gaussian=width),
  )
