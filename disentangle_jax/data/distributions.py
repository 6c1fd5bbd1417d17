"""Factors that are not uniform and independent, and their densities.

Each function takes a data set with a grid of factors and gives the same one
with another distribution over the grid; `render` and `arrays` (with a table
beside them where one is needed) stay. `log_density` states the density of every
grid point, in nats.
"""

from collections.abc import Callable
import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import dependent, exclusions, factorial

NAMES = ('uniform', 'correlated', 'joint', 'held_out', *exclusions.NAMES)
# Tables of grid points must fit an int32 index and the device.
_LARGEST = 2**26


@dataclasses.dataclass(frozen=True)
class Config:
  """Options that every data set with a grid of factors takes beside its own.

  Attributes:
    distribution: a name in NAMES. 'correlated' and 'joint' are those of
      `dependent`, 'held_out' leaves out the upper corner of two factors; the
      last three are those of `exclusions`.
    pair: names of the two factors concerned.
    pairs: of 'correlated', in place of `pair`: up to three pairs without a
      factor in common.
    num_pairs: of 'correlated': how many of `pairs`, from the first, depend on
      each other; 0 for all.
    strength: of 'correlated': width of the band of likely pairs, smaller is
      stronger.
    strengths: of 'correlated': one strength per pair in place of one for all.
    joint: of 'joint': a name in `dependent.JOINTS`.
    held_out: of 'held_out': share of each factor's upper values whose
      combinations are left out.
    complement: of 'held_out' and the exclusions: draw the combinations left
      out instead.
    recombination_to_element: of that distribution: a condition for every
      factor, see `exclusions`.
    recombination_to_range: of that distribution: conditions for two or more.
    extrapolation: of that distribution: the condition of one factor.
  """

  distribution: str = 'uniform'
  pair: tuple[str, str] | None = None
  pairs: tuple[tuple[str, str], ...] = ()
  num_pairs: int = 0
  strength: float = 0.2
  strengths: tuple[float, ...] = ()
  joint: str = 'correlated'
  held_out: float = 0.5
  complement: bool = False
  recombination_to_element: tuple[tuple, ...] = ()
  recombination_to_range: tuple[tuple, ...] = ()
  extrapolation: tuple = ()


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
  if 'concepts' in dataset.extras:
    rule = (
      f'draws rooms that {dataset.name} holds out; take config.dataset.unseen'
    )
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  if 'secondary' in dataset.extras:
    rule = 'of a joined set it stands among the options of first and second'
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  if 'environment' in dataset.extras and len(exclusions.left_out(dataset)):
    rule = f'gives states that are illegal in {dataset.name} a probability'
    raise errors.value('config.dataset.distribution', config.distribution, rule)
  if config.distribution in exclusions.NAMES:
    return _excluded(dataset, config)
  if config.distribution == 'correlated':
    return _correlated(dataset, config)
  if config.pairs:
    rule = (
      f"is of distribution 'correlated'; {config.distribution!r} has a pair"
    )
    raise errors.value('config.dataset.pairs', config.pairs, rule)
  first, second = dependent.positions(dataset, config.pair)
  if config.distribution == 'joint':
    return dependent.joint(dataset, config.pair, config.joint)
  checks.number('config.dataset.held_out', config.held_out, 0.0, 1.0)
  sizes = dataset.factor_sizes
  start = [math.ceil((1 - config.held_out) * sizes[k]) for k in (first, second)]
  corner = lambda f: (f[:, first] >= start[0]) & (f[:, second] >= start[1])
  return held_out(dataset, corner, config.complement)


def _correlated(dataset: types.Dataset, config: Config) -> types.Dataset:
  """One dependent pair, or as many of `pairs` as are asked for."""
  if not config.pairs:
    if config.strengths or config.num_pairs:
      rule = 'goes with several pairs: give config.dataset.pairs'
      field, got = (
        ('strengths', config.strengths)
        if config.strengths
        else ('num_pairs', config.num_pairs)
      )
      raise errors.value(f'config.dataset.{field}', got, rule)
    return dependent.correlated(dataset, config.pair, config.strength)
  if config.pair is not None:
    rule = 'must be None where config.dataset.pairs is given'
    raise errors.value('config.dataset.pair', config.pair, rule)
  pairs = checks.plain(config.pairs)
  if not isinstance(pairs, tuple):
    pairs = (pairs,)  # refused below, by its own rule
  checks.integer('config.dataset.num_pairs', config.num_pairs, 0, len(pairs))
  count = config.num_pairs or len(pairs)
  strengths = checks.plain(config.strengths)
  if not strengths:
    if not config.strength > 0:
      rule = 'must be > 0'
      raise errors.value('config.dataset.strength', config.strength, rule)
    strengths = (config.strength,) * len(pairs)
  elif not isinstance(strengths, tuple) or len(strengths) != len(pairs):
    rule = f'must be numbers > 0, one for each of {len(pairs)} pairs'
    raise errors.value('config.dataset.strengths', strengths, rule)
  # All pairs are checked, also those that this run leaves independent.
  dependent.correlated_pairs(dataset, pairs, strengths)
  return dependent.correlated_pairs(dataset, pairs[:count], strengths[:count])


def _excluded(dataset: types.Dataset, config: Config) -> types.Dataset:
  """The set without an exclusion of `exclusions`, or the exclusion alone."""
  name = config.distribution
  conditions = getattr(config, name)
  if math.prod(dataset.factor_sizes) > _LARGEST:
    return subset(dataset, np.zeros(0, bool))  # refused there
  left_out = exclusions.mask(dataset, name, conditions)
  return subset(dataset, left_out if config.complement else ~left_out)
