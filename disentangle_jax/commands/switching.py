"""Another data set or other methods by a flag, over a file that sets options.

What a file says for its own data set or methods may mean nothing for those that
a flag names in their place. What came from the file is then left out, with a
note; what came from a flag is for the checks of the plan to refuse.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import config_dict

from disentangle_jax import data as data_lib
from disentangle_jax import methods as methods_lib
from disentangle_jax.data import distributions
from disentangle_jax.engine.plan import algebra, declare, phases, points

# Groups whose name alone may be given: --config.dataset=shapes3d.
_NAMED = ('dataset', 'net')


def spelled(words: Sequence[str]) -> list[str]:
  """`--config.dataset=shapes3d` as `--config.dataset.name=shapes3d`.

  Args:
    words: of the command line.
  """
  long = []
  for word in words:
    flag, equals, value = word.partition('=')
    group = flag.lstrip('-').removeprefix('config.')
    if equals and group in _NAMED and f'config.{group}' in flag:
      flag = f'{flag}.name'
    long.append(f'{flag}{equals}{value}')
  return long


def fit(config: config_dict.ConfigDict, words: Sequence[str]) -> list[str]:
  """Leaves out what a file set for what a flag has replaced.

  Args:
    config: as the file gives it; changed.
    words: of the command line, `spelled`, names of methods in parentheses.

  Returns:
    A line for each field that was left out.
  """
  flags = {}
  for word in words:
    flag, equals, value = word.partition('=')
    if equals and flag.lstrip('-').startswith('config.'):
      flags[flag.lstrip('-').removeprefix('config.')] = value
  notes = []
  if 'dataset.name' in flags:
    notes += _dataset(config, flags)
  if 'methods' in flags:
    notes += _methods(config, flags)
  return notes


def _dataset(config, flags: Mapping[str, str]) -> list[str]:
  name = flags['dataset.name']
  module = data_lib.DATASETS.get(name)
  if name == config.dataset.name or not hasattr(module, 'Config'):
    return []
  known = {'name'}
  for options in (module.Config, distributions.Config):
    known |= set(declare.fields_of(options))
  notes = []
  for option, value in config.dataset.items():
    given = f'dataset.{option}'
    if value is None or option in known or given in flags:
      continue
    config.dataset[option] = None
    notes.append(_left_out(given, value, f'data set {name} has no such option'))
  return notes


def _methods(config, flags: Mapping[str, str]) -> list[str]:
  """Points of the sweep and values of methods that are not listed any more."""
  methods = [
    name.strip('\'" ') for name in flags['methods'].strip('()[]').split(',')
  ]
  methods = [name for name in methods if name]
  if any(name not in methods_lib.METHODS for name in methods):
    return []  # a mistake: the plan says which
  notes = []
  if 'sweep' not in flags and config.sweep is not None:
    notes += _sweep(config, methods)
  for kind in ('hparams', 'static'):
    known = _known(kind, methods)
    for field, value in config[kind].items():
      given = f'{kind}.{field}'
      group = isinstance(value, config_dict.ConfigDict)
      if group or value is None or field in known or given in flags:
        continue
      config[kind][field] = None
      rule = f'no method of {", ".join(methods)} reads it'
      notes.append(_left_out(given, value, rule))
  return notes


def _known(kind: str, methods: Sequence[str]) -> set[str]:
  """Names of 'hparams' or 'static' that methods and their phases read."""
  return {
    field
    for name in methods
    for module in phases.modules(name, methods_lib.METHODS).values()
    for field in declare.names_read(kind, module)
  }


def _sweep(config, methods: Sequence[str]) -> list[str]:
  """The sweep for the methods that are listed now."""
  before = algebra.sweep_points(config.to_dict())
  names = dict.fromkeys(name for point in before for name in point)
  unread = [
    name
    for name in names
    if name.partition('.')[0] in ('hparams', 'static')
    and name.count('.') == 1
    and name.partition('.')[2] not in _known(name.partition('.')[0], methods)
  ]
  after, gone = [], {}
  for point in before:
    chosen = points.methods_at(point, methods)
    gone |= dict.fromkeys(name for name in chosen if name not in methods)
    chosen = [name for name in chosen if name in methods]
    if not chosen:
      continue
    point = {k: v for k, v in point.items() if k not in unread}
    if 'methods' in point:
      point['methods'] = chosen
    if point not in after:
      after.append(point)
  missing = [
    name
    for name in methods
    if not any(name in points.methods_at(p, methods) for p in after)
  ]
  after += [{'methods': [name]} for name in missing]
  if after == before:
    return []
  config.sweep = after
  notes = []
  if gone:
    listed = ', '.join(gone)
    notes.append(f"the file's points of config.sweep for {listed} are left out")
  if missing:
    listed = ', '.join(missing)
    notes.append(f'{listed}: one point, at the defaults of config')
  if not gone:
    notes += [
      f"{name} of the file's config.sweep is left out: no method of "
      f'{", ".join(methods)} reads it'
      for name in unread
    ]
  return notes


def _left_out(field: str, value: Any, why: str) -> str:
  return f'config.{field} = {value!r} of the file is left out: {why}'
