"""Pairs of factors that depend on each other, and their densities.

Each function takes a data set with a grid of factors and gives the same one
with another distribution over the grid, see `distributions`.
"""

from collections.abc import Sequence
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial

JOINTS = ('uniform', 'correlated', 'marginals', 'both')
MOST_PAIRS = 3


def positions(
  dataset: types.Dataset,
  pair: tuple[str, str],
  field: str = 'config.dataset.pair',
) -> list[int]:
  if (
    not isinstance(pair, (tuple, list)) or len(pair) != 2 or pair[0] == pair[1]
  ):
    rule = 'must be the names of two different factors'
    raise errors.value(field, pair, rule)
  for name in pair:
    if name not in dataset.factor_names:
      raise errors.choices(field, name, dataset.factor_names)
  return [dataset.factor_names.index(name) for name in pair]


def pairwise(
  dataset: types.Dataset, pair: tuple[str, str], table: np.ndarray
) -> types.Dataset:
  """Two factors with a joint table, all others uniform and independent.

  Args:
    dataset: with a grid of factors.
    pair: names of the two factors.
    table: float [sizes of the pair], weights >= 0, not all 0.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown factors.
  """
  return _dependent(dataset, [positions(dataset, pair)], [table])


def _dependent(
  dataset: types.Dataset,
  places: Sequence[Sequence[int]],
  tables: Sequence[np.ndarray],
) -> types.Dataset:
  """Pairs of factors with a joint table each, independent of all others.

  Args:
    dataset: with a grid of factors.
    places: numbers of each pair's factors, none twice.
    tables: float [sizes of the pair], weights >= 0, not all 0.
  """
  sizes = dataset.factor_sizes
  logits = []
  for (first, second), table in zip(places, tables, strict=True):
    weights = np.asarray(table, np.float64)
    if weights.shape != (sizes[first], sizes[second]):
      rule = f'must have the shape {(sizes[first], sizes[second])}'
      raise errors.value('table', weights.shape, rule)
    with np.errstate(divide='ignore'):
      logs = np.log(weights / weights.sum())
    logits.append(np.asarray(logs, np.float32))
  tied = {k for place in places for k in place}
  rest = math.prod(n for k, n in enumerate(sizes) if k not in tied)

  def draw(key, arrays):
    del arrays
    # One pair's key is the first of two, as it was when there was only one.
    pair_key, rest_key = jax.random.split(key)
    factors = factorial.uniform_factors(rest_key, sizes)
    for number, ((first, second), logit) in enumerate(zip(places, logits)):
      own = jax.random.fold_in(pair_key, number) if number else pair_key
      cell = jax.random.categorical(own, logit.reshape(-1))
      a, b = jnp.divmod(cell.astype(jnp.int32), logit.shape[1])
      factors = factors.at[first].set(a).at[second].set(b)
    return factors

  def log_density(factors):
    total = -math.log(rest)
    for (first, second), logit in zip(places, logits):
      total += jnp.asarray(logit)[factors[..., first], factors[..., second]]
    return total

  return factorial.redistribute(dataset, draw, log_density)


def _band(
  dataset: types.Dataset, place: Sequence[int], strength: float
) -> np.ndarray:
  """The weights of `correlated` for one pair, float64 [sizes of the pair]."""
  unit = lambda k: np.linspace(0.0, 1.0, dataset.factor_sizes[k])
  gap = unit(place[0])[:, None] - unit(place[1])[None, :]
  return np.exp(-((gap / strength) ** 2) / 2)


def correlated(
  dataset: types.Dataset, pair: tuple[str, str], strength: float
) -> types.Dataset:
  """Two factors that prefer to grow together.

  p(a, b) proportional to exp(-(a' - b')^2 / (2 strength^2)), with a' and b' the
  grid indices scaled to [0, 1]: Traeuble et al. 2021, "On disentangled
  representations learned from correlated data", equation 1, whose strengths are
  0.2, 0.4, 0.7 and infinity (uniform).

  Args:
    dataset: with a grid of factors.
    pair: names of the two factors.
    strength: > 0; smaller is a tighter correlation.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown factors, or a strength that is not positive.
  """
  place = positions(dataset, pair)
  if not strength > 0:
    raise errors.value('config.dataset.strength', strength, 'must be > 0')
  return pairwise(dataset, pair, _band(dataset, place, strength))


def correlated_pairs(
  dataset: types.Dataset,
  pairs: Sequence[tuple[str, str]],
  strengths: Sequence[float],
) -> types.Dataset:
  """Up to three pairs of factors, each of which prefers to grow together.

  The density is the product of `correlated` over pairs, as in Roth et al. 2023,
  "Disentanglement of Correlated Factors via Hausdorff Factorized Support",
  https://arxiv.org/abs/2210.07347, section 5. Deviation: there a factor may
  also be tied to several others, here pairs share none.

  Args:
    dataset: with a grid of factors.
    pairs: one to three pairs of names.
    strengths: > 0, one per pair.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown factors, a factor in two pairs, too many pairs, or
      strengths that do not fit them.
  """
  field = 'config.dataset.pairs'
  if not isinstance(pairs, (tuple, list)) or not 1 <= len(pairs) <= MOST_PAIRS:
    rule = f'must be a list of one to {MOST_PAIRS} pairs of names'
    raise errors.value(field, pairs, rule)
  places = [positions(dataset, pair, field) for pair in pairs]
  names = [name for pair in pairs for name in pair]
  for name in names:
    if names.count(name) > 1:
      rule = f'{name!r} is in two pairs; pairs must not share a factor'
      raise errors.value(field, pairs, rule)
  if len(strengths) != len(pairs) or not all(
    (checks.is_number(strength) or strength == math.inf) and strength > 0
    for strength in strengths
  ):
    rule = f'must be numbers > 0, one for each of {len(pairs)} pairs'
    raise errors.value('config.dataset.strengths', strengths, rule)
  tables = [
    _band(dataset, place, strength)
    for place, strength in zip(places, strengths)
  ]
  return _dependent(dataset, places, tables)


def joint_table(name: str, rows: int, columns: int) -> np.ndarray:
  """The four joint distributions of two factors of the beta-TCVAE study.

  Chen et al. 2018, section 5.2: uniform or not, independent or not, where the
  most likely combination is 4 times as likely as the least. The paper shows the
  tables as pictures; these are ours with the stated ratio:

  - 'uniform': all alike;
  - 'marginals': independent, weights grow linearly from 1 to 2 along each;
  - 'correlated': from 4 on the diagonal to 1 in the far corners, in circles of
    the difference, so that both marginals stay uniform where sizes are equal;
  - 'both': the sum of the two, growing along the diagonal.

  Args:
    name: in JOINTS.
    rows: size of the first factor.
    columns: size of the second factor.

  Returns:
    float64 [rows, columns], sums to 1.

  Raises:
    ConfigError: an unknown name.
  """
  checks.choice('config.dataset.joint', name, JOINTS)
  a = np.linspace(0.0, 1.0, rows)[:, None]
  b = np.linspace(0.0, 1.0, columns)[None, :]
  independent = (1.0 + a) * (1.0 + b)
  # A circle of differences: index 0 follows the last, all rows have one sum.
  turn = np.arange(rows)[:, None] / rows - np.arange(columns)[None, :] / columns
  circle = np.cos(2 * np.pi * turn)
  low, high = circle.min(), circle.max()
  dependent = 1.0 + 3.0 * (circle - low) / max(high - low, 1e-12)
  table = {
    'uniform': np.ones((rows, columns)),
    'marginals': independent,
    'correlated': dependent,
    'both': independent * dependent,
  }[name]
  if name == 'both':
    # Back to the ratio 4 on a logarithmic scale.
    logs = np.log(table / table.min())
    table = np.exp(logs * math.log(4.0) / max(logs.max(), 1e-12))
  return table / table.sum()


def joint(
  dataset: types.Dataset, pair: tuple[str, str], name: str
) -> types.Dataset:
  """Two factors with a distribution of `joint_table`.

  Args:
    dataset: with a grid of factors.
    pair: names of the two factors.
    name: in JOINTS.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown factors or name.
  """
  first, second = positions(dataset, pair)
  sizes = dataset.factor_sizes
  table = joint_table(name, sizes[first], sizes[second])
  return pairwise(dataset, pair, table)
