"""What all metrics share: assembling, bad codes, gaps between best codes."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types


def build(
  sample_factors: Callable[[jax.Array], jax.Array],
  score: Callable[..., Mapping[str, jax.Array]],
  config: Any,
  needs: tuple[str, ...] = (),
  over: str = 'run',
  **constants: Any,
) -> types.Metric:
  """Puts a metric together; scores of non-finite codes become NaN.

  Args:
    sample_factors: as in types.Metric.
    score: as in types.Metric; need not care for NaN or infinite codes.
    config: the metric's frozen Config; its fields become constants.
    needs: parts of Codes that `score` reads beyond the vector.
    over: 'run' or 'seeds'.
    **constants: more constants, e.g. the ceiling of the score.

  Returns:
    The metric.
  """

  def guarded(key, codes, factors):
    read = [codes.vector, *(codes.parts[name] for name in needs)]
    # Runs of a 'seeds' metric are judged one by one: a diverged one must not
    # take the others with it.
    axes = tuple(range(1, codes.vector.ndim)) if over == 'seeds' else None
    finite = [jnp.all(jnp.isfinite(x), axis=axes) for x in read]
    usable = jnp.all(jnp.stack(finite), axis=0)
    spread = lambda x: usable.reshape(usable.shape + (1,) * (x.ndim - 1))
    if over == 'seeds':
      clean = lambda x: jnp.where(spread(x), x, 0)
    else:
      clean = lambda x: jnp.where(usable, x, 0)
    parts = {name: clean(codes.parts[name]) for name in needs}
    codes = types.Codes(clean(codes.vector), parts)
    # Accelerators round the factors of matrix products by default.
    with jax.default_matmul_precision('highest'):
      if over == 'seeds':
        scores = score(key, codes, factors, usable)
      else:
        scores = score(key, codes, factors)
    return {
      name: jnp.where(usable, value, jnp.nan).astype(jnp.float32)
      for name, value in scores.items()
    }

  return types.Metric(
    sample_factors=sample_factors,
    score=guarded,
    needs=needs,
    over=over,
    constants={**dataclasses.asdict(config), **constants},
  )


def at_least(config: Any, **least: int) -> None:
  """Raises ConfigError where a field of the config is below its least value."""
  for field, bound in least.items():
    got = getattr(config, field)
    if got < bound:
      name = f'{type(config).__module__.rsplit(".", 1)[-1]}.{field}'
      raise errors.value(name, got, f'must be at least {bound}')


# For steps whose memory is far above that of the codes: runs of a block then go
# one after the other.
one_at_a_time = jax.custom_batching.sequential_vmap


def gap(matrix: jax.Array) -> jax.Array:
  """Largest minus second largest entry of each column.

  Args:
    matrix: float [D, K]; with D = 1 the second largest counts as 0.

  Returns:
    float [K].
  """
  if matrix.shape[0] == 1:
    return matrix[0]
  best, _ = jax.lax.top_k(matrix.T, 2)
  return best[:, 0] - best[:, 1]


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Mean of the entries under the mask; 0 where there are none.

  Args:
    x: float [N].
    mask: bool [N].

  Returns:
    float scalar.
  """
  count = jnp.sum(mask)
  return jnp.sum(jnp.where(mask, x, 0)) / jnp.maximum(count, 1)


def standardize(x: jax.Array, reference: jax.Array) -> jax.Array:
  """Subtracts the mean and divides by the standard deviation of `reference`.

  Args:
    x: float [N, D].
    reference: float [M, D].

  Returns:
    float [N, D]; a column that is constant in `reference` becomes 0.
  """
  mean = jnp.mean(reference, axis=0)
  deviation = jnp.std(reference, axis=0)
  # The mean of equal numbers may be off by rounding.
  alive = jnp.any(reference != reference[0], axis=0)
  alive &= deviation > 1e-6 * jnp.abs(mean)
  return jnp.where(alive, (x - mean) / jnp.where(alive, deviation, 1), 0)
