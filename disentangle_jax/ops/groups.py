"""One Gaussian out of several that speak of the same thing."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

# How the posteriors of one factor are made one; see `average`.
AVERAGES = ('gvae', 'mlvae', 'product')


def average(
  mean: jax.Array, logvar: jax.Array, kind: str
) -> tuple[jax.Array, jax.Array]:
  """Makes one diagonal Gaussian of n along the second last axis.

  'gvae' (Hosoya 2019, https://arxiv.org/abs/1809.02383): the mean of the means
  and the mean of the variances. 'product' (Bouchacourt et al. 2018,
  https://arxiv.org/abs/1705.08841): the normalised product, precisions
  add: 1/v = sum 1/v_i and m = v sum m_i/v_i. 'mlvae': the mean of the product
  and n times its variance, as public code has it; v_i where all are equal.

  Args:
    mean: float [..., n, D].
    logvar: float [..., n, D], logs of the variances.
    kind: one of AVERAGES.

  Returns:
    mean and logvar, float [..., D].
  """
  chex.assert_equal_shape([mean, logvar])
  chex.assert_type([mean, logvar], float)
  chex.assert_shape(mean, (..., None, None))
  count = np.log(mean.shape[-2])
  if kind == 'gvae':
    spread = jax.nn.logsumexp(logvar, axis=-2) - count
    return jnp.mean(mean, axis=-2), spread
  # Weights in the log domain: a precision may leave the range of float32.
  log_precision = jax.nn.logsumexp(-logvar, axis=-2)
  weights = jax.nn.softmax(-logvar, axis=-2)
  centre = jnp.sum(weights * mean, axis=-2)
  if kind == 'mlvae':
    return centre, count - log_precision
  if kind != 'product':
    raise ValueError(f'unknown average {kind!r}')
  return centre, -log_precision
