"""The states of a world that can be listed, for scores over all of them."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import exclusions, factorial

# Grid points that are listed at most.
_LARGEST = 2**22
_BLOCK = 256


class States(NamedTuple):
  """Legal states of a world whose states are grid points.

  Attributes:
    points: int32 [S, K].
    moving: numbers of the factors that some action moves, [P].
    environment: the world.
    moves: int32 [A, K], what an action adds to a point.
    data: the data set.
  """

  points: np.ndarray
  moving: tuple[int, ...]
  environment: types.Environment
  moves: np.ndarray
  data: types.Dataset

  def observe(self, arrays, points, key):
    """Pictures float32 [N, ...] of states int32 [N, K]."""
    keys = jax.random.split(key, len(points))
    render = jax.vmap(self.data.render, (None, 0, 0))
    return render(arrays, points, keys)

  def outcomes(self, key):
    """What each action leads to, int32 [S, A, K], and bool [S, A], if legal."""
    actions = jnp.arange(self.environment.num_actions)
    step = lambda s, a: self.environment.step(key, s, a)[0]
    many = jax.vmap(jax.vmap(step, (None, 0)), (0, None))
    points = jnp.asarray(self.points)
    return many(points, actions), jax.vmap(self.environment.legal)(points)


def of(data: types.Dataset, metric: str, most: int) -> States:
  """The states of a data set's world.

  Args:
    data: the data set.
    metric: who asks, for the error.
    most: states at most; of more an even choice, the same for all runs.

  Returns:
    The states.

  Raises:
    ConfigError: no world whose states are grid points, or too many to list.
  """
  environment = data.extras.get('environment')
  if environment is None or 'moves' not in data.extras:
    rule = (
      f'{metric!r} needs a world whose states are grid points, such as '
      "'gridworld' or 'two_digits'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  total = math.prod(data.factor_sizes)
  if total > _LARGEST:
    rule = f'{metric!r} lists states of grids up to {_LARGEST}'
    raise errors.value(f'{data.name}: number of grid points', total, rule)
  grid = factorial.grid(data.factor_sizes)
  points = np.delete(grid, exclusions.left_out(data), axis=0)
  if len(points) > most:
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(points))
    points = points[np.sort(order[:most])]
  moves = np.asarray(data.extras['moves'])
  moving = tuple(np.flatnonzero(moves.any(axis=0)).tolist())
  return States(points, moving, environment, moves, data)


def in_blocks(function, *rows: jax.Array):
  """`function` of rows [N, ...], as many at once as fit; leaves [N, ...]."""
  one = lambda row: jax.tree.map(
    lambda x: x[0], function(*(x[None] for x in row))
  )
  return jax.lax.map(one, rows, batch_size=min(_BLOCK, len(rows[0])))


def cosine(a: jax.Array, b: jax.Array) -> jax.Array:
  """Of the last axis; 0 where a vector is 0."""
  size = jnp.sqrt(jnp.sum(a * a, -1) * jnp.sum(b * b, -1))
  return jnp.sum(a * b, -1) / jnp.maximum(size, 1e-12)
