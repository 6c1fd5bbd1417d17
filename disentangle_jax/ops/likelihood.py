"""Likelihoods of observations given a decoder's output, in nats."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import gaussian as gaussians


def _sum_pixels(x: jax.Array) -> jax.Array:
  return jnp.sum(x.reshape(x.shape[0], -1), axis=-1)


def _check_pixels(output: jax.Array, observation: jax.Array) -> None:
  chex.assert_equal_shape([output, observation])
  chex.assert_shape(output, (None, ...))
  chex.assert_type([output, observation], float)


def bernoulli(logits: jax.Array, observation: jax.Array) -> jax.Array:
  """log p(x|z) of independent Bernoulli pixels.

  x log s(l) + (1 - x) log(1 - s(l)), summed over pixels and channels, with s
  the logistic function; x may be any value in [0, 1] (then it is a cross
  entropy).

  Args:
    logits: float [B, ...].
    observation: float [B, ...] in [0, 1].

  Returns:
    float [B], nats, <= 0.
  """
  _check_pixels(logits, observation)
  # x l - softplus(l), in the form that overflows nowhere.
  return _sum_pixels(observation * logits - jax.nn.softplus(logits))


def squared_error(mean: jax.Array, observation: jax.Array) -> jax.Array:
  """Sum of squared differences per image.

  Args:
    mean: float [B, ...].
    observation: float [B, ...].

  Returns:
    float [B], >= 0.
  """
  _check_pixels(mean, observation)
  return _sum_pixels(jnp.square(mean - observation))


def gaussian(
  mean: jax.Array, observation: jax.Array, log_scale: jax.Array
) -> jax.Array:
  """log p(x|z) of independent Gaussian pixels.

  Args:
    mean: float [B, ...].
    observation: float [B, ...].
    log_scale: float, log standard deviation in units of the observation;
      broadcasts against `mean`. At scale 1 the gradient is that of half the
      squared error.

  Returns:
    float [B], a density: nats, of either sign.
  """
  _check_pixels(mean, observation)
  chex.assert_is_broadcastable(jnp.shape(log_scale), mean.shape)
  log_density = gaussians.log_density(observation, mean, 2.0 * log_scale)
  return _sum_pixels(log_density)


def discretized_logistic(
  mean: jax.Array,
  observation: jax.Array,
  log_scale: jax.Array,
  levels: int = 256,
) -> jax.Array:
  """log p(x|z) of pixels with a finite number of grey levels.

  A pixel's probability is the mass that a logistic distribution puts on the
  interval of width 1 / (levels - 1) around its level; the first and the last
  level take the tails (Kingma et al. 2016, https://arxiv.org/abs/1606.04934,
  appendix; Salimans et al. 2017, eq. 2).

  Args:
    mean: float [B, ...].
    observation: float [B, ...] in [0, 1].
    log_scale: float, log of the logistic's scale in units of the observation;
      broadcasts against `mean`.
    levels: grey levels of the data, equally spaced on [0, 1].

  Returns:
    float [B], nats, <= 0.
  """
  _check_pixels(mean, observation)
  chex.assert_is_broadcastable(jnp.shape(log_scale), mean.shape)
  half = 0.5 / (levels - 1)
  inverse = jnp.exp(-log_scale)
  upper = (observation - mean + half) * inverse
  lower = (observation - mean - half) * inverse
  # log(s(u) - s(l)) = log s(u) + log s(-l) + log(1 - exp(l - u)), exact in both
  # tails, and u - l is the width of a bin, so that the last term is finite.
  inside = (
    jax.nn.log_sigmoid(upper)
    + jax.nn.log_sigmoid(-lower)
    + jnp.log(-jnp.expm1(-2.0 * half * inverse))
  )
  mass = jnp.where(
    observation <= half,
    jax.nn.log_sigmoid(upper),
    jnp.where(observation >= 1.0 - half, jax.nn.log_sigmoid(-lower), inside),
  )
  return _sum_pixels(mass)
