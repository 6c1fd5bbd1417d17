"""From a config to a plan: numbered runs in groups.

Everything that can be wrong with a config is found here, before any compile.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any

from disentangle_jax import errors, handles, requests, types
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import (
  identities,
  parse,
  registry,
  scorable,
  study_config,
  study_plan,
)
from disentangle_jax.methods import contract as contract_lib


def make(
  config: Any, names: registry.Registry | None = None
) -> study_plan.Plan:
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
  study, datasets = _loaded(study, names)
  runs = identities.runs_of(study, names)
  groups = _groups(runs, names, datasets)
  groups, notes = scorable.checked(groups, study, names)
  if any(group.before for group in groups) and not study.engine.keep_params:
    rule = 'must be True: phases start from the parameters of earlier ones'
    raise errors.value('config.engine.keep_params', False, rule)
  return study_plan.Plan(
    study, tuple(runs), groups, names, (*study.notes, *notes)
  )


def sliced(plan: study_plan.Plan) -> study_plan.Plan:
  """The plan cut down to the share of the seeds that `config.slice` names.

  Several places can share a study so: run numbers stay those of the whole
  study, and their workdirs make one report together.

  Raises:
    ConfigError: no 'k/n', or more shares than seeds.
  """
  text = plan.config.slice
  if not text:
    return plan
  seeds = plan.config.seeds
  rule = (
    "must be 'k/n' with k from 1 to n and n at most the number of seeds, "
    f'{len(seeds)}'
  )
  share, _, shares = text.partition('/')
  if not (share.isdecimal() and shares.isdecimal()):
    raise errors.value('config.slice', text, rule)
  share, shares = int(share), int(shares)
  if not 1 <= share <= shares <= len(seeds):
    raise errors.value('config.slice', text, rule)
  mine = set(seeds[share - 1 :: shares])
  return keep(plan, {run.run_id for run in plan.runs if run.seed in mine})


def only(plan: study_plan.Plan) -> study_plan.Plan:
  """The plan cut down to the numbers in `config.only`, if any are given."""
  text = plan.config.only.strip('() ')
  if not text:
    return plan
  rule = (
    "must be run numbers like '17' or '3,5-8', 0 to "
    f'{len(plan.runs) - 1}, or beginnings of run_ids'
  )
  numbers = {run.run_id: run.number for run in plan.runs}
  chosen = set()
  for part in handles.split(text):
    first, dash, last = part.partition('-')
    if not dash:
      try:
        chosen.add(handles.find(part, numbers, 'config.only'))
      except errors.ConfigError:
        raise errors.value('config.only', text, rule) from None
      continue
    try:
      low, high = int(first), int(last)
    except ValueError:
      raise errors.value('config.only', text, rule) from None
    if not 0 <= low <= high < len(plan.runs):
      raise errors.value('config.only', text, rule)
    chosen |= {r.run_id for r in plan.runs if low <= r.number <= high}
  return keep(plan, chosen)


def keep(plan: study_plan.Plan, run_ids: set[str]) -> study_plan.Plan:
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


def program_key(run: study_plan.Run | None) -> tuple | None:
  """Equal for two runs exactly if they share a program."""
  if run is None:
    return None
  own = (run.method, run.config, run.dataset, run.batch_size, run.steps)
  return *own, program_key(run.after)


def _loaded(
  study: study_config.StudyConfig, names: registry.Registry
) -> tuple[study_config.StudyConfig, dict]:
  """The study with the content of its data sets known, and these."""
  datasets, specs = {}, {}

  def known(setting: study_config.Setting) -> study_config.Setting:
    given, after = setting.dataset, setting.after
    if given not in specs:
      data = registry.load_dataset(given, names)
      content = registry.fingerprint(given, names, data)
      specs[given] = given._replace(fingerprint=content)
      datasets[specs[given]] = data
    return dataclasses.replace(
      setting,
      dataset=specs[given],
      after=None if after is None else known(after),
    )

  settings = tuple(map(known, study.settings))
  return dataclasses.replace(study, settings=settings), datasets


def _groups(
  runs: Sequence[study_plan.Run],
  names: registry.Registry,
  datasets: Mapping[study_config.DatasetSpec, types.Dataset],
) -> tuple[study_plan.Group, ...]:
  """Runs by program, the groups of earlier phases first."""
  members, groups, keys = {}, {}, {}
  for run in runs:
    # Repetitions of a setting agree in all but the seed.
    if run.setting not in keys:
      keys[run.setting] = program_key(run)
    members.setdefault(keys[run.setting], []).append(run)
  depth = lambda key: len(members[key][0].ancestors())
  for key in sorted(members, key=depth):
    run = members[key][0]
    described = contract_lib.read(names.methods[run.method], run.method)
    # Before `make`, which may read what only such a data set has.
    asked = described.batch(run.config)
    own = [r for r in asked if isinstance(r, requests.Field)]
    samplers.make(datasets[run.dataset], own)
    before = groups.get(program_key(run.after))
    groups[key] = study_plan.Group(
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
