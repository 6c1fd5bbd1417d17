"""Diagonal Gaussians, given by mean and log variance."""

import chex
import jax
import jax.numpy as jnp

LOG_2PI = 1.8378770664093453


def sample(mean: jax.Array, logvar: jax.Array, noise: jax.Array) -> jax.Array:
  """Reparameterised sample, Kingma & Welling 2014, eq. 10.

  Args:
    mean: float [..., D].
    logvar: float [..., D], log of the variance.
    noise: float [..., D], standard normal.

  Returns:
    float [..., D], mean + exp(logvar / 2) * noise.
  """
  chex.assert_equal_shape([mean, logvar, noise])
  chex.assert_type([mean, logvar, noise], float)
  return mean + jnp.exp(0.5 * logvar) * noise


def kl_to_standard(mean: jax.Array, logvar: jax.Array) -> jax.Array:
  """KL(N(mean, exp(logvar)) || N(0, 1)) of every dimension on its own.

  Kingma & Welling 2014, appendix B: 0.5 (mean^2 + exp(logvar) - logvar - 1).

  Args:
    mean: float [..., D].
    logvar: float [..., D].

  Returns:
    float [..., D], nats, >= 0; sum the last axis for the joint KL.
  """
  chex.assert_equal_shape([mean, logvar])
  chex.assert_type([mean, logvar], float)
  # expm1 keeps the difference exp(logvar) - 1 - logvar exact near the prior,
  # where collapsed latents live.
  return 0.5 * (jnp.square(mean) + jnp.expm1(logvar) - logvar)


def kl(
  mean: jax.Array,
  logvar: jax.Array,
  prior_mean: jax.Array,
  prior_logvar: jax.Array,
) -> jax.Array:
  """KL(N(mean, exp(logvar)) || N(prior_mean, exp(prior_logvar))) per dimension.

  The KL to the standard normal of what the prior's own units measure.

  Args:
    mean: float [..., D].
    logvar: float [..., D].
    prior_mean: float [..., D].
    prior_logvar: float [..., D].

  Returns:
    float [..., D], nats, >= 0.
  """
  chex.assert_equal_shape([mean, logvar])
  _check_broadcast(mean, prior_mean, prior_logvar)
  shift = (mean - prior_mean) * jnp.exp(-0.5 * prior_logvar)
  return kl_to_standard(shift, logvar - prior_logvar)


def _check_broadcast(*arrays):
  chex.assert_type(arrays, float)
  shapes = [jnp.shape(x) for x in arrays]
  try:
    jnp.broadcast_shapes(*shapes)
  except ValueError as error:
    raise AssertionError(f'shapes {shapes} do not broadcast') from error


def log_density(x: jax.Array, mean: jax.Array, logvar: jax.Array) -> jax.Array:
  """log N(x; mean, exp(logvar)) of every dimension on its own.

  Args:
    x: float [..., D].
    mean: float [..., D]; the three need only broadcast against each other.
    logvar: float [..., D].

  Returns:
    float [..., D], nats.
  """
  _check_broadcast(x, mean, logvar)
  squared = jnp.square(x - mean) * jnp.exp(-logvar)
  return -0.5 * (LOG_2PI + logvar + squared)
