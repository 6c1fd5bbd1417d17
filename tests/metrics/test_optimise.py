"""Attacks against models whose optimum is known, and the constraints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from disentangle_jax import types
from disentangle_jax.metrics.models.attacks import OBJECTIVES, latent, optimise

RNG = np.random.default_rng(0)
SIZE, CODES = 12, 3
ENCODER = RNG.normal(size=(CODES, SIZE)).astype(np.float32)
DECODER = RNG.normal(size=(SIZE, CODES)).astype(np.float32)
# Far from the edges of the box, and with no room on one side.
GREY = (0.5 + 0.02 * RNG.normal(size=(5, SIZE))).astype(np.float32)
SPARSE = (
  RNG.uniform(size=(5, SIZE)) * (RNG.uniform(size=(5, SIZE)) > 0.6)
).astype(np.float32)


def linear(encoder=ENCODER, decoder=DECODER):
  """A method with a linear encoder and a linear decoder."""

  def represent(state, observation):
    mean = observation @ state['encoder'].T
    return types.Codes(mean, {'mean': mean, 'logvar': jnp.zeros_like(mean)})

  method = types.Method(
    None, None, represent, lambda state, z: z @ state['decoder'].T
  )
  return method, {'encoder': encoder, 'decoder': decoder}


def run(kind, observation, target, state=None, **options):
  method, params = linear()
  options = {
    'norm': 'l2',
    'budget': 0.1,
    'num_steps': 400,
    'step_size': 0.2,
    **options,
  }

  @jax.jit
  def program(state):
    objective = OBJECTIVES[kind](method, state, target)
    return optimise.minimise(objective, observation, **options)

  return np.asarray(program(params if state is None else state))


def on_the_sphere(matrix, residual, budget, penalty=0.0):
  """argmin 1/2 |matrix d - residual|^2 + penalty/2 |d|^2 with |d| <= budget.

  (M'M + (penalty + mu) I) d = M' r with the least mu >= 0 that fits: a
  bisection in the eigenbasis of M'M.
  """
  matrix, residual = matrix.astype(float), residual.astype(float)
  values, vectors = np.linalg.eigh(matrix.T @ matrix)
  wanted = vectors.T @ matrix.T @ residual
  # Without a penalty the least solution is the pseudo-inverse's.
  solve = lambda mu: np.divide(
    wanted, values + penalty + mu, where=values > 1e-9, out=0 * wanted
  )
  low, high = 0.0, 1e6
  if np.linalg.norm(solve(0.0)) > budget:
    for _ in range(200):
      middle = (low + high) / 2
      if np.linalg.norm(solve(middle)) > budget:
        low = middle
      else:
        high = middle
    return vectors @ solve(high)
  return vectors @ solve(0.0)


@pytest.mark.parametrize('kind', ['latent', 'output'])
@pytest.mark.parametrize('penalty', [0.0, 3.0])
@pytest.mark.parametrize('budget', [0.05, 0.4])
def test_the_optimum_of_a_linear_model_is_found(kind, penalty, budget):
  target = GREY[::-1].copy()
  found = run(kind, GREY, target, penalty=penalty, budget=budget, num_steps=800)
  matrix = ENCODER if kind == 'latent' else DECODER @ ENCODER
  for delta, image, goal in zip(found, GREY, target):
    residual = matrix @ (goal - image)
    best = on_the_sphere(matrix, residual, budget, penalty)
    value = lambda d, residual=residual: (
      np.sum((matrix @ d - residual) ** 2) + penalty * np.sum(d**2)
    )
    # No pixel of the analytic solution touches the box.
    assert np.all(image + best > 0) and np.all(image + best < 1)
    assert value(delta) <= value(best) + 2e-3 * value(0 * best)
    if np.linalg.norm(best) > 0.99 * budget:
      np.testing.assert_allclose(delta, best, atol=0.04 * budget)


def scipy_optimum(matrix, residual, image, norm, budget):
  """The same problem in the box, by SciPy in float64."""
  image = image.astype(float)
  value = lambda d: 0.5 * np.sum((matrix @ d - residual) ** 2)
  slope = lambda d: matrix.T @ (matrix @ d - residual)
  low, high = -image, 1 - image
  if norm == 'linf':
    low, high = np.maximum(low, -budget), np.minimum(high, budget)
    found = optimize.minimize(
      value,
      0 * image,
      jac=slope,
      method='L-BFGS-B',
      bounds=list(zip(low, high)),
    )
  else:
    ball = {
      'type': 'ineq',
      'fun': lambda d: budget**2 - d @ d,
      'jac': lambda d: -2 * d,
    }
    found = optimize.minimize(
      value,
      0 * image,
      jac=slope,
      method='SLSQP',
      bounds=list(zip(low, high)),
      constraints=[ball],
      options={'maxiter': 500, 'ftol': 1e-12},
    )
  return value(found.x), value(0 * image)


@pytest.mark.parametrize('norm, budget', [('l2', 0.5), ('linf', 0.15)])
def test_the_optimum_in_the_box_is_that_of_scipy(norm, budget):
  target = SPARSE[::-1].copy()
  found = run('latent', SPARSE, target, norm=norm, budget=budget)
  matrix = ENCODER.astype(float)
  for delta, image, goal in zip(found, SPARSE, target):
    residual = matrix @ (goal - image)
    best, start = scipy_optimum(matrix, residual, image, norm, budget)
    got = 0.5 * np.sum((matrix @ delta - residual) ** 2)
    assert best - 1e-4 <= got <= best + 0.01 * start


@pytest.mark.parametrize('norm, budget', [('l2', 0.7), ('linf', 0.2)])
def test_box_and_budget_hold_exactly(norm, budget):
  # Steps far too long, so that every constraint is at work in every step.
  found = run(
    'latent',
    SPARSE,
    1 - SPARSE,
    norm=norm,
    budget=budget,
    num_steps=7,
    step_size=3.0,
  )
  image = SPARSE + found
  assert image.min() >= 0 and image.max() <= 1
  flat = found.astype(np.float64)
  length = (
    np.abs(flat).max(1) if norm == 'linf' else np.linalg.norm(flat, axis=1)
  )
  assert np.all(length <= np.float32(budget))
  assert length.max() > 0.99 * budget
  np.testing.assert_allclose(optimise.size(found, norm), length, rtol=1e-6)


def test_projection_is_the_nearest_point_of_ball_and_box():
  delta = 2 * RNG.normal(size=SPARSE.shape).astype(np.float32)
  for budget in (0.3, 1.0, 2.0, 50.0):
    got = np.asarray(optimise.project(delta, SPARSE, 'l2', budget))
    for row, d, image in zip(got, delta.astype(float), SPARSE):
      low, high = 0.0, 1.0
      best = np.clip(d, -image, 1 - image)
      if np.linalg.norm(best) > budget:
        for _ in range(100):
          middle = (low + high) / 2
          best = np.clip(middle * d, -image, 1 - image)
          low, high = (
            (low, middle) if np.linalg.norm(best) > budget else (middle, high)
          )
      np.testing.assert_allclose(row, best, atol=2e-5)


def test_a_model_that_sees_nothing_cannot_be_attacked():
  blind = {'encoder': 0 * ENCODER, 'decoder': DECODER}
  found = run('latent', GREY, GREY[::-1], blind, num_steps=5)
  np.testing.assert_array_equal(found, 0)


def test_the_objective_never_ends_above_its_start():
  method, state = linear()
  objective = OBJECTIVES['latent'](method, state, 1 - SPARSE)
  found = run('latent', SPARSE, 1 - SPARSE, step_size=50.0, num_steps=3)
  assert np.all(objective(SPARSE + found) <= objective(SPARSE) + 1e-6)


def test_models_side_by_side_are_attacked_as_one_by_one():
  method, first = linear()
  second = {'encoder': 2 - ENCODER, 'decoder': DECODER}
  both = jax.tree.map(lambda *x: jnp.stack(x), first, second)

  def program(state):
    objective = OBJECTIVES['output'](method, state, GREY[::-1])
    return optimise.minimise(
      objective, GREY, norm='l2', budget=0.2, num_steps=20, step_size=0.2
    )

  found = jax.jit(jax.vmap(program))(both)
  for got, alone in zip(found, (first, second)):
    np.testing.assert_allclose(got, jax.jit(program)(alone), atol=1e-5)


def codes(mean, logits=None):
  mean = np.asarray(mean, np.float32)
  parts = {'mean': mean, 'logvar': 0 * mean}
  if logits is None:
    return types.Codes(mean, parts)
  logits = np.asarray(logits, np.float32)
  hard = np.eye(logits.shape[-1], dtype=np.float32)[logits.argmax(-1)]
  return types.Codes(
    np.concatenate([mean, hard], -1), {**parts, 'class_logits': logits}
  )


WITH_CLASS = types.Layout(gaussian=2, classes=(3,))


def test_distance_is_a_divergence_in_nats():
  first, second = [[0.0, 1.0], [2.0, 0.0]], [[0.5, 1.0], [0.0, 0.0]]
  far = 0.5 * np.sum((np.array(first) - second) ** 2, -1)
  plain = types.Layout(gaussian=2)
  got = latent.distance(codes(first), codes(second), plain)
  np.testing.assert_allclose(got, far)
  p, q = np.array([[0.7, 0.2, 0.1]] * 2), np.array([[0.1, 0.1, 0.8]] * 2)
  kl = np.sum(q * np.log(q / p), -1)
  got = latent.distance(
    codes(first, np.log(p) + 3), codes(second, np.log(q)), WITH_CLASS
  )
  np.testing.assert_allclose(got, far + kl, rtol=1e-5)


def test_only_a_class_behind_the_means_is_softened():
  logits = np.log([[0.7, 0.2, 0.1]])
  held = codes([[1.0, 2.0]], logits)
  np.testing.assert_allclose(
    latent.soft_vector(held, WITH_CLASS),
    [[1.0, 2.0, 0.7, 0.2, 0.1]],
    rtol=1e-6,
  )
  # Class logits beside a vector without a class.
  apart = held._replace(vector=held.parts['mean'])
  of = lambda held, width: latent.soft_vector(held, types.Layout(width))
  np.testing.assert_array_equal(of(apart, 2), [[1.0, 2.0]])
  np.testing.assert_array_equal(of(codes([[3.0]]), 1), [[3.0]])


def test_a_confident_class_still_has_a_gradient():
  sure, goal = [[60.0, 0.0, 0.0]], [[0.0, 60.0, 0.0]]
  far = lambda logits: jnp.sum(
    latent.distance(
      types.Codes(
        jnp.zeros((1, 5)),
        {'mean': jnp.zeros((1, 2)), 'class_logits': logits},
      ),
      codes([[0.0, 0.0]], goal),
      WITH_CLASS,
    )
  )
  slope = jax.grad(far)(jnp.array(sure))
  np.testing.assert_allclose(slope, [[1.0, -1.0, 0.0]], atol=1e-5)
