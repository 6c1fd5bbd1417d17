"""Kraskov's estimator: Gaussians, trees of neighbours, what it must not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import spatial, special

from disentangle_jax.ops import kraskov

KEY = jax.random.key(0)
estimate = jax.jit(kraskov.mutual_information, static_argnums=3)


def gaussians(rho, rows, width, seed=0):
  """Vectors whose every pair of columns correlates with rho."""
  rng = np.random.default_rng(seed)
  x, noise = rng.normal(size=(2, rows, width))
  return x, rho * x + np.sqrt(1 - rho**2) * noise


def reference(x, y, k=3):
  """The estimator in float64 by SciPy's trees."""
  x, y = ((v - v.mean(0)) / v.std(0) for v in (x, y))
  joint = spatial.cKDTree(np.concatenate([x, y], axis=1))
  radius = joint.query(joint.data, k + 1, p=np.inf)[0][:, -1]
  total = special.digamma(k) + special.digamma(len(x))
  for v in (x, y):
    below = np.nextafter(radius, 0)
    counts = spatial.cKDTree(v).query_ball_point(
      v, below, p=np.inf, return_length=True
    )
    total -= np.mean(special.digamma(counts))  # the row itself counts as 1
  return total


def of(x, y, k=3):
  return float(estimate(KEY, jnp.float32(x), jnp.float32(y), k))


def test_two_correlated_numbers():
  x, y = gaussians(0.9, 2000, 1)
  assert of(x, y) == pytest.approx(-0.5 * np.log(1 - 0.81), abs=0.05)
  rng = np.random.default_rng(5)
  assert abs(of(x, rng.normal(size=(2000, 1)))) < 0.05


# True values 0.575, 2.04 and 4.66: the estimator is far below them, and so is
# the reference.
@pytest.mark.parametrize(
  'true, biased', [(0.575, 0.46), (2.04, 1.66), (4.66, 3.53)]
)
def test_vectors_against_a_tree(true, biased):
  rho = np.sqrt(1 - np.exp(-true / 2))  # -2 log(1 - rho^2) is true
  x, y = gaussians(rho, 2000, 4)
  got = of(x, y)
  assert got == pytest.approx(reference(x, y), abs=2e-3)
  assert got == pytest.approx(biased, abs=0.15)


@pytest.mark.parametrize('rows, k', [(7, 1), (100, 3), (251, 5)])
def test_rows_that_do_not_fill_a_block(rows, k):
  x, y = gaussians(0.7, rows, 3)
  # Uneven widths, and columns of other laws.
  x = np.concatenate([x, np.exp(x[:, :1])], axis=1)
  assert of(x, y, k) == pytest.approx(reference(x, y, k), abs=2e-3)


def test_units_and_offsets_do_not_matter():
  x, y = gaussians(0.8, 500, 2)
  moved = x * [-3.0, 1e-3] + [7.0, 2.0]
  assert of(moved, 100 * y) == pytest.approx(of(x, y), abs=2e-3)
  assert of(y, x) == pytest.approx(of(x, y), abs=2e-3)


def test_what_is_constant_or_repeated_stays_finite():
  x, y = gaussians(0.9, 400, 2)
  assert abs(of(np.full_like(x, 3.3), y)) < 0.05
  # A dead column beside live ones takes nothing away.
  dead = np.concatenate([x, np.full((400, 1), 0.1)], axis=1)
  assert of(dead, y) == pytest.approx(of(x, y), abs=2e-3)
  few = np.random.default_rng(1).integers(0, 2, (400, 1))
  assert np.isfinite(of(few, few)) and of(few, few) > 0.5
  # A function of the other: ends near log N - 1, wherever the truth is.
  assert np.log(400) - 2 < of(x, 2 * x) < np.log(400)


def test_as_many_neighbours_as_rows_are_refused():
  with pytest.raises(AssertionError, match='7 neighbours among 7 rows'):
    kraskov.mutual_information(KEY, jnp.zeros((7, 1)), jnp.zeros((7, 1)), 7)
