"""The cross-entropy method: maximise what can only be evaluated.

Rubinstein 1999; as planners use it: draw points from a normal distribution with
independent axes, fit it to those of them that score best, and again.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp


def maximise(
  key: jax.Array,
  score: Callable[[jax.Array], jax.Array],
  mean: jax.Array,
  deviation: jax.Array,
  *,
  samples: int = 64,
  elite: int = 8,
  iterations: int = 10,
  least: float = 0.0,
) -> tuple[jax.Array, jax.Array]:
  """Moves a normal distribution to where a function is large.

  Args:
    key: a typed PRNG key.
    score: `(float [samples, D]) -> float [samples]`.
    mean: float [D], of the first distribution.
    deviation: float [D], of the first distribution.
    samples: points per iteration.
    elite: of these, how many the next distribution is fitted to.
    iterations: how often.
    least: deviation that every axis keeps.

  Returns:
    Mean and deviation of the last distribution, float [D] each.
  """
  chex.assert_rank([mean, deviation], 1)
  chex.assert_equal_shape([mean, deviation])
  chex.assert_scalar_in(elite, 1, samples)

  def again(state, key):
    mean, deviation = state
    noise = jax.random.normal(key, (samples, len(mean)))
    points = mean + deviation * noise
    _, best = jax.lax.top_k(score(points), elite)
    chosen = points[best]
    spread = jnp.maximum(jnp.std(chosen, axis=0), least)
    return (jnp.mean(chosen, axis=0), spread), None

  keys = jax.random.split(key, iterations)
  return jax.lax.scan(again, (mean, deviation), keys)[0]
