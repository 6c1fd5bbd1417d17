"""Autoencoder whose codes are penalised for their covariance, or by L1.

Kågebäck & Mogren, "Disentanglement by penalizing correlation", NIPS 2017
workshop on learning disentangled representations,
https://arxiv.org/abs/1802.05591, section 2. Minimised:

  mean |x - x'|^2 + lambda_code L(h)

The error is the mean over entries and examples, as only then lambda has one
meaning for observations of any size. With penalty='covariance', L = L_Sigma =
|C|_1 / D^2, C the sample covariance of the D codes h over the batch: it counts
variances as well as covariances, so that codes which are not needed die. With
penalty='l1', the baseline, L is the mean of |h|. With a net 'mlp' without
hidden layers and output='linear', encoder and decoder are affine (section 3.2).

Deviations, where the paper is silent: what L1 averages over; Adam also for the
linear autoencoder (it names Adam for the convolutional one); no early stopping.
Nothing holds the scale of the codes but the path of training: a code may shrink
while the decoder grows. CVR, TdV and UD90 do not depend on the overall scale.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import nets
from disentangle_jax.ops import activations, axis, likelihood

CITATION = 'Kågebäck & Mogren 2018, arXiv:1802.05591, section 2'
HPARAMS = {**common.HPARAMS, 'learning_rate': 1e-3, 'lambda_code': 0.1}
STRENGTH = 'lambda_code'
MIN_BATCH = 2
OUTPUTS = {'linear': lambda raw: raw, 'logistic': jax.nn.sigmoid}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: which networks; the code is a linear layer on top of the encoder.
    num_latents: D, length of the code.
    penalty: a key of `activations.PENALTIES`.
    output: 'logistic' for observations in [0, 1], 'linear' for any numbers.
  """

  net: nets.NetConfig = nets.conv.Config()
  num_latents: int = 10
  penalty: str = 'covariance'
  output: str = 'logistic'


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method. It reports 'squared_error' (mean over entries) and 'penalty'.
    Its codes have no distribution: `parts` is empty. 'log_likelihood' is that
    of a Gaussian with scale one around the reconstruction, nats.

  Raises:
    ConfigError: an unknown penalty or output, or a network that does not fit.
  """
  for field, legal in (
    ('penalty', activations.PENALTIES),
    ('output', OUTPUTS),
  ):
    if getattr(config, field) not in legal:
      got = getattr(config, field)
      raise errors.choices(f'config.static.{field}', got, legal)
  nets.check(config.net, data.observation_shape)
  encoder = nets.Encoder(config.net, (('code', config.num_latents),))
  decoder = nets.Decoder(config.net, data.observation_shape)
  output = OUTPUTS[config.output]
  penalty_of = activations.PENALTIES[config.penalty]

  def encode(params, observation):
    return nets.apply(encoder, params['encoder'], observation)['code']

  def show(params, code):
    return output(nets.apply(decoder, params['decoder'], code))

  def init_params(key, batch):
    encoder_key, decoder_key = jax.random.split(key)
    code = jnp.zeros((1, config.num_latents))
    return {
      'encoder': encoder.init(encoder_key, batch['observation'][:1])['params'],
      'decoder': decoder.init(decoder_key, code)['params'],
    }

  def loss_fn(params, key, state, batch, hparams):
    del key, state
    observation = batch['observation']
    code = encode(params, observation)
    entries = observation.size // len(observation)
    error = likelihood.squared_error(show(params, code), observation)
    error = axis.mean(error) / entries
    penalty = penalty_of(code)
    loss = error + hparams['lambda_code'] * penalty
    scalars = {'loss': loss, 'squared_error': error, 'penalty': penalty}
    return loss, (scalars, ())

  def represent(state, observation):
    return types.Codes(encode(state.params, observation), {})

  def decode(state, vector):
    return show(state.params, vector)

  def log_likelihood(state, vector, observation):
    mean = show(state.params, vector)
    return likelihood.gaussian(mean, observation, jnp.zeros(()))

  init, update = training.minimise(init_params, loss_fn)
  extras = {'log_likelihood': log_likelihood}
  layout = types.Layout(plain=config.num_latents)
  return types.Method(init, update, represent, decode, extras, layout)
