"""Running moments of observations and their principal components.

Every step adds its batch to the mean and the second moments of all batches so
far, and turns the components once towards the leading eigenvectors of the
covariance by orthogonal iteration. That costs one product of batch and batch
per step, and after some passes the result is that of an eigendecomposition of
all images seen.
"""

from collections.abc import Callable
import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.ops import axis, likelihood, linalg

# Variance below this share of the largest is rounding.
_LEAST = 1e-6


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    num_latents: D, components kept.
  """

  num_latents: int = 10


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: what represents and decodes: 'mean' [P], 'components' [P, D] with
      orthonormal columns, 'variance' [D], and what a method adds.
    second: float32 [P, P], mean of x x^T.
    step: int32 scalar, updates done so far.
    memory: what a method carries beside these.
  """

  params: types.PyTree
  second: jax.Array
  step: jax.Array
  memory: types.PyTree = ()


def check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError when there are more components than pixels."""
  pixels = math.prod(data.observation_shape)
  if config.num_latents > pixels:
    rule = f'must be at most the number of pixels, {pixels}'
    raise errors.value('config.static.num_latents', config.num_latents, rule)


def flat(observation: jax.Array) -> jax.Array:
  """float [B, ...] -> [B, P]."""
  return observation.reshape(len(observation), -1)


def init(key: jax.Array, batch: types.PyTree, num_latents: int) -> State:
  """Random orthonormal components, nothing seen.

  Args:
    key: typed PRNG key.
    batch: for its shapes.
    num_latents: D.
  """
  pixels = flat(batch['observation']).shape[1]
  start = jax.random.normal(key, (pixels, num_latents))
  params = {
    'mean': jnp.zeros(pixels),
    'components': linalg.orthonormal(start),
    'variance': jnp.zeros(num_latents),
  }
  return State(params, jnp.zeros((pixels, pixels)), jnp.zeros((), jnp.int32))


def _signed(components: jax.Array) -> jax.Array:
  """Columns with a positive largest entry, so that signs do not wander."""
  place = jnp.argmax(jnp.abs(components), axis=0)
  largest = jnp.take_along_axis(components, place[None], axis=0)
  return components * jnp.where(largest < 0, -1.0, 1.0)


def absorb(state: State, x: jax.Array) -> State:
  """Adds a batch to the moments and turns the components once.

  Args:
    state: as before; with a parameter 'scale' the components are those of
      pixels in units of their deviations.
    x: float [B, P], this shard's rows.

  Returns:
    The state with new 'mean', 'components', 'variance', 'second' and 'step',
    and 'scale' where there is one.
  """
  share = 1.0 / (state.step + 1)
  # A product of batch and batch, not B outer products of P^2 numbers each.
  moments = axis.mean((x.T @ x / len(x))[None])
  mean = state.params['mean']
  mean = mean + share * (axis.mean(x) - mean)
  second = state.second + share * (moments - state.second)
  # The covariance times the components; itself it is never written down.
  times = lambda v: second @ v - jnp.outer(mean, mean @ v)
  scaled = {}
  if 'scale' in state.params:
    spread = jnp.diagonal(second) - jnp.square(mean)
    alive = spread > _LEAST * jnp.max(spread)
    scale = jnp.where(alive, jnp.sqrt(jnp.where(alive, spread, 1)), 1)
    plain, column = times, scale[:, None]
    times = lambda v: plain(v / column) / column
    scaled = {'scale': scale}
  turned = linalg.orthonormal(times(state.params['components']))
  # Rayleigh-Ritz: eigenvectors within the subspace, largest first.
  variance, inner = linalg.eigh(turned.T @ times(turned))
  params = {
    **state.params,
    'mean': mean,
    'components': _signed(turned @ inner[:, ::-1]),
    'variance': jnp.maximum(variance[::-1], 0),
    **scaled,
  }
  return state._replace(params=params, second=second, step=state.step + 1)


def project(params: types.PyTree, x: jax.Array) -> jax.Array:
  """Coordinates along the components, float [B, D]."""
  return (x - params['mean']) / params.get('scale', 1) @ params['components']


def error(params: types.PyTree, x: jax.Array) -> jax.Array:
  """Half the squared error of the projection, batch mean, scalar.

  That is -log p(x|z) in nats up to a constant for Gaussian pixels of unit
  variance; in units of the pixels' deviations where these are scaled.
  """
  projected = project(params, x)
  centred = (x - params['mean']) / params.get('scale', 1)
  lost = centred - projected @ params['components'].T
  return 0.5 * axis.mean(jnp.sum(jnp.square(lost), axis=-1))


def deviation(params: types.PyTree) -> jax.Array:
  """Standard deviations [D]; 0 where a component has no variance."""
  variance = params['variance']
  alive = variance > _LEAST * jnp.max(variance)
  return jnp.where(alive, jnp.sqrt(jnp.where(alive, variance, 1)), 0)


def method(
  init: Callable,
  update: Callable,
  encode: Callable,
  decode: Callable,
  width: int,
) -> types.Method:
  """A method from functions of flat images.

  Args:
    init: as in `types.Method`.
    update: as in `types.Method`.
    encode: `(params, x [B, P]) -> float [B, D]`.
    decode: `(params, vector [B, D]) -> float [B, *observation]`.
    width: D.
  """

  def represent(state, observation):
    return types.Codes(encode(state.params, flat(observation)), {})

  def mean(state, vector):
    return decode(state.params, vector)

  def log_likelihood(state, vector, observation):
    return likelihood.gaussian(
      decode(state.params, vector), observation, jnp.float32(0)
    )

  extras = {'log_likelihood': log_likelihood}
  layout = types.Layout(plain=width)
  return types.Method(init, update, represent, mean, extras, layout)
