"""Penalties of activations against NumPy."""

import jax
import numpy as np
import pytest

from disentangle_jax.ops import activations


def test_covariance_penalty_is_the_mean_absolute_sample_covariance():
  h = np.random.default_rng(0).normal(size=(7, 3)) @ np.diag([3, 1, 0.2]) + 5
  got = jax.jit(activations.absolute_covariance)(h.astype(np.float32))
  assert got == pytest.approx(np.abs(np.cov(h.T)).sum() / 9, rel=1e-5)


def test_covariance_penalty_counts_every_pair_twice_and_no_mean():
  # Var 1, var 4, covariance -2: (1 + 4 + 2 + 2) / 4.
  h = np.array([[1, -2], [0, 0], [-1, 2]], np.float32) + 100
  got = activations.absolute_covariance(h)
  assert got == pytest.approx(9 / 4, rel=1e-5)


def test_l1_is_the_mean_absolute_activation():
  h = np.array([[1, -2, 0], [3, 0, -4]], np.float32)
  assert activations.absolute_mean(h) == pytest.approx(10 / 6)
