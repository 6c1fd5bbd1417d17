"""Quantised latent autoencoder: every latent takes one of a few values.

Hsu, Dorrell, Whittington, Wu & Finn, "Disentanglement via Latent Quantization",
NeurIPS 2023, https://arxiv.org/abs/2305.18378. No VAE: nothing is drawn. The
encoder's y_d goes to the nearest value q_d of latent d's own codebook, which
starts as `num_values` numbers from -1/2 to 1/2. Minimised, per pixel value:

  mean_p BCE(x_p, x'_p) + lambda_quantise mean_d (stop(y_d) - q_d)^2
                        + lambda_commit mean_d (y_d - stop(q_d))^2

where the decoder sees y + stop(q - y): the reconstruction's gradient passes the
quantisation as if it were not there (straight through), and the codebooks learn
from the second term alone. In nats per image all three would be larger by the
number of pixel values, and so would the clip. The other half of the method is
AdamW: `weight_decay` shrinks the weights of both networks outside of Adam's
moments, but neither biases nor codebooks; gradients are clipped to
[-clip, clip], entry by entry, before Adam sees them.

The code vector is q; 'index' (int32, which value) and 'continuous' (y) are
parts of the codes. Score the discrete codes by `infomec` with its option
`num_values`. With `quantised=False` the code is y, for comparison.

Deviations: the paper's own encoder and decoder (instance norm; the code
modulates the style of the decoder) are not here, any net is taken;
likelihoods other than Bernoulli are divided by the number of pixel values, too.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

from disentangle_jax import checks, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, quantise

CITATION = 'Hsu et al. 2023, arXiv:2305.18378'
DISPLAY = 'QLAE'
HPARAMS = {
  'learning_rate': 1e-3,
  'weight_decay': 0.1,
  'lambda_quantise': 0.01,
  'lambda_commit': 0.01,
  'clip': 1.0,
}
STRENGTH = 'weight_decay'
State = training.State


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    num_latents: D; the paper takes twice the number of factors.
    num_values: V, of each latent's codebook, at least 2.
    quantised: False is the autoencoder to compare with: the decoder sees y, and
      the first term is all that is minimised.
  """

  num_latents: int = 10
  num_values: int = 10
  quantised: bool = True


def is_weight(params: types.PyTree) -> types.PyTree:
  """Which parameters decay: kernels, and neither biases nor codebooks."""
  last = lambda path: getattr(path[-1], 'key', None)
  return jax.tree_util.tree_map_with_path(
    lambda path, _: last(path) == 'kernel', params
  )


def optimiser(hparams) -> optax.GradientTransformation:
  """AdamW on clipped gradients; see the module docstring."""
  return optax.chain(
    optax.clip(hparams['clip']),
    optax.adamw(
      hparams['learning_rate'],
      weight_decay=hparams['weight_decay'],
      mask=is_weight,
    ),
  )


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method. It reports 'loss' per pixel value, 'reconstruction' in nats per
    image, 'quantise' and 'commit' (means over latents, without their weights;
    equal numbers with different gradients), 'used_values' (values that a batch
    takes, mean over latents) and 'used_values/<latent>'.

  Raises:
    ConfigError: fewer than 2 values, or see `decoders.build`.
  """
  checks.integer('config.static.num_values', config.num_values, 2)
  checks.integer('config.static.num_latents', config.num_latents, 1)
  latents, values = config.num_latents, config.num_values
  decoder = decoders.build(config, data, latents)
  encoder = nets.Encoder(config.net, (('code', latents),))
  entries = math.prod(data.observation_shape)

  def encode(params, observation):
    heads = nets.apply(
      encoder, params['encoder'], observation, config.precision
    )
    return heads['code']

  def init_params(key, batch):
    encoder_key, decoder_key = jax.random.split(key)
    start = np.linspace(-0.5, 0.5, values, dtype=np.float32)
    own = {'codebook': jnp.tile(start, (latents, 1))}
    return {
      'encoder': encoder.init(encoder_key, batch['observation'][:1])['params'],
      **decoder.init(decoder_key),
      **(own if config.quantised else {}),
    }

  def error_per_value(params, code, observation):
    raw = decoder.decode(params, code)
    nats = -axis.mean(decoder.log_likelihood(params, raw, observation))
    return nats, nats / entries

  def plain_loss(params, key, state, batch, hparams):
    del key, state, hparams
    observation = batch['observation']
    code = encode(params, observation)
    nats, loss = error_per_value(params, code, observation)
    return loss, ({'loss': loss, 'reconstruction': nats}, ())

  def loss_fn(params, key, state, batch, hparams):
    del key, state
    observation = batch['observation']
    y = encode(params, observation)
    q, index = quantise.nearest(y, params['codebook'])
    code = quantise.straight_through(y, q)
    nats, loss = error_per_value(params, code, observation)
    stop = jax.lax.stop_gradient
    error = lambda a, b: jnp.mean(axis.mean(jnp.square(a - b)))
    learn, commit = error(stop(y), q), error(y, stop(q))
    loss += hparams['lambda_quantise'] * learn
    loss += hparams['lambda_commit'] * commit
    used = quantise.used(index, values)
    scalars = {
      'loss': loss,
      'reconstruction': nats,
      'quantise': learn,
      'commit': commit,
      'used_values': jnp.mean(used),
      **{f'used_values/{d}': used[d] for d in range(latents)},
    }
    return loss, (scalars, ())

  def represent(state, observation):
    y = encode(state.params, observation)
    if not config.quantised:
      return types.Codes(y, {})
    q, index = quantise.nearest(y, state.params['codebook'])
    return types.Codes(q, {'index': index, 'continuous': y})

  loss = loss_fn if config.quantised else plain_loss
  init, update = training.minimise(init_params, loss, optimiser=optimiser)
  decode, extras = decoders.decoding(decoder)
  layout = types.Layout(plain=latents)
  return types.Method(init, update, represent, decode, extras, layout)
