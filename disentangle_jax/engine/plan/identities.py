"""Which runs a study has: what makes a run another one, and their numbers."""

from collections.abc import Mapping, Sequence
import hashlib
import inspect
import json
import marshal
import math
import types as python_types
from typing import Any

from disentangle_jax import methods as methods_lib
from disentangle_jax.engine.plan import registry, study_config, study_plan
from disentangle_jax.methods import contract as contract_lib


def _digest(identity: Mapping[str, Any]) -> str:
  text = json.dumps(identity, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:12]


def runs_of(
  study: study_config.StudyConfig, names: registry.Registry
) -> list[study_plan.Run]:
  """All runs of a study, numbered.

  Args:
    study: as it was read.
    names: what names mean.

  Returns:
    Runs of listed methods in the config's order, then those of earlier phases.
  """
  sources = {}
  return _numbered(
    [
      _run(setting, seed, names, sources)
      for setting in study.settings
      for seed in study.seeds
    ]
  )


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


def _run(
  setting: study_config.Setting,
  seed: int,
  names: registry.Registry,
  sources: dict[str, str],
) -> study_plan.Run:
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
    'config': study_plan.describe_static(setting.config),
    'hparams': setting.hparams,
    'dataset': setting.dataset.content(),
    'steps': setting.steps,
    'batch_size': setting.batch_size,
  }
  # All but the seed, down the phases: runs that agree in it are repetitions.
  alike = (
    identity if earlier is None else {**identity, 'after': earlier.setting}
  )
  if earlier is not None:
    identity['after'] = earlier.run_id
  strength_name = contract_lib.read(module, name).strength or ''
  run = study_plan.Run(
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
    run_id=_digest({**identity, 'seed': seed}),
    setting=_digest(alike),
    seed=seed,
    strength_name=strength_name,
    strength=math.nan,
  )
  return run._replace(strength=run.all_hparams().get(strength_name, math.nan))


def _numbered(listed: Sequence[study_plan.Run]) -> list[study_plan.Run]:
  """All runs of a study: those of listed methods, then earlier phases.

  A phase that several runs start from, or that is listed as well, is one run.
  """
  by_id = {run.run_id: run for run in listed}
  for run in listed:
    for earlier in reversed(run.ancestors()):
      by_id.setdefault(earlier.run_id, earlier)
  numbers = {run_id: number for number, run_id in enumerate(by_id)}

  def with_number(run: study_plan.Run) -> study_plan.Run:
    after = None if run.after is None else with_number(run.after)
    return run._replace(number=numbers[run.run_id], after=after)

  return [with_number(run) for run in by_id.values()]
