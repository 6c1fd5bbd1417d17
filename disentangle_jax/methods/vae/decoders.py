"""Decoders with their likelihoods, for all methods that have one."""

from collections.abc import Callable
import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.nn import nets
from disentangle_jax.ops import likelihood

# Name -> log p(x|z) given the decoder's raw output, the observation and the log
# scale. The mean of p(x|z) is the logistic function of the output for all but
# those of LINEAR.
LIKELIHOODS = {
  'bernoulli': lambda raw, x, log_scale: likelihood.bernoulli(raw, x),
  'gaussian': lambda raw, x, log_scale: likelihood.gaussian(
    jax.nn.sigmoid(raw), x, log_scale
  ),
  'gaussian_learned': lambda raw, x, log_scale: likelihood.gaussian(
    jax.nn.sigmoid(raw), x, log_scale
  ),
  'gaussian_linear': likelihood.gaussian,
  'discretized_logistic': lambda raw, x, log_scale: (
    likelihood.discretized_logistic(jax.nn.sigmoid(raw), x, log_scale)
  ),
}
# Their mean is the output itself: for observations of any range.
LINEAR = ('gaussian_linear',)
_LEARNED_SCALE = ('gaussian_learned', 'discretized_logistic')
# A learned scale ends here: a constant pixel would pull it to zero for ever.
_LEAST_LOG_SCALE = -6.0


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
  """Static choices of anything with a decoder.

  Attributes:
    net: which networks.
    likelihood: a key of LIKELIHOODS.
    likelihood_scale: standard deviation of 'gaussian' and 'gaussian_linear'
      (at 1 the gradient is that of half the squared error); where the learned
      scales start, one number shared by all pixels.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
      Likelihoods, KL terms, parameters and moments are float32 always.
  """

  net: nets.NetConfig = nets.conv.Config()
  likelihood: str = 'bernoulli'
  likelihood_scale: float = 1.0
  precision: str = 'auto'


class Decoder(NamedTuple):
  """A decoder and its likelihood as pure functions of the parameters.

  Attributes:
    init: `(key) -> params`.
    decode: `(params, z [B, D]) -> raw output [B, ...]`.
    log_likelihood: `(params, raw, observation) -> float32 [B]`, nats.
    mean: `(raw) -> observation [B, ...]`, the mean of p(x|z).
  """

  init: Callable[..., types.PyTree]
  decode: Callable[..., jax.Array]
  log_likelihood: Callable[..., jax.Array]
  mean: Callable[[jax.Array], jax.Array]


def _check(config: Any) -> None:
  """Raises ConfigError for a static option out of range."""
  if config.likelihood not in LIKELIHOODS:
    raise errors.choices(
      'config.static.likelihood', config.likelihood, LIKELIHOODS
    )
  if config.precision not in nets.PRECISIONS:
    raise errors.choices(
      'config.static.precision', config.precision, nets.PRECISIONS
    )
  scale = config.likelihood_scale
  if not 0.0 < scale < math.inf:
    raise errors.value(
      'config.static.likelihood_scale', scale, 'must be finite and > 0'
    )
  if config.likelihood in _LEARNED_SCALE and (
    math.log(scale) <= _LEAST_LOG_SCALE
  ):
    least = math.exp(_LEAST_LOG_SCALE)
    rule = f'a learned scale stays above {least:.4f} and must start there'
    raise errors.value('config.static.likelihood_scale', scale, rule)


def build(config: Any, data: types.Dataset, width: int) -> Decoder:
  """A decoder for the data set's observations.

  Args:
    config: has the fields of `DecoderConfig`.
    data: gives the observation shape.
    width: length of the code.

  Returns:
    The functions.

  Raises:
    ConfigError: an option out of range, or a network that cannot give such
      observations.
  """
  _check(config)
  nets.check(config.net, data.observation_shape)
  module = nets.Decoder(config.net, data.observation_shape)
  log_density = LIKELIHOODS[config.likelihood]
  learned = config.likelihood in _LEARNED_SCALE
  log_scale = math.log(config.likelihood_scale)

  def init(key):
    params = {'decoder': module.init(key, jnp.zeros((1, width)))['params']}
    if learned:
      # The inverse of the softplus below.
      start = math.log(math.expm1(log_scale - _LEAST_LOG_SCALE))
      params['log_scale'] = jnp.float32(start)
    return params

  def decode(params, z):
    return nets.apply(module, params['decoder'], z, config.precision)

  def log_likelihood(params, raw, observation):
    scale = jnp.float32(log_scale)
    if learned:
      scale = _LEAST_LOG_SCALE + jax.nn.softplus(params['log_scale'])
    return log_density(raw, observation, scale)

  linear = config.likelihood in LINEAR
  mean = (lambda raw: raw) if linear else jax.nn.sigmoid
  return Decoder(init, decode, log_likelihood, mean)


def decoding(decoder: Decoder) -> tuple[Callable, dict[str, Callable]]:
  """`decode` and the extras of anything with a decoder."""

  def decode(state, vector):
    return decoder.mean(decoder.decode(state.params, vector))

  def log_likelihood(state, vector, observation):
    raw = decoder.decode(state.params, vector)
    return decoder.log_likelihood(state.params, raw, observation)

  return decode, {'log_likelihood': log_likelihood}
