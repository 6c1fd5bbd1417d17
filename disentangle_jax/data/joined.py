"""Two sets as one: a row of the first with a row of the second.

  config.dataset.name = 'joined'
  config.dataset.first = ('svhn', {'path': ...})
  config.dataset.second = ('mnist', {'path': ...})
  config.dataset.by = 'label'

'observation', 'factors' and 'index' are the first's, and so are names, kind,
renderer and density; the second's come as fields: 'secondary', and all else
under 'secondary_<name>'. `extras['secondary']` is the second data set itself,
whose arrays are `arrays['second']`; `extras['paired_by']` says by which factors
rows are paired, where they are.
"""

from collections.abc import Callable, Mapping
import dataclasses
import os
from typing import Any

import jax
import numpy as np

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import conditional

# Beyond the number of any example, so that both sets' keys differ.
_SECOND = 2**30


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    first: (name, {option: value}) of a data set; a name alone for no options.
      Kept as tuples of pairs, sorted.
    second: of the other.
    by: None for independent rows; the name of a factor of both sets for rows
      in which it is the same. Where a set has no factor 'label', that is its
      first one.
  """

  first: tuple[str, Any] | None = None
  second: tuple[str, Any] | None = None
  by: str | None = None

  def __post_init__(self):
    for field in ('first', 'second'):
      object.__setattr__(self, field, _part(getattr(self, field), field))


def _part(given: Any, field: str) -> tuple[str, tuple] | None:
  """A set's name and options, whatever form a config or JSON gives them."""
  if given is None:
    return None
  name, options = given, ()
  if isinstance(given, (tuple, list)) and len(given) in (1, 2):
    name, options = (*given, ())[:2]
  pairs = options.items() if hasattr(options, 'items') else options
  try:
    options = {str(key): _frozen(value) for key, value in pairs or ()}
  except (TypeError, ValueError):
    name = None
  if not isinstance(name, str):
    rule = "must be (name, {option: value}), e.g. ('digits', {'hues': 6})"
    raise errors.value(f'config.dataset.{field}', given, rule)
  return name, tuple(sorted(options.items()))


def _frozen(value: Any) -> Any:
  if hasattr(value, 'items'):
    return tuple(sorted((str(k), _frozen(v)) for k, v in value.items()))
  if isinstance(value, (tuple, list)):
    return tuple(_frozen(v) for v in value)
  return os.fspath(value) if isinstance(value, os.PathLike) else value


def make(
  config: Config, load: Callable[..., types.Dataset] | None = None
) -> types.Dataset:
  """The data set.

  Args:
    config: static options.
    load: `(name, **options) -> Dataset`; `data.load` by default. The engine
      gives one that knows a user's own sets too.

  Returns:
    The first set with the fields 'secondary', 'secondary_factors' and, where
    the sets have factors, 'label' and 'secondary_label': the factor that rows
    have in common, or the first one of each.

  Raises:
    ConfigError: a set that is missing, unknown or joined itself; labels that a
      set lacks, of different numbers, or without rows.
  """
  parts, load = [], load or data_lib.load
  for field in ('first', 'second'):
    part = getattr(config, field)
    if part is None or part[0] == 'joined':
      rule = "must be (name, {option: value}) of a set that is not 'joined'"
      raise errors.value(f'config.dataset.{field}', part, rule)
    parts.append(load(part[0], **dict(part[1])))
  return join(*parts, config.by)


def join(
  first: types.Dataset, second: types.Dataset, by: str | None = None
) -> types.Dataset:
  """Joins two data sets.

  Args:
    first: gives 'observation'.
    second: gives 'secondary'.
    by: as in `Config`.

  Returns:
    The data set; its arrays are {'first': ..., 'second': ...}. With `by` the
    second's row is drawn from its exact conditional given the first's label:
    uniformly among the rows of a stream with this label.

  Raises:
    ConfigError: labels that a set lacks, of different numbers, or without rows.
  """
  columns = [_column(dataset, by) for dataset in (first, second)]
  draw_second = second.sample
  if by is not None:
    given = _matched(first, second, columns, by)

    def draw_second(key, arrays, index, label):
      return given.draw(key, arrays, index, label)

  def sample(key, arrays, index):
    batch = dict(first.sample(key, arrays['first'], index))
    label = () if by is None else (batch['factors'][:, columns[0]],)
    key = jax.random.fold_in(key, _SECOND)
    other = draw_second(key, arrays['second'], index, *label)
    more = {
      'secondary': other['observation'],
      'secondary_factors': other['factors'],
    }
    for name in second.fields:
      more[f'secondary_{name}'] = other[name]
    for name, dataset, rows, column in (
      ('label', first, batch, columns[0]),
      ('secondary_label', second, other, columns[1]),
    ):
      if dataset.factor_names:
        more.setdefault(name, rows['factors'][:, column])
    return {**more, **batch}

  return first._replace(
    name='joined',
    arrays={'first': first.arrays, 'second': second.arrays},
    render=first.render and _lifted(first.render),
    sample=sample,
    fields=_fields(first, second),
    extras=_extras(first, second, None if by is None else tuple(columns)),
  )


def _column(dataset: types.Dataset, by: str | None) -> int:
  """The number of a set's label."""
  names = dataset.factor_names
  if by is None or (by == 'label' and names and by not in names):
    return 0
  if by not in names:
    raise errors.choices(f'config.dataset.by ({dataset.name})', by, names)
  return names.index(by)


def _matched(first, second, columns, by) -> conditional.Given:
  """Draws of the second set given its label; every label has rows."""
  asks = 'config.dataset.by', by
  sizes = [d.factor_sizes[k] for d, k in zip((first, second), columns)]
  if sizes[0] != sizes[1]:
    rule = (
      f'{first.name} has {sizes[0]} labels and {second.name} {sizes[1]}: they '
      'must be the same'
    )
    raise errors.value(*asks, rule)
  # Levels are numbered in each set on its own: 0, 2 there is 0, 1 here.
  meanings = [_meaning(d, k) for d, k in zip((first, second), columns)]
  if None not in meanings and meanings[0] != meanings[1]:
    rule = (
      f'{first.name} has the labels {_some(meanings[0])} and {second.name} '
      f'{_some(meanings[1])}: they must be the same'
    )
    raise errors.value(*asks, rule)
  for dataset, column in zip((first, second), columns):
    given = conditional.given(dataset, [column], asks)
    empty = [label for label, share in enumerate(given.share) if not share]
    if empty:
      rule = f'{dataset.name} has no rows of label {empty[0]}'
      raise errors.value(*asks, rule)
  return given


def _meaning(dataset: types.Dataset, column: int) -> tuple | None:
  """What the levels of a label are called; None for values that are measured.

  Words, or whole numbers; positions and angles of two renderers may differ and
  still be paired by their order.
  """
  name = dataset.factor_names[column]
  words = dataset.extras.get('words', {}).get(name)
  if words is not None:
    return tuple(map(str, words))
  values = np.asarray(dataset.factor_values[column])
  whole = values.ndim == 1 and np.all(values == np.round(values))
  return tuple(str(int(value)) for value in values) if whole else None


def _some(labels: tuple) -> str:
  more = ', ...' if len(labels) > 4 else ''
  return f'{", ".join(labels[:4])}{more}'


def _fields(first: types.Dataset, second: types.Dataset) -> tuple[str, ...]:
  names = [*first.fields, 'secondary', 'secondary_factors']
  names += [f'secondary_{name}' for name in second.fields]
  names += ['label'] * bool(first.factor_names)
  names += ['secondary_label'] * bool(second.factor_names)
  return tuple(dict.fromkeys(names))


def _lifted(function):
  """A function of the first set's arrays, given those of both."""
  return lambda arrays, *rest: function(arrays['first'], *rest)


def _extras(
  first: types.Dataset,
  second: types.Dataset,
  paired: tuple[int, int] | None,
) -> Mapping[str, Any]:
  """The first's, that now read the arrays of both, and the second set."""
  extras = {**first.extras, 'secondary': second}
  if paired is not None:
    extras['paired_by'] = paired
  if 'rows' in extras:
    rows = extras['rows']
    extras['rows'] = rows._replace(show=_lifted(rows.show))
  if 'fields' in extras:
    fields = extras['fields']
    extras['fields'] = {n: _lifted(field) for n, field in fields.items()}
  if 'held_out' in extras:
    draw = extras['held_out']
    extras['held_out'] = lambda key, arrays, index: draw(
      key, arrays['first'], index
    )
  if 'environment' in extras:
    environment = extras['environment']
    observe = _lifted(environment.observe)
    extras['environment'] = environment._replace(observe=observe)
  return extras
