"""Principal component analysis, from batches.

Pearson 1901, https://doi.org/10.1080/14786440109462720; a baseline of Higgins
et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl (table "2D shapes"). With
the mean m and the covariance S of all images seen so far, the columns of V are
the D leading eigenvectors of S, and the code is

  z = V^T (x - m),   x^ = m + V z

Codes keep the variance of the images, the first the largest. The loss is half
the squared error |x - x^|^2 / 2. Static option `standardise`: pixels in units
of their deviations, so that V are eigenvectors of the correlations (the
baseline of Eastwood & Williams 2018). Deviations: none; V comes from one
orthogonal iteration per step (Golub & Van Loan, section 7.3.2), so that the
number of steps must suffice for it to settle.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.linear import common

CITATION = 'Pearson 1901; Higgins et al. 2017'
DISPLAY = 'PCA'
HPARAMS: dict[str, float] = {}
STRENGTH = None
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    standardise: whether pixels are scaled to unit variance; constant ones
      count for nothing.
  """

  standardise: bool = False


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; codes have no distribution around them.

  Raises:
    ConfigError: more components than pixels.
  """
  common.check(config, data)

  def init(key, batch, hparams):
    del hparams
    state = common.init(key, batch, config.num_latents)
    if not config.standardise:
      return state
    scale = jnp.ones_like(state.params['mean'])
    return state._replace(params={**state.params, 'scale': scale})

  def update(key, state, batch, hparams):
    del key, hparams
    x = common.flat(batch['observation'])
    loss = common.error(state.params, x)
    return common.absorb(state, x), {'loss': loss}

  def decode(params, vector):
    moved = vector @ params['components'].T
    x = params['mean'] + moved * params.get('scale', 1)
    return x.reshape(-1, *data.observation_shape)

  return common.method(init, update, common.project, decode, config.num_latents)
