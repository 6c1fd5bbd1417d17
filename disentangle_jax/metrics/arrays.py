"""Scores of codes and factors that are plain arrays from anywhere."""

from collections.abc import Iterable, Mapping
import dataclasses
import functools
from types import ModuleType
from typing import Any, NamedTuple
import warnings

import jax
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.metrics import catalogue, designs, given, resampling

# Of rows that come without a test set, one in three tests: the proportion of
# the reference study (10,000 to 5,000).
TEST_SHARE = 1 / 3


def dataset(factor_sizes: tuple[int, ...], num_rows: int = 0) -> types.Dataset:
  """A data set of given rows: their factors, and nothing to look at.

  Args:
    factor_sizes: number of values of each of the K factors.
    num_rows: N; 0 for all points of the grid, each once.

  Returns:
    What `make` of a metric of codes reads; it cannot render or sample.
  """
  return types.Dataset(
    name='given rows',
    factor_names=tuple(f'factor_{k}' for k in range(len(factor_sizes))),
    factor_sizes=factor_sizes,
    factor_values=(),
    observation_shape=(),
    arrays=(),
    render=None,
    sample=None,
    log_density=None,
    deterministic=True,
    num_examples=num_rows,
  )


@functools.lru_cache(maxsize=128)
def _compiled(module, config, factor_sizes, num_rows):
  metric = module.make(config, dataset(factor_sizes, num_rows))
  return metric, jax.jit(metric.score)


class Rows(NamedTuple):
  """Given rows, those for testing behind the others.

  Attributes:
    codes: float64 [N, D] or [S, N, D].
    parts: name -> float32 [..., N, D].
    labels: int32 [N, K] numbers of levels, or float32 where continuous.
    sizes: K numbers of levels that occur.
    num_train: rows that come before those given for testing.
    tested: whether rows were given for testing.
  """

  codes: np.ndarray
  parts: dict[str, np.ndarray]
  labels: np.ndarray
  sizes: tuple[int, ...]
  num_train: int
  tested: bool


def _stacked(factors: Any, test_factors: Any) -> Any:
  """Rows of two tables as one, frames as a frame."""
  if hasattr(factors, 'iloc') and hasattr(test_factors, 'iloc'):
    import pandas as pd

    test_factors = test_factors.set_axis(factors.columns, axis=1)
    return pd.concat([factors, test_factors], ignore_index=True)
  return np.concatenate([np.asarray(factors), np.asarray(test_factors)])


def read(
  codes: Any,
  factors: Any,
  test_codes: Any = None,
  test_factors: Any = None,
  parts: Mapping[str, Any] | None = None,
  test_parts: Mapping[str, Any] | None = None,
  continuous: bool = False,
) -> Rows:
  """The one door for arrays of others: read and checked.

  Args: as `disentangle_jax.metrics.evaluate`.

  Returns:
    The rows.

  Raises:
    ConfigError: shapes that do not match, no numbers, a missing value.
  """
  wide = given.codes(codes)
  shape = np.shape(factors)
  _check_rows(wide, shape, '')
  if (test_codes is None) != (test_factors is None):
    raise errors.value(
      'test_codes', None, 'must come together with test_factors'
    )
  num_train, tested = shape[0], test_codes is not None
  parts = {k: np.asarray(v, np.float32) for k, v in (parts or {}).items()}
  if tested:
    test_wide = given.codes(test_codes, 'test_codes')
    test_shape = np.shape(test_factors)
    _check_rows(test_wide, test_shape, 'test_')
    if test_wide.shape[-1] != wide.shape[-1] or test_shape[1] != shape[1]:
      raise errors.value(
        'test_codes',
        (test_wide.shape, test_shape),
        'must have the columns of codes and factors',
      )
    wide = np.concatenate([wide, test_wide], axis=-2)
    factors = _stacked(factors, test_factors)
    test_parts = test_parts or {}
    parts = {
      k: np.concatenate([v, np.asarray(test_parts[k], np.float32)], axis=-2)
      for k, v in parts.items()
      if k in test_parts
    }
  for name, part in parts.items():
    if part.shape[:-1] != wide.shape[:-1]:
      raise errors.value(
        f'parts[{name!r}]', part.shape, f'must have the rows of {wide.shape}'
      )
  if continuous:
    labels, sizes = given.real_factors(factors), (2,) * shape[1]
  else:
    labels, sizes = given.levels(factors)
  return Rows(wide, parts, labels, sizes, num_train, tested)


def _check_rows(codes: np.ndarray, shape: tuple[int, ...], what: str) -> None:
  """Refuses factors of another number of axes or rows."""
  if len(shape) != 2 or 0 in shape:
    raise errors.value(f'{what}factors', shape, 'must be [N, K]')
  if codes.shape[-2] != shape[0]:
    rule = f'must have as many rows as the codes, {codes.shape[-2]}'
    raise errors.value(f'{what}factors', shape, rule)


def _select(codes, parts, needs, index):
  take = lambda x: np.take(x, index, axis=x.ndim - 2)
  return types.Codes(take(codes), {name: take(parts[name]) for name in needs})


def _config(module: ModuleType, name: str, continuous: bool, modules):
  """A metric's config for discrete or continuous factors."""
  if not catalogue.of_codes(module):
    raise errors.value(
      'metrics', name, 'scores observations; codes are not enough'
    )
  config = module.Config()
  if not continuous:
    return config
  if not catalogue.is_continuous(module):
    legal = [n for n, m in modules.items() if catalogue.is_continuous(m)]
    rule = f'has no continuous form; legal: {", ".join(legal)}'
    raise errors.value('metrics', name, rule)
  return dataclasses.replace(config, continuous=True)


def evaluate(
  modules: Mapping[str, ModuleType],
  wanted: Mapping[str, tuple[str, ...]],
  rows: Rows,
  seed: int,
  continuous: bool,
  resamples: int = 0,
  confidence: float = 0.95,
) -> dict[str, float] | dict[str, resampling.Interval]:
  """Scores of given rows; see `disentangle_jax.metrics.evaluate`.

  Args:
    modules: name -> module of every metric.
    wanted: name -> scores.
    rows: from `read`.
    seed: for splits, draws and random metrics.
    continuous: whether factors are real numbers.
    resamples: for intervals over rows; 0 for none.
    confidence: nominal coverage of the intervals.

  Returns:
    {score name: float}, or {score name: Interval} with resamples.

  Raises:
    ConfigError: a metric that these rows cannot supply.
  """
  codes = rows.codes
  num_bad = int(np.sum(~np.all(np.isfinite(codes), axis=-1)))
  if num_bad:
    total = codes.size // codes.shape[-1]
    warnings.warn(
      f'codes: {num_bad} of {total} rows are NaN or infinite; scores are NaN',
      stacklevel=3,
    )
  every = np.arange(codes.shape[-2])
  cast = {
    True: functools.cache(lambda: given.centred(codes, every)),
    False: functools.cache(lambda: given.plain(codes)),
  }
  # For metrics that test: the rows given for it, or a third of all rows.
  order, split = every, rows.num_train
  if not rows.tested:
    order = np.random.default_rng(seed).permutation(rows.num_train)
    split = rows.num_train - int(rows.num_train * TEST_SHARE)

  scores = {}
  for number, (name, keys) in enumerate(wanted.items()):
    module = modules[name]
    config = _config(module, name, continuous, modules)
    metric, score = _compiled(module, config, rows.sizes, rows.num_train)
    if metric.design.draw is None:
      rule = 'asks for points of a full grid; given rows cannot be scored'
      raise errors.value('metrics', name, rule)
    seeds, kind = metric.over == 'seeds', metric.design.kind
    if (codes.ndim == 3) != seeds:
      rule = f'{name} takes {"[S, N, D]" if seeds else "[N, D]"}'
      raise errors.value('codes', codes.shape, rule)
    chosen, num_train = np.arange(rows.num_train), rows.num_train
    if kind == 'split':
      chosen, num_train = order, split
    elif kind == 'chosen' and rows.tested:
      chosen = order
    if kind != 'chosen':  # as many points as there are rows
      config = rows_of(config, num_train, len(chosen) - num_train)
      metric, score = _compiled(module, config, rows.sizes, rows.num_train)
    missing = [part for part in metric.needs if part not in rows.parts]
    if missing:
      rule = f'{name} also reads {", ".join(missing)}'
      raise errors.value('parts', sorted(rows.parts), rule)
    draws = np.random.default_rng([seed, number])
    arrangement = metric.design.draw(draws, rows.labels[chosen], num_train)
    index = chosen[designs.points_of(arrangement)]
    own = cast[getattr(module, 'OFFSET_FREE', True)]()
    design_codes = _select(own, rows.parts, metric.needs, index)
    design_factors = rows.labels[index]
    if isinstance(arrangement, types.Intervention):
      design_factors = arrangement._replace(points=design_factors)
    values = score(jax.random.key(seed), design_codes, design_factors)
    # An entry 'key/<factor>' comes with its key.
    values = {
      name: np.asarray(values[name])
      for key in keys
      for name in sorted(values)
      if name == key or name.startswith(f'{key}/')
    }
    values = {k: v if v.ndim else float(v) for k, v in values.items()}
    if resamples and resampling.way(module) is None:
      nan = float('nan')
      values = {k: resampling.Interval(v, nan, nan) for k, v in values.items()}
    elif resamples:
      chosen_rows = resampling.Rows(
        _select(own, rows.parts, metric.needs, chosen),
        rows.labels[chosen],
        (num_train, len(chosen) - num_train),
      )
      resampled = metric
      if kind != 'chosen':
        config = rows_of(config, *resampling.taken(chosen_rows, module))
        resampled, _ = _compiled(module, config, rows.sizes, rows.num_train)
      values = resampling.intervals(
        module,
        resampled,
        values,
        chosen_rows,
        resamples,
        confidence,
        (seed, number),
      )
    scores.update(values)
  return scores


def rows_of(config, num_train: int, num_test: int):
  """The config of a metric on `num_train` + `num_test` given rows.

  Args:
    config: a Config with `num_train` and perhaps `num_test`.
    num_train: rows for training.
    num_test: rows for testing.

  Returns:
    The config with these numbers.
  """
  fields = {f.name for f in dataclasses.fields(config)}
  change = {'num_train': num_train}
  if 'num_test' in fields:
    change['num_test'] = num_test
  return dataclasses.replace(config, **change)


def names(wanted: Iterable[str] | str) -> tuple[str, ...]:
  """One name or several, as a tuple."""
  return (wanted,) if isinstance(wanted, str) else tuple(wanted)
