"""Observations to codes: how all runs of a chunk are encoded and sampled."""

from collections.abc import Callable, Mapping
import zlib

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.engine.programs import memory
from disentangle_jax.ops import gaussian

MEAN, SAMPLED = 'mean', 'sampled'


def represent_as(
  codes: types.Codes, representation: str, noise: jax.Array
) -> types.Codes:
  """The codes with the mean or one sample of q(z|x) as the vector.

  Args:
    codes: leaves [..., D].
    representation: 'mean' or 'sampled'.
    noise: float32 [..., D'], standard normal, for the D' Gaussian latents.
      Latents behind them in the vector (one-hot classes) stay as they are.

  Returns:
    The codes to score.
  """
  if representation == MEAN:
    return codes
  mean, logvar = codes.parts['mean'], codes.parts['logvar']
  sample = gaussian.sample(mean, logvar, noise)
  rest = codes.vector[..., mean.shape[-1] :]
  return codes._replace(vector=jnp.concatenate([sample, rest], axis=-1))


def noise(
  codes: types.Codes, key: jax.Array, lead: tuple[int, ...]
) -> jax.Array:
  """One draw shared by all runs; they are compared under equal noise.

  Args:
    codes: of one run; with a 'mean' if there is a distribution to draw from.
    key: typed PRNG key.
    lead: shape of the points.

  Returns:
    float32 [*lead, D'], or a zero for codes without a distribution.
  """
  if 'mean' not in codes.parts:
    return jnp.zeros(())
  return jax.random.normal(key, (*lead, codes.parts['mean'].shape[-1]))


def metric_key(name: str, metric_seed: int) -> jax.Array:
  """The key of a metric's draw: the same for every run of every study."""
  key = jax.random.fold_in(jax.random.key(metric_seed), 0x5C0)
  return jax.random.fold_in(key, np.uint32(zlib.crc32(name.encode())))


def draw(
  data: types.Dataset, key: jax.Array, arrays: types.PyTree, index: jax.Array
) -> Mapping[str, jax.Array]:
  """What a stream is scored on: all its rows in a random order, over and over.

  Independent draws would hold an image twice, in training and test sets too.

  Args:
    data: a stream; one that does not number its rows gives its own draws.
    key: of the order.
    arrays: the data set's.
    index: int32 [B], numbers of the draws.

  Returns:
    A batch with 'observation' and 'factors'.
  """
  if 'rows' not in data.extras:
    return data.sample(key, arrays, index)
  order = jax.random.permutation(key, data.num_examples)
  number = order[index % data.num_examples].astype(jnp.int32)
  return data.extras['rows'].show(arrays, number)


def observe(data: types.Dataset) -> Callable:
  """`(arrays, key, points [B, K], index [B]) -> observations [B, ...]`.

  Point i is rendered with the i-th key; a stream ignores the points and gives
  its i-th draw.
  """

  def of_points(arrays, key, points, index):
    if data.render is None:
      return draw(data, key, arrays, index)['observation']
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
    return jax.vmap(data.render, (None, 0, 0))(arrays, points, keys)

  return of_points


def by_rows(
  method: types.Method, state: types.PyTree, observation: jax.Array, budget: int
) -> types.Codes:
  """Codes [N, ...] of one run, by blocks of rows that fit the memory.

  Args:
    method: of the run.
    state: of the run.
    observation: [N, ...].
    budget: bytes that encoding may hold.
  """
  count = len(observation)
  fitting = memory.rows_at_once(
    budget, (method.represent, state, observation[:1])
  )
  rows = memory.divisor(count, fitting)
  if rows == count:
    return method.represent(state, observation)
  blocks = observation.reshape(-1, rows, *observation.shape[1:])
  codes = jax.lax.map(lambda x: method.represent(state, x), blocks)
  return jax.tree.map(lambda x: x.reshape(count, *x.shape[2:]), codes)


def encoder(
  method: types.Method,
  data: types.Dataset,
  blocks: int,
  block: int,
  budget: int,
) -> Callable:
  """A pure function from points to the codes of all runs, block by block.

  Args:
    method: of the runs.
    data: where observations come from.
    blocks: number of blocks.
    block: points per block.
    budget: bytes that encoding may hold at once on a device.

  Returns:
    (states [R], arrays, int points [blocks * block, K], key) -> codes
    [R, blocks * block, ...], of the observations that `observe` gives.
  """
  observed = observe(data)

  def encode_block(state, arrays, key, points, index):
    observation = observed(arrays, key, points, index)
    represent = lambda s, x: method.represent(s, x)
    together = memory.at_once(represent, state, observation, budget)
    return memory.over_runs(
      lambda s: represent(s, observation), state, together
    )

  def encode(state, arrays, points, key):
    index = jnp.arange(blocks * block, dtype=jnp.int32)
    split = lambda x: x.reshape(blocks, block, *x.shape[1:])
    of_block = lambda points, index: encode_block(
      state, arrays, key, points, index
    )
    first = jax.eval_shape(of_block, points[:block], index[:block])
    whole = jax.tree.map(
      lambda x: jnp.zeros((x.shape[0], blocks * block, *x.shape[2:]), x.dtype),
      first,
    )

    def step(codes, block_of):
      # In place: codes of blocks first would be copied to put runs first, and
      # both lie there at once.
      put = lambda all_codes, own: jax.lax.dynamic_update_slice_in_dim(
        all_codes, own, block_of[1][0], axis=1
      )
      return jax.tree.map(put, codes, of_block(*block_of)), None

    return jax.lax.scan(step, whole, (split(points), split(index)))[0]

  return encode
