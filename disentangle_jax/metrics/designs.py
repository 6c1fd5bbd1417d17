"""How factors are sampled for scoring, from a grid or from given rows.

A metric asks for points in a certain arrangement: independent points, batches
in which one factor is held, pairs. A `types.Design` draws that arrangement from
the full grid (`sample`, used by the engine) and picks it from rows that a user
already has (`draw`, used by `disentangle_jax.metrics.evaluate`).

Factors of one value never are the held or changed factor: nothing could be
learnt from them. The held factor of a batch is not passed on separately; it is
read off the batch itself (`held_factor`), so that codes and factors are all
that a score needs.
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


def held_factor(factors: jax.Array, factor_sizes: tuple[int, ...]) -> jax.Array:
  """The factor that does not vary within each batch.

  Args:
    factors: int32 [..., B, K]; exactly one factor of more than one value is
      constant over B (by chance another one may be, with probability
      size^(1 - B): negligible at B = 64; then the first is taken).
    factor_sizes: number of values of each factor.

  Returns:
    int32 [...].
  """
  constant = jnp.all(factors == factors[..., :1, :], axis=-2)
  constant &= jnp.array(factor_sizes) > 1
  return jnp.argmax(constant, axis=-1).astype(jnp.int32)


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

  def mates(self, generator, rows, shape):
    """For each of rows [P], random rows [P, *shape] with its label."""
    group = self.of_row[rows].reshape(rows.shape + (1,) * len(shape))
    u = generator.random(rows.shape + shape)
    offset = np.floor(u * self.count[group]).astype(np.int64)
    return self.order[self.start[group] + offset]


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
  replacement among the rows that share the value.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_iid: independent points wanted.
    num_train: held batches for training.
    num_test: held batches for testing.
    batch_size: points in a batch, B.

  Returns:
    A design of shape [ceil(num_iid / B) + num_train + num_test, B].
  """
  _require_factors(factor_sizes, 1, 'a held factor')
  free = -(-num_iid // batch_size)
  total = num_train + num_test

  def sample(key):
    points_key, factor_key = jax.random.split(key)
    points = grid_points(points_key, factor_sizes, (free + total) * batch_size)
    points = points.reshape(free + total, batch_size, -1)
    held = pick_factor(factor_key, factor_sizes, total)
    is_held = held[:, None, None] == jnp.arange(len(factor_sizes))
    batches = jnp.where(is_held, points[free:, :1], points[free:])
    return jnp.concatenate([points[:free], batches])

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a held factor')
    train, test = _row_ranges(factors, rows_train)
    index = np.empty((free + total, batch_size), np.int64)
    index[:free] = generator.choice(train, (free, batch_size))
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip((train, test), ranges):
      held = generator.choice(varying, end - begin)
      first = generator.integers(len(rows), size=end - begin)
      for k in varying:
        groups = _Groups(factors[rows, k])
        at = np.flatnonzero(held == k)
        mates = groups.mates(generator, first[at], (batch_size,))
        index[free + begin + at] = rows[mates]
    return index

  return types.Design(sample, draw)


def held_pairs(
  factor_sizes: tuple[int, ...],
  num_train: int,
  num_test: int,
  batch_size: int,
) -> types.Design:
  """Batches of pairs; the two points of a pair agree in one random factor.

  The factor is the same for all pairs of a batch, its value is not.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: batches for training.
    num_test: batches for testing.
    batch_size: pairs in a batch, B.

  Returns:
    A design of shape [num_train + num_test, B, 2].
  """
  _require_factors(factor_sizes, 2, 'telling factors apart')
  total = num_train + num_test

  def sample(key):
    points_key, factor_key = jax.random.split(key)
    points = grid_points(points_key, factor_sizes, total * batch_size * 2)
    points = points.reshape(total, batch_size, 2, -1)
    held = pick_factor(factor_key, factor_sizes, total)
    is_held = held[:, None, None, None] == jnp.arange(len(factor_sizes))
    return jnp.where(is_held, points[:, :, :1], points)

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a held factor')
    index = np.empty((total, batch_size, 2), np.int64)
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip(_row_ranges(factors, rows_train), ranges):
      held = generator.choice(varying, end - begin)
      first = generator.integers(len(rows), size=(end - begin, batch_size))
      for k in varying:
        at = np.flatnonzero(held == k)
        groups = _Groups(factors[rows, k])
        index[begin + at, :, 0] = rows[first[at]]
        index[begin + at, :, 1] = rows[groups.mates(generator, first[at], ())]
    return index

  return types.Design(sample, draw)


def common_factor(pairs: jax.Array, factor_sizes: tuple[int, ...]) -> jax.Array:
  """The factor in which the points of all pairs of a batch agree.

  Args:
    pairs: int32 [..., B, 2, K].
    factor_sizes: number of values of each factor.

  Returns:
    int32 [...].
  """
  agree = jnp.all(pairs[..., 0, :] == pairs[..., 1, :], axis=-2)
  agree &= jnp.array(factor_sizes) > 1
  return jnp.argmax(agree, axis=-1).astype(jnp.int32)


def changed_pairs(
  factor_sizes: tuple[int, ...], num_train: int, num_test: int
) -> types.Design:
  """Pairs that differ in exactly one random factor.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_train: pairs for training.
    num_test: pairs for testing.

  Returns:
    A design of shape [num_train + num_test, 2].
  """
  _require_factors(factor_sizes, 2, 'telling factors apart')
  total = num_train + num_test
  sizes = jnp.array(factor_sizes, jnp.int32)

  def sample(key):
    points_key, factor_key, value_key = jax.random.split(key, 3)
    first = grid_points(points_key, factor_sizes, total)
    changed = pick_factor(factor_key, factor_sizes, total)
    # A shift by 1 .. size - 1 reaches every other value equally often.
    most = jnp.maximum(sizes[changed], 2)
    shift = jax.random.randint(value_key, (total,), 1, most, jnp.int32)
    is_changed = changed[:, None] == jnp.arange(len(factor_sizes))
    second = (first + shift[:, None] * is_changed) % sizes
    return jnp.stack([first, second], axis=1)

  def draw(generator, factors, rows_train):
    varying = _varying_columns(factors, 'a changed factor')
    index = np.empty((total, 2), np.int64)
    ranges = _split_counts(num_train, num_test)
    for rows, (begin, end) in zip(_row_ranges(factors, rows_train), ranges):
      given = factors[rows]
      changed = generator.choice(varying, end - begin)
      for k in varying:
        at = begin + np.flatnonzero(changed == k)
        index[at] = rows[_differ_only_in(generator, given, k, len(at))]
    return index

  return types.Design(sample, draw)


def _differ_only_in(generator, factors, k, count):
  """Numbers of `count` random pairs of rows that differ in factor k alone."""
  others = np.delete(factors, k, axis=1)
  _, context = np.unique(others, axis=0, return_inverse=True)
  context = context.reshape(-1)
  _, whole = np.unique(factors, axis=0, return_inverse=True)
  contexts = _Groups(context)
  same_point = np.bincount(whole.reshape(-1))[whole.reshape(-1)]
  partners = contexts.count[contexts.of_row] - same_point
  usable = np.flatnonzero(partners > 0)
  if count and usable.size == 0:
    raise errors.value(
      f'factors[:, {k}]',
      'no two rows differ in it alone',
      'give rows of the full grid, or leave out the scores of changed pairs',
    )
  first = generator.choice(usable, count)
  second = contexts.mates(generator, first, ())
  for _ in range(10000):
    same = factors[first, k] == factors[second, k]
    if not np.any(same):
      break
    second[same] = contexts.mates(generator, first[same], ())
  return np.stack([first, second], axis=1)


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
