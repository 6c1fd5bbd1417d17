"""Numbers taken to the nearest of a few values, latent by latent.

Hsu et al. 2023, "Disentanglement via Latent Quantization",
https://arxiv.org/abs/2305.18378, section 3.
"""

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis


def nearest(y: jax.Array, values: jax.Array) -> tuple[jax.Array, jax.Array]:
  """The nearest value of each latent's own codebook.

  Args:
    y: float [B, D].
    values: float [D, V].

  Returns:
    The values float [B, D], through which gradients reach `values` alone, and
    their places int32 [B, D]; of two at the same distance the lower place.
  """
  chex.assert_rank([y, values], 2)
  chex.assert_shape(y, (None, len(values)))
  chex.assert_type([y, values], float)
  distance = jnp.abs(y[:, :, None] - values[None]).astype(jnp.float32)
  index = jnp.argmin(distance, axis=-1).astype(jnp.int32)
  return values[jnp.arange(len(values)), index], index


def straight_through(y: jax.Array, q: jax.Array) -> jax.Array:
  """q, with the gradient of y: as if nothing had been quantised.

  Args:
    y: float [...].
    q: float [...].

  Returns:
    float [...], equal to q but for rounding.
  """
  chex.assert_equal_shape([y, q])
  return y + jax.lax.stop_gradient(q - y)


def used(index: jax.Array, num_values: int) -> jax.Array:
  """How many values of each latent's codebook a batch takes.

  Args:
    index: int32 [B, D], this shard's rows.
    num_values: V.

  Returns:
    float32 [D], from 1 to V, over all rows of the batch.
  """
  chex.assert_rank(index, 2)
  chex.assert_type(index, int)
  hot = jax.nn.one_hot(index, num_values)  # [B, D, V]
  taken = axis.sum(hot) > 0
  return jnp.sum(taken, axis=-1).astype(jnp.float32)
