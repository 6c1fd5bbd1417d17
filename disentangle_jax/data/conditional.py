"""Exact draws given what some factors are, and the two halves of a set.

Both list the points of a set once: the grid points that have probability, or a
stream's rows. A draw is then one search in a table, the same for every
distribution of factors.
"""

from collections.abc import Callable, Mapping, Sequence
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, stream
from disentangle_jax.ops import per_example

# Points that are listed: their weights take 8 bytes each while a table is made.
LARGEST = 2**24
_BLOCK = 2**16


class Table(NamedTuple):
  """Points by group, with the cumulative weights inside each group.

  Attributes:
    point: int32 [N], numbers of the points with weight, group after group.
    bottom: uint32 [N], the share of its group that lies before a point, in
      units of 2^-32; the first of a group has 0.
    start: int32 [G], where each group begins.
    count: int32 [G], points of each group.
  """

  point: np.ndarray
  bottom: np.ndarray
  start: np.ndarray
  count: np.ndarray

  def find(self, level: jax.Array, group: jax.Array) -> jax.Array:
    """The point of a group that a level falls to.

    Args:
      level: uint32 scalar, uniform.
      group: int32 scalar, a group with points.

    Returns:
      int32 scalar: the last point whose bottom is not above the level.
    """
    bottom = jnp.asarray(self.bottom)
    low = jnp.asarray(self.start)[group]
    high = low + jnp.asarray(self.count)[group] - 1
    # Written out: a loop's carry would have to vary over a mesh from the start.
    for _ in range(int(self.count.max()).bit_length()):
      middle = (low + high + 1) // 2
      below = bottom[middle] <= level
      low = jnp.where(below, middle, low)
      high = jnp.where(below, high, middle - 1)
    return jnp.asarray(self.point)[low]

  def draw(self, key: jax.Array, group: jax.Array) -> jax.Array:
    """A point of a group, by its weight.

    Args:
      key: typed PRNG key.
      group: int32 scalar, a group with points.

    Returns:
      int32 scalar.
    """
    return self.find(jax.random.bits(key, dtype=jnp.uint32), group)


def tabulate(groups: np.ndarray, weights: np.ndarray, count: int) -> Table:
  """The table of weighted points.

  Args:
    groups: int [N], the group of each point; -1 for none.
    weights: float64 [N], >= 0.
    count: number of groups.

  Returns:
    The table; a point's probability is its weight's share of its group's,
    rounded to a multiple of 2^-32.
  """
  listed = np.flatnonzero((weights > 0) & (groups >= 0))
  listed = listed[np.argsort(groups[listed], kind='stable')]
  group, weight = groups[listed], weights[listed]
  number = np.bincount(group, minlength=count)
  start = np.cumsum(number) - number
  before = np.concatenate([[0.0], np.cumsum(weight)])
  # Groups without points share their start with the next; nobody asks for them.
  total = before[start + number] - before[start]
  share = (before[:-1] - before[start[group]]) / total[group]
  bottom = np.floor(np.clip(share, 0, 1) * 2.0**32)
  return Table(
    listed.astype(np.int32),
    np.minimum(bottom, 2**32 - 1).astype(np.uint32),
    start.astype(np.int32),
    number.astype(np.int32),
  )


class Given(NamedTuple):
  """Draws of a set given some of its factors.

  Attributes:
    share: float64 [M], the probability of each combination of these factors,
      by its number.
    number: `(factors int32 [..., K]) -> int32 [...]`, which combination.
    draw: `(key, arrays, index int32 [B], number int32 [B]) -> batch`, with
      'observation', 'factors' and the set's own fields; row b depends on (key,
      index[b], number[b]) alone. Combinations without probability are not to
      be asked for.
  """

  share: np.ndarray
  number: Callable[[jax.Array], jax.Array]
  draw: Callable[..., Mapping[str, jax.Array]]


def given(
  dataset: types.Dataset, columns: Sequence[int], asks: tuple[str, Any]
) -> Given:
  """Draws of a set given the factors of some columns, exact.

  Where these factors are independent of the others, the others are those of a
  plain draw; elsewhere they come from a table of all points.

  Args:
    dataset: with a grid of factors, or with rows.
    columns: numbers of the factors.
    asks: the setting that needs it and its value, for errors.

  Returns:
    The draws.

  Raises:
    ConfigError: neither a grid nor rows, or more than 2^24 points.
  """
  columns = list(columns)
  sizes = [dataset.factor_sizes[k] for k in columns]
  count = math.prod(sizes)
  show = _show(dataset, asks)
  _limit(count, dataset, asks)
  place = np.asarray(columns)
  number = lambda factors: factorial.flat_index(factors[..., place], sizes)

  if dataset.render is None:
    factors = dataset.extras['rows'].factors.astype(np.int64)
    groups = np.ravel_multi_index(tuple(factors[:, place].T), sizes)
    weights = np.ones(len(factors))
  else:
    weights = _weights(dataset, asks)
    rest = [k for k in range(len(dataset.factor_sizes)) if k not in columns]
    joint = weights.reshape(dataset.factor_sizes).transpose(columns + rest)
    joint = joint.reshape(count, -1)
    share = joint.sum(1)
    # Densities are float32: independent ones agree to about 1e-6.
    if np.allclose(joint, np.outer(share, joint.sum(0)), rtol=1e-4, atol=0):
      return Given(share, number, _independent(dataset, place, sizes, show))
    every = np.arange(weights.size).reshape(dataset.factor_sizes)
    every = every.transpose(columns + rest).reshape(count, -1)
    groups = np.empty(weights.size, np.int64)
    groups[every] = np.arange(count)[:, None]
  table = tabulate(groups, weights, count)
  share = np.bincount(groups, weights, minlength=count)

  def draw(key, arrays, index, number):
    point_key, show_key = jax.random.split(key)
    keys = per_example.keys(point_key, index)
    return show(show_key, arrays, index, jax.vmap(table.draw)(keys, number))

  return Given(share / share.sum(), number, draw)


def halves(
  dataset: types.Dataset, asks: tuple[str, Any]
) -> tuple[types.Dataset, types.Dataset]:
  """A set in two, by a fixed order of its points.

  Args:
    dataset: with a grid of factors, or with rows.
    asks: the setting that needs it and its value, for errors.

  Returns:
    Two data sets without a point in common, each distributed as the whole is on
    its half, without fields of their own.

  Raises:
    ConfigError: neither a grid nor rows, fewer than 4 points, or more than
      2^24.
  """
  show = _show(dataset, asks)
  grid = dataset.render is not None
  if grid:
    weights = _weights(dataset, asks)
  else:
    weights = np.ones(len(dataset.extras['rows'].factors))
  points = np.flatnonzero(weights)
  if len(points) < 4:
    rule = f'{dataset.name} has {len(points)} points: halves need 2 each'
    raise errors.value(*asks, rule)
  order = np.random.Generator(np.random.PCG64(0)).permutation(points)
  middle = (len(order) + 1) // 2
  cut = _half_of_grid if grid else _half_of_rows
  sides = order[:middle], order[middle:]
  return tuple(cut(dataset, np.sort(half), weights, show) for half in sides)


def _half_of_rows(dataset, half, weights, show):
  """A stream of some of a stream's rows."""
  del weights, show
  rows, numbers = dataset.extras['rows'], half.astype(np.int32)
  part = stream.Rows(
    rows.factors[half],
    lambda arrays, number: rows.show(arrays, jnp.asarray(numbers)[number]),
  )
  return dataset._replace(
    sample=stream.uniform(part),
    log_density=stream.frequencies(part.factors),
    fields=(),
    extras={**dataset.extras, 'rows': part},
    num_examples=len(half),
  )


def _half_of_grid(dataset, half, weights, show):
  """A grid's distribution on some of its points alone."""
  groups = np.full(weights.size, -1)
  groups[half] = 0
  table = tabulate(groups, weights, 1)
  log_share = math.log(weights[half].sum())

  def sample(key, arrays, index):
    point_key, show_key = jax.random.split(key)
    draw = lambda k: table.draw(k, 0)
    points = jax.vmap(draw)(per_example.keys(point_key, index))
    return {**show(show_key, arrays, index, points), 'index': index}

  def log_density(factors):
    flat = factorial.flat_index(factors, dataset.factor_sizes)
    inside = jnp.asarray(groups == 0)[flat]
    return jnp.where(inside, dataset.log_density(factors) - log_share, -jnp.inf)

  return dataset._replace(
    sample=sample,
    log_density=log_density,
    fields=(),
    num_examples=len(half),
  )


def _show(dataset, asks):
  """`(key, arrays, index, number) -> batch` of numbered points."""
  if dataset.render is not None:
    fields = dataset.extras.get('fields', {})
    reveal = factorial.reveal(dataset.render, fields)

    def show(key, arrays, index, number):
      factors = factorial.unflatten(number, dataset.factor_sizes)
      keys = per_example.keys(key, index)
      revealed = jax.vmap(reveal, (None, 0, 0))(arrays, factors, keys)
      return {'factors': factors, **revealed}

    return show
  if 'rows' not in dataset.extras:
    rule = f'{dataset.name} has neither a grid of factors nor rows to find'
    raise errors.value(*asks, rule)
  rows = dataset.extras['rows']
  return lambda key, arrays, index, number: rows.show(arrays, number)


def _independent(dataset, place, sizes, show):
  """Draws of a grid whose other factors do not depend on those given."""

  def draw(key, arrays, index, number):
    point_key, show_key = jax.random.split(key)
    factors = dataset.sample(point_key, arrays, index)['factors']
    identity = factorial.unflatten(number, sizes)
    factors = factors.at[:, place].set(identity)
    points = factorial.flat_index(factors, dataset.factor_sizes)
    return show(show_key, arrays, index, points)

  return draw


def _weights(dataset: types.Dataset, asks: tuple[str, Any]) -> np.ndarray:
  """float64 [product of the sizes], the probability of every grid point."""
  sizes = dataset.factor_sizes
  total = math.prod(sizes)
  _limit(total, dataset, asks)
  log_density = jax.jit(dataset.log_density)
  logs = []
  for start in range(0, total, _BLOCK):
    numbers = np.arange(start, min(start + _BLOCK, total))
    points = np.stack(np.unravel_index(numbers, sizes), -1).astype(np.int32)
    # A sampler may be made inside of traced code; the points are known there.
    with jax.ensure_compile_time_eval():
      logs.append(np.asarray(log_density(points), np.float64))
  weights = np.exp(np.concatenate(logs))
  return weights / weights.sum()


def _limit(count: int, dataset: types.Dataset, asks: tuple[str, Any]) -> None:
  if count > LARGEST:
    rule = (
      f'{dataset.name} has {count:,} points, at most {LARGEST:,} are listed'
    )
    raise errors.value(*asks, rule)
