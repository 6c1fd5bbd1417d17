"""Categorical latents, and their continuous relaxation."""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import per_example


def gumbel(
  key: jax.Array, index: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
  """Standard Gumbel noise, the same however the batch is split.

  Args:
    key: typed PRNG key.
    index: int32 [B].
    shape: the shape of one example's noise.

  Returns:
    float32 [B, *shape].
  """
  chex.assert_rank(index, 1)
  chex.assert_type(index, int)
  draw = lambda k: jax.random.gumbel(k, shape)
  return jax.vmap(draw)(per_example.keys(key, index))


def sample(
  logits: jax.Array, noise: jax.Array, temperature: jax.Array
) -> jax.Array:
  """Relaxed one-hot sample.

  Maddison et al. 2017 and Jang et al. 2017:
  softmax((log alpha + G) / temperature).

  Args:
    logits: float [..., K], unnormalised log probabilities.
    noise: float [..., K], standard Gumbel.
    temperature: float > 0; towards 0 the sample becomes one-hot.

  Returns:
    float [..., K], positive, sums to one.
  """
  # The axes before the last only have to broadcast.
  chex.assert_equal_shape_suffix([logits, noise], 1)
  chex.assert_rank(temperature, 0)
  return jax.nn.softmax((logits + noise) / temperature, axis=-1)


def hard_sample(logits: jax.Array, noise: jax.Array) -> jax.Array:
  """One-hot sample by the Gumbel-max trick; no gradient.

  Args:
    logits: float [..., K].
    noise: float [..., K], standard Gumbel; zeros give the most likely class.

  Returns:
    float [..., K], one entry 1, the others 0.
  """
  # The axes before the last only have to broadcast.
  chex.assert_equal_shape_suffix([logits, noise], 1)
  category = jnp.argmax(logits + noise, axis=-1)
  return jax.nn.one_hot(category, logits.shape[-1], dtype=logits.dtype)


def kl_to_uniform(logits: jax.Array) -> jax.Array:
  """KL of a categorical distribution to the uniform one, in closed form.

  sum_k q_k log(K q_k). It is the KL of the hard variable; used beside relaxed
  samples it does not promise a lower bound on log p(x).

  Args:
    logits: float [..., K].

  Returns:
    float [...], nats, between 0 and log K.
  """
  chex.assert_shape(logits, (..., None))
  chex.assert_type(logits, float)
  log_q = jax.nn.log_softmax(logits, axis=-1)
  entropy = -jnp.sum(jnp.exp(log_q) * log_q, axis=-1)
  return jnp.log(jnp.float32(logits.shape[-1])) - entropy
