"""Decompositions that stay safe under `vmap` on a CPU.

XLA spreads a batch of LAPACK calls over the thread pool that it is itself run
by, and every call asks for threads of its own. Three covariances of 256 codes
per device waited for each other for ever (JAX 0.10); jax issue 39292 has the
same as a corrupted heap. So on a CPU a batch is a loop; elsewhere it is the
library's own batched routine.
"""

from collections.abc import Callable
import functools

import jax
import jax.numpy as jnp


def _safe(function: Callable) -> Callable:
  looped = jax.custom_batching.sequential_vmap(function)

  @functools.wraps(function)
  def call(x):
    on_cpu = jax.default_backend() == 'cpu'
    return (looped if on_cpu else function)(x)

  return call


@_safe
def eigh(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Eigenvalues [D], rising, and eigenvectors [D, D] of a symmetric matrix."""
  values, vectors = jnp.linalg.eigh(x)
  return values, vectors


@_safe
def eigvalsh(x: jax.Array) -> jax.Array:
  """Eigenvalues [D], rising, of a symmetric matrix [D, D]."""
  return jnp.linalg.eigvalsh(x)


@_safe
def orthonormal(x: jax.Array) -> jax.Array:
  """Orthonormal columns that span those of x [N, D], N >= D, by QR."""
  return jnp.linalg.qr(x)[0]
