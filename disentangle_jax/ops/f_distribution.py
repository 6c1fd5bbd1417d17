"""Probability of the F distribution with one numerator degree of freedom.

With between- and within-class sums of squares B and W and x = B / (B + W),

  Pr(F_{1,nu} < nu B / W) = I_x(1/2, nu/2),

the regularised incomplete beta function (Abramowitz & Stegun 1964, 26.6.2). For
an even nu, b = nu / 2 is an integer and the function is a finite sum
(ibid., 26.5.6 with 26.5.2):

  I_x(1/2, b) = sqrt(x) sum_{k<b} (1/2)_k / k! (1 - x)^k.

It has no loop whose length depends on x, so that it is cheap under vmap and its
gradient is that of a polynomial; `jax.scipy.special.betainc` has one.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors

# x is kept within these: the logarithm at 0, and no gradient from what is
# certain to five digits.
LEAST, MOST = 1e-30, 1 - 1e-5


def coefficients(count: int) -> np.ndarray:
  """(1/2)_k / k! for k below `count`, float64 [count]: 1, 1/2, 3/8, ..."""
  steps = np.arange(1, count)
  return np.cumprod(np.concatenate([[1.0], (steps - 0.5) / steps]))


def log_probability(
  between: jax.Array, within: jax.Array, degrees: int
) -> jax.Array:
  """log Pr(F_{1,nu} < nu B / W).

  Args:
    between: float32 [...], B >= 0.
    within: float32 [...], W >= 0.
    degrees: nu, even and at least 2; static.

  Returns:
    float32 [...], nats, at most 0 to rounding. x is clipped to [1e-30,
    1 - 1e-5], so that it and its gradient are finite for equal means, too.
    Where B and W are both 0 it is as for equal means.

  Raises:
    ConfigError: an odd number of degrees, or one below 2.
  """
  if degrees < 2 or degrees % 2:
    raise errors.value('degrees', degrees, 'must be even and at least 2')
  chex.assert_equal_shape([between, within])
  chex.assert_type([between, within], float)
  total = between + within
  total = jnp.where(total > 0, total, 1)
  x = jnp.clip(between / total, LEAST, MOST)
  rest = jnp.clip(within / total, 1 - MOST, 1)
  series = jnp.zeros_like(rest)
  for coefficient in coefficients(degrees // 2)[::-1]:
    series = series * rest + np.float32(coefficient)
  return 0.5 * jnp.log(x) + jnp.log(series)
