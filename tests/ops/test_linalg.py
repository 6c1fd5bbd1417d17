"""Batches of decompositions are those of their matrices, one call at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.ops import linalg


def _matrices(count, size):
  x = np.random.default_rng(0).normal(size=(count, size + 3, size))
  return (x.swapaxes(1, 2) @ x).astype(np.float32)


@pytest.mark.parametrize('name', ['eigh', 'eigvalsh', 'orthonormal'])
def test_batches_never_reach_lapack_on_a_cpu(name):
  batched = jax.vmap(getattr(linalg, name))
  text = str(jax.make_jaxpr(batched)(jnp.zeros((3, 6, 6))))
  primitive = {'eigh': 'eigh', 'eigvalsh': 'eigh', 'orthonormal': 'qr'}[name]
  calls = [line for line in text.splitlines() if f'= {primitive}[' in line]
  assert calls
  for line in calls:
    assert 'f32[6,6]' in line and '[3,6,6]' not in line, line


def test_values_are_those_of_numpy():
  x = _matrices(4, 5)
  values, vectors = jax.jit(jax.vmap(linalg.eigh))(x)
  np.testing.assert_allclose(values, np.linalg.eigvalsh(x), rtol=1e-4)
  again = (vectors * values[:, None]) @ np.asarray(vectors).swapaxes(1, 2)
  np.testing.assert_allclose(again, x, atol=1e-4)
  only = jax.jit(jax.vmap(linalg.eigvalsh))(x)
  np.testing.assert_allclose(only, values, rtol=1e-4)


def test_columns_are_orthonormal_and_span_the_same():
  x = np.random.default_rng(1).normal(size=(3, 7, 4)).astype(np.float32)
  q = np.asarray(jax.jit(jax.vmap(linalg.orthonormal))(x))
  unit = np.broadcast_to(np.eye(4), (3, 4, 4))
  np.testing.assert_allclose(q.swapaxes(1, 2) @ q, unit, atol=1e-5)
  np.testing.assert_allclose(q @ (q.swapaxes(1, 2) @ x), x, atol=1e-5)
