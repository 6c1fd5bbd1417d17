"""Factorized support: do all combinations of values of two codes occur?

Source: Roth et al. 2023, https://arxiv.org/abs/2210.07347 (the
Hausdorff distance of the support to its factorized version, pair by pair).
Codes are scaled to unit deviation. For a pair of codes (a, b) of a batch, the
largest, over the points (a_i, b_j) of the product of both supports, of the
squared distance to the nearest point (a_n, b_n) of the batch; mean over pairs
of different codes, then over batches. Unlike total correlation it asks whether
combinations can occur, not how often: factors may depend on each other.

Range [0, inf), lower is better; 0 on a full lattice.

Deviations: constant codes are left out; fewer than two others: 0. Batches of
`batch_size` points, as many as there are points for and at least ten, which are
smaller then; points that fill no batch are left out.

Known failure modes: falls with the size of a batch, as more combinations occur;
one outlier decides over a pair; ignores the factors, so that any independent
codes score well, rotated ones of a Gaussian too.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import support

SCORES = {
  'factorized_support': types.Score(
    'mean over pairs of codes of the largest squared distance from a '
    'combination of their values to the nearest one that occurs',
    'lower',
    0.0,
  ),
}
CITATION = 'Roth et al. 2023, arXiv:2210.07347'
LEAST_BATCHES = 10


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    batch_size: points of a batch, at most.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 2560
  batch_size: int = 256
  continuous: bool = False


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=2 * LEAST_BATCHES, batch_size=2)
  num_batches = max(LEAST_BATCHES, config.num_train // config.batch_size)
  rows = min(config.batch_size, config.num_train // num_batches)

  @base.one_at_a_time
  def mean_distance(z):
    unit = base.standardize(z, z)
    alive = base.varies(unit)
    batches = unit[: num_batches * rows].reshape(num_batches, rows, -1)
    first, second = np.triu_indices(z.shape[1], 1)
    if not len(first):
      return jnp.zeros(())

    def of_pair(pair):
      a, b = batches[:, :, pair[0]], batches[:, :, pair[1]]
      return jnp.mean(
        jax.lax.map(lambda ab: support.full_distance(*ab), (a, b))
      )

    distances = jax.lax.map(of_pair, (jnp.array(first), jnp.array(second)))
    return base.masked_mean(distances, alive[first] & alive[second])

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    return {'factorized_support': mean_distance(codes.vector)}

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    reads_factors=False,
  )
