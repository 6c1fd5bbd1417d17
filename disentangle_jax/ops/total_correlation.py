"""Total correlation of codes, and the pieces it is estimated from.

TC(z) = KL(q(z) || prod_d q(z_d)), in nats, >= 0, where q(z) is the mixture of
the posteriors q(z|x_n) of a data set of N images. Two ways to get at it:

- from densities: log q(z) and log q(z_d) are estimated by a weighted sum over
  the posteriors of one batch. Chen et al. 2018 (https://arxiv.org/abs/
  1802.04942) give two sets of weights, minibatch weighted sampling (MWS) and
  minibatch stratified sampling (MSS);
- from samples: a classifier between codes and codes whose dimensions were
  shuffled (Kim & Mnih 2018, https://arxiv.org/abs/1802.05983, eq. 5).

Functions take the rows of this shard together with the gathered rows of the
whole batch, so that nothing depends on the mesh.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis, gaussian


class Terms(NamedTuple):
  """The three parts of the KL to the prior, Chen et al. 2018, eq. 2.

  Attributes:
    index_code_mi: mean of log q(z|x) - log q(z), nats.
    total_correlation: mean of log q(z) - sum_d log q(z_d), nats.
    dimension_wise_kl: mean of sum_d log q(z_d) - log p(z), nats.
  """

  index_code_mi: jax.Array
  total_correlation: jax.Array
  dimension_wise_kl: jax.Array


def pairwise_log_density(
  z: jax.Array, mean: jax.Array, logvar: jax.Array
) -> jax.Array:
  """log q(z_jd | x_i) of every code under every posterior.

  Args:
    z: float [J, D].
    mean: float [I, D].
    logvar: float [I, D].

  Returns:
    float [J, I, D], nats.
  """
  chex.assert_rank([z, mean], 2)
  chex.assert_equal_shape([mean, logvar])
  chex.assert_equal_shape_suffix([z, mean], 1)
  chex.assert_type([z, mean, logvar], float)
  return gaussian.log_density(z[:, None, :], mean[None], logvar[None])


def mws_log_weights(
  rows: int, batch_size: int, dataset_size: float
) -> jax.Array:
  """Minibatch weighted sampling: every posterior counts 1 / (B N).

  Chen et al. 2018, eq. 3 and appendix C.1. Biased: the weights sum to 1 / N, so
  that log q(z) and every log q(z_d) are lower by log N than for a mixture of
  the batch. Hence the mutual information reads higher by log N, the total
  correlation by (D - 1) log N, and the dimension-wise KL lower by D log N.
  These are constants: gradients are those of unit weights.

  Args:
    rows: J, codes of this shard.
    batch_size: B, posteriors in the whole batch.
    dataset_size: N.

  Returns:
    float32 [J, B], nats.
  """
  weight = -jnp.log(jnp.float32(batch_size)) - jnp.log(
    jnp.float32(dataset_size)
  )
  return jnp.full((rows, batch_size), weight)


def mss_log_weights(
  index: jax.Array, batch_size: int, dataset_size: float
) -> jax.Array:
  """Minibatch stratified sampling: an unbiased estimate of q(z).

  Chen et al. 2018, appendix C.2. With M = B - 1, the posterior that the code
  came from counts 1 / N, one other (N - M) / (N M), the rest 1 / M; every row
  sums to one. The published code puts the first two into fixed columns; here
  they lie on the diagonal and to the right of it.

  Args:
    index: int32 [J], the numbers of this shard's codes in the whole batch.
    batch_size: B >= 2.
    dataset_size: N >= B - 1; at N = B - 1 the neighbour's weight is zero.

  Returns:
    float32 [J, B], nats.

  Raises:
    ValueError: B > N + 1, for which the weights are not defined.
  """
  if batch_size > dataset_size + 1:
    raise ValueError(f'a batch of {batch_size} of {dataset_size} images')
  chex.assert_rank(index, 1)
  chex.assert_type(index, int)
  n, m = jnp.float32(dataset_size), jnp.float32(batch_size - 1)
  column = jnp.arange(batch_size)[None, :]
  own = column == index[:, None]
  neighbour = column == (index[:, None] + 1) % batch_size
  rest = jnp.where(neighbour, jnp.log(n - m) - jnp.log(n), 0.0) - jnp.log(m)
  return jnp.where(own, -jnp.log(n), rest)


def aggregate(
  log_density: jax.Array, log_weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Weighted mixtures: log q(z) and log q(z_d) of every code.

  Args:
    log_density: float [J, I, D] from `pairwise_log_density`.
    log_weights: float [J, I].

  Returns:
    log q(z) float [J] and log q(z_d) float [J, D], nats.
  """
  chex.assert_rank(log_density, 3)
  chex.assert_shape(log_weights, log_density.shape[:2])
  joint = jnp.sum(log_density, axis=-1) + log_weights
  each = log_density + log_weights[..., None]
  return (
    jax.nn.logsumexp(joint, axis=1),
    jax.nn.logsumexp(each, axis=1),
  )


def decompose(
  z: jax.Array,
  mean: jax.Array,
  logvar: jax.Array,
  log_weights: jax.Array,
) -> Terms:
  """Index-code MI, total correlation and dimension-wise KL of one batch.

  Args:
    z: float [B, D], samples of this shard's posteriors.
    mean: float [B, D], the posteriors that z was drawn from.
    logvar: float [B, D].
    log_weights: float [B, B * shards].

  Returns:
    The three terms, means over the whole batch; their sum is the batch mean of
    log q(z|x) - log p(z) whatever the weights.
  """
  chex.assert_rank(z, 2)
  chex.assert_equal_shape([z, mean, logvar])
  chex.assert_shape(log_weights, (len(z), None))
  pairs = pairwise_log_density(z, axis.gather(mean), axis.gather(logvar))
  log_joint, log_each = aggregate(pairs, log_weights)
  log_marginals = jnp.sum(log_each, axis=-1)
  log_own = jnp.sum(gaussian.log_density(z, mean, logvar), axis=-1)
  log_prior = jnp.sum(gaussian.log_density(z, 0.0, jnp.zeros(())), axis=-1)
  return Terms(
    axis.mean(log_own - log_joint),
    axis.mean(log_joint - log_marginals),
    axis.mean(log_marginals - log_prior),
  )


def permute_dims(key: jax.Array, z: jax.Array, index: jax.Array) -> jax.Array:
  """Shuffles every dimension over the batch on its own.

  Kim & Mnih 2018, Algorithm 1. All shards draw the same permutations of the
  whole batch and keep their own rows.

  Args:
    key: typed PRNG key.
    z: float [B, D], this shard's codes.
    index: int32 [B], their numbers in the whole batch, 0 .. batch size - 1.

  Returns:
    float [B, D].
  """
  chex.assert_rank(z, 2)
  chex.assert_shape(index, z.shape[:1])
  chex.assert_type([z, index], [float, int])
  everything = axis.gather(z)
  size, dimensions = everything.shape
  order = lambda k: jax.random.permutation(k, size)
  orders = jax.vmap(order)(jax.random.split(key, dimensions))  # [D, B]
  return jnp.take_along_axis(everything, orders.T[index], axis=0)


def density_ratio(logits: jax.Array) -> jax.Array:
  """Total correlation by a classifier, Kim & Mnih 2018, eq. 5.

  Args:
    logits: float [B, 2], classes (code, permuted code), of codes.

  Returns:
    float scalar, the mean of log D(z) / (1 - D(z)), nats; below the true value
    as far as the classifier is not optimal, and possibly negative.
  """
  chex.assert_shape(logits, (None, 2))
  chex.assert_type(logits, float)
  return axis.mean(logits[:, 0] - logits[:, 1])
