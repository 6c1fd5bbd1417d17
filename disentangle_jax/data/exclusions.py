"""Combinations of factors that training never sees, after Montero et al. 2021.

"The role of Disentanglement in Generalisation", ICLR 2021,
https://openreview.net/forum?id=qbH974jKUVy: three exclusions of
growing difficulty, each a box of the grid.

  recombination_to_element: one combination of all factors, each at one value or
      in a part of its values; every pair of values is still seen together.
  recombination_to_range: some factors together, such as a shape in one half of
      the positions; every value is still seen, in other company.
  extrapolation: a range of one factor, of which nothing is seen.

A box is a sequence of conditions, `(factor, value)` or `(factor, low, high)`
with both ends included, in the numbers of the data set's `factor_values`.
"""

from typing import Any

import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial

NAMES = ('recombination_to_element', 'recombination_to_range', 'extrapolation')
_EXAMPLES = {
  'recombination_to_element': 'a condition for every factor',
  'recombination_to_range': "(('shape', 1), ('position_x', 0.5, 1.0))",
  'extrapolation': "('position_x', 0.5, 1.0)",
}


def _conditions(name: str, given: Any) -> tuple[tuple, ...]:
  """Conditions in one form: (factor, low, high)."""
  field = f'config.dataset.{name}'
  rule = (
    'must hold conditions (factor, value) or (factor, low, high); '
    f'e.g. {_EXAMPLES[name]}'
  )
  listed = checks.plain(given)
  if not isinstance(listed, tuple) or not listed:
    raise errors.value(field, given, rule)
  if isinstance(listed[0], str):
    listed = (listed,)  # one condition without its brackets
  conditions = []
  for condition in listed:
    if (
      not isinstance(condition, tuple)
      or len(condition) not in (2, 3)
      or not isinstance(condition[0], str)
      or not all(map(checks.is_number, condition[1:]))
    ):
      raise errors.value(field, given, rule)
    conditions.append((condition[0], condition[1], condition[-1]))
  return tuple(conditions)


def levels(
  dataset: types.Dataset, name: str, given: Any
) -> dict[int, np.ndarray]:
  """The box of an exclusion: factor -> which of its values lie in it.

  Args:
    dataset: with a grid of factors.
    name: in NAMES.
    given: conditions, or one of them.

  Returns:
    Number of the factor -> bool [its size], some and not all of them True.

  Raises:
    ConfigError: a condition that is none, an unknown factor or one named twice,
      a range without values of the factor, one that leaves nothing to train on,
      or factors that do not make such an exclusion.
  """
  field = f'config.dataset.{name}'
  box = {}
  for factor, low, high in _conditions(name, given):
    if factor not in dataset.factor_names:
      raise errors.choices(field, factor, dataset.factor_names)
    number = dataset.factor_names.index(factor)
    if number in box:
      raise errors.value(field, given, f'names {factor!r} twice')
    values = np.asarray(dataset.factor_values[number], np.float64)
    slack = 1e-6 * max(np.ptp(values), 1.0)  # 0.7 may be stored as 0.70000001
    inside = (values >= low - slack) & (values <= high + slack)
    if not inside.any():
      rule = (
        f'no value of {factor!r} lies from {low:g} to {high:g}; it has '
        f'{len(values)} from {values.min():g} to {values.max():g}'
      )
      raise errors.value(field, given, rule)
    if inside.all():
      rule = (
        f'leaves no value of {factor!r} to train on; it has {len(values)} from '
        f'{values.min():g} to {values.max():g}'
      )
      raise errors.value(field, given, rule)
    box[number] = inside
  _check_factors(dataset, name, given, box)
  return box


def _check_factors(
  dataset: types.Dataset, name: str, given: Any, box: dict[int, np.ndarray]
) -> None:
  """Whether as many factors are named as the exclusion is about."""
  field = f'config.dataset.{name}'
  if name == 'extrapolation' and len(box) != 1:
    rule = 'must be a range of one factor'
    raise errors.value(field, given, f'{rule}, e.g. {_EXAMPLES[name]}')
  if name == 'recombination_to_range' and len(box) < 2:
    rule = "must name two factors or more; of one it is 'extrapolation'"
    raise errors.value(field, given, rule)
  if name == 'recombination_to_element':
    missing = [
      factor
      for number, factor in enumerate(dataset.factor_names)
      if dataset.factor_sizes[number] > 1 and number not in box
    ]
    if missing:
      rule = (
        f'must name every factor, {", ".join(missing)} too; of some of them it '
        "is 'recombination_to_range'"
      )
      raise errors.value(field, given, rule)


def mask(dataset: types.Dataset, name: str, given: Any) -> np.ndarray:
  """Which grid points an exclusion leaves out.

  Args:
    dataset: with a grid of factors that can be listed.
    name: in NAMES.
    given: conditions, see the module.

  Returns:
    bool [product of the sizes], in the order of `factorial.grid`; some and not
    all of them True.

  Raises:
    ConfigError: see `levels`.
  """
  in_box = np.ones(dataset.factor_sizes, bool)
  for number, inside in levels(dataset, name, given).items():
    shape = [1] * in_box.ndim
    shape[number] = len(inside)
    in_box &= inside.reshape(shape)
  return in_box.reshape(-1)


def left_out(dataset: types.Dataset) -> np.ndarray:
  """Numbers of the grid points that `sample` never draws.

  Whatever leaves them out: an exclusion, `held_out`, a part of a set.

  Args:
    dataset: with a renderer and a grid.

  Returns:
    int32 [M], in the order of `factorial.grid`.
  """
  density = dataset.log_density(factorial.grid(dataset.factor_sizes))
  return np.flatnonzero(~np.isfinite(np.asarray(density))).astype(np.int32)
