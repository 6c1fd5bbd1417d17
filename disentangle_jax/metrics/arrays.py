"""Scores of codes and factors that are plain arrays from anywhere."""

from collections.abc import Iterable, Mapping
import dataclasses
import functools
from types import ModuleType
import warnings

import jax
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.metrics import catalogue, designs

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


def _check_pair(codes, factors, what):
  codes = np.asarray(codes)
  factors = np.asarray(factors)
  if codes.ndim not in (2, 3) or 0 in codes.shape:
    raise errors.value(f'{what}codes', codes.shape, 'must be [N, D]')
  if factors.ndim != 2 or 0 in factors.shape:
    raise errors.value(f'{what}factors', factors.shape, 'must be [N, K]')
  if codes.shape[-2] != factors.shape[0]:
    raise errors.value(
      f'{what}factors',
      factors.shape,
      f'must have as many rows as the codes, {codes.shape[-2]}',
    )
  if not np.issubdtype(codes.dtype, np.number):
    raise errors.value(f'{what}codes', codes.dtype, 'must be numbers')
  if factors.dtype.kind == 'f' and not np.all(np.isfinite(factors)):
    raise errors.value(f'{what}factors', 'NaN or inf', 'must be finite')
  return codes.astype(np.float32), factors


def _grid_indices(factors):
  """Distinct values of each column -> 0, 1, ...; and how many there are."""
  columns, sizes = [], []
  for k in range(factors.shape[1]):
    values, index = np.unique(factors[:, k], return_inverse=True)
    if factors.dtype.kind == 'f' and 2 * len(values) > len(factors) > 20:
      raise errors.value(
        f'factors[:, {k}]',
        f'{len(values)} distinct values',
        'looks continuous: pass continuous=True, or bin it first',
      )
    columns.append(index)
    sizes.append(len(values))
  return np.stack(columns, axis=1).astype(np.int32), tuple(sizes)


def _select(codes, parts, needs, index):
  take = lambda x: np.take(x, index, axis=x.ndim - 2)
  return types.Codes(take(codes), {name: take(parts[name]) for name in needs})


def evaluate(
  modules: Mapping[str, ModuleType],
  wanted: Mapping[str, tuple[str, ...]],
  codes: np.ndarray,
  factors: np.ndarray,
  seed: int,
  test_codes: np.ndarray | None,
  test_factors: np.ndarray | None,
  parts: Mapping[str, np.ndarray] | None,
  test_parts: Mapping[str, np.ndarray] | None,
  continuous: bool,
) -> dict[str, float]:
  """See `disentangle_jax.metrics.evaluate`."""
  codes, factors = _check_pair(codes, factors, '')
  parts = {k: np.asarray(v, np.float32) for k, v in (parts or {}).items()}
  num_rows = len(factors)
  if (test_codes is None) != (test_factors is None):
    raise errors.value(
      'test_codes', None, 'must come together with test_factors'
    )
  if test_codes is not None:
    test_codes, test_factors = _check_pair(test_codes, test_factors, 'test_')
    if (
      test_codes.shape[-1] != codes.shape[-1]
      or test_factors.shape[1] != factors.shape[1]
    ):
      raise errors.value(
        'test_codes',
        (test_codes.shape, test_factors.shape),
        'must have the columns of codes and factors',
      )
    codes = np.concatenate([codes, test_codes], axis=-2)
    factors = np.concatenate([factors, test_factors])
    test_parts = test_parts or {}
    parts = {
      k: np.concatenate([v, np.asarray(test_parts[k], np.float32)], axis=-2)
      for k, v in parts.items()
      if k in test_parts
    }
  for name, part in parts.items():
    if part.shape[:-1] != codes.shape[:-1]:
      raise errors.value(
        f'parts[{name!r}]', part.shape, f'must have the rows of {codes.shape}'
      )
  num_bad = int(np.sum(~np.all(np.isfinite(codes), axis=-1)))
  if num_bad:
    total = codes.size // codes.shape[-1]
    warnings.warn(
      f'codes: {num_bad} of {total} rows are NaN or infinite; scores are NaN',
      stacklevel=3,
    )
  if continuous:
    labels, sizes = factors.astype(np.float32), (2,) * factors.shape[1]
  else:
    labels, sizes = _grid_indices(factors)
  # For metrics that test: the rows given for it, or a third of all rows.
  generator = np.random.default_rng(seed)
  order = np.arange(len(factors))
  split = num_rows
  if test_codes is None:
    order = generator.permutation(num_rows)
    split = num_rows - int(num_rows * TEST_SHARE)

  scores = {}
  for number, (name, keys) in enumerate(wanted.items()):
    module = modules[name]
    if not catalogue.of_codes(module):
      raise errors.value(
        'metrics', name, 'scores observations; codes are not enough'
      )
    config = module.Config()
    if continuous:
      if not catalogue.is_continuous(module):
        legal = [n for n, m in modules.items() if catalogue.is_continuous(m)]
        raise errors.value(
          'metrics', name, f'has no continuous form; legal: {", ".join(legal)}'
        )
      config = dataclasses.replace(config, continuous=True)
    metric, score = _compiled(module, config, sizes, num_rows)
    if metric.design.draw is None:
      rule = 'asks for points of a full grid; given rows cannot be scored'
      raise errors.value('metrics', name, rule)
    seeds, kind = metric.over == 'seeds', metric.design.kind
    if (codes.ndim == 3) != seeds:
      raise errors.value(
        'codes',
        codes.shape,
        f'{name} takes {"[S, N, D]" if seeds else "[N, D]"}',
      )
    rows, rows_train = np.arange(num_rows), num_rows
    if kind == 'split':
      rows, rows_train = order, split
    elif kind == 'chosen' and test_codes is not None:
      rows = order
    if kind != 'chosen':  # as many points as there are rows
      config = rows_of(config, rows_train, len(rows) - rows_train)
      metric, score = _compiled(module, config, sizes, num_rows)
    missing = [part for part in metric.needs if part not in parts]
    if missing:
      raise errors.value(
        'parts', sorted(parts), f'{name} also reads {", ".join(missing)}'
      )
    draws = np.random.default_rng([seed, number])
    arrangement = metric.design.draw(draws, labels[rows], rows_train)
    index = rows[designs.points_of(arrangement)]
    design_codes = _select(codes, parts, metric.needs, index)
    design_factors = labels[index]
    if isinstance(arrangement, types.Intervention):
      design_factors = arrangement._replace(points=design_factors)
    values = score(jax.random.key(seed), design_codes, design_factors)
    for key in keys:
      value = np.asarray(values[key])
      scores[key] = value if value.ndim else float(value)
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
