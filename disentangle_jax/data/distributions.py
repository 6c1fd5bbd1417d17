"""Factors that are not uniform and independent, and their densities.

Each function takes a data set with a grid of factors and gives the same one
with another distribution over the grid; `render` and `arrays` (with a table
beside them where one is needed) stay. `log_density` states the density of every
grid point, in nats.
"""

from collections.abc import Callable
import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial

NAMES = ('uniform', 'correlated', 'joint', 'held_out')
JOINTS = ('uniform', 'correlated', 'marginals', 'both')

# Tables of grid points must fit an int32 index and the device.
_LARGEST = 2**26


@dataclasses.dataclass(frozen=True)
class Config:
  """Options that every data set with a grid of factors takes beside its own.

  Attributes:
    distribution: a name in NAMES. 'correlated' is `correlated`, 'joint' is
      `joint`, 'held_out' leaves out the upper corner of two factors.
    pair: names of the two factors concerned.
    strength: of 'correlated': width of the band of likely pairs, smaller is
      stronger.
    joint: of 'joint': a name in JOINTS.
    held_out: of 'held_out': share of each factor's upper values whose
      combinations are left out.
    complement: of 'held_out': draw the combinations left out instead.
  """

  distribution: str = 'uniform'
  pair: tuple[str, str] | None = None
  strength: float = 0.2
  joint: str = 'correlated'
  held_out: float = 0.5
  complement: bool = False


def _positions(dataset: types.Dataset, pair: tuple[str, str]) -> list[int]:
  field = 'config.dataset.pair'
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
  first, second = _positions(dataset, pair)
  sizes = dataset.factor_sizes
  weights = np.asarray(table, np.float64)
  if weights.shape != (sizes[first], sizes[second]):
    rule = f'must have the shape {(sizes[first], sizes[second])}'
    raise errors.value('table', weights.shape, rule)
  with np.errstate(divide='ignore'):
    logs = np.log(weights / weights.sum())
  logits = np.asarray(logs, np.float32)
  rest = math.prod(n for k, n in enumerate(sizes) if k not in (first, second))

  def draw(key, arrays):
    del arrays
    pair_key, rest_key = jax.random.split(key)
    cell = jax.random.categorical(pair_key, logits.reshape(-1))
    factors = factorial.uniform_factors(rest_key, sizes)
    a, b = jnp.divmod(cell.astype(jnp.int32), logits.shape[1])
    return factors.at[first].set(a).at[second].set(b)

  def log_density(factors):
    here = jnp.asarray(logits)[factors[..., first], factors[..., second]]
    return here - math.log(rest)

  return factorial.redistribute(dataset, draw, log_density)


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
  first, second = _positions(dataset, pair)
  if not strength > 0:
    raise errors.value('config.dataset.strength', strength, 'must be > 0')
  unit = lambda k: np.linspace(0.0, 1.0, dataset.factor_sizes[k])
  gap = unit(first)[:, None] - unit(second)[None, :]
  return pairwise(dataset, pair, np.exp(-((gap / strength) ** 2) / 2))


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
  first, second = _positions(dataset, pair)
  sizes = dataset.factor_sizes
  table = joint_table(name, sizes[first], sizes[second])
  return pairwise(dataset, pair, table)


def subset(dataset: types.Dataset, keep: np.ndarray) -> types.Dataset:
  """Uniform over some of the grid points only.

  Args:
    dataset: with a grid of factors.
    keep: bool [prod(sizes)], in the order of `factorial.grid`.

  Returns:
    The data set; `arrays` gains the table of kept points, and `log_density` is
    minus infinity outside of them.

  Raises:
    ConfigError: nothing kept, or a grid too large for a table.
  """
  sizes = dataset.factor_sizes
  total = math.prod(sizes)
  if total > _LARGEST:
    rule = f'combinations can be left out of grids up to {_LARGEST}'
    raise errors.value(f'{dataset.name}: number of grid points', total, rule)
  keep = np.asarray(keep, bool)
  if keep.shape != (total,) or not keep.any():
    rule = f'must keep some of {total} grid points'
    raise errors.value('held-out combinations', int(keep.sum()), rule)
  numbers = np.flatnonzero(keep).astype(np.int32)
  inside = -math.log(len(numbers))

  def draw(key, arrays):
    row = factorial.uniform_factors(key, (len(numbers),))[0]
    return factorial.unflatten(arrays[row], sizes)

  def log_density(factors):
    flat = factorial.flat_index(factors, sizes)
    return jnp.where(jnp.asarray(keep)[flat], inside, -jnp.inf)

  return factorial.redistribute(
    dataset, draw, log_density, table=jnp.asarray(numbers)
  )


def held_out(
  dataset: types.Dataset,
  rule: Callable[[np.ndarray], np.ndarray],
  complement: bool = False,
) -> types.Dataset:
  """Leaves out the combinations that a rule names.

  Args:
    dataset: with a grid of factors.
    rule: `(factors int32 [N, K]) -> bool [N]`, true where left out.
    complement: draw the combinations left out instead.

  Returns:
    The data set.

  Raises:
    ConfigError: nothing kept, or a grid too large for a table.
  """
  if math.prod(dataset.factor_sizes) > _LARGEST:
    return subset(dataset, np.zeros(0, bool))
  left_out = np.asarray(rule(factorial.grid(dataset.factor_sizes)), bool)
  return subset(dataset, left_out if complement else ~left_out)


def apply(dataset: types.Dataset, config: Config) -> types.Dataset:
  """What `load` does with the options of this module.

  Args:
    dataset: with a grid of factors.
    config: which distribution.

  Returns:
    The data set.

  Raises:
    ConfigError: an option out of range, or a data set without a grid.
  """
  checks.choice('config.dataset.distribution', config.distribution, NAMES)
  if config.distribution == 'uniform':
    return dataset
  if dataset.render is None:
    rule = f'{dataset.name} has no grid of factors'
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  if 'part' in dataset.extras:
    rule = "has the other part's members again; take config.dataset.part='all'"
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  if 'secondary' in dataset.extras:
    rule = 'of a joined set it stands among the options of first and second'
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  first, second = _positions(dataset, config.pair)
  if config.distribution == 'correlated':
    return correlated(dataset, config.pair, config.strength)
  if config.distribution == 'joint':
    return joint(dataset, config.pair, config.joint)
  checks.number('config.dataset.held_out', config.held_out, 0.0, 1.0)
  sizes = dataset.factor_sizes
  start = [math.ceil((1 - config.held_out) * sizes[k]) for k in (first, second)]
  corner = lambda f: (f[:, first] >= start[0]) & (f[:, second] >= start[1])
  return held_out(dataset, corner, config.complement)
