"""Embedding by triplets: nearer to its class than to others, by a margin.

Schroff et al. 2015, "FaceNet", CVPR, https://arxiv.org/abs/1503.03832, equation
2, over all triplets of a step, as Ridgeway & Mozer 2018,
https://arxiv.org/abs/1802.05312, use it as a baseline. Minimised is the mean
over all valid triplets (anchor a, positive p of its class, negative n of
another one) of

  max(0, margin + |a - p|^2 - |a - n|^2).

Distances are squared, and so is the unit of the margin. Deviations: no mining
of hard triplets; embeddings are not of unit length.

See `common` for classes and further deviations.
"""

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.embedding import common

CITATION = 'Schroff et al. 2015, arXiv:1503.03832, equation 2'
HPARAMS = {**common.HPARAMS, 'margin': 0.1}
TEST = common.TEST
Config = common.Config
batch = common.batch


def loss_of(
  vector: jax.Array, valid: jax.Array, margin: jax.Array
) -> jax.Array:
  """Mean over the valid triplets of one set of classes.

  Args:
    vector: float [C, n, E].
    valid: bool [C], classes that count.
    margin: float scalar, >= 0.

  Returns:
    float scalar; 0 where there is no triplet.
  """
  classes, count, _ = vector.shape
  rows = vector.reshape(classes * count, -1)
  difference = rows[:, None] - rows[None, :]
  distance = jnp.sum(jnp.square(difference), axis=-1)
  positive, negative = common.flat_pairs(valid, count)
  # Positives stand in the anchor's own class: [C n, n], not [C n, C n].
  own = jnp.repeat(jnp.arange(classes), count)[:, None] * count
  own = own + jnp.arange(count)
  near = jnp.take_along_axis(distance, own, axis=1)
  is_near = jnp.take_along_axis(positive, own, axis=1)
  triplet = jnp.maximum(0, margin + near[:, :, None] - distance[:, None, :])
  return common.mean_over(triplet, is_near[:, :, None] & negative[:, None, :])


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
    return {'loss': loss_of(vector, valid, hparams['margin'])}

  return common.make(config, data, objective)
