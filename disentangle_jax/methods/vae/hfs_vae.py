"""Factorised support: every combination of two codes' values may occur.

Roth, Ibrahim, Akata, Vincent & Bouchacourt, "Disentanglement of Correlated
Factors via Hausdorff Factorized Support", ICLR 2023,
https://arxiv.org/abs/2210.07347, the hard form. Factors that depend on each
other still occur in (nearly) all combinations; so the support of the codes, and
not their law, is asked to factorise. Minimised, in nats per image:

  E_q[-log p(x|z)] + beta sum_d KL(q(z_d|x) || N(0, 1))
    + gamma mean_(a,b) max_m min_n |c_m - (mu_a, mu_b)_n|^2
    + delta sum_d max(0, 1 - s_d)

The codes are the posteriors' means mu. For a pair (a, b) of them, c_m =
(mu_ai, mu_bj) are `num_points` random points of the product of both supports in
the batch, and the third term is the squared Hausdorff distance from these to
the points of the batch (`ops.support`), averaged over `num_pairs` random pairs.
The gradient runs through both. The fourth keeps the deviation s_d of a code
over the batch from shrinking to 0, at which the third vanishes, too; s_d^2 is
the variance plus 1e-6. beta = 0 leaves an autoencoder with noise.

Deviations: the public code sums over its 25 pairs, so that its gamma is 1 / 25
of this one, and by default takes all points of the products; its variance is
that of the codes of one image and not of one code over images, at a delta of 0
in all published settings. A batch shows part of the support: the distance falls
with its size, and is not 0 at the optimum.
"""

from collections.abc import Mapping
import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, support

CITATION = 'Roth et al. 2023, arXiv:2210.07347'
DISPLAY = r'HFS-$\beta$-VAE'
SUPPORT_HPARAMS = {'gamma': 100.0, 'delta': 1.0}
HPARAMS = {**common.HPARAMS, 'beta': 1.0, **SUPPORT_HPARAMS}
STRENGTH = 'gamma'
# All combinations of one point occur.
MIN_BATCH = 2
State = common.State


@dataclasses.dataclass(frozen=True)
class Options:
  """Static choices of methods with a factorised support.

  Attributes:
    num_points: points of each product of two supports that are drawn per step.
    num_pairs: pairs of codes that are drawn per step; all where there are
      fewer.
  """

  num_points: int = 100
  num_pairs: int = 25


@dataclasses.dataclass(frozen=True)
class Config(Options, common.Config):
  """Static choices."""


def check(config: Options) -> None:
  """Raises ConfigError for an option out of range, or a single latent."""
  for field in ('num_points', 'num_pairs'):
    checks.integer(f'config.static.{field}', getattr(config, field), 1)
  if config.num_latents < 2:
    rule = 'must be at least 2, as combinations of two codes are looked at'
    raise errors.value('config.static.num_latents', config.num_latents, rule)


def spread_cost(mean: jax.Array) -> jax.Array:
  """sum_d max(0, 1 - s_d), 0 where every code has a deviation of 1 or more.

  Args:
    mean: float32 [B, D], this shard's codes.

  Returns:
    float32 scalar from 0 to D.
  """
  _, variance = axis.moments(mean)
  return jnp.sum(jax.nn.relu(1.0 - jnp.sqrt(variance + 1e-6)))


def penalty(
  config: Options, hparams: Mapping[str, jax.Array], terms: common.Terms
) -> tuple[jax.Array, dict[str, jax.Array]]:
  """What is added to a VAE's loss.

  Args:
    config: has the fields of `Options`.
    hparams: 'gamma' and 'delta' of SUPPORT_HPARAMS.
    terms: of one batch.

  Returns:
    gamma times the distance plus delta times the cost of a small spread, and
    both as scalars: 'support_distance', in squares of the codes' unit, and
    'spread_cost'.
  """
  everything = axis.gather(terms.mean)
  size, width = everything.shape
  combinations = support.draw(
    terms.key, config.num_points, config.num_pairs, width, size
  )
  distance = jnp.mean(support.distances(everything, combinations))
  # Every shard has the same; the mean over them is differentiated as one.
  distance = axis.mean(distance[None])
  spread = spread_cost(terms.mean)
  cost = hparams['gamma'] * distance + hparams['delta'] * spread
  return cost, {'support_distance': distance, 'spread_cost': spread}


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports the scalars of `penalty`.

  Raises:
    ConfigError: see `check` and `common.build`.
  """
  check(config)

  def objective(hparams, step, terms):
    del step
    cost, scalars = penalty(config, hparams, terms)
    kl = hparams['beta'] * jnp.sum(terms.kl)
    return terms.reconstruction + kl + cost, scalars

  return common.make(config, data, objective)
