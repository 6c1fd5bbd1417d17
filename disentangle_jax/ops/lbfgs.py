"""Limited-memory BFGS for many small problems side by side.

Liu & Nocedal 1989, "On the limited memory BFGS method for large scale
optimization". The columns of one parameter matrix belong to G independent
problems; every problem has its own curvature memory and step length, all share
one evaluation of the objective per iteration, so that the whole is a single
program of fixed shapes that can be vmapped.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np

# Sufficient decrease (Armijo), and the share of the objective below which its
# changes are rounding in float32.
ARMIJO = 1e-4
ROUNDING = 3e-7
SHRINK = 0.3


def minimize(
  value_and_grad: Callable[[jax.Array], tuple[jax.Array, jax.Array]],
  start: jax.Array,
  group: np.ndarray,
  num_steps: int,
  tolerance: float,
  memory: int = 10,
) -> jax.Array:
  """Minimises G objectives of disjoint columns.

  One iteration evaluates the objectives once: a trial point that does not
  decrease its objective enough is dropped and the step is shortened, so that
  the objective never rises. It stops after `num_steps` evaluations or when no
  problem has a gradient entry above the tolerance.

  Args:
    value_and_grad: float [P, C] -> (float [G], float [P, C]); value g depends
      on the columns of group g alone.
    start: float [P, C].
    group: int [C], the group of every column, constant under jit.
    num_steps: most evaluations after the first.
    tolerance: greatest absolute gradient entry of a solved problem.
    memory: pairs of steps and gradient changes kept.

  Returns:
    float [P, C], the best point found.
  """
  chex.assert_shape(start, (None, len(group)))
  chex.assert_type([start, group], [float, int])
  group = np.asarray(group)
  indicator = jnp.array(
    group[:, None] == np.arange(group.max() + 1), start.dtype
  )

  def inner(a, b):
    # Elementwise, not a matrix product: its precision must not depend on the
    # backend's defaults.
    return jnp.sum(jnp.sum(a * b, axis=0)[:, None] * indicator, axis=0)

  spread = lambda scalars: scalars[group]

  def direction(gradient, steps, changes, curvature):
    # The two-loop recursion, newest pair first; an empty place has zero
    # vectors and curvature 1. Scans, as unrolled loops take long to compile.
    def forward(q, pair):
      step, change, bend = pair
      weight = inner(step, q) / bend
      return q - spread(weight) * change, weight

    def backward(q, pair):
      step, change, bend, weight = pair
      weight = weight - inner(change, q) / bend
      return q + spread(weight) * step, None

    pairs = (steps, changes, curvature)
    q, weights = jax.lax.scan(forward, gradient, pairs)
    squared = inner(changes[0], changes[0])
    has_memory = squared > 0
    scale = curvature[0] / jnp.where(has_memory, squared, 1)
    # Without curvature the first trial has unit length.
    length = jnp.sqrt(inner(gradient, gradient))
    scale = jnp.where(has_memory, scale, 1 / jnp.maximum(length, 1))
    q, _ = jax.lax.scan(
      backward, q * spread(scale), (*pairs, weights), reverse=True
    )
    return -q

  def largest(gradient):
    columns = jnp.max(jnp.abs(gradient), axis=0)
    return jnp.max(columns[:, None] * indicator, axis=0)

  def unsolved(state):
    _, _, gradient, _, _, _, _, _, count = state
    # The first pass evaluates the start itself, as a step of length 0: the
    # objective is compiled once.
    steep = jnp.any(largest(gradient) > tolerance)
    return (count <= num_steps) & (steep | (count == 0))

  def iterate(state):
    x, value, gradient, way, length, steps, changes, curvature, count = state
    step = spread(length) * way
    new_x = x + step
    new_value, new_gradient = value_and_grad(new_x)
    slope = inner(gradient, step)
    new_slope = inner(new_gradient, step)
    decreased = new_value <= value + ARMIJO * slope
    # Where the objective no longer resolves the step, its slopes still do.
    rounding = new_value <= value + ROUNDING * jnp.abs(value)
    flat = rounding & (new_slope <= (2 * ARMIJO - 1) * slope)
    accept = (decreased | flat) & jnp.isfinite(new_value)
    change = new_gradient - gradient
    bend = inner(step, change)
    keep = accept & (bend > 1e-10 * inner(change, change))
    is_new = spread(keep)
    push = lambda queue, new: jnp.where(
      is_new, jnp.concatenate([new[None], queue[:-1]]), queue
    )
    steps, changes = push(steps, step), push(changes, change)
    curvature = jnp.where(
      keep, jnp.concatenate([bend[None], curvature[:-1]]), curvature
    )
    moves = spread(accept)
    x = jnp.where(moves, new_x, x)
    gradient = jnp.where(moves, new_gradient, gradient)
    value = jnp.where(accept, new_value, value)
    fresh = direction(gradient, steps, changes, curvature)
    # A direction that does not descend (rounding) gives way to the gradient.
    descends = inner(fresh, gradient) < 0
    fresh = jnp.where(spread(descends), fresh, -gradient)
    way = jnp.where(moves, fresh, way)
    length = jnp.where(accept, 1.0, length * SHRINK)
    return (
      x, value, gradient, way, length, steps, changes, curvature, count + 1
    )  # fmt: skip

  num_groups = indicator.shape[1]
  zero = jnp.zeros_like(start)
  value = jnp.full(num_groups, jnp.inf, start.dtype)
  length = jnp.ones(num_groups, start.dtype)
  steps = jnp.zeros((memory, *start.shape), start.dtype)
  curvature = jnp.ones((memory, num_groups), start.dtype)
  state = (start, value, zero, zero, length, steps, steps, curvature, 0)
  return jax.lax.while_loop(unsolved, iterate, state)[0]
