"""Likelihoods of observations given a decoder's output, in nats."""

import jax
import jax.numpy as jnp


def _sum_pixels(x: jax.Array) -> jax.Array:
  return jnp.sum(x.reshape(x.shape[0], -1), axis=-1)


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
  return _sum_pixels(jnp.square(mean - observation))
