"""Matrices A = I + v r': products, inverse and determinant without a matrix.

Sherman & Morrison 1950: A^-1 = I - v r' / (1 + r'v); det A = 1 + r'v.
"""

import chex
import jax
import jax.numpy as jnp

# |1 + r'v| below this counts as this, in inverse and determinant alike.
LEAST = 0.1


def _inner(v: jax.Array, r: jax.Array) -> jax.Array:
  """r'v over the last axis, [..., 1]."""
  return jnp.sum(v * r, axis=-1, keepdims=True)


def _check(*arrays: jax.Array) -> None:
  chex.assert_type(arrays, float)
  chex.assert_equal_shape(arrays)
  chex.assert_shape(arrays[0], (..., None))


def apply(v: jax.Array, r: jax.Array, x: jax.Array) -> jax.Array:
  """A x.

  Args:
    v: float [..., D].
    r: float [..., D].
    x: float [..., D].

  Returns:
    float [..., D].
  """
  _check(v, r, x)
  return x + v * _inner(r, x)


def determinant(v: jax.Array, r: jax.Array) -> jax.Array:
  """det A = 1 + r'v, kept away from 0.

  Args:
    v: float [..., D].
    r: float [..., D].

  Returns:
    float [...]; where |1 + r'v| < LEAST it is LEAST with that sign, and has no
    gradient.
  """
  _check(v, r)
  plain = 1.0 + _inner(v, r)[..., 0]
  sign = jnp.where(plain < 0, -1.0, 1.0)
  return jnp.where(jnp.abs(plain) < LEAST, sign * LEAST, plain)


def solve(v: jax.Array, r: jax.Array, x: jax.Array) -> jax.Array:
  """A^-1 x; where the determinant is not kept away from 0 it is exact.

  Args:
    v: float [..., D].
    r: float [..., D].
    x: float [..., D].

  Returns:
    float [..., D].
  """
  _check(v, r, x)
  return x - v * _inner(r, x) / determinant(v, r)[..., None]
