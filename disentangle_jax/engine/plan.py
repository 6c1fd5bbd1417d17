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
import json
import marshal
import math
import types as python_types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import config_dict

from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax.data import samplers
from disentangle_jax.engine import names as names_lib
from disentangle_jax.engine import resolve, settings


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
  registry: names_lib.Registry
  notes: tuple[str, ...] = ()


def plain(config: Any) -> dict[str, Any]:
  """A config as nested dicts, tuples and scalars."""
  if isinstance(config, config_dict.ConfigDict):
    config = config.to_dict()
  return copy.deepcopy(dict(config))


def make(config: Any, names: names_lib.Registry | None = None) -> Plan:
  """Expands a config into runs and groups.

  Args:
    config: from `settings.base_config`, changed to taste.
    names: what the names mean; None for the package's own.

  Returns:
    The plan.

  Raises:
    ConfigError: anything that could not run, by field, value and legal values.
  """
  names = names or names_lib.registry()
  config = plain(config)
  resolve.check_scalars(config)
  methods = resolve.method_names(config, names)
  wanted = resolve.metrics(config, names)
  points = settings.sweep_points(config)
  seeds = settings.seeds(config)
  specs = resolve.specs(config, names, methods, points)
  notes = resolve.check_used(config, names, methods, points)
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


def _groups(
  runs: Sequence[Run], names: names_lib.Registry
) -> tuple[Group, ...]:
  by_key, datasets = {}, {}
  for run in runs:
    key = (run.method, run.config, run.dataset, run.batch_size, run.steps)
    by_key.setdefault(key, []).append(run)
  groups = []
  for (method, config, dataset, batch_size, steps), members in by_key.items():
    if dataset not in datasets:
      datasets[dataset] = names_lib.load_dataset(dataset, names)
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


def _check_group(
  group: Group, config, names: names_lib.Registry, wanted, made
) -> None:
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
    place = names_lib.metric_place(name, names, group.dataset)
    if place not in made:
      made[place] = names_lib.make_metric(name, config, names, group.dataset)
    names_lib.check_metric(name, made[place], config, names, group, codes)
