"""Activations of convolutions, in the form that a platform computes fast.

On a TPU their gradients are products with a number that follows from the sign
of the output, in place of a choice by a mask: XLA packs such masks into bits
and unpacks them again, which took a fifth of a step of the large study's nets
there (docs/performance.md). Elsewhere they are those of `jax.nn`.
"""

import functools

import jax
import jax.numpy as jnp

from disentangle_jax import platforms


def relu(x: jax.Array) -> jax.Array:
  """max(x, 0); its gradient at 0 is 0.

  Args:
    x: float, any shape.

  Returns:
    The same shape and dtype, >= 0.
  """
  return _relu(x) if platforms.current() == 'tpu' else jax.nn.relu(x)


def leaky_relu(x: jax.Array, negative_slope: float) -> jax.Array:
  """x where it is >= 0, else negative_slope x; its gradient at 0 is 1.

  Args:
    x: float, any shape.
    negative_slope: in (0, 1).

  Returns:
    The same shape and dtype.
  """
  if platforms.current() == 'tpu':
    return _leaky_relu(x, negative_slope)
  return jax.nn.leaky_relu(x, negative_slope)


@jax.custom_jvp
def _relu(x):
  return jnp.maximum(x, 0)


@_relu.defjvp
def _relu_jvp(primals, tangents):
  y = _relu(*primals)
  return y, tangents[0] * jnp.sign(y)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _leaky_relu(x, negative_slope):
  return jnp.maximum(x, negative_slope * x)


@_leaky_relu.defjvp
def _leaky_relu_jvp(negative_slope, primals, tangents):
  y = _leaky_relu(*primals, negative_slope)
  # 1 where y >= 0.
  slope = 1 + (1 - negative_slope) * jnp.minimum(jnp.sign(y), 0)
  return y, tangents[0] * slope
