"""iLQR against Riccati's recursion, and matrices I + v r' against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.ops import ilqr, rank_one

STEPS, WIDTH, LATENTS, RUNS = 7, 2, 3, 4


def linear_problem(seed):
  """Affine dynamics and a cost with full matrices."""
  random = np.random.default_rng(seed)
  positive = lambda n: (lambda m: m @ m.T + np.eye(n))(
    random.normal(size=(n, n))
  )
  return {
    'a': np.eye(LATENTS) + 0.3 * random.normal(size=(LATENTS, LATENTS)),
    'b': random.normal(size=(LATENTS, WIDTH)),
    'c': 0.1 * random.normal(size=LATENTS),
    'cost': (positive(LATENTS), positive(WIDTH), positive(LATENTS)),
    'goal': random.normal(size=LATENTS),
    'start': random.normal(size=LATENTS),
    'actions': random.normal(size=(STEPS, WIDTH)),
  }


def riccati(problem):
  """Best actions and their cost, by the recursion for [s - g; 1]."""
  a, b, goal = problem['a'], problem['b'], problem['goal']
  q, r, f = problem['cost']
  drift = a @ goal + problem['c'] - goal
  wide_a = np.block([[a, drift[:, None]], [np.zeros((1, LATENTS)), np.eye(1)]])
  wide_b = np.vstack([b, np.zeros((1, WIDTH))])
  pad = lambda m: np.pad(m, ((0, 1), (0, 1)))
  value, gains = pad(f), []
  for _ in range(STEPS):
    inner = r + wide_b.T @ value @ wide_b
    gain = np.linalg.solve(inner, wide_b.T @ value @ wide_a)
    value = pad(q) + wide_a.T @ value @ (wide_a - wide_b @ gain)
    gains.insert(0, gain)
  state = np.append(problem['start'] - goal, 1.0)
  best, actions = state @ value @ state, []
  for gain in gains:
    actions.append(-gain @ state)
    state = wide_a @ state + wide_b @ actions[-1]
  return np.array(actions), best


def test_one_iteration_on_a_linear_problem_is_riccati():
  """From any plan; over problems side by side."""
  problems = [linear_problem(seed) for seed in range(RUNS)]

  def solve(p):
    f = lambda s, u: p['a'] @ s + p['b'] @ u + p['c']
    cost = ilqr.Cost(*p['cost'])
    return ilqr.plan(
      f, p['start'], p['actions'], p['goal'], cost, iterations=1, damping=0.0
    )

  with jax.enable_x64(True):
    stacked = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *problems)
    plans = jax.device_get(jax.jit(jax.vmap(solve))(stacked))
  for number, problem in enumerate(problems):
    actions, cost = riccati(problem)
    np.testing.assert_allclose(plans.actions[number], actions, atol=1e-9)
    np.testing.assert_allclose(plans.cost[number], cost, rtol=1e-9)


def pendulum(state, action):
  """A damped swing, and a second angle that follows it."""
  angle, speed = state
  faster = 0.95 * speed - 0.4 * jnp.sin(angle) + 0.5 * action[0]
  return jnp.stack([angle + 0.5 * faster, faster])


@pytest.fixture(scope='module')
def swings():
  """Plans of a swing by number of iterations, runs side by side."""
  random = np.random.default_rng(0)
  starts = jnp.asarray(random.normal(size=(RUNS, 2)), jnp.float32)
  actions = jnp.asarray(random.normal(size=(RUNS, 12, 1)), jnp.float32)
  goal = jnp.array([np.pi, 0.0])
  cost = ilqr.diagonal(2, 1, 10.0, 1.0)

  def solve(start, action, iterations, **options):
    return ilqr.plan(
      pendulum, start, action, goal, cost, iterations=iterations, **options
    )

  def all_runs(starts, actions):
    over = lambda n: jax.vmap(lambda s, a: solve(s, a, n))(starts, actions)
    tight = jax.vmap(lambda s, a: solve(s, a, 8, limit=0.3))(starts, actions)
    wrong = jax.vmap(
      lambda s, a: solve(
        s,
        a,
        3,
        linearise=lambda s, u: (jnp.full((2, 2), jnp.nan), jnp.ones((2, 1))),
      )
    )(starts, actions)
    return [over(n) for n in (0, 1, 2, 3, 8)], tight, wrong

  return starts, actions, jax.jit(all_runs)(starts, actions)


def test_the_cost_never_rises(swings):
  _, _, (plans, _, _) = swings
  costs = np.stack([plan.cost for plan in plans])
  assert np.all(np.diff(costs, axis=0) <= 0)
  # And it does fall, by much.
  assert np.all(costs[-1] < 0.5 * costs[0])


def test_a_plan_is_what_its_actions_lead_to(swings):
  starts, _, (plans, tight, _) = swings
  for plan in (plans[-1], tight):
    for run in range(RUNS):
      state, cost = np.asarray(starts[run], np.float64), 0.0
      for action, after in zip(plan.actions[run], plan.states[run][1:]):
        away = state - [np.pi, 0.0]
        cost += 10 * away @ away + float(action[0]) ** 2
        state = np.asarray(pendulum(state, action), np.float64)
        np.testing.assert_allclose(after, state, atol=1e-4)
      away = state - [np.pi, 0.0]
      np.testing.assert_allclose(
        plan.cost[run], cost + 10 * away @ away, rtol=1e-4
      )
  assert np.abs(tight.actions).max() <= 0.3
  assert np.abs(plans[-1].actions).max() > 0.3


def test_steps_that_are_no_numbers_are_not_taken(swings):
  _, actions, (plans, _, wrong) = swings
  np.testing.assert_array_equal(wrong.actions, actions)
  np.testing.assert_array_equal(wrong.cost, plans[0].cost)


def test_the_cheapest_of_several_and_a_receding_horizon():
  """A step towards a goal of at most 1 a time, with a wall of cost between."""
  cost = ilqr.diagonal(1, 1, 1.0, 0.1)
  goal, start = jnp.array([3.0]), jnp.array([0.0])
  move = lambda s, u: s + jnp.clip(u, -1.0, 1.0)

  def replan(key, state, previous):
    return ilqr.best_of(
      move, key, state, previous, goal, cost, starts=3, limit=1.0, iterations=0
    ).actions

  def run(key):
    previous = jnp.array([[9.0], [0.5], [0.25]])
    best = ilqr.best_of(
      move, key, start, previous, goal, cost, starts=3, limit=1.0, iterations=0
    )
    # What it chooses from, without improvement.
    drawn = jax.random.uniform(key, (2, 3, 1), minval=-1.0, maxval=1.0)
    given = jnp.concatenate([jnp.array([[[0.5], [0.25], [0.0]]]), drawn])
    path = ilqr.follow(replan, move, key, start, previous, 5)
    return best, given, path

  best, given, (states, actions) = jax.jit(run)(jax.random.key(0))
  costs = []
  for plan in np.asarray(given, np.float64):
    states_of = np.concatenate([[0.0], np.cumsum(plan[:, 0])])
    costs.append(np.sum((states_of - 3) ** 2) + 0.1 * np.sum(plan**2))
  np.testing.assert_allclose(best.cost, min(costs), rtol=1e-5)
  np.testing.assert_allclose(best.actions, given[int(np.argmin(costs))])
  np.testing.assert_allclose(
    states[:, 0], np.cumsum(np.clip(actions[:, 0], -1, 1)), rtol=1e-5
  )
  assert states.shape == (5, 1) and actions.shape == (5, 1)


def test_rank_one_against_numpy():
  random = np.random.default_rng(1)
  # Determinants from 1.5 on: near 0 they are not what NumPy says.
  v, r, x = 0.5 + random.uniform(size=(3, 5, LATENTS))
  single = lambda a: jnp.asarray(a, jnp.float32)
  given = single(v), single(r)
  for b in range(5):
    matrix = np.eye(LATENTS) + np.outer(v[b], r[b])
    np.testing.assert_allclose(
      rank_one.apply(*given, single(x))[b], matrix @ x[b], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
      rank_one.determinant(*given)[b], np.linalg.det(matrix), rtol=1e-4
    )
    np.testing.assert_allclose(
      rank_one.solve(*given, single(x))[b],
      np.linalg.solve(matrix, x[b]),
      rtol=1e-4,
      atol=1e-5,
    )


@pytest.mark.parametrize(
  'inner, kept', [(-1.05, -0.1), (-1.0, 0.1), (-0.95, 0.1)]
)
def test_a_determinant_near_zero_is_kept_away(inner, kept):
  v, r = jnp.array([inner, 5.0]), jnp.array([1.0, 0.0])
  np.testing.assert_allclose(rank_one.determinant(v, r), kept)
  grad = jax.grad(lambda v: jnp.log(jnp.abs(rank_one.determinant(v, r))))(v)
  np.testing.assert_array_equal(grad, 0)
