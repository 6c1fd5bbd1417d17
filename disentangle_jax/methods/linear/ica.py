"""Independent component analysis, from batches.

Hyvarinen & Oja, "Independent component analysis: algorithms and applications",
Neural Networks 2000, https://doi.org/10.1016/S0893-6080(00)00026-5; a baseline
of Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl (table "2D
shapes"). With u the principal components scaled to unit variance, W a rotation
and g = tanh,

  y = W u,   F(W) = E[g(y) u^T] - diag(E[g'(y)]) W

and the published fixed point is W <- (F F^T)^(-1/2) F. Here every batch moves W
part of the way there: W + learning_rate diag(s) F(W), made orthogonal in the
same symmetric way. s_i is the sign of E[y_i g(y_i)] - E[g'(y_i)], a running
mean: F points along -W_i for sources with heavy tails and along W_i for flat
ones. The code is y; its order and signs mean nothing.

Deviations: batches for the whole data, hence the step; the loss that is
reported is that of the projection, half a squared error, which the rotation
does not change.
"""

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.linear import common
from disentangle_jax.ops import axis, linalg

CITATION = 'Hyvarinen & Oja 2000; Higgins et al. 2017'
DISPLAY = 'ICA'
HPARAMS = {'learning_rate': 0.1}
STRENGTH = None
Config = common.Config
State = common.State

# Of the running mean whose sign tells heavy tails from flat ones.
_DECAY = 0.95


def orthogonal(matrix: jax.Array) -> jax.Array:
  """(M M^T)^(-1/2) M, the orthogonal matrix nearest to M; float [D, D]."""
  values, vectors = linalg.eigh(matrix @ matrix.T)
  scale = 1 / jnp.sqrt(jnp.maximum(values, 1e-12))
  return (vectors * scale) @ vectors.T @ matrix


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; codes have no distribution around them. It also reports
    'non_gaussian', the mean size of the running mean behind s.

  Raises:
    ConfigError: more components than pixels.
  """
  common.check(config, data)
  width = config.num_latents

  def whitened(params, x):
    scale = common.deviation(params)
    projected = common.project(params, x)
    return jnp.where(scale > 0, projected / jnp.where(scale > 0, scale, 1), 0)

  def init(key, batch, hparams):
    del hparams
    state = common.init(key, batch, width)
    params = {**state.params, 'rotation': jnp.eye(width)}
    return state._replace(params=params, memory=jnp.zeros(width))

  def update(key, state, batch, hparams):
    del key
    x = common.flat(batch['observation'])
    loss = common.error(state.params, x)
    state = common.absorb(state, x)
    u, rotation = whitened(state.params, x), state.params['rotation']
    y = u @ rotation.T
    g = jnp.tanh(y)
    slope = axis.mean(1 - jnp.square(g))
    bend = _DECAY * state.memory + (1 - _DECAY) * (axis.mean(y * g) - slope)
    step = axis.mean((g.T @ u / len(u))[None]) - slope[:, None] * rotation
    step = jnp.where(bend < 0, -1.0, 1.0)[:, None] * step
    rotation = orthogonal(rotation + hparams['learning_rate'] * step)
    params = {**state.params, 'rotation': rotation}
    scalars = {'loss': loss, 'non_gaussian': jnp.mean(jnp.abs(bend))}
    return state._replace(params=params, memory=bend), scalars

  def encode(params, x):
    return whitened(params, x) @ params['rotation'].T

  def decode(params, vector):
    projected = (vector @ params['rotation']) * common.deviation(params)
    x = params['mean'] + projected @ params['components'].T
    return x.reshape(-1, *data.observation_shape)

  return common.method(init, update, encode, decode, width)
