"""What the KL is spent on: mutual information, total correlation, marginals.

Source: Chen et al. 2018, https://arxiv.org/abs/1802.04942, eq. 2: the mean KL
of q(z|x) to the prior is the index-code mutual information I(x; z), plus the
total correlation KL(q(z) || prod_d q(z_d)), plus the dimension-wise KL
sum_d KL(q(z_d) || p(z_d)). Nats. Estimated by `ops.elbo_decomposition` from
`num_codes` samples and a mixture of `num_train` posteriors, in which the own
image counts 1 / N. N is the number of images: all points of a grid, all images
of a set without one, all given rows. Where there are no more than `num_train`
all are taken, and the mixture is exact. The samples are noisy, so that total
correlation and dimension-wise KL may be slightly negative.

Reads the Gaussian latents alone and draws its own sample: the score is the same
for the mean and the sampled representation.

Known failure modes: where posteriors are so narrow that the points' hardly
overlap, the mutual information comes out too high (at most log N) and the total
correlation too low by as much: on five Gaussian latents in a data set of
737,280 by 0.1 nats at a mutual information of 7 nats and by 0.2 at 10 and 12
(at 4,096 posteriors 0.4, 1.2 and 0.8). Compare models at equal constants.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import elbo_decomposition, gaussian

SCORES = {
  'elbo/index_code_mi': types.Score(
    'mutual information of image number and code, nats', low=0.0
  ),
  'elbo/total_correlation': types.Score(
    'KL of the aggregate posterior to the product of its marginals, nats',
    'lower',
    0.0,
  ),
  'elbo/dimension_wise_kl': types.Score(
    "sum over latents of the KL of the marginal to the prior's, nats", low=0.0
  ),
}
CITATION = 'Chen et al. 2018, arXiv:1802.04942, eq. 2'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: M, posteriors in the mixture, at most.
    num_codes: J, samples that the means are taken over, from the first
      posteriors or, where there are fewer, from all of them equally.
  """

  num_train: int = 32768
  num_codes: int = 256


def _design(config: Config, factor_sizes: tuple[int, ...]) -> types.Design:
  """Independent points; all of the grid, shuffled, where it is no larger."""
  points = designs.iid(factor_sizes, config.num_train)
  size = math.prod(factor_sizes)
  if size > config.num_train:
    return points
  grid = np.stack(np.unravel_index(np.arange(size), factor_sizes), axis=-1)
  grid = grid.astype(np.int32)
  return points._replace(sample=lambda key: jax.random.permutation(key, grid))


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [min(num_train, number of images), K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_codes=1)
  # Images without a grid come numbered, each once: factors do not tell them
  # apart, and there may be none.
  is_numbered = data.render is None and data.num_examples > 0
  size = data.num_examples if is_numbered else math.prod(factor_sizes)
  num_points = min(config.num_train, size)
  if is_numbered:
    design = designs.iid(factor_sizes, num_points)
  else:
    design = _design(config, factor_sizes)
  # Wraps around beyond 2**31 grid points, where equal numbers by accident are
  # as rare as equal points.
  bases = np.cumprod([1, *factor_sizes[:0:-1]])[::-1].astype(np.int32)

  def score(key, codes, factors):
    mean, logvar = codes.parts['mean'], codes.parts['logvar']
    # Of given rows there may be more than the grid has points.
    source = np.arange(config.num_codes) % len(mean)
    noise = jax.random.normal(key, (config.num_codes, mean.shape[1]))
    z = gaussian.sample(mean[source], logvar[source], noise)
    identity = None
    if not is_numbered:
      identity = jnp.sum(factors.astype(jnp.int32) * bases, axis=-1)
    terms = elbo_decomposition.estimate(
      z, mean, logvar, identity, size, source=source
    )
    return {name: terms[name.removeprefix('elbo/')] for name in SCORES}

  metric = base.build(
    design,
    score,
    config,
    needs=('mean', 'logvar'),
    reads_factors=not is_numbered,
    dataset_size=size,
    estimator='stratified mixture',
  )
  return metric._replace(per_representation=False)
