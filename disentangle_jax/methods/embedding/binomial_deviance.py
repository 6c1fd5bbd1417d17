"""Embedding by the binomial deviance of the similarities of pairs.

Yi et al. 2014, "Deep metric learning for person re-identification",
https://arxiv.org/abs/1407.4979, in the form that Ustinova & Lempitsky 2016,
https://arxiv.org/abs/1611.00822, section 3, and Ridgeway & Mozer 2018,
https://arxiv.org/abs/1802.05312, compare with. Embeddings have unit length and
s is the cosine of a pair. Minimised, in nats:

  mean over positive pairs of log(1 + exp(-2 (s - 0.5)))
  + mean over negative pairs of log(1 + exp(2 negative_cost (s - 0.5)))

See `common` for classes and deviations.
"""

import jax

from disentangle_jax import types
from disentangle_jax.methods.embedding import common
from disentangle_jax.ops import class_pairs

CITATION = 'Yi et al. 2014, arXiv:1407.4979'
HPARAMS = {**common.HPARAMS, 'negative_cost': 10.0}
TEST = common.TEST
Config = common.Config
batch = common.batch
# The published slope and the cosine at which a pair is undecided.
SLOPE, MIDDLE = 2.0, 0.5


def loss_of(
  vector: jax.Array, valid: jax.Array, negative_cost: jax.Array
) -> jax.Array:
  """The loss of one set of classes.

  Args:
    vector: float [C, n, E], of unit length.
    valid: bool [C], classes that count.
    negative_cost: float scalar, >= 0.

  Returns:
    float scalar, nats.
  """
  classes, count, _ = vector.shape
  rows = vector.reshape(classes * count, -1)
  above = SLOPE * (rows @ rows.T - MIDDLE)
  positive, negative = class_pairs.flat_pairs(valid, count)
  similar = class_pairs.mean_over(jax.nn.softplus(-above), positive)
  different = jax.nn.softplus(negative_cost * above)
  return similar + class_pairs.mean_over(different, negative)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its shape and factors.

  Returns:
    The method, without a decoder.

  Raises:
    ConfigError: as `common.make`.
  """

  def objective(vector, valid, hparams):
    return {'loss': loss_of(vector, valid, hparams['negative_cost'])}

  return common.make(config, data, objective, unit=True)
