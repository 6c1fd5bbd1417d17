"""The observation itself as the code.

A baseline of Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl
(table "2D shapes"): z = x, one code per pixel and channel. There is nothing to
learn and nothing is lost. Deviations: none.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.linear import common

CITATION = 'Higgins et al. 2017'
DISPLAY = 'Raw pixels'
HPARAMS: dict[str, float] = {}
STRENGTH = None
LEARNS = False


@dataclasses.dataclass(frozen=True)
class Config:
  """Nothing to choose."""


class State(NamedTuple):
  """What training changes.

  Attributes:
    params: ().
    step: int32 scalar, updates done so far.
  """

  params: types.PyTree
  step: jax.Array


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: nothing.
    data: the data set, for its observation shape.

  Returns:
    The method; codes have no distribution around them. Its loss is 0.
  """
  del config

  def init(key, batch, hparams):
    del key, batch, hparams
    return State((), jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    del key, batch, hparams
    return state._replace(step=state.step + 1), {'loss': jnp.zeros(())}

  def encode(params, x):
    del params
    return x

  def decode(params, vector):
    del params
    return vector.reshape(-1, *data.observation_shape)

  pixels = math.prod(data.observation_shape)
  return common.method(init, update, encode, decode, pixels)
