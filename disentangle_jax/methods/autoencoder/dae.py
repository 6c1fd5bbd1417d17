"""Denoising autoencoder whose bottleneck serves others as a fixed feature.

Higgins et al. 2017, "DARLA: Improving Zero-Shot Transfer in Reinforcement
Learning", https://arxiv.org/abs/1707.08475, after Vincent et al.
2010, "Stacked Denoising Autoencoders". The encoder sees x~, the image x with
one random rectangle set to 0 (`ops.noise.rectangle`); J is the encoder, its
bottleneck squashed by tanh. Minimised, summed over pixels and channels:

  E |x - D(J(x~))|^2

D ends in a logistic, as observations lie in [0, 1]. The code is J(x) of the
whole image. `perceptual_vae` starts from it and compares pictures by J.

Deviations: activations are those of the net that is chosen (elu in a public
replica at 80 x 80, which also has 100 units and Adam at 0.0001 on batches of
100); the papers do not say how large rectangles are.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, likelihood, noise

CITATION = 'Higgins et al. 2017, arXiv:1707.08475'
DISPLAY = 'DAE'
HPARAMS = {'learning_rate': 1e-4}
TEST = {'static': {'bottleneck': 5}}
BOTTLENECKS = {'tanh': jnp.tanh, 'linear': lambda raw: raw}
State = training.State
# At this scale a Gaussian's gradient is that of the squared error.
LOG_SCALE = -0.5 * math.log(2.0)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: encoder and decoder.
    bottleneck: units of J.
    bottleneck_activation: of J, 'tanh' or 'linear'.
    largest_rectangle: the longest sides of what is set to 0, as a share of the
      image's; 0 for no corruption.
    precision: of the networks' products, see `nets.apply`.
  """

  net: nets.NetConfig = nets.conv.Config()
  bottleneck: int = 100
  bottleneck_activation: str = 'tanh'
  largest_rectangle: float = 1.0
  precision: str = 'auto'


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, of images.

  Returns:
    The method. It reports 'loss', the squared error summed over pixels. Extras:
    'log_likelihood', of a Gaussian of variance 1/2 around the reconstruction.

  Raises:
    ConfigError: an option out of range, a network that does not fit, or
      observations that are no images.
  """
  of = lambda field: f'config.static.{field}'
  checks.integer(of('bottleneck'), config.bottleneck, 1)
  checks.number(of('largest_rectangle'), config.largest_rectangle, 0.0, 1.0)
  checks.choice(
    of('bottleneck_activation'), config.bottleneck_activation, BOTTLENECKS
  )
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  if data.kind != 'image':
    rule = f'holds {data.kind}; dae blanks rectangles of images'
    raise errors.value('config.dataset.name', data.name, rule)
  nets.check(config.net, data.observation_shape)
  encoder = nets.Encoder(config.net, (('code', config.bottleneck),))
  decoder = nets.Decoder(config.net, data.observation_shape)
  squash = BOTTLENECKS[config.bottleneck_activation]

  def encode(params, observation):
    told = nets.apply(encoder, params['encoder'], observation, config.precision)
    return squash(told['code'])

  def show(params, code):
    raw = nets.apply(decoder, params['decoder'], code, config.precision)
    return jax.nn.sigmoid(raw)

  def init_params(key, batch):
    encoder_key, decoder_key = jax.random.split(key)
    code = jnp.zeros((1, config.bottleneck))
    return {
      'encoder': encoder.init(encoder_key, batch['observation'][:1])['params'],
      'decoder': decoder.init(decoder_key, code)['params'],
    }

  def loss_fn(params, key, state, batch, hparams):
    del state, hparams
    observation = batch['observation']
    seen = noise.rectangle(
      key, batch['index'], observation, config.largest_rectangle
    )
    error = likelihood.squared_error(
      show(params, encode(params, seen)), observation
    )
    loss = axis.mean(error)
    return loss, ({'loss': loss}, ())

  def represent(state, observation):
    return types.Codes(encode(state.params, observation), {})

  def decode(state, vector):
    return show(state.params, vector)

  def log_likelihood(state, vector, observation):
    mean = show(state.params, vector)
    return likelihood.gaussian(mean, observation, jnp.float32(LOG_SCALE))

  init, update = training.minimise(
    init_params,
    loss_fn,
    optimiser=lambda hparams: optax.adam(hparams['learning_rate']),
  )
  extras = {'log_likelihood': log_likelihood}
  layout = types.Layout(plain=config.bottleneck)
  return types.Method(init, update, represent, decode, extras, layout)
