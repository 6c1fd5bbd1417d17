"""Disentanglement and completeness of matrices whose scores are known."""

import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.ops import importance

# Code 0 for factor 0; code 1 for factors 1 and 2 evenly; code 2 for nothing.
MATRIX = jnp.array([[1.0, 0, 0], [0, 1, 1], [0, 0, 0]])


def test_entropies_are_in_units_of_the_largest():
  # Weights 1/3 and 2/3; peakedness 1 and 1 - log 2 / log 3.
  wanted = 1 / 3 + 2 / 3 * (1 - np.log(2) / np.log(3))
  got = float(importance.disentanglement(MATRIX))
  assert got == pytest.approx(wanted, abs=1e-6)
  # Every factor has one code.
  assert float(importance.completeness(MATRIX)) == pytest.approx(1, abs=1e-6)
  even = jnp.ones((4, 3))
  assert float(importance.disentanglement(even)) == pytest.approx(0, abs=1e-6)
  assert float(importance.completeness(even)) == pytest.approx(0, abs=1e-6)


def test_factors_that_do_not_vary_are_not_among_those_that_could_be_spread():
  varies = jnp.array([True, True, True, False, False])
  wide = jnp.concatenate([MATRIX, jnp.ones((3, 1)), jnp.zeros((3, 1))], axis=1)
  got = float(importance.disentanglement(wide, varies))
  want = float(importance.disentanglement(MATRIX))
  assert got == pytest.approx(want, abs=1e-6)
  two = jnp.array([False, True, True])
  assert float(importance.disentanglement(MATRIX, two)) == pytest.approx(0)
  one = jnp.array([True, False, False])
  assert float(importance.disentanglement(MATRIX, one)) == pytest.approx(1)
  none = jnp.zeros(3, bool)
  assert float(importance.disentanglement(MATRIX, none)) == 0
