"""Data sets that are a grid of factors: uniform sampling and densities."""

from collections.abc import Callable, Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.ops import per_example


def uniform_factors(key: jax.Array, sizes: Sequence[int]) -> jax.Array:
  """One grid point, every factor uniform and independent.

  Args:
    key: typed PRNG key.
    sizes: K numbers of values, each below 2**23.

  Returns:
    int32 [K].
  """
  sizes = jnp.asarray(sizes, jnp.int32)
  u = jax.random.uniform(key, sizes.shape)
  # u < 1, but u * size may round up to size in float32.
  return jnp.minimum((u * sizes).astype(jnp.int32), sizes - 1)


def flat_index(factors: jax.Array, sizes: Sequence[int]) -> jax.Array:
  """Number of a grid point in C order, the order of the published files.

  Args:
    factors: int32 [..., K].
    sizes: K numbers of values.

  Returns:
    int32 [...].
  """
  bases = np.cumprod([1, *list(sizes)[:0:-1]])[::-1].astype(np.int32)
  return jnp.sum(factors * jnp.asarray(bases.copy()), axis=-1)


def grid(sizes: Sequence[int]) -> np.ndarray:
  """All grid points in C order.

  Args:
    sizes: K numbers of values.

  Returns:
    int32 [prod(sizes), K].
  """
  axes = np.meshgrid(*[np.arange(n) for n in sizes], indexing='ij')
  return np.stack([a.reshape(-1) for a in axes], axis=-1).astype(np.int32)


def make(
  *,
  name: str,
  factor_names: Sequence[str],
  factor_values: Sequence[np.ndarray],
  observation_shape: tuple[int, ...],
  render: Callable[..., jax.Array],
  arrays: Any = (),
  deterministic: bool = True,
) -> types.Dataset:
  """A data set whose factors are uniform and independent.

  Args:
    name: the key in DATASETS.
    factor_names: K names.
    factor_values: K arrays, grid index -> real value.
    observation_shape: of one observation.
    render: `(arrays, factors int32 [K], key) -> float32 observation`.
    arrays: what `render` reads.
    deterministic: whether `render` ignores its key.

  Returns:
    The data set, with `sample` and `log_density`.
  """
  sizes = tuple(len(values) for values in factor_values)

  def draw(key, arrays):
    factors = uniform_factors(key, sizes)
    # A deterministic renderer is spared one hash per example.
    render_key = key if deterministic else jax.random.fold_in(key, 1)
    return factors, render(arrays, factors, render_key)

  def sample(key, arrays, index):
    keys = per_example.keys(key, index)
    factors, observation = jax.vmap(draw, (0, None))(keys, arrays)
    return {'observation': observation, 'factors': factors, 'index': index}

  def log_density(factors):
    return jnp.full(factors.shape[:-1], -math.log(math.prod(sizes)))

  return types.Dataset(
    name=name,
    factor_names=tuple(factor_names),
    factor_sizes=sizes,
    factor_values=tuple(factor_values),
    observation_shape=tuple(observation_shape),
    arrays=arrays,
    render=render,
    sample=sample,
    log_density=log_density,
    deterministic=deterministic,
  )
