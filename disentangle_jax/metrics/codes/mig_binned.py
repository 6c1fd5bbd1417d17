"""Mutual information gap with binned codes.

Source: Chen et al. 2018, https://arxiv.org/abs/1802.04942, eq. 6, with the
discrete estimator of Locatello et al. 2019, https://arxiv.org/abs/1811.12359.
For each factor the mutual information with its most informative code minus that
with the second, over the factor's entropy; mean over factors. Codes fall in
`num_bins` equal-width bins between their extremes; frequencies are plugged in.

Range [0, 1], higher is better.

Deviations: with one code the second largest counts as 0 and a factor that does
not vary is left out of the mean (the reference crashes or divides by zero); all
factors constant: 0.

Known failure modes: two equal codes score 0 for what they encode; a factor with
more values than bins cannot reach 1 (a perfect code of 40 values reaches 0.81:
`ceiling`); the estimate is biased upwards by about
(num_bins - 1)(size - 1) / (2 num_train) nats per entry.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import discrete

SCORES = {
  'mig_binned': types.Score(
    'mean over factors of the gap between the two most informative codes '
    '(mutual information with binned codes), over the entropy of the factor',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Chen et al. 2018, arXiv:1802.04942; Locatello et al. 2019'
RESAMPLING = 'debiased'
COST = 0.034  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'mig_binned': 'MIG'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points.
    num_bins: equal-width bins per code.
    continuous: whether factors are real numbers, then binned as the codes are.
  """

  num_train: int = 10000
  num_bins: int = 20
  continuous: bool = False


def ceiling(factor_sizes: tuple[int, ...], num_bins: int) -> float:
  """The score of codes that are linear in the factors, in infinite data."""
  ratios = []
  for size in factor_sizes:
    if size == 1:
      continue
    values = np.arange(size)
    edges = np.linspace(0, size - 1, num_bins + 1)[:-1]
    share = np.bincount(np.digitize(values, edges)) / size
    share = share[share > 0]
    ratios.append(-np.sum(share * np.log(share)) / np.log(size))
  return float(np.mean(ratios)) if ratios else 0.0


def information(codes, factors, factor_sizes, num_bins):
  """Mutual information matrix and entropies.

  Args:
    codes: float [N, D].
    factors: int32 [N, K].
    factor_sizes: number of values of each factor.
    num_bins: bins per code.

  Returns:
    (float [D, K], float [K]), nats.
  """
  bins = discrete.histogram_bins(codes, num_bins)
  counts = discrete.contingency(bins, num_bins, factors, max(factor_sizes))
  entropy = discrete.entropy(jnp.sum(counts[0], axis=1))
  return discrete.mutual_information(counts), entropy


def values_of(config: Any, factor_sizes: tuple[int, ...]) -> tuple[int, ...]:
  """Numbers of values of the factors, bins of continuous ones.

  Args:
    config: with `continuous` and `num_bins`.
    factor_sizes: as declared.

  Returns:
    K numbers.
  """
  if config.continuous:
    return (config.num_bins,) * len(factor_sizes)
  return factor_sizes


def labels_of(config: Any, factors: jax.Array) -> jax.Array:
  """Factors int32 [N, K] in the range of `values_of`."""
  if config.continuous:
    return discrete.histogram_bins(factors, config.num_bins)
  return factors


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=1, num_bins=2)
  sizes = values_of(config, factor_sizes)

  def score(key, codes, factors):
    del key
    factors = labels_of(config, factors)
    matrix, entropy = information(codes.vector, factors, sizes, config.num_bins)
    varies = entropy > 0
    gaps = base.gap(matrix) / jnp.where(varies, entropy, 1)
    return {'mig_binned': base.masked_mean(gaps, varies)}

  return base.build(
    designs.iid(factor_sizes, config.num_train),
    score,
    config,
    ceiling=ceiling(sizes, config.num_bins),
  )
