"""The sweep algebra: points are dicts of dotted name -> value.

`product`, `zipped` and `chain` write the thousands of runs of a study in a few
lines; `parse_sweep` reads the same from a command line.
"""

import ast
from collections.abc import Mapping, Sequence
import itertools
from typing import Any

from disentangle_jax import checks, errors

Point = dict[str, Any]


def _listed(values: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
  """Every name with its values as plain Python, in a list."""
  if not isinstance(values, Mapping):
    rule = "must be {'dotted.name': [values], ...}"
    raise errors.value('config.sweep', values, rule)
  lists = {}
  for name, given in values.items():
    given = checks.plain(given)
    if not isinstance(given, (list, tuple, range)):
      rule = f'must be a list of values, e.g. [{given!r}]'
      raise errors.value(f'config.sweep: {name}', given, rule)
    lists[name] = [checks.plain(value) for value in given]
  return lists


def product(values: Mapping[str, Sequence[Any]]) -> list[Point]:
  """All combinations, the last name varying fastest.

  Args:
    values: dotted name -> values, e.g. {'hparams.beta': [1, 4]}.

  Returns:
    Points: dicts of dotted name -> value.

  Raises:
    ConfigError: a single value where a list of them is wanted.
  """
  values = _listed(values)
  return [
    dict(zip(values, combination))
    for combination in itertools.product(*values.values())
  ]


def zipped(values: Mapping[str, Sequence[Any]]) -> list[Point]:
  """The i-th values of all names together.

  Args:
    values: dotted name -> values, all of one length.

  Returns:
    Points.

  Raises:
    ConfigError: lengths differ, or a single value in place of a list.
  """
  values = _listed(values)
  lengths = {name: len(v) for name, v in values.items()}
  if len(set(lengths.values())) > 1:
    raise errors.value(
      'config.sweep', lengths, 'zipped values differ in length'
    )
  return [dict(zip(values, row)) for row in zip(*values.values())]


def chain(*sweeps: Sequence[Point]) -> list[Point]:
  """One sweep after the other."""
  return [point for sweep in sweeps for point in sweep]


def parse_sweep(text: str) -> list[Point]:
  """A sweep from the command line: 'hparams.beta=1,4,16; steps=100,200'.

  Args:
    text: assignments parted by ';', values by ','; the product is taken.

  Returns:
    Points.

  Raises:
    ConfigError: a part that is no assignment.
  """
  values = {}
  for part in filter(None, (p.strip() for p in text.split(';'))):
    name, equals, right = part.partition('=')
    if not equals or not right.strip():
      raise errors.value(
        'config.sweep', part, "write 'name=value,value; name=value,...'"
      )
    try:
      parsed = ast.literal_eval(f'[{right}]')
    except (SyntaxError, ValueError):
      parsed = [v.strip() for v in right.split(',')]
    values[name.strip()] = parsed
  return product(values)


def sweep_points(config: Mapping[str, Any]) -> list[Point]:
  """The points of `config['sweep']`, checked for form and known names.

  Args:
    config: the study's config as a plain dict.

  Returns:
    At least one point.

  Raises:
    ConfigError: not a sweep, an empty one, or a name that does not exist.
  """
  sweep = config['sweep']
  if sweep is None:
    return [{}]
  if isinstance(sweep, str):
    sweep = parse_sweep(sweep)
  elif isinstance(sweep, Mapping):
    sweep = product(sweep)
  if not isinstance(sweep, (list, tuple)) or not all(
    isinstance(point, Mapping) for point in sweep
  ):
    raise errors.value(
      'config.sweep', sweep, 'must be points from product, zipped or chain'
    )
  if not sweep:
    raise errors.value('config.sweep', sweep, 'is empty: nothing would run')
  for point in sweep:
    for name in point:
      check_name(config, name)
  return [dict(point) for point in sweep]


_NOT_SWEPT = (
  'sweep',
  'seeds',
  'study',
  'description',
  'display',
  'only',
  'slice',
)


def check_name(config: Mapping[str, Any], dotted: str) -> None:
  """Raises ConfigError unless `dotted` names a field that can be swept."""
  *path, leaf = dotted.split('.')
  where, node = 'config', config
  for part in path:
    if not isinstance(node.get(part), Mapping):
      groups = [k for k, v in node.items() if isinstance(v, Mapping)]
      raise errors.choices(f'config.sweep: {dotted}: {where}', part, groups)
    where, node = f'{where}.{part}', node[part]
  if leaf in node and not isinstance(node[leaf], Mapping):
    if dotted in _NOT_SWEPT or dotted.split('.')[0] in (
      'engine',
      'metrics',
      'metric_options',
    ):
      raise errors.value(
        'config.sweep', dotted, 'cannot be swept: it holds for the whole study'
      )
    return
  raise _misplaced(config, path[0] if path else '', leaf) or errors.choices(
    f'config.sweep: {where}',
    leaf,
    [k for k, v in node.items() if not isinstance(v, Mapping)],
  )


def _misplaced(
  config: Mapping[str, Any], group: str, leaf: str
) -> errors.ConfigError | None:
  """The hint for a traced name among static ones, or the reverse."""
  for other, kind in (
    ('hparams', 'a traced hyper-parameter'),
    ('static', 'a static field'),
  ):
    if other != group and leaf in config[other]:
      given = f'{group}.{leaf}' if group else leaf
      return errors.value(
        'config.sweep', given, f'{leaf} is {kind}; legal: {other}.{leaf}'
      )
  return None


def seeds(config: Mapping[str, Any]) -> list[int]:
  """`config['seeds']`, a count or a list, as a list.

  Raises:
    ConfigError: no seed, a repeated, negative or non-integer one.
  """
  got = config['seeds']
  rule = 'must be a count of at least 1 or a list of distinct integers >= 0'
  listed = list(range(got)) if isinstance(got, int) else got
  if isinstance(got, bool) or not isinstance(listed, (list, tuple)):
    raise errors.value('config.seeds', got, rule)
  listed = list(listed)
  whole = all(type(s) is int and 0 <= s < 2**31 for s in listed)
  if not listed or not whole or len(set(listed)) < len(listed):
    raise errors.value('config.seeds', got, rule)
  return listed
