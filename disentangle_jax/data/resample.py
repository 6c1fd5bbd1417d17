"""Drawing some factors anew while the others stay, under any distribution."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from disentangle_jax import types


def make(
  dataset: types.Dataset, differ: bool
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
  """Redraws chosen factors, one after the other, given all others.

  Every factor is drawn from its exact conditional under `log_density`: one
  sweep of Gibbs sampling. So what was distributed as the data set stays so, and
  points that were held out are never drawn. Where factors are independent this
  is an independent draw.

  Args:
    dataset: with a grid of factors.
    differ: whether a redrawn factor must take another value, where one has
      probability.

  Returns:
    `(key, factors int32 [K], mask bool [K]) -> int32 [K]`.
  """
  sizes = jnp.asarray(dataset.factor_sizes, jnp.int32)
  count, most = len(dataset.factor_sizes), max(dataset.factor_sizes)
  values = jnp.arange(most, dtype=jnp.int32)

  def redraw(key, factors, mask):
    def one(factors, k):
      points = jnp.broadcast_to(factors, (most, count))
      points = points.at[:, k].set(jnp.minimum(values, sizes[k] - 1))
      logits = dataset.log_density(points)
      logits = jnp.where(values < sizes[k], logits, -jnp.inf)
      if differ:
        other = jnp.where(values == factors[k], -jnp.inf, logits)
        # With no other value left the factor keeps its own.
        logits = jnp.where(jnp.isfinite(other).any(), other, logits)
      drawn = jax.random.categorical(jax.random.fold_in(key, k), logits)
      drawn = jnp.where(mask[k], drawn.astype(jnp.int32), factors[k])
      return factors.at[k].set(drawn), None

    return jax.lax.scan(one, factors, jnp.arange(count))[0]

  return redraw
