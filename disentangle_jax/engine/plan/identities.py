"""Which runs a study has: what makes a run another one, and their numbers."""

from collections.abc import Callable, Mapping, Sequence
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

# Stands for a run's seed and for the run that it starts from in the text of a
# setting, which is written once for all seeds; no text of a config holds it.
_SEED, _AFTER = '\0seed', '\0after'


def _digest(text: str) -> str:
  return hashlib.sha256(text.encode()).hexdigest()[:12]


def _text(identity: Mapping[str, Any]) -> str:
  return json.dumps(identity, sort_keys=True)


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
  sources, earlier_runs = {}, {}
  runs = []
  for setting in study.settings:
    runs_like = _repetitions(setting, names, sources, earlier_runs)
    runs += map(runs_like, study.seeds)
  return _numbered(runs)


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


def _repetitions(
  setting: study_config.Setting,
  names: registry.Registry,
  sources: dict[str, str],
  earlier_runs: dict[tuple[str, int], study_plan.Run],
) -> Callable[[int], study_plan.Run]:
  """What makes the runs of a setting, with the phases before them.

  All that they share is written down once: a study may have a million of them.

  Args:
    setting: everything but the seed.
    names: what names mean.
    sources: name of a method -> its source if it is the user's own; filled.
    earlier_runs: (setting, seed) -> the run of an earlier phase, which several
      settings may start from; filled.

  Returns:
    seed -> run, not yet numbered.
  """
  module, name = names.methods[setting.method], setting.method
  if name not in sources:
    sources[name] = _own_source(module, name)
  identity = {
    'method': name,
    'source': sources[name],
    'config': study_plan.describe_static(setting.config),
    'hparams': setting.hparams,
    'dataset': setting.dataset.content(),
    'steps': setting.steps,
    'batch_size': setting.batch_size,
  }
  start = lambda seed: None
  alike = _digest(_text(identity))
  if setting.after is not None:
    before = _repetitions(setting.after, names, sources, earlier_runs)
    # All but the seed, down the phases: runs that agree in it are repetitions.
    earlier_setting = before(0).setting
    alike = _digest(_text({**identity, 'after': earlier_setting}))

    def start(seed):
      place = earlier_setting, seed
      if place not in earlier_runs:
        earlier_runs[place] = before(seed)
      return earlier_runs[place]

    identity['after'] = _AFTER
  pattern = _text({**identity, 'seed': _SEED})
  after_text, seed_text = json.dumps(_AFTER), json.dumps(_SEED)
  strength_name = contract_lib.read(module, name).strength or ''
  hparams = setting.hparams

  def run_of(seed: int) -> study_plan.Run:
    earlier = start(seed)
    text = pattern.replace(seed_text, json.dumps(seed))
    if earlier is not None:
      text = text.replace(after_text, json.dumps(earlier.run_id))
    run = study_plan.Run(
      method=name,
      config=setting.config,
      hparams=hparams,
      dataset=setting.dataset,
      steps=setting.steps,
      batch_size=setting.batch_size,
      variant=setting.variant,
      phase=setting.phase,
      after=earlier,
      number=-1,
      run_id=_digest(text),
      setting=alike,
      seed=seed,
      strength_name=strength_name,
      strength=hparams.get(strength_name, math.nan),
    )
    if earlier is None or strength_name in hparams:
      return run
    return run._replace(strength=run.all_hparams().get(strength_name, math.nan))

  return run_of


def _numbered(listed: Sequence[study_plan.Run]) -> list[study_plan.Run]:
  """All runs of a study: those of listed methods, then earlier phases.

  A phase that several runs start from, or that is listed as well, is one run.
  """
  by_id = {run.run_id: run for run in listed}
  if all(run.after is None for run in listed):
    return [run._replace(number=n) for n, run in enumerate(by_id.values())]
  for run in listed:
    for earlier in reversed(run.ancestors()):
      by_id.setdefault(earlier.run_id, earlier)
  numbers = {run_id: number for number, run_id in enumerate(by_id)}

  def with_number(run: study_plan.Run) -> study_plan.Run:
    after = None if run.after is None else with_number(run.after)
    return run._replace(number=numbers[run.run_id], after=after)

  return [with_number(run) for run in by_id.values()]
