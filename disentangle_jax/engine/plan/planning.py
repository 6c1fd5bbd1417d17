"""From a config to numbered runs, and from runs to groups and chunks.

A *run* is (static config, traced hyper-parameters, seed); a *group* all runs
that share a compiled program; a *chunk* the runs that are in one program at the
same time. Everything that can be wrong with a config is found here, before any
compile.
"""

from collections.abc import Mapping, Sequence
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

from disentangle_jax import errors, layouts, requests, types
from disentangle_jax import methods as methods_lib
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import (
  parse,
  registry,
  study_config,
  survival,
)
from disentangle_jax.methods import contract as contract_lib


class Run(NamedTuple):
  """One training run, fully specified.

  Attributes:
    number: its place in the study, what `--config.only` takes.
    run_id: hash of everything that changes it.
    method: name.
    config: the method's frozen Config.
    hparams: name -> float.
    seed: of data order, initialisation and noise.
    dataset: which data set.
    steps: training steps.
    batch_size: examples per step.
    strength_name: the HPARAM that a report's axis shows, or ''.
    strength: its value, or NaN.
    variant: what else the sweep sets apart for its method, e.g.
      'net=mlp, salt_and_pepper=0.2'; '' where the strength alone is swept.
    phase: the name under which a later phase starts from it; '' for a run of a
      method that the config lists.
    after: the run that it starts from, or None.
  """

  number: int
  run_id: str
  method: str
  config: Any
  hparams: dict[str, float]
  seed: int
  dataset: study_config.DatasetSpec
  steps: int
  batch_size: int
  strength_name: str
  strength: float
  variant: str
  phase: str = ''
  after: 'Run | None' = None

  def ancestors(self) -> list['Run']:
    """The earlier phases, the one that it starts from first."""
    return [] if self.after is None else [self.after, *self.after.ancestors()]

  def describe(self) -> dict[str, Any]:
    """All that rebuilds it, as JSON-able values, earlier phases included."""
    return {
      'method': self.method,
      'config': describe_static(self.config),
      'dataset': list(self.dataset),
      'hparams': self.hparams,
      'seed': self.seed,
      'steps': self.steps,
      'batch_size': self.batch_size,
      'run_id': self.run_id,
      'phase': self.phase,
      'after': None if self.after is None else self.after.describe(),
    }

  def all_hparams(self) -> dict[str, float]:
    """Its hyper-parameters, and those of earlier phases as '<phase>.<name>'."""
    earlier = {
      f'{run.phase}.{name}': value
      for run in self.ancestors()
      for name, value in run.hparams.items()
    }
    return {**self.hparams, **earlier}


class Group(NamedTuple):
  """Runs that share one compiled program.

  Attributes:
    method_name: name.
    method: the pure functions.
    contract: what its module says.
    config: static config.
    dataset: the data set.
    batch_size: examples per step.
    steps: training steps.
    runs: its runs, in order of their numbers.
    before: the group of the runs that they start from, or None.
    metrics: names of the metric modules that can score them.
    layout: what stands in their code vectors; None without codes.
  """

  method_name: str
  method: types.Method
  contract: contract_lib.Contract
  config: Any
  dataset: types.Dataset
  batch_size: int
  steps: int
  runs: tuple[Run, ...]
  before: 'Group | None' = None
  metrics: tuple[str, ...] = ()
  layout: types.Layout | None = None

  @property
  def listed(self) -> bool:
    """Whether any run is of a method that the config lists."""
    return any(not run.phase for run in self.runs)

  @property
  def depth(self) -> int:
    """Number of phases before this one."""
    return 0 if self.before is None else 1 + self.before.depth


class Plan(NamedTuple):
  """A whole study.

  Attributes:
    config: the study as it was read.
    runs: all runs, numbered from 0; earlier phases of runs stand behind the
      runs of the methods that the config lists.
    groups: the same runs by program, earlier phases first.
    registry: what the names mean.
    notes: lines that the user should see.
  """

  config: study_config.StudyConfig
  runs: tuple[Run, ...]
  groups: tuple[Group, ...]
  registry: registry.Registry
  notes: tuple[str, ...] = ()

  @property
  def study(self) -> str:
    """The study's name."""
    return self.config.study

  @property
  def metrics(self) -> Mapping[str, tuple[str, ...]]:
    """Metric module -> the score keys wanted."""
    return self.config.scoring.wanted


def make(config: Any, names: registry.Registry | None = None) -> Plan:
  """Expands a config into runs and groups.

  Args:
    config: from `declare.base_config`, changed to taste.
    names: what the names mean; None for the package's own.

  Returns:
    The plan.

  Raises:
    ConfigError: anything that could not run, by field, value and legal values.
  """
  names = names or registry.of()
  study = parse.study(config, names)
  sources = {}
  runs = _numbered(
    [
      _run(setting, seed, names, sources)
      for setting in study.settings
      for seed in study.seeds
    ]
  )
  groups, notes = _checked(_groups(runs, names), study, names)
  if any(group.before for group in groups) and not study.engine.keep_params:
    rule = 'must be True: phases start from the parameters of earlier ones'
    raise errors.value('config.engine.keep_params', False, rule)
  return Plan(study, tuple(runs), groups, names, (*study.notes, *notes))


def only(plan: Plan) -> Plan:
  """The plan cut down to the numbers in `config.only`, if any are given."""
  text = plan.config.only.strip('() ')
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
  """The plan with some runs and the phases before them; numbers stay."""
  run_ids = set(run_ids)
  for run in plan.runs:
    if run.run_id in run_ids:
      run_ids |= {earlier.run_id for earlier in run.ancestors()}
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


def _run(
  setting: study_config.Setting,
  seed: int,
  names: registry.Registry,
  sources: dict[str, str],
) -> Run:
  """A run with the phases before it, not yet numbered.

  Args:
    setting: everything but the seed.
    seed: of all its phases.
    names: what names mean.
    sources: name of a method -> its source if it is the user's own; filled.
  """
  module, name = names.methods[setting.method], setting.method
  if name not in sources:
    sources[name] = _own_source(module, name)
  after = setting.after
  earlier = None if after is None else _run(after, seed, names, sources)
  identity = {
    'method': name,
    'source': sources[name],
    'config': describe_static(setting.config),
    'hparams': setting.hparams,
    'dataset': setting.dataset,
    'seed': seed,
    'steps': setting.steps,
    'batch_size': setting.batch_size,
  }
  if earlier is not None:
    identity['after'] = earlier.run_id
  text = json.dumps(identity, sort_keys=True)
  strength_name = contract_lib.read(module, name).strength or ''
  run = Run(
    method=name,
    config=setting.config,
    hparams=setting.hparams,
    dataset=setting.dataset,
    steps=setting.steps,
    batch_size=setting.batch_size,
    variant=setting.variant,
    phase=setting.phase,
    after=earlier,
    number=-1,
    run_id=hashlib.sha256(text.encode()).hexdigest()[:12],
    seed=seed,
    strength_name=strength_name,
    strength=math.nan,
  )
  return run._replace(strength=run.all_hparams().get(strength_name, math.nan))


def _numbered(listed: Sequence[Run]) -> list[Run]:
  """All runs of a study: those of listed methods, then earlier phases.

  A phase that several runs start from, or that is listed as well, is one run.
  """
  by_id = {run.run_id: run for run in listed}
  for run in listed:
    for earlier in reversed(run.ancestors()):
      by_id.setdefault(earlier.run_id, earlier)
  numbers = {run_id: number for number, run_id in enumerate(by_id)}

  def with_number(run: Run) -> Run:
    after = None if run.after is None else with_number(run.after)
    return run._replace(number=numbers[run.run_id], after=after)

  return [with_number(run) for run in by_id.values()]


def _key(run: Run | None) -> tuple | None:
  """Equal for two runs exactly if they share a program."""
  if run is None:
    return None
  own = (run.method, run.config, run.dataset, run.batch_size, run.steps)
  return *own, _key(run.after)


def _groups(runs: Sequence[Run], names: registry.Registry) -> tuple[Group, ...]:
  """Runs by program, the groups of earlier phases first."""
  members, datasets, groups = {}, {}, {}
  for run in runs:
    members.setdefault(_key(run), []).append(run)
  depth = lambda key: len(members[key][0].ancestors())
  for key in sorted(members, key=depth):
    run = members[key][0]
    if run.dataset not in datasets:
      datasets[run.dataset] = registry.load_dataset(run.dataset, names)
    described = contract_lib.read(names.methods[run.method], run.method)
    # Before `make`, which may read what only such a data set has.
    asked = described.batch(run.config)
    own = [r for r in asked if isinstance(r, requests.Field)]
    samplers.make(datasets[run.dataset], own)
    before = groups.get(_key(run.after))
    groups[key] = Group(
      method_name=run.method,
      method=described.made(
        run.config,
        datasets[run.dataset],
        None if before is None else before.method,
      ),
      contract=described,
      config=run.config,
      dataset=datasets[run.dataset],
      batch_size=run.batch_size,
      steps=run.steps,
      runs=tuple(members[key]),
      before=before,
    )
  return tuple(groups.values())


def sampler(
  contract: contract_lib.Contract, config: Any, dataset: types.Dataset
):
  """Draws what a method asks of a batch.

  Args:
    contract: of the method.
    config: its static config.
    dataset: what to sample from.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`; the engine adds 'step'.

  Raises:
    ConfigError: a request that the data set cannot give.
  """
  return samplers.make(dataset, contract.batch(config))


def example_batch(group: Group) -> dict[str, jax.Array]:
  """A batch of zeros with the shapes that the method will see."""
  sample = sampler(group.contract, group.config, group.dataset)
  index = jnp.arange(group.batch_size)
  shapes = jax.eval_shape(
    sample, jax.random.key(0), group.dataset.arrays, index
  )
  zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
  return {**zeros, 'step': jnp.zeros((), jnp.int32)}


def state_shapes(group: Group) -> Any:
  """Shapes of the state of one of a group's runs."""
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  frozen = () if group.before is None else (state_shapes(group.before),)
  return jax.eval_shape(
    group.method.init,
    jax.random.key(0),
    example_batch(group),
    hparams,
    *frozen,
  )


def stacked_shapes(group: Group, size: int) -> Any:
  """Shapes of the states [size] of a group's runs in one program."""
  return jax.tree.map(
    lambda s: jax.ShapeDtypeStruct((size, *s.shape), s.dtype),
    state_shapes(group),
  )


def _check_group(group: Group, shards: int) -> types.Codes | None:
  """Traces one step without compiling it.

  Returns:
    Shapes of what the method's `represent` gives; None without an encoder.
  """
  described, name = group.contract, group.method_name
  if group.batch_size < described.min_batch:
    rule = f'method {name} needs at least {described.min_batch}'
    raise errors.value('config.batch_size', group.batch_size, rule)
  asked = described.batch(group.config)
  samplers.check_batch_size(asked, group.batch_size)
  if shards > 1 and not described.splits:
    rule = (
      f'method {name} keeps something per example in its state, so that a '
      'batch cannot be split; legal: 1'
    )
    raise errors.value('config.engine.data_shards', shards, rule)
  hparams = {k: jnp.float32(v) for k, v in described.hparams.items()}
  state, batch = state_shapes(group), example_batch(group)
  _, scalars = jax.eval_shape(
    group.method.update, jax.random.key(0), state, batch, hparams
  )
  if 'loss' not in scalars:
    rule = "must hold 'loss', by which a diverged run is known"
    raise errors.value(f'scalars of method {name}', sorted(scalars), rule)
  if group.method.represent is None:
    return None
  return jax.eval_shape(group.method.represent, state, batch['observation'])


def _checked(
  groups: Sequence[Group],
  study: study_config.StudyConfig,
  names: registry.Registry,
) -> tuple[tuple[Group, ...], list[str]]:
  """Groups with the metrics that each can be scored by, and notes.

  A metric that some listed method can supply and another cannot is a note; one
  that none can is refused.

  Raises:
    ConfigError: something that could not run.
  """
  wanted, scoring = study.scoring.wanted, study.scoring
  metrics, out, lacking = {}, [], {name: [] for name in wanted}
  for group in groups:
    codes = _check_group(group, study.engine.data_shards)
    supplied = []
    for name in wanted:
      try:
        metric = registry.shared_metric(
          metrics, name, scoring, names, group.dataset
        )
        reasons = registry.lacks(name, metric, scoring, group, codes)
      except errors.ConfigError as error:
        if group.listed:
          raise
        reasons = [registry.Lack('config.metrics', name, str(error))]
      lacking[name].append(reasons)
      if all(reason.part for reason in reasons):
        supplied.append(name)
    layout = layouts.layout_of(group.method, codes)
    survival.check(
      group.method_name,
      group.method,
      state_shapes(group),
      example_batch(group)['observation'],
      layout,
    )
    out.append(group._replace(metrics=tuple(supplied), layout=layout))
  notes = []
  for name in wanted:
    reasons = [
      of_group for of_group, group in zip(lacking[name], groups) if group.listed
    ]
    if all(reasons):
      first = reasons[0][0]
      raise errors.value(first.field, first.value, first.rule)
    told = dict.fromkeys(
      f'{reason.value} of {name}: {reason.rule}'
      if reason.part
      else f'{name}: {reason.rule}'
      for of_group in reasons
      for reason in of_group
    )
    notes += [f'not scored: {line}' for line in told]
  return tuple(out), notes
