"""Lowering an objective by a change of the image that stays small.

Projected gradient descent with normalised steps (Madry et al., "Towards deep
learning models resistant to adversarial attacks", ICLR 2018,
https://arxiv.org/abs/1706.06083, section 2.1), a fixed number of them:

  d <- P(d - eta_t budget direction(gradient))

with direction g / |g|_2 for 'l2' and sign(g) for 'linf', and P the nearest
point where x + d lies in [0, 1] and the norm of d within the budget. Steps of
normalised length suit models whose objectives differ in scale by orders of
magnitude; eta_t falls linearly to zero, for a constant one would never settle.
Deviations: pixels that sit on the box's edge and would be pushed out are left
out of the direction, so that the background of a sparse image does not use up
the step; the best of all iterates is returned.

Adam is not used: its step is not along the gradient, so that a minimum on the
sphere is not where it comes to rest.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

NORMS = ('l2', 'linf')
_NEWTON = 5
# Rounding of a norm in float32 must not carry a change over its budget.
_SLACK = 1.0 - 1e-6
_TINY = 1e-20


def _flat_norm(x: jax.Array) -> jax.Array:
  """Euclidean norm of every row, [B, 1, ...] for broadcasting."""
  axes = tuple(range(1, x.ndim))
  return jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True))


def size(delta: jax.Array, norm: str) -> jax.Array:
  """Norm of every change.

  Args:
    delta: float32 [B, ...].
    norm: of NORMS.

  Returns:
    float32 [B], >= 0.
  """
  flat = delta.reshape(len(delta), -1)
  if norm == 'linf':
    return jnp.max(jnp.abs(flat), axis=-1)
  return jnp.sqrt(jnp.sum(jnp.square(flat), axis=-1))


def project(
  delta: jax.Array, observation: jax.Array, norm: str, budget: float
) -> jax.Array:
  """The nearest change that keeps the image in [0, 1] and the norm in budget.

  For 'linf' both are boxes. For 'l2' the conditions of Karush, Kuhn and Tucker
  give clip(c delta) with the greatest c in [0, 1] whose norm fits. Its squared
  norm is concave and piecewise linear in c^2, so that Newton's method from the
  left rises to the solution and ends there after few steps; every step is
  within the budget, should _NEWTON of them not suffice.

  Args:
    delta: float32 [B, ...].
    observation: float32 [B, ...] in [0, 1].
    norm: of NORMS.
    budget: > 0.

  Returns:
    float32 [B, ...].
  """
  low, high = -observation, 1.0 - observation
  if norm == 'linf':
    low, high = jnp.maximum(low, -budget), jnp.minimum(high, budget)
    return jnp.clip(delta, low, high)
  boxed = jnp.clip(delta, low, high)
  flat = lambda x: x.reshape(len(x), -1)
  square = jnp.square(flat(delta))
  # How far the box lets every entry go, squared.
  room = jnp.square(flat(jnp.where(delta > 0, high, low)))
  allowed = (budget * _SLACK) ** 2
  scale = jnp.zeros((len(delta), 1))
  for _ in range(_NEWTON):
    free = scale * square < room
    left = allowed - jnp.sum(jnp.where(free, 0.0, room), -1, keepdims=True)
    slope = jnp.sum(jnp.where(free, square, 0.0), -1, keepdims=True)
    scale = left / jnp.maximum(slope, _TINY)
  scale = jnp.sqrt(scale).reshape(-1, *(1,) * (delta.ndim - 1))
  shrunk = jnp.clip(jnp.minimum(scale, 1.0) * delta, low, high)
  return jnp.where(scale < 1.0, shrunk, boxed)


def _direction(gradient, delta, observation, norm):
  """Where to step, of unit length; zero where no way is open."""
  image = observation + delta
  shut = ((image <= 0.0) & (gradient > 0)) | ((image >= 1.0) & (gradient < 0))
  gradient = jnp.where(shut, 0.0, gradient)
  if norm == 'linf':
    return jnp.sign(gradient)
  return gradient / jnp.maximum(_flat_norm(gradient), _TINY)


def minimise(
  objective: Callable[[jax.Array], jax.Array],
  observation: jax.Array,
  *,
  norm: str,
  budget: float,
  num_steps: int,
  step_size: float,
  penalty: float = 0.0,
) -> jax.Array:
  """Changes images so that the objective falls.

  Lowers objective(x + d) + penalty / 2 |d|_2^2, every image on its own.

  Args:
    objective: images [B, ...] -> float32 [B], entry b of image b alone.
    observation: float32 [B, ...] in [0, 1], x.
    norm: of NORMS.
    budget: largest norm of a change.
    num_steps: gradients taken.
    step_size: length of the first step, in budgets.
    penalty: weight of the squared length, >= 0.

  Returns:
    d, float32 [B, ...]: the best iterate, the unchanged image among them.
    x + d lies in [0, 1] and the norm of d is at most the budget.
  """

  def goal(delta):
    length = jnp.sum(jnp.square(delta).reshape(len(delta), -1), axis=-1)
    value = objective(observation + delta) + 0.5 * penalty * length
    return jnp.sum(value), value

  spread = lambda mask: mask.reshape(-1, *(1,) * (observation.ndim - 1))

  def keep(best, value, delta):
    lower = value < best[0]
    return (
      jnp.where(lower, value, best[0]),
      jnp.where(spread(lower), delta, best[1]),
    )

  def step(carry, t):
    delta, best = carry
    gradient, value = jax.grad(goal, has_aux=True)(delta)
    best = keep(best, value, delta)
    length = step_size * budget * (1.0 - t / num_steps)
    moved = delta - length * _direction(gradient, delta, observation, norm)
    return (project(moved, observation, norm, budget), best), None

  start = jnp.zeros_like(observation)
  worst = jnp.full(len(observation), jnp.inf, observation.dtype)
  (delta, best), _ = jax.lax.scan(
    step, (start, (worst, start)), jnp.arange(num_steps)
  )
  return keep(best, goal(delta)[1], delta)[1]
