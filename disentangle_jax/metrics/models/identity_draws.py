"""Identities that a data set shows or holds out, and pairs of their images.

An identity is a combination of the values of some factors; its number counts
the combinations, the last factor fastest. Those without probability under the
data set's distribution are held out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import conditional, factorial, parts
from disentangle_jax.ops import per_example

# Of the identities that could be seen, one in as many is for a threshold.
_FOLDS = 5
_FEWEST = 4
# Second images to choose from: all are copies of the first with probability
# 2^-16 where an identity has two images, less with more.
_CANDIDATES = 16


class Parts(NamedTuple):
  """Numbers of identities by what they are for.

  Attributes:
    columns: numbers of the factors that make an identity.
    learn: int32 [L], for a judge to learn from.
    tune: int32 [T], for its threshold.
    held_out: int32 [H], never drawn by the data set.
    seen: int32 [L + T], all that it draws.
  """

  columns: list[int]
  learn: np.ndarray
  tune: np.ndarray
  held_out: np.ndarray
  seen: np.ndarray


class Pairs(NamedTuple):
  """Pairs of images; the first half of the rows is matched.

  Attributes:
    first: float [N, ...].
    second: the same.
  """

  first: jax.Array
  second: jax.Array


def parts_of(
  names: tuple[str, ...], data: types.Dataset, at_least: int, field: str
) -> Parts:
  """Splits the identities of a data set.

  Args:
    names: of the factors that make an identity.
    data: a grid of factors.
    at_least: identities that the judge needs to learn from.
    field: dotted name of the setting that holds `names`, for errors.

  Returns:
    The parts.

  Raises:
    ConfigError: no names, unknown ones, a set without a grid or with too few
      identities for a part, images of an identity that do not differ.
  """
  names = (names,) if isinstance(names, str) else tuple(names)
  if not names:
    legal = ', '.join(data.factor_names) or 'none: the set has no factors'
    raise errors.value(field, names, f'must name factors, of {legal}')
  for name in names:
    checks.choice(field, name, data.factor_names)
  if data.render is None:
    rule = (
      f'{data.name} has no grid of factors whose identities can be held out'
    )
    raise errors.value(field, names, rule)
  columns = [data.factor_names.index(name) for name in names]
  rest = [n for k, n in enumerate(data.factor_sizes) if k not in columns]
  if data.deterministic and max(rest, default=1) < 2:
    rule = 'leaves no factor by which images of an identity differ'
    raise errors.value(field, names, rule)
  share = conditional.given(data, columns, (field, names)).share
  seen, held_out = np.flatnonzero(share > 0), np.flatnonzero(share == 0)
  if len(held_out) < _FEWEST:
    rule = (
      f'needs {_FEWEST} identities that the data set never draws, got '
      f'{len(held_out)}; e.g. config.dataset.distribution=held_out with '
      'config.dataset.pair of two of these factors'
    )
    raise errors.value(field, names, rule)
  learn, tune = parts.fold(len(seen), 0, _FOLDS)
  if len(tune) < 2 or len(learn) < at_least:
    rule = (
      f'leaves {len(learn)} identities to learn from and {len(tune)} for the '
      f'threshold, needs {at_least} (option identities) and 2'
    )
    raise errors.value(field, names, rule)
  numbers = (seen[learn], seen[tune], held_out, seen)
  return Parts(columns, *(n.astype(np.int32) for n in numbers))


class Draw:
  """Real images and pairs of given identities."""

  def __init__(self, data: types.Dataset, columns: list[int]):
    """Keeps the data set and the factors that make an identity.

    Args:
      data: a grid of factors.
      columns: numbers of those factors.
    """
    self._data = data
    self._columns = np.asarray(columns)
    self._sizes = [data.factor_sizes[k] for k in columns]

  def _points(self, key, arrays, identity):
    """Factors of plain draws with the identity put in, int32 [N, K]."""
    index = jnp.arange(len(identity), dtype=jnp.int32)
    factors = self._data.sample(key, arrays, index)['factors']
    own = factorial.unflatten(identity, self._sizes)
    return factors.at[:, self._columns].set(own)

  def _render(self, key, arrays, points):
    keys = per_example.keys(key, jnp.arange(len(points), dtype=jnp.int32))
    return jax.vmap(self._data.render, (None, 0, 0))(arrays, points, keys)

  def images(
    self, key: jax.Array, arrays: types.PyTree, identity: jax.Array
  ) -> jax.Array:
    """Images of identities.

    Args:
      key: a typed PRNG key.
      arrays: of the data set.
      identity: int32 [N], numbers of identities.

    Returns:
      float [N, ...].
    """
    point_key, render_key = jax.random.split(key)
    points = self._points(point_key, arrays, identity)
    return self._render(render_key, arrays, points)

  def points(
    self, key: jax.Array, arrays: types.PyTree, numbers: np.ndarray, half: int
  ) -> tuple[jax.Array, jax.Array]:
    """Factors of `half` matched pairs, then of as many unmatched ones.

    A matched pair is of one identity, its second image differs from the first;
    an unmatched pair is of two identities.

    Args:
      key: a typed PRNG key.
      arrays: of the data set.
      numbers: int32 [I], identities to draw from, at least 2.
      half: pairs of each kind.

    Returns:
      int32 [2 half, K] twice.
    """
    keys = jax.random.split(key, 4)
    count = len(numbers)
    first = jax.random.randint(keys[0], (2 * half,), 0, count)
    other = (first + jax.random.randint(keys[1], (2 * half,), 1, count)) % count
    second = jnp.where(jnp.arange(2 * half) < half, first, other)
    table = jnp.asarray(numbers)
    one = self._points(keys[2], arrays, table[first])
    several = jax.vmap(lambda k: self._points(k, arrays, table[second]))(
      jax.random.split(keys[3], _CANDIDATES)
    )
    differs = jnp.any(several != one, axis=-1)
    chosen = jnp.argmax(differs, axis=0)
    return one, several[chosen, jnp.arange(2 * half)]

  def pairs(
    self, key: jax.Array, arrays: types.PyTree, numbers: np.ndarray, half: int
  ) -> Pairs:
    """Images of such pairs; see `points`."""
    point_key, *keys = jax.random.split(key, 3)
    one, two = self.points(point_key, arrays, numbers, half)
    return Pairs(
      self._render(keys[0], arrays, one), self._render(keys[1], arrays, two)
    )
