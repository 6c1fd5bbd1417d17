"""Gaussian posteriors under a Laplace prior."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import gaussian


@jax.custom_jvp
def _erf(x: jax.Array) -> jax.Array:
  """The error function; JAX 0.12 has no slope of it where a batch is split."""
  return jax.lax.erf(x)


@_erf.defjvp
def _erf_slope(at, towards):
  (x,), (step,) = at, towards
  slope = 2 / jnp.sqrt(jnp.pi) * (step * jnp.exp(-jnp.square(x)))
  return _erf(x), slope


def cross_entropy(
  mean: jax.Array, logvar: jax.Array, rate: jax.Array | float
) -> jax.Array:
  """-E log Laplace(z; 0, rate) under z ~ N(mean, exp(logvar)), one by one.

  Klindt et al. 2021, https://arxiv.org/abs/2007.10930: with s the
  standard deviation and Phi the standard normal's distribution function,

    -log(rate / 2) + rate (s sqrt(2 / pi) exp(-mean^2 / (2 s^2))
                           + mean (2 Phi(mean / s) - 1))

  Args:
    mean: float [..., D], distance to the prior's centre.
    logvar: float [..., D].
    rate: > 0, of the density rate / 2 exp(-rate |z|); scalar.

  Returns:
    float [..., D], nats.
  """
  chex.assert_equal_shape([mean, logvar])
  chex.assert_type([mean, logvar], float)
  deviation = jnp.exp(0.5 * logvar)
  # Of the mean in units of s; 2 Phi(x) - 1 is erf(x / sqrt(2)).
  ratio = mean * jnp.exp(-0.5 * logvar)
  near = deviation * jnp.sqrt(2 / jnp.pi) * jnp.exp(-0.5 * jnp.square(ratio))
  distance = near + mean * _erf(ratio / jnp.sqrt(2.0))
  return rate * distance - jnp.log(rate / 2)


def entropy(logvar: jax.Array) -> jax.Array:
  """Entropy of N(., exp(logvar)) one by one: 0.5 log(2 pi e variance), nats."""
  chex.assert_type(logvar, float)
  return 0.5 * (gaussian.LOG_2PI + 1 + logvar)


def kl(
  mean: jax.Array, logvar: jax.Array, rate: jax.Array | float
) -> jax.Array:
  """KL(N(mean, exp(logvar)) || Laplace(0, rate)) one by one.

  Args:
    mean: float [..., D], distance to the prior's centre.
    logvar: float [..., D].
    rate: > 0, scalar.

  Returns:
    float [..., D], nats, at least 0.5 + log 2 - log pi = 0.048.
  """
  return cross_entropy(mean, logvar, rate) - entropy(logvar)
