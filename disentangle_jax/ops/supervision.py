"""Few labels: which factors have one, and errors of latents on them.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2: latent k is told the k-th
labelled factor.
"""

from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import covariance

LABELLERS = ('perfect', 'binned', 'noisy', 'permuted', 'partial')
# Fewer labels leave none for selection.
LEAST_LABELS = 10
# Factors that 'partial' labels.
PARTIAL = 2


def _check_rows(mean, labels):
  chex.assert_rank([mean, labels], 2)
  chex.assert_equal(len(mean), len(labels))
  chex.assert_type([mean, labels], [float, int])


def num_train(count: int) -> int:
  """How many of a list of labels train; the last tenth is for selection."""
  return count * 9 // 10


def observed(
  factor_sizes: Sequence[int], labeller: str, seed: int
) -> tuple[int, ...]:
  """Which factors have a label that says something.

  Args:
    factor_sizes: number of values of each factor.
    labeller: one of LABELLERS.
    seed: which factors 'partial' labels.

  Returns:
    Numbers of factors, ascending: of those with two values or more, all, or
    the PARTIAL ones that 'partial' labels (fewer where there are fewer).
  """
  varied = np.flatnonzero(np.asarray(factor_sizes) > 1)
  if labeller == 'partial' and len(varied) > PARTIAL:
    generator = np.random.default_rng(seed)
    varied = np.sort(generator.choice(varied, PARTIAL, replace=False))
  return tuple(varied.tolist())


def cross_entropy(
  mean: jax.Array, labels: jax.Array, sizes: tuple[int, ...]
) -> jax.Array:
  """Binary cross entropy with label / size as target, summed over factors.

  Args:
    mean: float [B, K], logits.
    labels: int32 [B, K].
    sizes: number of values of each factor.

  Returns:
    float [B], nats, >= 0.
  """
  _check_rows(mean, labels)
  chex.assert_shape([mean, labels], (None, len(sizes)))
  target = labels / jnp.array(sizes, mean.dtype)
  return jnp.sum(jax.nn.softplus(mean) - target * mean, axis=1)


def squared_error(
  mean: jax.Array, labels: jax.Array, scale: jax.Array
) -> jax.Array:
  """sum_k (scale mean_k - y_k)^2, float [B], of float and int32 [B, K]."""
  _check_rows(mean, labels)
  chex.assert_equal_shape([mean, labels])
  chex.assert_rank(scale, 0)
  return jnp.sum(jnp.square(scale * mean - labels), axis=1)


def embedding_error(
  mean: jax.Array,
  labels: jax.Array,
  embeddings: list[jax.Array],
  sigma: jax.Array,
) -> jax.Array:
  """Cross entropy of a softmax over the distances to a factor's values.

  Args:
    mean: float [B, K].
    labels: int32 [B, K].
    embeddings: K arrays float [n_k], where each value lies.
    sigma: float scalar.

  Returns:
    float [B], nats, >= 0, summed over factors.
  """
  _check_rows(mean, labels)
  chex.assert_shape([mean, labels], (None, len(embeddings)))
  chex.assert_rank([*embeddings, sigma], [*[1] * len(embeddings), 0])
  total = 0.0
  for k, values in enumerate(embeddings):
    logits = -jnp.square((mean[:, k, None] - values) * sigma)
    log_p = jax.nn.log_softmax(logits)
    total -= jnp.take_along_axis(log_p, labels[:, k, None], 1)[:, 0]
  return total


def covariance_error(mean: jax.Array, labels: jax.Array) -> jax.Array:
  """Squared covariances of latents and factors of other numbers.

  Args:
    mean: float [B, D], this shard's rows, all latents.
    labels: int32 [B, K], K <= D.

  Returns:
    float scalar, over the whole batch.
  """
  _check_rows(mean, labels)
  latents = mean.shape[1]
  both = jnp.concatenate([mean, labels.astype(mean.dtype)], axis=1)
  matrix = covariance.of_batch(both)[:latents, latents:]
  own = jnp.eye(*matrix.shape, dtype=bool)
  return jnp.sum(jnp.where(own, 0.0, jnp.square(matrix)))
