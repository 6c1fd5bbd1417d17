"""From a config to numbered runs, and from runs to groups and chunks.

A *run* is (static config, traced hyper-parameters, seed); a *group* all runs
that share a compiled program; a *chunk* the runs that are in one program at the
same time. Everything that can be wrong with a config is found here, before any
compile.
"""

from collections.abc import Mapping, Sequence
import copy
import dataclasses
import hashlib
import inspect
import itertools
import json
import marshal
import math
import types as python_types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import config_dict

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import samplers
from disentangle_jax.engine import settings
from disentangle_jax.nn import nets

_POSITIVE = ('learning_rate',)


class Registry(NamedTuple):
  """What names mean: the package's own and the user's."""

  methods: Mapping[str, Any]
  metrics: Mapping[str, Any]
  datasets: Mapping[str, Any]


def registry(
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> Registry:
  """The package's names, and yours on top."""
  return Registry(
    {**methods_lib.METHODS, **(methods or {})},
    {**metrics_lib.METRICS, **(metrics or {})},
    {**data_lib.DATASETS, **(datasets or {})},
  )


class Run(NamedTuple):
  """One training run, fully specified.

  Attributes:
    number: its place in the study, what `--config.only` takes.
    run_id: hash of everything that changes it.
    method: name.
    config: the method's frozen Config.
    hparams: name -> float.
    seed: of data order, initialisation and noise.
    dataset: (name, JSON of the options).
    steps: training steps.
    batch_size: examples per step.
    strength_name: the HPARAM that a report's axis shows, or ''.
    strength: its value, or NaN.
    variant: what else the sweep sets apart for its method, e.g.
      'net=mlp, salt_and_pepper=0.2'; '' where the strength alone is swept.
  """

  number: int
  run_id: str
  method: str
  config: Any
  hparams: dict[str, float]
  seed: int
  dataset: tuple[str, str]
  steps: int
  batch_size: int
  strength_name: str
  strength: float
  variant: str


class Group(NamedTuple):
  """Runs that share one compiled program.

  Attributes:
    method_name: name.
    method: the pure functions.
    module: the method's module (HPARAMS, BATCH, ...).
    config: static config.
    dataset: the data set.
    batch_size: examples per step.
    steps: training steps.
    runs: its runs, in order of their numbers.
  """

  method_name: str
  method: types.Method
  module: Any
  config: Any
  dataset: types.Dataset
  batch_size: int
  steps: int
  runs: tuple[Run, ...]


class Plan(NamedTuple):
  """A whole study.

  Attributes:
    study: its name.
    config: the config as plain JSON-able values.
    runs: all runs, numbered from 0.
    groups: the same runs by program.
    metrics: metric module name -> the score keys wanted.
    registry: what the names mean.
    notes: lines that the user should see.
  """

  study: str
  config: dict[str, Any]
  runs: tuple[Run, ...]
  groups: tuple[Group, ...]
  metrics: Mapping[str, tuple[str, ...]]
  registry: Registry
  notes: tuple[str, ...] = ()


def plain(config: Any) -> dict[str, Any]:
  """A config as nested dicts, tuples and scalars."""
  if isinstance(config, config_dict.ConfigDict):
    config = config.to_dict()
  return copy.deepcopy(dict(config))


def make(config: Any, names: Registry | None = None) -> Plan:
  """Expands a config into runs and groups.

  Args:
    config: from `settings.base_config`, changed to taste.
    names: what the names mean; None for the package's own.

  Returns:
    The plan.

  Raises:
    ConfigError: anything that could not run, by field, value and legal values.
  """
  names = names or registry()
  config = plain(config)
  _check_scalars(config)
  methods = _method_names(config, names)
  wanted = _metrics(config, names)
  points = settings.sweep_points(config)
  seeds = settings.seeds(config)
  specs = _specs(config, names, methods, points)
  notes = _check_used(config, names, methods, points)
  runs, sources = [], {}
  for spec in specs:
    module = names.methods[spec['method']]
    if spec['method'] not in sources:
      sources[spec['method']] = _own_source(module, spec['method'])
    for seed in seeds:
      runs.append(_run(len(runs), spec, seed, module, sources[spec['method']]))
  groups = _groups(runs, names)
  made = {}
  for group in groups:
    _check_group(group, config, names, wanted, made)
  return Plan(
    config['study'], config, tuple(runs), groups, wanted, names, notes
  )


def only(plan: Plan) -> Plan:
  """The plan cut down to the numbers in `config.only`, if any are given."""
  text = str(plan.config.get('only') or '').strip('() ')
  if not text:
    return plan
  rule = f"must be run numbers like '17' or '3,5-8', 0 to {len(plan.runs) - 1}"
  chosen = set()
  for part in filter(None, (p.strip() for p in text.split(','))):
    first, dash, last = part.partition('-')
    try:
      lo, hi = int(first), int(last if dash else first)
    except ValueError:
      raise errors.value('config.only', text, rule) from None
    if not 0 <= lo <= hi < len(plan.runs):
      raise errors.value('config.only', text, rule)
    chosen.update(range(lo, hi + 1))
  return keep(plan, {plan.runs[number].run_id for number in chosen})


def keep(plan: Plan, run_ids: set[str]) -> Plan:
  """The plan with only some runs; numbers stay what they were."""
  groups = []
  for group in plan.groups:
    runs = tuple(run for run in group.runs if run.run_id in run_ids)
    if runs:
      groups.append(group._replace(runs=runs))
  runs = tuple(run for run in plan.runs if run.run_id in run_ids)
  return plan._replace(runs=runs, groups=tuple(groups))


def _check_scalars(config: Mapping[str, Any]) -> None:
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
  minutes = config['engine']['checkpoint_minutes']
  if not (isinstance(minutes, (int, float)) and 0 <= minutes < math.inf):
    rule = 'must be a number >= 0; 0 keeps no checkpoints but those on a signal'
    raise errors.value('config.engine.checkpoint_minutes', minutes, rule)
  if config['batch_size'] % config['engine']['data_shards']:
    raise errors.value(
      'config.engine.data_shards',
      config['engine']['data_shards'],
      f'must divide config.batch_size = {config["batch_size"]}',
    )
  if not config['study']:
    raise errors.value('config.study', config['study'], 'must be a name')
  for name in config['representations']:
    if name not in settings.REPRESENTATIONS:
      raise errors.choices(
        'config.representations', name, settings.REPRESENTATIONS
      )


def _method_names(config: Mapping[str, Any], names: Registry) -> list[str]:
  got = config['methods']
  got = [got] if isinstance(got, str) else list(got)
  if not got:
    raise errors.value('config.methods', got, 'is empty: nothing would run')
  for name in got:
    if name not in names.methods:
      raise errors.choices('config.methods', name, names.methods)
  return got


def _metrics(config: Mapping[str, Any], names: Registry) -> dict[str, tuple]:
  got = config['metrics']
  got = [got] if isinstance(got, str) else list(got)
  own = {n: m for n, m in names.metrics.items() if n not in metrics_lib.METRICS}
  wanted = dict(metrics_lib.resolve([n for n in got if n not in own]))
  wanted.update({n: tuple(own[n].KEYS) for n in got if n in own})
  return wanted


def _set(config: dict[str, Any], dotted: str, value: Any) -> None:
  *path, leaf = dotted.split('.')
  for part in path:
    config = config[part]
  config[leaf] = value


def _specs(
  config: Mapping[str, Any],
  names: Registry,
  methods: Sequence[str],
  points: Sequence[settings.Point],
) -> list[dict[str, Any]]:
  """Method x point, without those that are the same run under two points."""
  specs, seen = [], set()
  for name in methods:
    apart = _apart(name, names.methods.get(name), methods, points)
    for point in points:
      chosen = _methods_at(point, methods)
      for other in chosen:
        if other not in names.methods:
          raise errors.choices('config.sweep: methods', other, names.methods)
        if other not in methods:
          raise errors.choices('config.sweep: methods', other, methods)
      if name not in chosen:
        continue
      merged = copy.deepcopy(dict(config))
      for dotted, value in point.items():
        if dotted != 'methods':
          _set(merged, dotted, value)
      _check_scalars(merged)
      spec = _resolve(name, merged, names)
      key = json.dumps({**spec, 'config': repr(spec['config'])}, sort_keys=True)
      if key not in seen:
        seen.add(key)
        specs.append({**spec, 'variant': _variant(apart, point)})
  return specs


def _apart(
  name: str,
  module: Any,
  methods: Sequence[str],
  points: Sequence[settings.Point],
) -> tuple[str, ...]:
  """Dotted names, the strength aside, that the sweep varies for a method."""
  strength = getattr(module, 'STRENGTH', None)
  shown = {'methods', 'dataset.name'}
  shown |= {f'hparams.{strength}', f'hparams.{name}.{strength}'}
  for kind in ('hparams', 'static'):
    # Names of other methods, or for one other method alone, change nothing.
    shown |= {
      dotted
      for dotted in set().union(*points)
      if dotted.startswith(f'{kind}.') and not _reads(dotted, name, module)
    }
  mine = [p for p in points if name in _methods_at(p, methods)]
  return tuple(
    dotted
    for dotted in dict.fromkeys(itertools.chain(*mine))
    if dotted not in shown
    and len({repr(point.get(dotted)) for point in mine}) > 1
  )


def _reads(dotted: str, name: str, module: Any) -> bool:
  """Whether a dotted name of 'hparams' or 'static' concerns the method."""
  kind, *owner, leaf = dotted.split('.')
  known = (
    module.HPARAMS if kind == 'hparams' else settings.static_fields(module)
  )
  return leaf in known and (not owner or owner == [name])


def _variant(apart: Sequence[str], point: settings.Point) -> str:
  """'net=mlp, salt_and_pepper=0.2' for one point."""
  label = lambda dotted: (
    dotted.split('.')[0] if dotted.endswith('.name') else dotted.split('.')[-1]
  )
  return ', '.join(f'{label(d)}={point[d]}' for d in apart if d in point)


def _check_used(config, names, methods, points) -> tuple[str, ...]:
  """Refuses settings that no method has; notes those that have no effect."""
  notes = []
  for kind, known in (
    ('hparams', lambda module: set(module.HPARAMS)),
    ('static', lambda module: set(settings.static_fields(module))),
  ):
    legal = {name: known(names.methods[name]) for name in methods}
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
          _hparams(names.methods[name], name, {field: got})
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
  return tuple(notes)


def _is_group(value: Any) -> bool:
  return isinstance(value, Mapping)


def _methods_at(point: settings.Point, methods: Sequence[str]) -> list[str]:
  """The methods that a point of the sweep is for."""
  chosen = point.get('methods', methods)
  return [chosen] if isinstance(chosen, str) else list(chosen)


def _resolve(
  name: str, merged: Mapping[str, Any], names: Registry
) -> dict[str, Any]:
  """One method at one point: everything but the seed."""
  module = names.methods[name]
  net_name = merged['net']['name']
  if net_name not in nets.NETS:
    raise errors.choices('config.net.name', net_name, nets.NETS)
  static = _static(module, name, merged['static'])
  if 'net' in settings.fields_of(module.Config):
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
  return {
    'method': name,
    'config': config,
    'hparams': _hparams(module, name, merged['hparams']),
    'dataset': (dataset_name, json.dumps(options, sort_keys=True)),
    'steps': merged['steps'],
    'batch_size': merged['batch_size'],
  }


def _layered(given: Mapping[str, Any], name: str, known: set[str]) -> dict:
  """Values for one method: those for all methods, then those for it alone."""
  shared = {k: v for k, v in given.items() if not _is_group(v)}
  own = given.get(name) or {}
  layered = {k: v for k, v in shared.items() if k in known and v is not None}
  layered.update({k: v for k, v in own.items() if v is not None})
  return layered


def _static(module: Any, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
  defaults = settings.static_fields(module)
  static = _layered(given, name, set(defaults))
  for key, value in static.items():
    if isinstance(value, list):
      static[key] = value = tuple(value)
    default = defaults[key]
    if type(default) is int and (type(value) is not int or value < 1):
      rule = 'must be an integer of at least 1'
      raise errors.value(f'config.static.{key}', value, rule)
  return static


def _hparams(module: Any, name: str, given: Mapping[str, Any]) -> dict:
  hparams = {k: float(v) for k, v in module.HPARAMS.items()}
  bounds = getattr(module, 'BOUNDS', {})
  for key, value in _layered(given, name, set(hparams)).items():
    low, high = bounds.get(key, (0.0, math.inf))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    ok = number and math.isfinite(value) and low <= value <= high
    positive = key in _POSITIVE
    if not ok or (positive and value == 0):
      span = f'> {low:g}' if positive else f'>= {low:g}'
      upper = '' if math.isinf(high) else f' and <= {high:g}'
      rule = f'must be a finite number {span}{upper}'
      raise errors.value(f'config.hparams.{key}', value, rule)
    hparams[key] = float(value)
  return hparams


def _own_source(module: Any, name: str) -> str:
  """Source of a user's own method: it changes the run, so it is hashed."""
  if methods_lib.METHODS.get(name) is module:
    return ''
  try:
    if isinstance(module, python_types.ModuleType):
      return inspect.getsource(module)
    return inspect.getsource(module.make)
  except (OSError, TypeError):
    # No file to read, as in a console: what it was compiled to.
    return hashlib.sha256(marshal.dumps(module.make.__code__)).hexdigest()


def describe_static(config: Any) -> dict[str, Any]:
  """A frozen Config as JSON-able values."""
  return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def _run(number, spec, seed, module, source) -> Run:
  identity = {
    'method': spec['method'],
    'source': source,
    'config': describe_static(spec['config']),
    'hparams': spec['hparams'],
    'dataset': spec['dataset'],
    'seed': seed,
    'steps': spec['steps'],
    'batch_size': spec['batch_size'],
  }
  text = json.dumps(identity, sort_keys=True)
  strength_name = module.STRENGTH or ''
  strength = spec['hparams'].get(strength_name, math.nan)
  return Run(
    number=number,
    run_id=hashlib.sha256(text.encode()).hexdigest()[:12],
    seed=seed,
    strength_name=strength_name,
    strength=strength,
    **spec,
  )


def load_dataset(dataset: tuple[str, str], names: Registry) -> types.Dataset:
  """The data set of a run.

  Raises:
    ConfigError: unknown options, or options out of range.
  """
  name, options = dataset[0], json.loads(dataset[1])
  module = names.datasets[name]
  if isinstance(module, types.Dataset):
    if options:
      raise errors.choices(f'config.dataset ({name})', next(iter(options)), ())
    return module
  if data_lib.DATASETS.get(name) is module:
    return data_lib.load(name, **options)
  return module.make(module.Config(**options))


def _groups(runs: Sequence[Run], names: Registry) -> tuple[Group, ...]:
  by_key, datasets = {}, {}
  for run in runs:
    key = (run.method, run.config, run.dataset, run.batch_size, run.steps)
    by_key.setdefault(key, []).append(run)
  groups = []
  for (method, config, dataset, batch_size, steps), members in by_key.items():
    if dataset not in datasets:
      datasets[dataset] = load_dataset(dataset, names)
    module = names.methods[method]
    groups.append(
      Group(
        method_name=method,
        method=module.make(config, datasets[dataset]),
        module=module,
        config=config,
        dataset=datasets[dataset],
        batch_size=batch_size,
        steps=steps,
        runs=tuple(members),
      )
    )
  return tuple(groups)


def sampler(module: Any, config: Any, dataset: types.Dataset):
  """Draws what a method's BATCH names, as its BATCH_OPTIONS say.

  Args:
    module: the method's module; its `BATCH_OPTIONS`, if any, is a function
      of its Config that gives `data.samplers.Options`.
    config: its static config.
    dataset: what to sample from.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`.

  Raises:
    ConfigError: a field that the data set or the options do not allow.
  """
  choose = getattr(module, 'BATCH_OPTIONS', None)
  options = choose(config) if choose else None
  return samplers.make(dataset, module.BATCH, options)


def example_batch(group: Group) -> dict[str, jax.Array]:
  """A batch of zeros with the shapes that the method will see."""
  sample = sampler(group.module, group.config, group.dataset)
  index = jnp.arange(group.batch_size)
  shapes = jax.eval_shape(
    sample, jax.random.key(0), group.dataset.arrays, index
  )
  return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)


def _check_group(group: Group, config, names: Registry, wanted, made) -> None:
  """Traces one step without compiling it; refuses what cannot be scored.

  `made` collects `metric_place` -> metric over the groups of a plan.
  """
  least = getattr(group.module, 'MIN_BATCH', 1)
  if group.batch_size < least:
    raise errors.value(
      'config.batch_size',
      group.batch_size,
      f'method {group.method_name} needs at least {least}',
    )
  for name in wanted:
    if group.method.represent is None:
      raise errors.value(
        'config.metrics',
        name,
        f'method {group.method_name} has no encoder; legal: ()',
      )
  hparams = {k: jnp.float32(v) for k, v in group.module.HPARAMS.items()}
  key = jax.random.key(0)
  batch = example_batch(group)
  state = jax.eval_shape(group.method.init, key, batch, hparams)
  jax.eval_shape(group.method.update, key, state, batch, hparams)
  if group.method.represent is None:
    return
  codes = jax.eval_shape(group.method.represent, state, batch['observation'])
  for name in wanted:
    place = metric_place(name, names, group.dataset)
    if place not in made:
      made[place] = make_metric(name, config, names, group.dataset)
    metric = made[place]
    for part in metric.needs:
      if part not in codes.parts:
        raise errors.value(
          'config.metrics',
          name,
          f'reads {part!r}, which method {group.method_name} does not give; '
          f'it gives {sorted(codes.parts)}',
        )
    discrete = 'class_logits' in codes.parts
    gaussian_only = isinstance(metric, types.Metric) and (
      'logvar' in metric.needs
    )
    if discrete and gaussian_only:
      raise errors.value(
        'config.metrics',
        name,
        f'is defined for Gaussian latents alone, and method '
        f'{group.method_name} has discrete ones; leave it out',
      )
    if (
      isinstance(metric, types.Diagnostic)
      and metric.per_representation
      and 'sampled' in config['representations']
      and 'logvar' not in codes.parts
    ):
      rule = (
        f'method {group.method_name} has no distribution of codes to sample '
        f"from, as {name!r} would; legal: 'mean'"
      )
      raise errors.value('config.representations', 'sampled', rule)
    if isinstance(metric, (types.Diagnostic, types.Probe)):
      offered = {
        *(n for n in ('represent', 'decode') if getattr(group.method, n)),
        *group.method.extras,
      }
      for need in metric.requires:
        if need not in offered:
          raise errors.value(
            'config.metrics',
            name,
            f'needs {need!r}, which method {group.method_name} lacks',
          )
    else:
      _check_factors(name, names.metrics[name], group.dataset)


def _check_factors(name: str, module: Any, data: types.Dataset) -> None:
  """Refuses a metric that the data set's factors cannot supply."""
  if getattr(module, 'FACTORS', True) and not data.factor_sizes:
    rule = f'data set {data.name} has no factors to score against'
    raise errors.value('config.metrics', name, rule)
  # Independent points can be drawn from a stream, chosen ones cannot.
  drawn = getattr(module, 'DESIGN', '') in ('points', 'split')
  if data.render is None and not drawn:
    rule = f'asks for chosen factors, and data set {data.name} has no grid'
    raise errors.value('config.metrics', name, rule)


def metric_place(
  name: str, names: Registry, data: types.Dataset
) -> tuple[str, Any]:
  """Equal for two data sets exactly if they can share the metric."""
  if getattr(names.metrics[name], 'NEEDS_DATA', False):
    return name, id(data)
  return name, data.factor_sizes


def make_metric(
  name: str, config: Mapping[str, Any], names: Registry, data: types.Dataset
) -> types.Metric | types.Diagnostic | types.Probe:
  """A metric with the constants that the config chose.

  Raises:
    ConfigError: a constant out of range.
  """
  module = names.metrics[name]
  chosen = config['metric_options'].get(name, {})
  options = {
    k: tuple(v) if isinstance(v, list) else v
    for k, v in chosen.items()
    if v is not None
  }
  given = data if getattr(module, 'NEEDS_DATA', False) else data.factor_sizes
  return module.make(module.Config(**options), given)
