"""VAE whose reconstructions are compared by the features of a frozen net.

Higgins et al. 2017, "DARLA: Improving Zero-Shot Transfer in Reinforcement
Learning", https://arxiv.org/abs/1707.08475. J is the
bottleneck of a denoising autoencoder that was trained before (the phase `dae`).
Minimised:

  E |J(dec(z)) - J(x)|^2 + beta KL(q(z|x) || N(0, I))

with one sample of z; dec ends in a logistic. J is fixed: the gradient passes
through it to dec, and none reaches its parameters. feature='reconstruction'
compares what the autoencoder makes of both pictures instead (the sources of
SCAN, https://arxiv.org/abs/1707.03389, say both). The error is in units of J:
it is no likelihood of pixels, and a beta has a meaning for one J alone.
53 is SCAN's beta, with half the squared error (so 106 here), at 100 units.

The same autoencoder serves all strengths of a seed, as runs share the phases
that they agree on. Code and parts are a Gaussian VAE's. 'log_likelihood' is
that of J(x) under a Gaussian of variance 1/2 around J(dec(z)).
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.autoencoder import dae
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, likelihood, per_example

CITATION = 'Higgins et al. 2017, arXiv:1707.08475'
DISPLAY = r'Perceptual $\beta$-VAE'
HPARAMS = {'learning_rate': 1e-4, 'beta': 1.0}
STRENGTH = 'beta'
FEATURES = ('code', 'reconstruction')
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: encoder and decoder; `config.phases.dae.net` is the autoencoder's.
    num_latents: D.
    feature: what pictures are compared by, of FEATURES.
    precision: of the networks' products, see `nets.apply`.
  """

  net: nets.NetConfig = nets.conv.Config()
  num_latents: int = 32
  feature: str = 'code'
  precision: str = 'auto'


def after(config: Config) -> types.Phase:
  """The autoencoder whose features are used."""
  del config
  return types.Phase('dae')


def features_of(
  before: types.Method, feature: str
) -> Callable[[types.PyTree, jax.Array], jax.Array]:
  """J as a function of the autoencoder's parameters.

  Args:
    before: any method with an encoder, and a decoder for 'reconstruction'.
    feature: of FEATURES.

  Returns:
    `(params, observation [B, ...]) -> float32 [B, F]`.
  """

  def features(params, observation):
    state = training.State(params, (), jnp.zeros((), jnp.int32))
    code = before.represent(state, observation).vector
    if feature == 'code':
      return code
    return before.decode(state, code).reshape(len(observation), -1)

  return features


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.
    before: the autoencoder.

  Returns:
    The method. It reports 'loss', 'reconstruction' (squared error of J), 'kl'
    and 'kl/<latent>' (nats), 'pixel_error' (squared error summed over pixels,
    of the same sample). Its parameters keep the autoencoder's under 'dae'.

  Raises:
    ConfigError: an option out of range, a network that does not fit, or no
      autoencoder.
  """
  of = lambda field: f'config.static.{field}'
  checks.integer(of('num_latents'), config.num_latents, 1)
  checks.choice(of('feature'), config.feature, FEATURES)
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  nets.check(config.net, data.observation_shape)
  if before is None:
    rule = 'needs a trained autoencoder: make(config, data, before)'
    raise errors.value('method perceptual_vae', 'before=None', rule)
  latents = config.num_latents
  encoder = nets.Encoder(config.net, tuple((h, latents) for h in common.HEADS))
  decoder = nets.Decoder(config.net, data.observation_shape)
  features = features_of(before, config.feature)

  def encode(params, observation):
    return nets.apply(encoder, params['encoder'], observation, config.precision)

  def show(params, z):
    raw = nets.apply(decoder, params['decoder'], z, config.precision)
    return jax.nn.sigmoid(raw)

  def optimiser(hparams):
    return optax.adam(hparams['learning_rate'])

  def init(key, batch, hparams, frozen=None):
    if frozen is None:
      rule = 'needs the state of the autoencoder: init(..., frozen)'
      raise errors.value('method perceptual_vae', 'frozen=None', rule)
    encoder_key, decoder_key = jax.random.split(key)
    own = {
      'encoder': encoder.init(encoder_key, batch['observation'][:1])['params'],
      'decoder': decoder.init(decoder_key, jnp.zeros((1, latents)))['params'],
    }
    return State(
      {**own, 'dae': frozen.params},
      optimiser(hparams).init(own),
      jnp.zeros((), jnp.int32),
    )

  def update(key, state, batch, hparams):
    observation, index = batch['observation'], batch['index']
    own = {name: state.params[name] for name in ('encoder', 'decoder')}
    fixed = state.params['dae']

    def loss_fn(own):
      told = encode(own, observation)
      mean, logvar = told['mean'], told['logvar']
      eps = per_example.normal(key, index, mean.shape[1:])
      shown = show(own, gaussian.sample(mean, logvar, eps))
      target = features(fixed, observation)
      error = likelihood.squared_error(features(fixed, shown), target)
      error = axis.mean(error)
      kl = axis.mean(gaussian.kl_to_standard(mean, logvar))
      loss = error + hparams['beta'] * jnp.sum(kl)
      scalars = common.scalars_of(loss, error, kl)
      pixels = axis.mean(likelihood.squared_error(shown, observation))
      return loss, {**scalars, 'pixel_error': pixels}

    own, opt_state, scalars = training.descend(
      loss_fn, optimiser(hparams), own, state.opt_state
    )
    state = State({**own, 'dae': fixed}, opt_state, state.step + 1)
    return state, scalars

  def represent(state, observation):
    told = encode(state.params, observation)
    return types.Codes(told['mean'], dict(told))

  def decode(state, vector):
    return show(state.params, vector)

  def log_likelihood(state, vector, observation):
    fixed = state.params['dae']
    return likelihood.gaussian(
      features(fixed, decode(state, vector)),
      features(fixed, observation),
      jnp.float32(dae.LOG_SCALE),
    )

  extras = {'log_likelihood': log_likelihood}
  layout = types.Layout(gaussian=latents)
  return types.Method(init, update, represent, decode, extras, layout)
