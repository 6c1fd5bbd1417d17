"""Pairwise entanglement: at which importance two factors still share codes.

Source: Träuble et al. 2021, https://arxiv.org/abs/2006.07886, after the
dendrograms of Locatello et al. 2019, https://arxiv.org/abs/1811.12359. Factors
and codes are the two sides of a graph whose edges are the importances of codes
for factors, shares that sum to one for each factor. Edges below a threshold are
taken away; the pair's entanglement is the largest threshold at which a path of
what is left joins the two factors: the widest path's narrowest edge.
'pair_entanglement/<a>_<b>' is that of two factors, 'pair_entanglement' the mean
over all pairs.

Range [0, 1], lower is better: near 0 where each factor has codes of its own,
1 where one code is all that informs about either.

Deviations: importances are those of gradient-boosted trees as in `dci_gbt`
(`importance='gbt'`, as in the paper), or shares of the plug-in mutual
information with binned codes as in `mig_binned` ('information'), which takes a
hundredth of the time. Factors that do not vary are joined with nothing and left
out of the mean.

Known failure modes: a pair may be joined by way of a third factor; a factor
that no code holds has its importances spread over all codes, about 1 / D each,
and is joined with all factors at that threshold.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp

from disentangle_jax import checks, types
from disentangle_jax.metrics import base, designs
from disentangle_jax.metrics.codes import mig_binned
from disentangle_jax.ops import boosted

SCORES = {
  'pair_entanglement': types.Score(
    'largest importance at which two factors are still joined by codes, mean '
    'over pairs of factors; /<a>_<b> is that of one pair',
    'lower',
    0.0,
    1.0,
  ),
}
CITATION = 'Träuble et al. 2021, arXiv:2006.07886'
IMPORTANCES = ('gbt', 'information')


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: points.
    importance: one of IMPORTANCES.
    num_rounds: boosting rounds of 'gbt'.
    learning_rate: shrinkage of 'gbt'.
    num_bins: equal-width bins per code of 'information'.
  """

  num_train: int = 10000
  importance: str = 'gbt'
  num_rounds: int = 100
  learning_rate: float = 0.1
  num_bins: int = 20


def thresholds(importance: jax.Array) -> jax.Array:
  """Where every two factors part, of all paths between them the best.

  Args:
    importance: float [D, K], >= 0, of code d for factor k.

  Returns:
    float [K, K], symmetric; the diagonal is a factor's largest importance.
  """
  both = jnp.minimum(importance[:, :, None], importance[:, None, :])
  joined = jnp.max(both, axis=0)  # by one code
  for k in range(importance.shape[1]):
    through = jnp.minimum(joined[:, k, None], joined[None, k])
    joined = jnp.maximum(joined, through)
  return joined


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  sizes, names = data.factor_sizes, data.factor_names
  base.at_least(config, num_train=2, num_rounds=1, num_bins=2)
  checks.choice(
    'config.metric_options.pair_entanglement.importance',
    config.importance,
    IMPORTANCES,
  )

  def importances(key, z, factors):
    if config.importance == 'gbt':
      boosters = boosted.fit(
        key, z, factors, z[:1], sizes, config.num_rounds, config.learning_rate
      )
      return boosters.importances
    information, _ = mig_binned.information(z, factors, sizes, config.num_bins)
    return information

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    varies = base.varies(factors)
    weight = importances(key, codes.vector, factors)
    total = jnp.sum(weight, axis=0)
    known = varies & (total > 0)
    share = jnp.where(known, weight / jnp.where(known, total, 1), 0)
    joined = thresholds(share)
    pairs = list(itertools.combinations(range(len(sizes)), 2))
    scores = {
      f'pair_entanglement/{names[a]}_{names[b]}': joined[a, b] for a, b in pairs
    }
    if not pairs:
      return {'pair_entanglement': jnp.zeros(())}
    values = jnp.stack(list(scores.values()))
    counted = jnp.stack([varies[a] & varies[b] for a, b in pairs])
    return {'pair_entanglement': base.masked_mean(values, counted), **scores}

  return base.build(designs.iid(sizes, config.num_train), score, config)
