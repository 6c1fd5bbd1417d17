"""From a config's fields to what each run is made of, and what is wrong."""

from collections.abc import Mapping, Sequence
import copy
import dataclasses
import itertools
import json
import math
from typing import Any

from ml_collections import config_dict

from disentangle_jax import errors
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.engine.plan import (
  algebra,
  declare,
  phases,
  registry,
  study_config,
)
from disentangle_jax.methods import contract
from disentangle_jax.metrics import catalogue
from disentangle_jax.nn import nets

_POSITIVE = ('learning_rate',)


def plain(config: Any) -> dict[str, Any]:
  """A config as nested dicts, tuples and scalars."""
  if isinstance(config, config_dict.ConfigDict):
    config = config.to_dict()
  return copy.deepcopy(dict(config))


def engine(config: Any) -> study_config.Engine:
  """`config.engine` alone, for what must be set before JAX's first use."""
  return study_config.Engine(**plain(config)['engine'])


def study(config: Any, names: registry.Registry) -> study_config.StudyConfig:
  """Reads and checks a whole config.

  Args:
    config: from `declare.base_config`, changed to taste.
    names: what names mean.

  Returns:
    The study, frozen.

  Raises:
    ConfigError: anything that is not legal, by field, value and legal values.
  """
  given = plain(config)
  check_scalars(given)
  methods = method_names(given, names)
  wanted = metrics(given, names)
  points = algebra.sweep_points(given)
  seeds = algebra.seeds(given)
  settings = specs(given, names, methods, points)
  notes = check_used(given, names, methods, points)
  return study_config.StudyConfig(
    study=given['study'],
    description=given['description'],
    settings=tuple(settings),
    seeds=tuple(seeds),
    scoring=study_config.Scoring(
      wanted=wanted,
      options=given['metric_options'],
      representations=tuple(given['representations']),
      metric_seeds=given['metric_seeds'],
      primary=given['primary'],
    ),
    engine=engine(given),
    only=str(given['only'] or ''),
    given=given,
    notes=notes,
  )


def check_scalars(config: Mapping[str, Any]) -> None:
  """Refuses numbers out of range, in fields that are no method's own."""
  whole = lambda v, least: type(v) is int and v >= least
  for field, least in (
    ('steps', 1),
    ('batch_size', 1),
    ('metric_seeds', 1),
  ):
    if not whole(config[field], least):
      rule = f'must be an integer of at least {least}'
      raise errors.value(f'config.{field}', config[field], rule)
  for field, least in (
    ('runs_per_chunk', 0),
    ('log_every', 0),
    ('data_shards', 1),
    ('eval_block', 1),
    ('eval_memory_mib', 1),
    ('cpu_devices', 0),
  ):
    got = config['engine'][field]
    if not whole(got, least):
      rule = f'must be an integer of at least {least}'
      raise errors.value(f'config.engine.{field}', got, rule)
  for field, off in (
    ('checkpoint_minutes', 'keeps no checkpoints but those on a signal'),
    ('watchdog_minutes', 'turns it off'),
  ):
    minutes = config['engine'][field]
    if not (isinstance(minutes, (int, float)) and 0 <= minutes < math.inf):
      rule = f'must be a number >= 0; 0 {off}'
      raise errors.value(f'config.engine.{field}', minutes, rule)
  if config['batch_size'] % config['engine']['data_shards']:
    raise errors.value(
      'config.engine.data_shards',
      config['engine']['data_shards'],
      f'must divide config.batch_size = {config["batch_size"]}',
    )
  if not config['study']:
    raise errors.value('config.study', config['study'], 'must be a name')
  for name in config['representations']:
    if name not in declare.REPRESENTATIONS:
      raise errors.choices(
        'config.representations', name, declare.REPRESENTATIONS
      )


def method_names(
  config: Mapping[str, Any], names: registry.Registry
) -> list[str]:
  """`config['methods']` as a list of known names; ConfigError otherwise."""
  got = config['methods']
  got = [got] if isinstance(got, str) else list(got)
  if not got:
    raise errors.value('config.methods', got, 'is empty: nothing would run')
  for name in got:
    if name not in names.methods:
      raise errors.choices('config.methods', name, names.methods)
  return got


def metrics(
  config: Mapping[str, Any], names: registry.Registry
) -> dict[str, tuple]:
  """`config['metrics']` as metric module -> keys; ConfigError otherwise."""
  got = config['metrics']
  got = [got] if isinstance(got, str) else list(got)
  own = {n: m for n, m in names.metrics.items() if n not in metrics_lib.METRICS}
  wanted = dict(metrics_lib.resolve([n for n in got if n not in own]))
  keys = {n: tuple(catalogue.scores_of(n, own[n])) for n in got if n in own}
  wanted.update(keys)
  return wanted


def _changed(
  config: Mapping[str, Any], dotted: str, value: Any
) -> dict[str, Any]:
  """The config with one field replaced; what is not on its path is shared."""
  head, _, rest = dotted.partition('.')
  inner = _changed(config[head], rest, value) if rest else value
  return {**config, head: inner}


def specs(
  config: Mapping[str, Any],
  names: registry.Registry,
  methods: Sequence[str],
  points: Sequence[algebra.Point],
) -> list[study_config.Setting]:
  """Method x point, without those that are the same run under two points."""
  found, seen = [], set()
  for name in methods:
    apart = _apart(name, names, methods, points)
    for point in points:
      chosen = _methods_at(point, methods)
      for other in chosen:
        if other not in names.methods:
          raise errors.choices('config.sweep: methods', other, names.methods)
        if other not in methods:
          raise errors.choices('config.sweep: methods', other, methods)
      if name not in chosen:
        continue
      merged = config
      for dotted, value in point.items():
        if dotted != 'methods':
          merged = _changed(merged, dotted, value)
      check_scalars(merged)
      spec = _resolve(name, merged, names)
      key = repr(spec)
      if key not in seen:
        seen.add(key)
        variant = _variant(apart, point)
        found.append(dataclasses.replace(spec, variant=variant))
  return found


def _apart(
  name: str,
  names: registry.Registry,
  methods: Sequence[str],
  points: Sequence[algebra.Point],
) -> tuple[str, ...]:
  """Dotted names, the strength aside, that the sweep varies for a method."""
  module = names.methods.get(name)
  strength = getattr(module, 'STRENGTH', None)
  shown = {'methods', 'dataset.name'}
  shown |= {f'hparams.{strength}', f'hparams.{name}.{strength}'}
  chain = {} if module is None else phases.modules(name, names.methods)
  for kind in ('hparams', 'static'):
    # Names of other methods, or for one other method alone, change nothing.
    shown |= {
      dotted
      for dotted in set().union(*points)
      if dotted.startswith(f'{kind}.') and not _reads(dotted, chain)
    }
  mine = [p for p in points if name in _methods_at(p, methods)]
  return tuple(
    dotted
    for dotted in dict.fromkeys(itertools.chain(*mine))
    if dotted not in shown
    and len({repr(point.get(dotted)) for point in mine}) > 1
  )


def _reads(dotted: str, chain: Mapping[str, Any]) -> bool:
  """Whether a dotted name of 'hparams' or 'static' concerns a chain of phases.

  Args:
    dotted: e.g. 'hparams.beta', 'static.beta_vae.num_latents'.
    chain: name in the config -> module, the method itself first.
  """
  kind, *owner, leaf = dotted.split('.')
  known = lambda module: (
    module.HPARAMS if kind == 'hparams' else declare.static_fields(module)
  )
  return any(
    leaf in known(module) and (not owner or owner == [name])
    for name, module in chain.items()
  )


def _variant(apart: Sequence[str], point: algebra.Point) -> str:
  """'net=mlp, salt_and_pepper=0.2' for one point."""
  label = lambda dotted: (
    dotted.split('.')[0] if dotted.endswith('.name') else dotted.split('.')[-1]
  )
  return ', '.join(f'{label(d)}={point[d]}' for d in apart if d in point)


def check_used(config, names, methods, points) -> tuple[str, ...]:
  """Refuses settings that no method has; notes those that have no effect."""
  notes = []
  for kind, known in (
    ('hparams', lambda module: set(module.HPARAMS)),
    ('static', lambda module: set(declare.static_fields(module))),
  ):
    legal = {
      name: set().union(
        *map(known, phases.modules(name, names.methods).values())
      )
      for name in methods
    }
    everywhere = set().union(*legal.values())
    swept = {
      dotted.partition('.')[2]
      for point in points
      for dotted in point
      if dotted.startswith(f'{kind}.')
    }
    shared = {k: v for k, v in config[kind].items() if not _is_group(v)}
    for field, got in shared.items():
      if got is None and field not in swept:
        continue
      if field not in everywhere:
        where = f'config.{kind} (methods {", ".join(methods)})'
        raise errors.choices(where, field, everywhere)
      readers = [name for name in methods if field in legal[name]]
      if got is not None and kind == 'hparams':
        for name in readers:
          hparams(names.methods[name], name, {field: got})
      if got is not None and all(
        f'{kind}.{field}' in point
        for point in points
        for name in readers
        if name in _methods_at(point, methods)
      ):
        notes.append(
          f'config.{kind}.{field} = {got!r} has no effect: every point of '
          'config.sweep sets it'
        )
  chains = [phases.modules(name, names.methods) for name in methods]
  legal = {label for chain in chains for label in list(chain)[1:]}
  for label, own in config['phases'].items():
    if label not in legal and _is_set(own):
      raise errors.choices('config.phases', label, legal)
  return tuple(notes)


def _is_set(values: Mapping[str, Any]) -> bool:
  """Whether any field of a group is given."""
  return any(
    _is_set(value) if _is_group(value) else value is not None
    for value in values.values()
  )


def _is_group(value: Any) -> bool:
  return isinstance(value, Mapping)


def _methods_at(point: algebra.Point, methods: Sequence[str]) -> list[str]:
  """The methods that a point of the sweep is for."""
  chosen = point.get('methods', methods)
  return [chosen] if isinstance(chosen, str) else list(chosen)


def _resolve(
  name: str, merged: Mapping[str, Any], names: registry.Registry
) -> study_config.Setting:
  """One method at one point: everything but the seed."""
  spec = settled(name, merged, names)
  after = phases.before(name, spec, merged, names, settled)
  return dataclasses.replace(spec, after=after)


def settled(
  name: str,
  merged: Mapping[str, Any],
  names: registry.Registry,
  inherited: phases.Inherited | None = None,
) -> study_config.Setting:
  """What a run of a method is made of, its earlier phases and seed aside.

  Args:
    name: of the method; of the phase, for an earlier one.
    merged: the config at one point of the sweep.
    names: what names mean.
    inherited: what a later phase hands down; None for a listed method.

  Returns:
    The setting.

  Raises:
    ConfigError: a name or value that is not legal.
  """
  method, static_above, hparams_above = name, {}, {}
  if inherited:
    method = inherited.method
    static_above, hparams_above = inherited.static, inherited.hparams
    merged = inherited.merged
  module = names.methods[method]
  contract.read(module, method)
  net_name = merged['net']['name']
  if net_name not in nets.NETS:
    raise errors.choices('config.net.name', net_name, nets.NETS)
  static = _static(module, name, merged['static'], static_above)
  if inherited:
    phases.check_static(inherited.settled, module, inherited.later)
    static |= inherited.settled
  if 'net' in declare.fields_of(module.Config):
    static['net'] = nets.make_config(net_name, merged['net'][net_name])
  try:
    config = module.Config(**static)
  except (TypeError, ValueError) as error:
    if isinstance(error, errors.ConfigError):
      raise
    raise errors.ConfigError(f'config.static ({name}): {error}') from error
  dataset_name = merged['dataset']['name']
  if dataset_name not in names.datasets:
    raise errors.choices('config.dataset.name', dataset_name, names.datasets)
  options = {
    k: v for k, v in merged['dataset'].items() if k != 'name' and v is not None
  }
  return study_config.Setting(
    method=method,
    config=config,
    hparams=hparams(module, name, merged['hparams'], hparams_above),
    dataset=study_config.DatasetSpec(
      dataset_name, json.dumps(options, sort_keys=True)
    ),
    steps=merged['steps'],
    batch_size=merged['batch_size'],
  )


def _layered(
  given: Mapping[str, Any],
  name: str,
  known: set[str],
  above: Mapping[str, Any],
) -> dict:
  """Values for one method: for all methods, of a later phase, for it alone."""
  shared = {k: v for k, v in given.items() if not _is_group(v)}
  own = given.get(name) or {}
  layered = {k: v for k, v in shared.items() if k in known and v is not None}
  layered.update({k: v for k, v in above.items() if k in known})
  layered.update({k: v for k, v in own.items() if v is not None})
  return layered


def _static(
  module: Any, name: str, given: Mapping[str, Any], above: Mapping[str, Any]
) -> dict[str, Any]:
  defaults = declare.static_fields(module)
  static = _layered(given, name, set(defaults), above)
  for key, value in static.items():
    if isinstance(value, list):
      static[key] = value = tuple(value)
    default = defaults[key]
    if type(default) is int and (type(value) is not int or value < 1):
      rule = 'must be an integer of at least 1'
      raise errors.value(f'config.static.{key}', value, rule)
  return static


def hparams(
  module: Any,
  name: str,
  given: Mapping[str, Any],
  above: Mapping[str, float] | None = None,
) -> dict[str, float]:
  """A method's hyper-parameters; ConfigError for one out of range.

  Args:
    module: the method's.
    name: under which the config speaks of it.
    given: `config.hparams`.
    above: those of a later phase.

  Returns:
    name -> value, for all of the module's HPARAMS.
  """
  values = {k: float(v) for k, v in module.HPARAMS.items()}
  bounds = contract.read(module, name).bounds
  layered = _layered(given, name, set(values), above or {})
  for key, value in layered.items():
    low, high = bounds.get(key, (0.0, math.inf))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    ok = number and math.isfinite(value) and low <= value <= high
    positive = key in _POSITIVE
    if not ok or (positive and value == 0):
      span = f'> {low:g}' if positive else f'>= {low:g}'
      upper = '' if math.isinf(high) else f' and <= {high:g}'
      rule = f'must be a finite number {span}{upper}'
      raise errors.value(f'config.hparams.{key}', value, rule)
    values[key] = float(value)
  return values
