"""Unsupervised scores: how far the codes are from independent.

Source: Locatello et al. 2019, https://arxiv.org/abs/1811.12359, appendix. With
S the covariance of the codes and R their correlation:
gaussian_total_correlation = -1/2 log det R, the total correlation of a Gaussian
fit; gaussian_wasserstein_correlation = 2 tr S - 2 tr (V^1/2 S V^1/2)^1/2 with
V = diag S, the squared 2-Wasserstein distance between that fit and its
independent version; `_norm` is divided by tr S; mutual_info_score = mean over
ordered pairs of codes of their mutual information in equal-width bins.

All >= 0, lower is better; `_norm` is below 2.

Deviations: constant codes are left out of the total correlation (NaN in the
reference); a correlation matrix that is singular to rounding gives +inf (the
reference: inf or a number that rounding determines); all codes constant: 0; one
code: 0.

Known failure modes: a total correlation of 0 does not mean independence beyond
second order; sampled codes score low because of their noise; all ignore the
factors.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import discrete, linalg

SCORES = {
  'gaussian_total_correlation': types.Score(
    'total correlation of a Gaussian fit to the codes, nats', 'lower', 0.0
  ),
  'gaussian_wasserstein_correlation': types.Score(
    'squared Wasserstein distance of that fit to its independent version',
    'lower',
    0.0,
  ),
  'gaussian_wasserstein_correlation_norm': types.Score(
    'the same over the total variance of the codes', 'lower', 0.0, 2.0
  ),
  'mutual_info_score': types.Score(
    'mean mutual information of pairs of different codes, binned, nats',
    'lower',
    0.0,
  ),
}
CITATION = 'Locatello et al. 2019, arXiv:1811.12359, appendix'
RESAMPLING = 'debiased'
COST = 0.017  # seconds, see `catalogue.COST_MACHINE`

# Eigenvalues of a correlation matrix below this many units of rounding per
# dimension say nothing.
SINGULAR = 10 * 1.2e-7


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points.
    num_bins: equal-width bins per code.
    continuous: accepted and without effect, as factors are not used.
  """

  num_train: int = 10000
  num_bins: int = 20
  continuous: bool = False


def gaussian_scores(codes: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Total correlation, Wasserstein correlation, and the latter normalised.

  Args:
    codes: float [N, D].

  Returns:
    three float scalars.
  """
  num_codes = codes.shape[1]
  unit = base.standardize(codes, codes)
  alive = jnp.any(unit != 0, axis=0)
  correlation = jnp.matmul(unit.T, unit, precision='highest') / len(codes)
  eye = jnp.eye(num_codes)
  # The diagonal is 1 by definition; dead codes become independent units.
  correlation = jnp.where(eye == 1, 1.0, correlation)
  values = linalg.eigvalsh(correlation)
  singular = values[0] <= SINGULAR * num_codes
  safe = jnp.where(values > 0, values, 1)
  total_correlation = jnp.where(
    singular, jnp.inf, jnp.maximum(-0.5 * jnp.sum(jnp.log(safe)), 0)
  )
  # Relative to the largest variance, which keeps everything in range.
  variance = jnp.where(alive, jnp.var(codes, axis=0, ddof=1), 0)
  trace = jnp.sum(variance)
  share = variance / jnp.where(trace > 0, trace, 1)
  # V^1/2 S V^1/2 has the entries v_i R_ij v_j.
  product = share[:, None] * correlation * share
  roots = jnp.sqrt(jnp.maximum(linalg.eigvalsh(product), 0))
  norm = jnp.maximum(2 * jnp.sum(share) - 2 * jnp.sum(roots), 0)
  return total_correlation, norm * trace, norm


def pair_information(codes: jax.Array, num_bins: int) -> jax.Array:
  """Mean mutual information over ordered pairs of different codes, nats."""
  num_codes = codes.shape[1]
  if num_codes == 1:
    return jnp.zeros(())
  bins = discrete.histogram_bins(codes, num_bins)
  counts = discrete.contingency(bins, num_bins, bins, num_bins)
  matrix = discrete.mutual_information(counts)
  different = 1 - jnp.eye(num_codes)
  return jnp.sum(matrix * different) / (num_codes * (num_codes - 1))


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [num_train, K], which it does not read."""
  base.at_least(config, num_train=2, num_bins=2)

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    del key, factors
    total, distance, norm = gaussian_scores(codes.vector)
    return {
      'gaussian_total_correlation': total,
      'gaussian_wasserstein_correlation': distance,
      'gaussian_wasserstein_correlation_norm': norm,
      'mutual_info_score': pair_information(codes.vector, config.num_bins),
    }

  return base.build(
    designs.iid(data.factor_sizes, config.num_train),
    score,
    config,
    reads_factors=False,
  )
