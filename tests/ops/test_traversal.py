"""Moves of codes against closed forms, loops and SciPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from disentangle_jax.ops import traversal

# One program for all cases of a shape.
traverse = jax.jit(traversal.traverse, static_argnames='num_steps')


def clouds(seed=0, sources=6, targets=5, codes=7, size=3):
  rng = np.random.default_rng(seed)
  draw = lambda count, shift: (
    shift + rng.normal(size=(count, size)).astype(np.float32)
  )
  return draw(codes, 0.0), draw(sources, 0.0), draw(targets, 1.5)


def witness(z, sources, targets, s):
  """f* of one code by loops, float64."""
  bump = lambda x: math.exp(-sum((a - b) ** 2 for a, b in zip(x, z)) / (2 * s))
  high, low = ([bump(x) for x in side] for side in (sources, targets))
  return sum(high) / len(high) - sum(low) / len(low)


def test_witness_and_scale_by_loops():
  z, sources, targets = (x.astype(float) for x in clouds())
  squared = [np.sum((a - b) ** 2) for a in sources for b in targets]
  s = float(traversal.scale_of(jnp.asarray(sources), jnp.asarray(targets)))
  np.testing.assert_allclose(s, np.median(squared), rtol=1e-5)
  got = traversal.witness(*map(jnp.asarray, (z, sources, targets)), s)
  wanted = [witness(code, sources, targets, s) for code in z]
  np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_gradient_of_the_witness_by_finite_differences():
  z, sources, targets = clouds()
  s, step = 2.0, 1e-4
  of = lambda code: traversal.witness(code[None], sources, targets, s)[0]
  got = jax.grad(of)(jnp.asarray(z[0]))
  wanted = []
  for axis in np.eye(3):
    ends = [
      witness(z[0] + sign * step * axis, sources, targets, s)
      for sign in (1, -1)
    ]
    wanted.append((ends[0] - ends[1]) / (2 * step))
  np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_one_source_and_one_target_end_beyond_the_target():
  """In one dimension, free: where the slopes of the two bumps are equal."""
  for s in (0.3, 1.0):
    slope = lambda x, s=s: (
      -x * math.exp(-(x**2) / (2 * s))
      + (x - 1) * math.exp(-((x - 1) ** 2) / (2 * s))
    )
    wanted = optimize.brentq(slope, 1.0, 1.0 + 2 * math.sqrt(s))
    z = jnp.array([[0.3], [0.8]])
    given = jnp.zeros((1, 1)), jnp.ones((1, 1))
    moved = traverse(z, *given, 0.0, None, s)
    np.testing.assert_allclose(moved.vector[:, 0], wanted, atol=2e-3)
    assert wanted > 1
    # And back beyond the source, by the symmetry about 1/2.
    back = traverse(1 - z, *given, 0.0, -jnp.ones(2), s)
    np.testing.assert_allclose(back.vector[:, 0], 1 - wanted, atol=2e-3)


def test_a_large_budget_leaves_the_first_order_term():
  """V delta = -P grad f* / (2 budget), P the projection on span V."""
  z, sources, targets = clouds(1, 1, 1, 4, 5)
  s, price = 2.0, 50.0
  grad = jax.vmap(
    jax.grad(lambda c: traversal.witness(c[None], sources, targets, s)[0])
  )(z)
  for scale in (1.0, 4.0):
    moved = traverse(z, sources, targets, scale * price * s, None, s)
    for code, slope, new in zip(z, np.asarray(grad), moved.vector):
      basis, _ = np.linalg.qr(np.stack([sources[0], targets[0], code], 1))
      wanted = -basis @ (basis.T @ slope) / (2 * scale * price)
      np.testing.assert_allclose(new - code, wanted, rtol=0.03, atol=2e-6)
    lengths = np.linalg.norm(np.asarray(moved.vector) - z, axis=1)
    np.testing.assert_allclose(moved.distance, lengths, rtol=1e-3, atol=1e-6)


def test_a_column_that_stands_twice_changes_nothing():
  z, sources, targets = clouds(2)
  s = 2.0
  # The example itself counts as often as before in f*: all stand twice.
  twice = [np.repeat(x, 2, axis=0) for x in (sources, targets)]
  once = traverse(z, sources, targets, 0.3, None, s)
  again = traverse(z, *twice, 0.3, None, s)
  np.testing.assert_allclose(once.vector, again.vector, atol=1e-4)


@pytest.mark.parametrize('budget', [0.0, 0.1, 3.0])
def test_it_never_ends_above_its_start(budget):
  for seed in range(4):
    z, sources, targets = clouds(seed)
    towards = jnp.where(jnp.arange(len(z)) % 2 == 0, 1.0, -1.0)
    moved = traverse(z, sources, targets, budget, towards)
    s = traversal.scale_of(sources, targets)
    price = budget / s * np.square(moved.distance)
    assert np.all(moved.after + price <= moved.before + 1e-6)
    assert np.all(np.asarray(moved.after)[:2] < np.asarray(moved.before)[:2])
    signed = traversal.witness(moved.vector, sources, targets, s) * towards
    np.testing.assert_allclose(moved.after, signed, atol=1e-6)


def test_minima_agree_with_scipy():
  z, sources, targets = clouds(3)
  s, budget = 2.0, 0.2
  columns = np.concatenate([targets, sources])
  moved = traverse(z, sources, targets, budget, None, s)
  for code, new in list(zip(z, moved.vector))[:3]:
    basis = np.concatenate([columns, code[None]]).astype(float)

    def objective(delta, code=code, basis=basis):
      move = delta @ basis
      price = budget / s * np.sum(move**2)
      return witness(code + move, sources, targets, s) + price

    best = optimize.minimize(objective, np.zeros(len(basis)), method='BFGS')
    np.testing.assert_allclose(new, code + best.x @ basis, atol=5e-3)


def test_without_examples_there_is_nothing_to_move_to():
  with pytest.raises(ValueError, match='at least one source'):
    traversal.traverse(jnp.ones((2, 3)), jnp.ones((0, 3)), jnp.ones((1, 3)), 1)
