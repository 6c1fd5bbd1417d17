"""Mutual information gap with the entropies of q(z|x).

Source: Chen et al. 2018, https://arxiv.org/abs/1802.04942, section 4.1 and
appendix B. z_d is a sample of the posterior; its differential entropy is the
mean of -log 1/N sum_n q(z_d|x_n), the conditional entropy the same with the
points that share the factor's value, averaged over values. Mutual informations
(negative ones count as 0) are divided by the log of the number of values that
occur; the gap between the two largest is averaged over factors that vary.

Range [0, 1], higher is better.

Deviations: the mixtures run over `num_train` random points and not over the
whole data set, the entropies over `num_samples` of them; all factors of the
data set count (the authors leave out shape on dSprites).

Known failure modes: a posterior that is narrow against the distance between
the codes of neighbouring points is undersampled within a value
(num_train / size points), which raises all mutual informations; with one code
the second largest counts as 0.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import gaussian, logistic

SCORES = {
  'mig_posterior': types.Score(
    'mean over factors of the gap between the two most informative codes '
    '(mutual information with samples of q(z|x)), over the log of the number '
    'of values',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Chen et al. 2018, arXiv:1802.04942, section 4.1'
RESAMPLING = 'debiased'
COST = 1.5  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'mig_posterior': 'MIG (posterior)'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points of the mixtures.
    num_samples: samples that the entropies are taken over, from the first
      points or, where there are fewer, from all of them in turns.
    block: samples at once (memory: block x num_train densities).
  """

  num_train: int = 10000
  num_samples: int = 2000
  block: int = 250


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=1, num_samples=1, block=1)
  num_samples = config.num_samples
  source = np.arange(num_samples) % config.num_train
  blocks = -(-num_samples // config.block)
  group = logistic.segments(factor_sizes)
  sizes = np.array(factor_sizes)
  first = np.cumsum(sizes) - sizes

  @base.one_at_a_time
  def information(noise, mean, logvar, factors):
    """Mutual information [D, K], nats."""
    hot = logistic.stack_one_hot(factors, factor_sizes)
    count = jnp.sum(hot, axis=0)
    log_count = jnp.log(jnp.maximum(count, 1))
    z = gaussian.sample(mean[source], logvar[source], noise)
    own = first + factors[source]
    pad = blocks * config.block - num_samples
    fill = lambda x: jnp.pad(x, ((0, pad), (0, 0)))
    split = lambda x: fill(x).reshape(blocks, config.block, -1)

    def one_code(inputs):
      z, mean, logvar = inputs

      def one_block(inputs):
        z, own = inputs
        log_q = gaussian.log_density(z, mean, logvar)
        top = jnp.max(log_q, axis=1, keepdims=True)
        density = jnp.exp(log_q - top)
        within = jnp.take_along_axis(density @ hot, own, axis=1)
        # A sample's own point shares its values, so that no sum is empty; it
        # may underflow beside a much denser one.
        log_within = jnp.log(jnp.maximum(within, 1e-37)) + top
        log_all = jnp.log(jnp.sum(density, axis=1, keepdims=True)) + top
        return log_all - np.log(config.num_train), log_within - log_count[own]

      log_all, log_within = jax.lax.map(
        one_block, (split(z[:, None]), split(own))
      )
      log_all = log_all.reshape(-1, 1)[:num_samples]
      log_within = log_within.reshape(-1, len(sizes))[:num_samples]
      # Equal weights for all values of a factor, however often they occur.
      ours = hot[source]
      counts = jnp.sum(ours, axis=0)
      spread = (ours * log_within[:, group]).sum(axis=0)
      per_value = -spread / jnp.maximum(counts, 1)
      conditional = jnp.stack(
        [
          base.masked_mean(per_value[group == k], counts[group == k] > 0)
          for k in range(len(sizes))
        ]
      )
      return -jnp.mean(log_all) - conditional

    return jax.lax.map(one_code, (z.T, mean.T, logvar.T))

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    mean, logvar = codes.parts['mean'], codes.parts['logvar']
    noise = jax.random.normal(key, (num_samples, mean.shape[1]))
    matrix = information(noise, mean, logvar, factors)
    occurs = jnp.any(logistic.stack_one_hot(factors, factor_sizes) > 0, axis=0)
    counts = jax.ops.segment_sum(occurs.astype(jnp.int32), group, len(sizes))
    gaps = base.gap(jnp.maximum(matrix, 0))
    gaps = gaps / jnp.log(jnp.maximum(counts, 2))
    return {'mig_posterior': base.masked_mean(gaps, counts > 1)}

  return base.build(
    designs.iid(factor_sizes, config.num_train),
    score,
    config,
    ('mean', 'logvar'),
  )
