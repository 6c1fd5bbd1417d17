"""How factors are sampled for scoring, from a grid or from given rows.

A metric asks for points in a certain arrangement: independent points, batches
in which one factor is held, pairs. A `types.Design` draws that arrangement from
the full grid (`sample`, used by the engine) and picks it from rows that a user
already has (`draw`, used by `disentangle_jax.metrics.evaluate`).

Factors of one value never are the held or changed factor: nothing could be
learnt from them. A score is told which factor it was (`types.Intervention`):
the points do not show it where a factor has a rare value or is a function of
another one.
"""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.ops import per_example


def grid_points(
  key: jax.Array, factor_sizes: tuple[int, ...], num_points: int
) -> jax.Array:
  """Independent uniform points of the factor grid.

  Row n depends on (key, n) alone: a longer draw with the same key starts with
  the shorter one, so that metrics can share encoded points.

  Args:
    key: a typed PRNG key.
    factor_sizes: number of values of each of the K factors.
    num_points: N.

  Returns:
    int32 [N, K].
  """
  sizes = jnp.array(factor_sizes, jnp.int32)
  keys = per_example.keys(key, jnp.arange(num_points))
  draw = lambda k: jax.random.randint(k, sizes.shape, 0, sizes, jnp.int32)
  return jax.vmap(draw)(keys)


def variable_factors(factor_sizes: tuple[int, ...]) -> np.ndarray:
  """Numbers of the factors with two values or more, int32 [K']."""
  return np.flatnonzero(np.array(factor_sizes) > 1).astype(np.int32)


def pick_factor(
  key: jax.Array, factor_sizes: tuple[int, ...], num_points: int
) -> jax.Array:
  """Which factor is held or changed at each point, int32 [num_points]."""
  legal = jnp.array(variable_factors(factor_sizes))
  return legal[jax.random.randint(key, (num_points,), 0, legal.size)]


def points_of(
  arrangement: jax.Array | types.Intervention,
) -> jax.Array:
  """The points of what a design gives, int32 [..., K]."""
  if isinstance(arrangement, types.Intervention):
    return arrangement.points
  return arrangement


def _require_factors(factor_sizes, least, what):
  if variable_factors(factor_sizes).size < least:
    raise errors.value(
      'factor_sizes',
      tuple(factor_sizes),
      f'{what} needs at least {least} factors with two values or more',
    )


def iid(
  factor_sizes: tuple[int, ...], num_train: int, num_test: int = 0
) -> types.Design:
  """Independent points: `num_train` for training, then `num_test` for testing.

  From given rows it takes every row once, in order.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: training points.
    num_test: test points, 0 for metrics without a test set.

  Returns:
    A design of shape [num_train + num_test].
  """
  total = num_train + num_test

  def draw(generator, factors, rows_train):
    del generator
    if rows_train != num_train or len(factors) != total:
      raise errors.value(
        'factors', len(factors), f'must have {num_train} + {num_test} rows'
      )
    return np.arange(total)

  sample = lambda key: grid_points(key, factor_sizes, total)
  return types.Design(sample, draw, 'split' if num_test else 'points')


class _Groups:
  """Rows sorted by one label, to pick random rows with an equal label."""

  def __init__(self, labels: np.ndarray):
    self.order = np.argsort(labels, kind='stable')
    _, self.of_row, self.count = np.unique(
      labels, return_inverse=True, return_counts=True
    )
    self.start = np.cumsum(self.count) - self.count
    self.rank = np.empty(len(labels), np.int64)
    self.rank[self.order] = (
      np.arange(len(labels)) - self.start[self.of_row[self.order]]
    )

  def with_mates(self) -> np.ndarray:
    """Rows that share their label with another row."""
    return np.flatnonzero(self.count[self.of_row] > 1)

  def members(self, generator, rows, shape):
    """For each of rows [P], random rows [P, *shape] with its label."""
    group = self.of_row[rows].reshape(rows.shape + (1,) * len(shape))
    u = generator.random(rows.shape + shape)
    offset = np.floor(u * self.count[group]).astype(np.int64)
    return self.order[self.start[group] + offset]

  def mates(self, generator, rows):
    """For each of rows, each with a mate, another row with its label."""
    group = self.of_row[rows]
    others = self.count[group] - 1
    offset = np.floor(generator.random(rows.shape) * others).astype(np.int64)
    offset += offset >= self.rank[rows]
    return self.order[self.start[group] + offset]


def _repeated(generator, groups, k, shape):
  """Random rows with a value of factor k that another row has as well."""
  legal = groups.with_mates()
  if legal.size == 0 and np.prod(shape):
    raise errors.value(
      f'factors[:, {k}]',
      'no value occurs twice',
      'to hold a factor takes two rows with one value of it',
    )
  return generator.choice(legal, shape) if legal.size else np.empty(shape, int)


def _split_counts(num_train, num_test):
  return ((0, num_train), (num_train, num_train + num_test))


def _row_ranges(factors, rows_train):
  """Rows that serve for training and for testing; the same if no test rows."""
  everything = np.arange(len(factors))
  if rows_train == len(factors):
    return everything, everything
  return everything[:rows_train], everything[rows_train:]


def _varying_columns(factors, what):
  varies = np.flatnonzero(np.any(factors != factors[:1], axis=0))
  if varies.size == 0:
    raise errors.value('factors', 'constant', f'{what} needs a varying factor')
  return varies


def held_batches(
  factor_sizes: tuple[int, ...],
  num_iid: int,
  num_train: int,
  num_test: int,
  batch_size: int,
) -> types.Design:
  """Batches in which one random factor is held, after batches without.

  The first `ceil(num_iid / batch_size)` batches are independent points (for
  global variances). From given rows, the held batches are drawn with
  replacement among the rows that share a value, of the values that occur twice.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_iid: independent points wanted.
    num_train: held batches for training.
    num_test: held batches for testing.
    batch_size: points in a batch, B.

  Returns:
    A design whose points have the shape
    [ceil(num_iid / B) + num_train + num_test, B].
  """
  _require_factors(factor_sizes, 1, 'a held factor')
  free = -(-num_iid // batch_size)
  total = num_train + num_test

  def sample(key):
    points_key, factor_key = jax.random.split(key)
    points = grid_points(points_key, factor_sizes, (free + total) * batch_size)
    points = points.reshape(free + total, batch_size, -1)
    factor = pick_factor(factor_key, factor_sizes, total)
    is_held = factor[:, None, None] == jnp.arange(len(factor_sizes))
    batches = jnp.where(is_held, points[free:, :1], points[free:])
    return types.Intervention(jnp.concatenate([points[:free], batches]), factor)

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a held factor')
    train, test = _row_ranges(factors, rows_train)
    index = np.empty((free + total, batch_size), np.int64)
    index[:free] = generator.choice(train, (free, batch_size))
    factor = generator.choice(varying, total).astype(np.int32)
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip((train, test), ranges):
      for k in varying:
        groups = _Groups(factors[rows, k])
        batch = begin + np.flatnonzero(factor[begin:end] == k)
        first = _repeated(generator, groups, k, batch.shape)
        index[free + batch] = rows[
          groups.members(generator, first, (batch_size,))
        ]
    return types.Intervention(index, factor)

  return types.Design(sample, draw)


def moved_batches(
  factor_sizes: tuple[int, ...],
  num_iid: int,
  num_train: int,
  num_test: int,
  batch_size: int,
) -> types.Design:
  """Batches in which one random factor moves and all others are held.

  After `ceil(num_iid / batch_size)` batches of independent points, as in
  `held_batches`. From a grid alone: given rows need not hold such points.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_iid: independent points wanted.
    num_train: batches for training.
    num_test: batches for testing.
    batch_size: points in a batch, B.

  Returns:
    A design whose points have the shape
    [ceil(num_iid / B) + num_train + num_test, B]; `factor` is the one that
    moves.
  """
  _require_factors(factor_sizes, 1, 'a factor that moves')
  free = -(-num_iid // batch_size)
  total = num_train + num_test

  def sample(key):
    points_key, factor_key = jax.random.split(key)
    points = grid_points(points_key, factor_sizes, (free + total) * batch_size)
    points = points.reshape(free + total, batch_size, -1)
    factor = pick_factor(factor_key, factor_sizes, total)
    moves = factor[:, None, None] == jnp.arange(len(factor_sizes))
    batches = jnp.where(moves, points[free:], points[free:, :1])
    return types.Intervention(jnp.concatenate([points[:free], batches]), factor)

  return types.Design(sample)


def held_pairs(
  factor_sizes: tuple[int, ...],
  num_train: int,
  num_test: int,
  batch_size: int,
) -> types.Design:
  """Batches of pairs; the two points of a pair agree in one random factor.

  The factor is the same for all pairs of a batch, its value is not. The points
  of a pair differ, rows are two rows: a pair of one point twice has no
  difference of codes, and is the more frequent the more values the common
  factor has, which a classifier would learn.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: batches for training.
    num_test: batches for testing.
    batch_size: pairs in a batch, B.

  Returns:
    A design whose points have the shape [num_train + num_test, B, 2].
  """
  _require_factors(factor_sizes, 2, 'telling factors apart')
  total = num_train + num_test

  sizes = jnp.array(factor_sizes, jnp.int32)

  def sample(key):
    points_key, factor_key, shift_key = jax.random.split(key, 3)
    points = grid_points(points_key, factor_sizes, total * batch_size * 2)
    points = points.reshape(total, batch_size, 2, -1)
    factor = pick_factor(factor_key, factor_sizes, total)
    is_held = factor[:, None, None] == jnp.arange(len(factor_sizes))
    first = points[:, :, 0]
    second = jnp.where(is_held, first, points[:, :, 1])
    # Uniform over all points; where it is the first one, over all others.
    of_pair = jnp.broadcast_to(factor[:, None], (total, batch_size))
    other = (first + _shifts(shift_key, of_pair, factor_sizes)) % sizes
    same = jnp.all(first == second, axis=-1, keepdims=True)
    second = jnp.where(same, other, second)
    return types.Intervention(jnp.stack([first, second], axis=2), factor)

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a held factor')
    index = np.empty((total, batch_size, 2), np.int64)
    factor = generator.choice(varying, total).astype(np.int32)
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip(_row_ranges(factors, rows_train), ranges):
      for k in varying:
        batch = begin + np.flatnonzero(factor[begin:end] == k)
        groups = _Groups(factors[rows, k])
        first = _repeated(generator, groups, k, (len(batch), batch_size))
        index[batch, :, 0] = rows[first]
        index[batch, :, 1] = rows[groups.mates(generator, first)]
    return types.Intervention(index, factor)

  return types.Design(sample, draw)


def _shifts(
  key: jax.Array, factor: jax.Array, factor_sizes: tuple[int, ...]
) -> jax.Array:
  """Uniform shifts of the grid that leave one factor and move another.

  Args:
    key: a typed PRNG key.
    factor: int32 [...], the factor that stays; others have two values or more.
    factor_sizes: number of values of each of the K factors.

  Returns:
    int32 [..., K], shift k in [0, size k), not all zero.
  """
  first_key, own_key, rest_key = jax.random.split(key, 3)
  sizes = np.array(factor_sizes)
  # log of the number of shifts whose first move is of factor j: it has all but
  # one value, the factors behind it have all of theirs.
  table = np.full((len(sizes), len(sizes)), -np.inf)
  for stays in range(len(sizes)):
    free = np.where(np.arange(len(sizes)) == stays, 1, sizes)
    behind = np.cumsum(np.log(free)[::-1])[::-1] - np.log(free)
    movable = free > 1
    table[stays, movable] = np.log(free[movable] - 1) + behind[movable]
  first = jax.random.categorical(first_key, jnp.array(table)[factor])
  own = jax.random.randint(own_key, first.shape, 1, jnp.array(sizes)[first])
  shape = (*first.shape, len(sizes))
  rest = jax.random.randint(rest_key, shape, 0, jnp.array(sizes))
  number = jnp.arange(len(sizes))
  shift = jnp.where(number == first[..., None], own[..., None], rest)
  moves = (number >= first[..., None]) & (number != factor[..., None])
  return jnp.where(moves, shift, 0).astype(jnp.int32)


def changed_pairs(
  factor_sizes: tuple[int, ...], num_train: int, num_test: int
) -> types.Design:
  """Pairs that differ in exactly one random factor.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: pairs for training.
    num_test: pairs for testing.

  Returns:
    A design whose points have the shape [num_train + num_test, 2].
  """
  _require_factors(factor_sizes, 2, 'telling factors apart')
  total = num_train + num_test
  sizes = jnp.array(factor_sizes, jnp.int32)

  def sample(key):
    points_key, factor_key, value_key = jax.random.split(key, 3)
    first = grid_points(points_key, factor_sizes, total)
    factor = pick_factor(factor_key, factor_sizes, total)
    # A shift by 1 .. size - 1 reaches every other value equally often.
    most = jnp.maximum(sizes[factor], 2)
    shift = jax.random.randint(value_key, (total,), 1, most, jnp.int32)
    is_changed = factor[:, None] == jnp.arange(len(factor_sizes))
    second = (first + shift[:, None] * is_changed) % sizes
    return types.Intervention(jnp.stack([first, second], axis=1), factor)

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a changed factor')
    index = np.empty((total, 2), np.int64)
    factor = generator.choice(varying, total).astype(np.int32)
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip(_row_ranges(factors, rows_train), ranges):
      for k in varying:
        pair = begin + np.flatnonzero(factor[begin:end] == k)
        index[pair] = rows[
          _differ_only_in(generator, factors[rows], k, len(pair))
        ]
    return types.Intervention(index, factor)

  return types.Design(sample, draw)


def _differ_only_in(generator, factors, k, count):
  """Numbers of `count` random pairs of rows that differ in factor k alone."""
  others = np.delete(factors, k, axis=1)
  _, context = np.unique(others, axis=0, return_inverse=True)
  context = context.reshape(-1)
  # Sorted by context, then by value: equal points are a block of their context.
  order = np.lexsort((factors[:, k], context))
  _, whole = np.unique(
    np.stack([context, factors[:, k]], axis=1), axis=0, return_inverse=True
  )
  whole = whole.reshape(-1)
  start_of = lambda label: np.searchsorted(label[order], label)
  own, own_start = np.bincount(whole)[whole], start_of(whole)
  partners = np.bincount(context)[context] - own
  usable = np.flatnonzero(partners > 0)
  if count and usable.size == 0:
    raise errors.value(
      f'factors[:, {k}]',
      'no two rows differ in it alone',
      'give rows of the full grid, or leave out the scores of changed pairs',
    )
  if not count:
    return np.empty((0, 2), np.int64)
  first = generator.choice(usable, count)
  offset = np.floor(generator.random(count) * partners[first]).astype(np.int64)
  rank = start_of(context)[first] + offset
  rank += np.where(rank >= own_start[first], own[first], 0)
  return np.stack([first, order[rank]], axis=1)


def swept_values(
  factor_sizes: tuple[int, ...], num_train: int, num_contexts: int
) -> types.Design:
  """Training points, then the same contexts under every value of each factor.

  After `num_train` independent points follow, for each factor k and each of its
  values v, `num_contexts` points of value v; their other factors are the same
  for all v (for given rows: random rows of value v, as the same contexts need
  not occur).

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: independent points.
    num_contexts: points per value.

  Returns:
    A design of shape [num_train + num_contexts * sum(factor_sizes)].
  """

  def sample(key):
    train_key, *keys = jax.random.split(key, 1 + len(factor_sizes))
    points = [grid_points(train_key, factor_sizes, num_train)]
    for k, size in enumerate(factor_sizes):
      context = grid_points(keys[k], factor_sizes, num_contexts)
      swept = jnp.repeat(context[None], size, axis=0)
      swept = swept.at[:, :, k].set(jnp.arange(size, dtype=jnp.int32)[:, None])
      points.append(swept.reshape(-1, len(factor_sizes)))
    return jnp.concatenate(points)

  def draw(generator, factors, rows_train):
    train, test = _row_ranges(factors, rows_train)
    index = [generator.choice(train, num_train)]
    for k, size in enumerate(factor_sizes):
      for value in range(size):
        rows = test[factors[test, k] == value]
        if rows.size == 0:
          raise errors.value(
            f'factors[:, {k}]', value, 'no test row has this value'
          )
        index.append(generator.choice(rows, num_contexts))
    return np.concatenate(index)

  return types.Design(sample, draw)
