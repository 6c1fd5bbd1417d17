"""What the KL of a trained model is spent on, from held-out codes.

Chen et al. 2018, eq. 2 (https://arxiv.org/abs/1802.04942):

  E KL(q(z|x) || p(z)) = I(x; z) + TC(z) + sum_d KL(q(z_d) || p(z_d))

Estimator ('stratified mixture'): J samples z_j of the first of M held-out
posteriors, of each of them where J is larger; q(z_j) and q(z_jd) are mixtures
of the M posteriors in which the code's own image counts 1 / N and all the
others together (N - 1) / N, with N the number of images of the data set. Over
the choice of the others this is the mixture over all N in expectation; when the
M points are all of the data, it is that mixture. The logarithm makes the error
one-sided: where posteriors are so narrow that M of them hardly overlap, log
q(z) is too low, hence the mutual information (never above log N) too high and
the total correlation too low. A larger M shrinks the error, a larger J the
noise; the dimension-wise KL hardly has the error.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import gaussian, total_correlation


def mixture_log_weights(own: jax.Array, dataset_size: float) -> jax.Array:
  """Weights of the mixture in the module docstring.

  Args:
    own: bool [J, M], whether posterior m is of the image that code j is from;
      at least one per row.
    dataset_size: N >= 1.

  Returns:
    float32 [J, M], nats; in probability every row sums to one as long as there
    are other images.
  """
  chex.assert_rank(own, 2)
  chex.assert_type(own, bool)
  n = jnp.float32(dataset_size)
  same = jnp.sum(own, axis=1, keepdims=True).astype(jnp.float32)
  others = own.shape[1] - same
  log_own = -jnp.log(n) - jnp.log(same)
  # Without others, or at N = 1, the entry is minus infinity or never used.
  log_other = jnp.log1p(-1.0 / n) - jnp.log(jnp.maximum(others, 1.0))
  return jnp.where(own, log_own, log_other)


def estimate(
  z: jax.Array,
  mean: jax.Array,
  logvar: jax.Array,
  identity: jax.Array | None = None,
  dataset_size: float | None = None,
  source: np.ndarray | None = None,
  block: int = 32,
) -> dict[str, jax.Array]:
  """The three terms and their sum.

  Args:
    z: float [J, D], samples of posteriors.
    mean: float [M, D].
    logvar: float [M, D].
    identity: int [M], the image that a posterior belongs to; None when no image
      occurs twice.
    dataset_size: N; None for M.
    source: int [J], numbers of the posteriors that z are samples of, constant
      under jit; None for the first J. Means are taken over the posteriors among
      them, equally.
    block: codes handled at a time: memory is block * M * D floats.

  Returns:
    float32 scalars in nats: 'index_code_mi', 'total_correlation',
    'dimension_wise_kl' and 'kl', the mean of log q(z|x) - log p(z), which is
    their sum.
  """
  chex.assert_rank([z, mean], 2)
  chex.assert_equal_shape([mean, logvar])
  chex.assert_equal_shape_suffix([z, mean], 1)
  chex.assert_type([z, mean, logvar], float)
  if identity is not None:
    chex.assert_shape(identity, mean.shape[:1])
    chex.assert_type(identity, int)
  codes, points = len(z), len(mean)
  if source is None:
    source, weights = np.arange(codes), np.full(codes, 1 / codes)
  else:
    chex.assert_shape(source, z.shape[:1])
    each = np.bincount(source)
    weights = 1 / (each[source] * np.count_nonzero(each))
  average = lambda x: jnp.sum(jnp.asarray(weights, x.dtype) * x)
  size = points if dataset_size is None else dataset_size
  identity = jnp.arange(points) if identity is None else identity
  block = min(block, codes)
  fill = -codes % block
  pad = lambda x: jnp.pad(x, ((0, fill),) + ((0, 0),) * (x.ndim - 1))
  cut = lambda x: pad(x).reshape(-1, block, *x.shape[1:])

  def of_block(args):
    some, numbers = args
    own = numbers[:, None] == identity[None, :]
    log_weights = mixture_log_weights(own, size)
    pairs = total_correlation.pairwise_log_density(some, mean, logvar)
    log_joint, log_each = total_correlation.aggregate(pairs, log_weights)
    return log_joint, jnp.sum(log_each, axis=-1)

  blocks = (cut(z), cut(identity[source]))
  log_joint, log_marginals = jax.lax.map(of_block, blocks)
  log_joint = log_joint.reshape(-1)[:codes]
  log_marginals = log_marginals.reshape(-1)[:codes]
  own = gaussian.log_density(z, mean[source], logvar[source])
  log_own = jnp.sum(own, axis=-1)
  log_prior = jnp.sum(gaussian.log_density(z, 0.0, jnp.zeros(())), axis=-1)
  return {
    'index_code_mi': average(log_own - log_joint),
    'total_correlation': average(log_joint - log_marginals),
    'dimension_wise_kl': average(log_marginals - log_prior),
    'kl': average(log_own - log_prior),
  }
