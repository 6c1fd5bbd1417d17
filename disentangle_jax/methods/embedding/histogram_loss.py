"""Embedding by histograms of the similarities of pairs.

Ustinova & Lempitsky 2016, "Learning deep embeddings with histogram loss", NIPS,
https://arxiv.org/abs/1611.00822, equations 2 to 5. Embeddings have unit length;
h+ and h- are histograms of the cosines of pairs of one class and of two, over
nodes from -1 to 1 in steps of 0.01, every cosine shared linearly between its
two nodes. Minimised is

  sum_r h-_r sum_{q <= r} h+_q,

the probability that a random negative pair is at least as similar as a random
positive one: 0.5 plus half a bin where both are distributed alike.

See `common` for classes and deviations.
"""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.methods.embedding import common
from disentangle_jax.ops import class_pairs

CITATION = 'Ustinova & Lempitsky 2016, arXiv:1611.00822, equation 5'
HPARAMS = common.HPARAMS
TEST = common.TEST
Config = common.Config
batch = common.batch
STEP = 0.01
NODES = np.linspace(-1, 1, round(2 / STEP) + 1, dtype=np.float32)


def loss_of_histograms(positive: jax.Array, negative: jax.Array) -> jax.Array:
  """sum_r h-_r sum_{q <= r} h+_q.

  Args:
    positive: float [R], h+, sums to 1.
    negative: float [R], h-, sums to 1.

  Returns:
    float scalar in [0, 1].
  """
  return jnp.sum(negative * jnp.cumsum(positive))


def loss_of(vector: jax.Array, valid: jax.Array) -> jax.Array:
  """The loss of one set of classes.

  Args:
    vector: float [C, n, E], of unit length.
    valid: bool [C], classes that count.

  Returns:
    float scalar.
  """
  classes, count, _ = vector.shape
  rows = vector.reshape(classes * count, -1)
  cosine = jnp.clip(rows @ rows.T, -1, 1)
  # Each pair once: its mirror image has the same cosine.
  first, second = np.triu_indices(len(rows), 1)
  share = jnp.maximum(
    0, 1 - jnp.abs(cosine[first, second][:, None] - NODES) / STEP
  )

  def histogram(pairs):
    pairs = pairs[first, second].astype(share.dtype)
    return pairs @ share / jnp.maximum(jnp.sum(pairs), 1)

  positive, negative = class_pairs.flat_pairs(valid, count)
  return loss_of_histograms(histogram(positive), histogram(negative))


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
    del hparams
    return {'loss': loss_of(vector, valid)}

  return common.make(config, data, objective, unit=True)
