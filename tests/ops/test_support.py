"""Distances of combinations that do not occur, by hand and by brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import support


def every(size, pairs=1):
  """All combinations of one pair of codes."""
  rows = np.stack(np.unravel_index(np.arange(size**2), (size, size)), 1)
  return support.Combinations(
    jnp.asarray([[0, 1]] * pairs), jnp.asarray(rows)[:, None]
  )


def test_a_full_lattice_is_at_zero():
  lattice = np.array(list(itertools.product([0.0, 1.5, 4.0], [-1.0, 2.0])))
  # More often here than there: the support is what counts.
  lattice = np.concatenate([lattice, lattice[:2], lattice[:1]])
  z = jnp.asarray(lattice, jnp.float32)
  assert support.distances(z, every(len(z))) == 0
  assert support.full_distance(z[:, 0], z[:, 1]) == 0
  drawn = support.draw(jax.random.key(0), 50, 1, 2, len(z))
  assert support.distances(z, drawn) == 0


def test_a_diagonal_by_hand():
  # (0, 3) is nearest to (1, 1) and to (2, 2): 1 + 4.
  z = jnp.arange(4.0)[:, None] * jnp.ones(2)
  assert support.distances(z, every(4)) == 5
  assert support.full_distance(z[:, 0], z[:, 1]) == 5
  # Two points: (0, 2) is at 4 from both.
  ends = jnp.asarray([[0.0, 0.0], [2.0, 2.0]])
  assert support.distances(ends, every(2)) == 4
  gradient = jax.grad(lambda z: support.distances(z, every(2))[0])(ends)
  # d^2 of (a_0, b_1) or (a_1, b_0) to one of both, along one axis.
  assert np.abs(gradient).sum() == 8


def test_draws_are_combinations_of_different_codes():
  combinations = support.draw(jax.random.key(1), 200, 25, 4, 10)
  codes, rows = map(np.asarray, combinations)
  want = {tuple(pair) for pair in itertools.combinations(range(4), 2)}
  assert {tuple(pair) for pair in codes} == want and len(codes) == 6
  assert rows.shape == (200, 6, 2)
  assert set(rows.ravel()) == set(range(10))
  # The two rows of a point are drawn apart.
  assert np.mean(rows[..., 0] == rows[..., 1]) < 0.2
  some = support.draw(jax.random.key(2), 5, 2, 4, 10)
  assert len({tuple(pair) for pair in np.asarray(some.codes)}) == 2


def test_brute_force():
  rng = np.random.default_rng(0)
  z = rng.normal(size=(9, 4)).astype(np.float32)
  combinations = support.draw(jax.random.key(3), 30, 6, 4, 9)
  want = []
  for p, (a, b) in enumerate(np.asarray(combinations.codes)):
    points = [
      (z[i, a], z[j, b]) for i, j in np.asarray(combinations.rows)[:, p]
    ]
    nearest = [
      min((row[a] - x) ** 2 + (row[b] - y) ** 2 for row in z) for x, y in points
    ]
    want.append(max(nearest))
  got = jax.jit(support.distances)(jnp.asarray(z), combinations)
  np.testing.assert_allclose(got, want, rtol=1e-5)
  # A sample of the combinations is below all of them.
  full = [support.full_distance(z[:, a], z[:, b]) for a, b in combinations[0]]
  assert np.all(np.asarray(got) <= np.asarray(full) * (1 + 1e-6))
