"""Planning by iterative linear-quadratic regulation.

Li & Todorov 2004, "Iterative linear quadratic regulator design for nonlinear
biological movement systems", with the line search of Tassa, Erez & Todorov
2012, "Synthesis and stabilization of complex behaviors through online
trajectory optimization", equations 5 to 12. Dynamics s' = f(s, u) are
linearised about the current plan, A = df/ds and B = df/du (no second
derivatives of f); the cost is quadratic already:

  J = sum_{t<T} (s_t - g)' Q (s_t - g) + u_t' R u_t + (s_T - g)' F (s_T - g)

The backward pass is Riccati's recursion for deviations from the plan, and gives
u_t + a k_t + K_t (s - s_t). All step lengths a = 1, 1/2, 1/4, ... are tried
side by side, with u clipped; the cheapest plan is taken if it is cheaper than
the one before. The number of iterations is fixed, so that plans run under
`vmap`.
Where f is affine and nothing is clipped one iteration is exact.
"""

from collections.abc import Callable
import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import linalg

# (state [D], action [A]) -> next state [D]
Dynamics = Callable[[jax.Array, jax.Array], jax.Array]

# Accelerators round the factors of a product unless they are asked not to.
_times = functools.partial(jnp.matmul, precision='highest')


class Cost(NamedTuple):
  """Symmetric matrices of the quadratic cost.

  Attributes:
    state: Q, float [D, D], positive semi-definite.
    action: R, float [A, A], positive definite.
    final: F, float [D, D], of the last state.
  """

  state: jax.Array
  action: jax.Array
  final: jax.Array


class Plan(NamedTuple):
  """A sequence of actions and what it leads to.

  Attributes:
    actions: float [T, A].
    states: float [T + 1, D], the start first.
    cost: float scalar, J.
  """

  actions: jax.Array
  states: jax.Array
  cost: jax.Array


def diagonal(latents: int, actions: int, state: float, action: float) -> Cost:
  """Q = F = state I and R = action I.

  Args:
    latents: D.
    actions: A.
    state: weight of the squared distance to the goal.
    action: weight of the squared length of an action.

  Returns:
    The matrices, float32.
  """
  near = state * jnp.eye(latents)
  return Cost(near, action * jnp.eye(actions), near)


def _squared(x: jax.Array, weight: jax.Array) -> jax.Array:
  """x' W x over the last axis."""
  return jnp.sum(x * _times(x, weight), axis=-1)


def total(
  states: jax.Array, actions: jax.Array, goal: jax.Array, cost: Cost
) -> jax.Array:
  """J of a sequence of states and actions.

  Args:
    states: float [T + 1, D].
    actions: float [T, A].
    goal: float [D].
    cost: the matrices.

  Returns:
    float scalar.
  """
  _check(states[0], actions, goal, cost)
  chex.assert_shape(states, (len(actions) + 1, None))
  away = states - goal
  along = _squared(away[:-1], cost.state) + _squared(actions, cost.action)
  return jnp.sum(along) + _squared(away[-1], cost.final)


def roll_out(
  dynamics: Dynamics, start: jax.Array, actions: jax.Array
) -> jax.Array:
  """The states that actions lead to.

  Args:
    dynamics: f.
    start: float [D].
    actions: float [T, A].

  Returns:
    float [T + 1, D], the start first.
  """
  chex.assert_rank([start, actions], [1, 2])

  def step(state, action):
    after = dynamics(state, action)
    return after, after

  _, states = jax.lax.scan(step, start, actions)
  return jnp.concatenate([start[None], states])


def plan(
  dynamics: Dynamics,
  start: jax.Array,
  actions: jax.Array,
  goal: jax.Array,
  cost: Cost,
  *,
  iterations: int = 5,
  lengths: int = 8,
  damping: float = 1e-5,
  limit: float = jnp.inf,
  linearise: Callable[..., tuple[jax.Array, jax.Array]] | None = None,
) -> Plan:
  """Improves a plan; its cost never rises.

  Args:
    dynamics: f.
    start: float [D].
    actions: float [T, A], the plan to begin with; it is clipped too.
    goal: float [D].
    cost: the matrices.
    iterations: backward passes, each with a line search.
    lengths: step lengths that are tried, each half of the one before.
    damping: added to the diagonal of the matrix that is inverted, Q_uu.
    limit: every number of an action is clipped to [-limit, limit].
    linearise: `(state, action) -> (A [D, D], B [D, A])`; None for the
      derivatives of f.

  Returns:
    The best plan. One whose cost is no finite number is never taken; where that
    of the first plan is none, it is the first one.
  """
  _check(start, actions, goal, cost)
  if linearise is None:
    linearise = jax.jacfwd(dynamics, argnums=(0, 1))
  clip = lambda actions: jnp.clip(actions, -limit, limit)
  actions = clip(actions)
  states = roll_out(dynamics, start, actions)
  first = Plan(actions, states, total(states, actions, goal, cost))
  scales = 0.5 ** jnp.arange(lengths, dtype=actions.dtype)

  def improve(current, _):
    offsets, gains = _backward(current, goal, cost, linearise, damping)

    def attempt(scale):
      def step(state, given):
        action, before, offset, gain = given
        action = clip(action + scale * offset + _times(gain, state - before))
        after = dynamics(state, action)
        return after, (action, after)

      given = (current.actions, current.states[:-1], offsets, gains)
      _, (actions, after) = jax.lax.scan(step, start, given)
      states = jnp.concatenate([start[None], after])
      return Plan(actions, states, total(states, actions, goal, cost))

    tried = jax.vmap(attempt)(scales)
    costs = jnp.where(jnp.isfinite(tried.cost), tried.cost, jnp.inf)
    best = jax.tree.map(lambda x: x[jnp.argmin(costs)], tried)
    # A cost that is NaN is not below any other.
    better = jnp.min(costs) < jnp.nan_to_num(current.cost, nan=jnp.inf)
    choose = lambda new, old: jnp.where(better, new, old)
    return jax.tree.map(choose, best, current), None

  return jax.lax.scan(improve, first, length=iterations)[0]


def best_of(
  dynamics: Dynamics,
  key: jax.Array,
  start: jax.Array,
  previous: jax.Array,
  goal: jax.Array,
  cost: Cost,
  *,
  starts: int = 6,
  limit: float = 1.0,
  **options,
) -> Plan:
  """The cheapest of several plans, improved side by side.

  Args:
    dynamics: f.
    key: typed PRNG key.
    start: float [D].
    previous: float [T, A], the plan of the step before; the first one begins
      with it, shifted by one action, zeros at the end.
    goal: float [D].
    cost: the matrices.
    starts: plans; all but the first begin with uniform actions.
    limit: as for `plan`, finite.
    **options: further ones of `plan`.

  Returns:
    The plan.
  """
  chex.assert_rank(previous, 2)
  shifted = jnp.concatenate([previous[1:], jnp.zeros_like(previous[:1])])
  shape = (starts - 1, *previous.shape)
  drawn = jax.random.uniform(key, shape, minval=-limit, maxval=limit)
  first = jnp.concatenate([shifted[None], drawn])
  improve = lambda actions: plan(
    dynamics, start, actions, goal, cost, limit=limit, **options
  )
  plans = jax.vmap(improve)(first)
  costs = jnp.nan_to_num(plans.cost, nan=jnp.inf)
  return jax.tree.map(lambda x: x[jnp.argmin(costs)], plans)


def follow(
  replan: Callable[..., jax.Array],
  step: Callable[[jax.Array, jax.Array], jax.Array],
  key: jax.Array,
  start: jax.Array,
  first: jax.Array,
  steps: int,
) -> tuple[jax.Array, jax.Array]:
  """Acts with a receding horizon: plans, takes the first action, plans anew.

  Args:
    replan: `(key, state, previous [T, A]) -> actions [T, A]`.
    step: `(state, action [A]) -> state`, the world.
    key: typed PRNG key.
    start: float [S], the world's state.
    first: float [T, A], the plan before the first one.
    steps: actions that are taken.

  Returns:
    The states after them, float [steps, S], and the actions, float [steps, A].
  """
  chex.assert_rank([start, first], [1, 2])

  def onwards(carry, key):
    state, previous = carry
    actions = replan(key, state, previous)
    after = step(state, actions[0])
    return (after, actions), (after, actions[0])

  keys = jax.random.split(key, steps)
  return jax.lax.scan(onwards, (start, first), keys)[1]


def _backward(current, goal, cost, linearise, damping):
  """k [T, A] and K [T, A, D] of Tassa et al., equations 5, 6 and 11."""
  away = current.states - goal
  slopes = jax.vmap(linearise)(current.states[:-1], current.actions)

  def step(value, given):
    gradient, curvature = value
    a, b, away, action = given
    q_x = 2 * _times(cost.state, away) + _times(a.T, gradient)
    q_u = 2 * _times(cost.action, action) + _times(b.T, gradient)
    q_xx = 2 * cost.state + _times(a.T, _times(curvature, a))
    q_uu = 2 * cost.action + _times(b.T, _times(curvature, b))
    q_ux = _times(b.T, _times(curvature, a))
    damped = q_uu + damping * jnp.eye(len(action))
    right = jnp.concatenate([q_u[:, None], q_ux], axis=1)
    solved = -linalg.solve(damped, right)
    offset, gain = solved[:, 0], solved[:, 1:]
    gradient = (
      q_x + _times(gain.T, _times(q_uu, offset) + q_u) + _times(q_ux.T, offset)
    )
    mixed = _times(gain.T, q_ux)
    curvature = q_xx + _times(gain.T, _times(q_uu, gain)) + mixed + mixed.T
    return (gradient, (curvature + curvature.T) / 2), (offset, gain)

  last = 2 * _times(cost.final, away[-1]), 2 * cost.final
  given = (*slopes, away[:-1], current.actions)
  return jax.lax.scan(step, last, given, reverse=True)[1]


def _check(start, actions, goal, cost):
  chex.assert_type([start, actions, goal, *cost], float)
  chex.assert_rank([start, actions], [1, 2])
  latents, width = len(start), actions.shape[1]
  chex.assert_shape(goal, (latents,))
  chex.assert_shape([cost.state, cost.final], (latents, latents))
  chex.assert_shape(cost.action, (width, width))
