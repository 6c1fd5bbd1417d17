"""Drawing some factors anew while the others stay, under any distribution."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

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
  conditional = _conditional(dataset)
  count = len(dataset.factor_sizes)

  def redraw(key, factors, mask):
    def one(factors, k):
      values, logits = conditional(factors, k)
      if differ:
        other = jnp.where(values == factors[k], -jnp.inf, logits)
        # With no other value left the factor keeps its own.
        logits = jnp.where(jnp.isfinite(other).any(), other, logits)
      value = jax.random.categorical(jax.random.fold_in(key, k), logits)
      value = jnp.where(mask[k], value.astype(jnp.int32), factors[k])
      return factors.at[k].set(value), None

    return jax.lax.scan(one, factors, jnp.arange(count))[0]

  return redraw


def laplace(
  dataset: types.Dataset, rate: float, free: np.ndarray
) -> Callable[[jax.Array, jax.Array], jax.Array]:
  """Walks of all free factors by discrete Laplace steps, at least one moves.

  Klindt et al. 2021, "Towards nonlinear disentanglement in natural data with
  temporal sparse coding", as its code draws pairs: p(v'|v) proportional to
  exp(-|v' - v| rate / log size), drawn anew until a factor moves. Here factors
  walk one after the other, each with this weight times its conditional under
  `log_density` given all others, so that no point without probability is met;
  and the first factor to move is drawn outright, from the exact probabilities
  of all those before it staying, so that nothing is drawn twice.

  Args:
    dataset: with a grid of factors.
    rate: > 0; larger is slower.
    free: bool [K], the factors that walk; each has more than one value.

  Returns:
    `(key, factors int32 [K]) -> int32 [K]`; equal to its argument only where
    no walk of one factor has probability.
  """
  conditional = _conditional(dataset)
  sizes = np.asarray(dataset.factor_sizes)
  slope = jnp.asarray(rate / np.log(np.maximum(sizes, 2)), jnp.float32)
  free, every = jnp.asarray(free), jnp.arange(len(sizes))

  def steps(factors, k):
    """Log probabilities of a factor's values, and of other values alone."""
    values, logits = conditional(factors, k)
    far = jnp.abs(values - factors[k]).astype(jnp.float32)
    logits = jax.nn.log_softmax(logits - slope[k] * far)
    return logits, jnp.where(values == factors[k], -jnp.inf, logits)

  def walk(key, factors):
    first_key, key = jax.random.split(key)
    _, others = jax.vmap(steps, (None, 0))(factors, every)
    moves = jnp.where(free, jax.nn.logsumexp(others, 1), -jnp.inf)
    stays = jnp.log1p(-jnp.exp(jnp.minimum(moves, 0.0)))
    before = jnp.concatenate([jnp.zeros(1), jnp.cumsum(stays)[:-1]])
    first = jax.random.categorical(first_key, moves + before)
    moving = free & (every >= first) & jnp.isfinite(moves).any()

    def one(factors, k):
      every_value, others = steps(factors, k)
      logits = jnp.where(k == first, others, every_value)
      value = jax.random.categorical(jax.random.fold_in(key, k), logits)
      value = jnp.where(moving[k], value.astype(jnp.int32), factors[k])
      return factors.at[k].set(value), None

    return jax.lax.scan(one, factors, every)[0]

  return walk


def _conditional(dataset):
  """`(factors, k) -> values [V], logits [V]` of factor k given all others."""
  sizes = jnp.asarray(dataset.factor_sizes, jnp.int32)
  count, most = len(dataset.factor_sizes), max(dataset.factor_sizes)
  values = jnp.arange(most, dtype=jnp.int32)

  def conditional(factors, k):
    points = jnp.broadcast_to(factors, (most, count))
    points = points.at[:, k].set(jnp.minimum(values, sizes[k] - 1))
    logits = dataset.log_density(points)
    return values, jnp.where(values < sizes[k], logits, -jnp.inf)

  return conditional
