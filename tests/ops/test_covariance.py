"""Covariance of codes, and its distance from the identity."""

import jax
import numpy as np
import pytest

from disentangle_jax.ops import covariance


def _white(rows=64, latents=4):
  """Codes whose covariance, divided by their number, is the identity."""
  x = np.random.default_rng(0).normal(size=(rows, latents))
  x -= x.mean(0)
  u, _, v = np.linalg.svd(x, full_matrices=False)
  return (u @ v * np.sqrt(rows)).astype(np.float32)


def test_batch_covariance_is_numpys_even_far_from_zero():
  x = np.random.default_rng(1).normal(size=(32, 5))
  x = x @ np.random.default_rng(2).normal(size=(5, 5)) + 100.0
  got = jax.jit(covariance.of_batch)(x.astype(np.float32))
  want = np.cov(x.astype(np.float32).astype(np.float64).T, ddof=0)
  np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_sample_covariance_is_that_of_samples():
  random = np.random.default_rng(3)
  mean, logvar = random.normal(size=(2, 20, 3)).astype(np.float32)
  noise = random.normal(size=(20_000, 20, 3))
  z = (mean + np.exp(logvar / 2) * noise).reshape(-1, 3)
  got = jax.jit(covariance.of_samples)(mean, logvar)
  np.testing.assert_allclose(got, np.cov(z.T, ddof=0), atol=0.03)


def test_penalties_vanish_on_white_codes_alone():
  white = _white()
  penalties = jax.jit(
    lambda x: covariance.distance_from_identity(covariance.of_batch(x))
  )
  np.testing.assert_allclose(penalties(white), [0.0, 0.0], atol=1e-9)
  off, on = penalties(2.0 * white)
  np.testing.assert_allclose([off, on], [0.0, 4 * 9.0], atol=1e-4)
  turned = white @ np.array(
    [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32
  )
  off, on = penalties(turned)
  # Entries (0, 1) and (1, 0) are 0.5, entry (1, 1) is 1.25.
  np.testing.assert_allclose([off, on], [2 * 0.25, 0.0625], rtol=1e-4)


def test_noise_counts_for_the_second_kind():
  white = _white()
  shrunk = white * np.float32(np.sqrt(0.75))
  logvar = np.full(white.shape, np.log(0.25), np.float32)
  matrix = covariance.of_samples(shrunk, logvar)
  penalties = covariance.distance_from_identity(matrix)
  assert np.asarray(penalties) == pytest.approx([0.0, 0.0], abs=1e-9)
