"""Embedding whose classes differ significantly in a few dimensions.

Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the
F-statistic loss", NeurIPS, https://arxiv.org/abs/1802.05312. For two
classes a and b with n images each and one dimension of the embedding, with

  B = n / 2 (m_a - m_b)^2,   W = sum of squares within both classes,

S = (2n - 2) B / W has the distribution F_{1, 2n-2} if the means are equal.
Minimised, in nats, is the mean over pairs of classes of

  - sum over the d dimensions of largest Pr of log Pr(F_{1,2n-2} < S),

Pr by the finite sum of `ops.f_distribution`, x clipped to [1e-30, 1 - 1e-5]; no
gradient goes through the choice of dimensions. 'loss_sum' is the sum over pairs
that the paper writes; Adam does not see the factor between them.

The loss is free of each dimension's place and scale, not of rotations. Once
classes are apart in any d dimensions, its gradient dies.

See `common` for classes and deviations.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.methods.embedding import common
from disentangle_jax.ops import class_pairs, f_distribution

CITATION = 'Ridgeway & Mozer 2018, arXiv:1802.05312'
HPARAMS = common.HPARAMS
TEST = {
  **common.TEST,
  'static': {**common.TEST['static'], 'top_dimensions': 2},
}
batch = common.batch


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices, beside those of `common.Config`.

  Attributes:
    top_dimensions: d, dimensions in which two classes should differ.
  """

  top_dimensions: int = 2


def log_probabilities(
  vector: jax.Array, pairs: tuple[np.ndarray, np.ndarray]
) -> jax.Array:
  """How surely two classes differ, in every dimension.

  Args:
    vector: float [C, n, E].
    pairs: numbers of the classes, int [P] twice.

  Returns:
    float [P, E], log Pr, nats.
  """
  count = vector.shape[1]
  mean = jnp.mean(vector, axis=1)
  squares = jnp.sum(jnp.square(vector - mean[:, None]), axis=1)
  first, second = pairs
  between = 0.5 * count * jnp.square(mean[first] - mean[second])
  within = squares[first] + squares[second]
  return f_distribution.log_probability(between, within, 2 * count - 2)


def loss_of(
  vector: jax.Array, valid: jax.Array, top_dimensions: int
) -> dict[str, jax.Array]:
  """The loss of one set of classes.

  Args:
    vector: float [C, n, E].
    valid: bool [C], classes that count.
    top_dimensions: d <= E.

  Returns:
    'loss', mean over pairs, and 'loss_sum', float scalars, nats.
  """
  pairs = np.triu_indices(vector.shape[0], 1)
  logs = log_probabilities(vector, pairs)
  best, _ = jax.lax.top_k(logs, top_dimensions)
  per_pair = -jnp.sum(best, axis=1)
  there = valid[pairs[0]] & valid[pairs[1]]
  total = jnp.sum(jnp.where(there, per_pair, 0))
  return {'loss': class_pairs.mean_over(per_pair, there), 'loss_sum': total}


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its shape and factors.

  Returns:
    The method, without a decoder.

  Raises:
    ConfigError: as `common.make`, or more dimensions than the embedding has.
  """
  d = config.top_dimensions
  checks.integer('config.static.top_dimensions', d, 1)
  if d > config.embedding:
    rule = f'must be at most config.static.embedding, {config.embedding}'
    raise errors.value('config.static.top_dimensions', d, rule)

  def objective(vector, valid, hparams):
    del hparams
    return loss_of(vector, valid, d)

  return common.make(config, data, objective)
