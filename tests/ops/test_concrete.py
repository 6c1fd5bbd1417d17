"""Categorical latents and their relaxation."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import concrete

LOGITS = np.array([[0.3, -1.0, 2.0], [0.0, 0.0, 0.0]], np.float32)
Q = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)


gumbel = jax.jit(concrete.gumbel, static_argnums=2)


def test_hard_samples_have_the_class_probabilities():
  noise = gumbel(jax.random.key(0), jnp.arange(40_000), (2, 3))
  hard = concrete.hard_sample(jnp.asarray(LOGITS), noise)
  assert set(np.unique(hard)) == {0.0, 1.0}
  np.testing.assert_array_equal(hard.sum(-1), 1)
  np.testing.assert_allclose(hard.mean(0), Q, atol=0.01)


def test_relaxed_samples_lie_on_the_simplex_and_harden():
  noise = gumbel(jax.random.key(1), jnp.arange(40_000), (2, 3))[:2000]
  warm = concrete.sample(jnp.asarray(LOGITS), noise, 0.67)
  np.testing.assert_allclose(warm.sum(-1), 1, rtol=1e-5)
  assert np.all(warm >= 0)
  cold = concrete.sample(jnp.asarray(LOGITS), noise, 0.01)
  hard = concrete.hard_sample(jnp.asarray(LOGITS), noise)
  # Near ties stay soft at any temperature above zero.
  assert np.mean(np.abs(cold - hard) < 1e-3) > 0.95
  # The relaxation and its gradient by hand, for one row.
  scores = np.exp((LOGITS + noise[0]) / 0.67)
  np.testing.assert_allclose(
    warm[0], scores / scores.sum(-1, keepdims=True), rtol=1e-5
  )
  peak = lambda logits: concrete.sample(logits, noise[0], 0.67)[0, 2]
  p = np.asarray(warm[0, 0], np.float64)
  want = p[2] * (np.array([0.0, 0.0, 1.0]) - p) / 0.67
  np.testing.assert_allclose(
    jax.grad(peak)(jnp.asarray(LOGITS))[0], want, rtol=1e-4
  )


def test_kl_to_uniform():
  want = np.sum(Q * np.log(3 * Q), axis=-1)
  np.testing.assert_allclose(
    concrete.kl_to_uniform(jnp.asarray(LOGITS)), want, rtol=1e-5, atol=1e-6
  )
  sure = concrete.kl_to_uniform(jnp.array([200.0, 0.0, 0.0]))
  np.testing.assert_allclose(sure, math.log(3), rtol=1e-5)
  gradient = jax.grad(concrete.kl_to_uniform)(jnp.array([200.0, 0.0, 0.0]))
  assert np.all(np.isfinite(gradient))


def test_noise_belongs_to_the_example():
  key = jax.random.key(2)
  index = jnp.arange(40_000)
  one, other = gumbel(key, index, (2, 3)), gumbel(key, index[::-1], (2, 3))
  np.testing.assert_array_equal(one, other[::-1])
  assert np.any(one != other)
