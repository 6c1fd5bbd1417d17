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

from disentangle_jax import types
from disentangle_jax.methods.embedding import common
from disentangle_jax.ops import class_pairs

CITATION = 'Schroff et al. 2015, arXiv:1503.03832, equation 2'
HPARAMS = {**common.HPARAMS, 'margin': 0.1}
TEST = common.TEST
Config = common.Config
batch = common.batch


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
    loss = class_pairs.triplet_loss(vector, valid, hparams['margin'])
    return {'loss': loss}

  return common.make(config, data, objective)
