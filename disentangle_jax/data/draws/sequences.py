"""Walks over the grid."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import requests, types
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example


def draw(dataset: types.Dataset, request: requests.Sequence) -> common.Draw:
  """A walk over the grid: each moving factor steps by one and turns at ends.

  Starts at the batch's factors; each example and factor has its direction.
  Where the next point has no probability (combinations that are held out), all
  factors turn; where there is none behind either, the walk stands still. A set
  whose observations are videos already needs no such field.
  """
  common.need_grid(dataset, request)
  common.integer(request, 'frames', 1)
  names = dataset.factor_names if request.moving is None else request.moving
  moves = np.zeros(len(dataset.factor_names), np.int32)
  moves[common.columns(dataset, request, 'moving', names)] = 1
  room = jnp.asarray(dataset.factor_sizes, jnp.int32) - 1
  # A factor of one value has nowhere to go.
  moves = jnp.asarray(moves) * (room > 0)

  def onwards(point, sign):
    ahead = point + moves * sign
    sign = jnp.where((ahead < 0) | (ahead > room), -sign, sign)
    point = point + moves * sign
    return point, sign, jnp.isfinite(dataset.log_density(point))

  def step(state, _):
    point, sign = state
    ahead, ahead_sign, free = onwards(point, sign)
    back, back_sign, back_free = onwards(point, -sign)
    choose = lambda a, b, c: jnp.where(free, a, jnp.where(back_free, b, c))
    point = choose(ahead, back, point)
    sign = choose(ahead_sign, back_sign, sign)
    return (point, sign), point

  def walk(key, start):
    up = jax.random.bernoulli(key, shape=start.shape)
    sign = jnp.where(up, 1, -1).astype(jnp.int32)
    _, points = jax.lax.scan(
      step, (start, sign), length=request.frames - 1, xs=None
    )
    return jnp.concatenate([start[None], points])

  def fields(key, arrays, index, batch):
    key = common.key_of(key, request)
    factors = jax.vmap(walk)(per_example.keys(key, index), batch['factors'])
    # One key for a whole sequence: nuisances stay the same in it.
    keys = per_example.keys(jax.random.fold_in(key, 1), index)
    frame = jax.vmap(dataset.render, (None, 0, None))
    sequence = jax.vmap(frame, (None, 0, 0))(arrays, factors, keys)
    return {'sequence': sequence, 'sequence_factors': factors}

  return fields
