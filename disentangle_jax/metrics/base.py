"""What all metrics share: assembling, bad codes, gaps between best codes."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp

from disentangle_jax import checks, types


def build(
  design: types.Design,
  score: Callable[..., Mapping[str, jax.Array]],
  config: Any,
  needs: tuple[str, ...] = (),
  over: str = 'run',
  reads_factors: bool = True,
  **constants: Any,
) -> types.Metric:
  """Puts a metric together; scores of non-finite codes become NaN.

  Args:
    design: as in types.Metric.
    score: as in types.Metric; over 'run' it need not care for NaN or infinite
      codes, over 'seeds' see `usable_runs`.
    config: the metric's frozen Config; its fields become constants.
    needs: parts of Codes that `score` reads beyond the vector.
    over: 'run' or 'seeds'.
    reads_factors: as in types.Metric.
    **constants: more constants, e.g. the ceiling of the score.

  Returns:
    The metric.
  """

  def guarded(key, codes, factors):
    _check_arrays(codes, factors, needs, over)
    read = types.Codes(codes.vector, {k: codes.parts[k] for k in needs})
    # Accelerators round the factors of matrix products by default.
    with jax.default_matmul_precision('highest'):
      if over == 'seeds':
        return score(key, read, factors)
      finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(read)]
      usable = jnp.all(jnp.stack(finite))
      clean = jax.tree.map(lambda x: jnp.where(usable, x, 0), read)
      scores = score(key, clean, factors)
    return {
      name: jnp.where(usable, value, jnp.nan).astype(jnp.float32)
      for name, value in scores.items()
    }

  return types.Metric(
    design=design,
    score=guarded,
    needs=needs,
    over=over,
    constants={**dataclasses.asdict(config), **constants},
    reads_factors=reads_factors,
  )


def with_full_products(probe: types.Probe) -> types.Probe:
  """A probe whose products keep float32 on every backend.

  Accelerators round the factors of matrix products by default. The judge is
  fitted so too, and the model's own networks run so, unless they ask for less.

  Args:
    probe: from a metric's module.

  Returns:
    The same with `fit` and `score` inside that setting.
  """

  def full(function):
    @functools.wraps(function)
    def inside(*arguments):
      with jax.default_matmul_precision('highest'):
        return function(*arguments)

    return inside

  fit = None if probe.fit is None else full(probe.fit)
  return probe._replace(fit=fit, score=full(probe.score))


def _check_arrays(codes, factors, needs, over):
  """Whether every code has its factors; all metrics pass through here."""
  if isinstance(factors, types.Intervention):
    chex.assert_rank(factors.factor, 1)
    factors = factors.points
  chex.assert_shape(factors, (None, ..., None))
  points = factors.shape[:-1]
  runs = (None,) if over == 'seeds' else ()
  for part in (codes.vector, *(codes.parts[name] for name in needs)):
    chex.assert_shape(part, (*runs, *points, None))
    chex.assert_type(part, float)


def usable_runs(codes: types.Codes) -> tuple[jax.Array, types.Codes]:
  """Which runs of a 'seeds' metric have finite codes.

  Args:
    codes: leaves [S, ...].

  Returns:
    bool [S], and the codes with zeros in place of the other runs: a diverged
    run must not take its neighbours with it.
  """
  finite = [
    jnp.all(jnp.isfinite(x), axis=tuple(range(1, x.ndim)))
    for x in jax.tree.leaves(codes)
  ]
  usable = jnp.all(jnp.stack(finite), axis=0)
  spread = lambda x: usable.reshape(usable.shape + (1,) * (x.ndim - 1))
  return usable, jax.tree.map(lambda x: jnp.where(spread(x), x, 0), codes)


at_least = checks.at_least

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
  chex.assert_rank(matrix, 2)
  if matrix.shape[0] == 1:
    return matrix[0]
  best, _ = jax.lax.top_k(matrix.T, 2)
  return best[:, 0] - best[:, 1]


def varies(factors: jax.Array) -> jax.Array:
  """Which factors take more than one value in the data.

  What normalises a score (K, log K, K - 1, the number of factors that a mean is
  over) counts these alone, and the log of the number of values those that
  occur: a declared factor or value that the data lack would move the score of
  codes that have nothing to do with it.

  Args:
    factors: int or float [N, K].

  Returns:
    bool [K].
  """
  chex.assert_rank(factors, 2)
  return jnp.any(factors != factors[:1], axis=0)


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Mean of the entries under the mask; 0 where there are none.

  Args:
    x: float [N].
    mask: bool [N].

  Returns:
    float scalar.
  """
  chex.assert_rank(x, 1)
  chex.assert_equal_shape([x, mask])
  chex.assert_type(mask, bool)
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
  chex.assert_rank([x, reference], 2)
  chex.assert_equal_shape_suffix([x, reference], 1)
  mean = jnp.mean(reference, axis=0)
  deviation = jnp.std(reference, axis=0)
  # The mean of equal numbers may be off by rounding.
  alive = jnp.any(reference != reference[0], axis=0)
  alive &= deviation > 1e-6 * jnp.abs(mean)
  return jnp.where(alive, (x - mean) / jnp.where(alive, deviation, 1), 0)
