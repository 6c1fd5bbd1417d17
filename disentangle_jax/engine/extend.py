"""Scores of runs that are trained already: new metrics, and those over seeds.

Both start from the parameters that finished runs left behind, so that a study
grows by metrics without training anything again, and a score that compares
seeds is renewed when seeds are added.
"""

import hashlib
import json
import pathlib
from typing import Any

import jax
import pandas as pd
import pyarrow.compute as pc

from disentangle_jax import errors, folders, stored_rows
from disentangle_jax.engine.plan import registry, study_plan
from disentangle_jax.engine.programs import devices, scoring, seed_scores
from disentangle_jax.engine.workdir import exported, rows, store, study

# Runs that are scored anew in one program.
_AT_ONCE = 32


def stored_scores(workdir: pathlib.Path) -> pd.DataFrame:
  """What the store holds, without values and most training scalars.

  Returns:
    DataFrame with run_id, name, metric_seed, status, seconds, constants, part.
  """
  columns = ('run_id', 'name', 'metric_seed', 'status', 'seconds', 'constants')
  # A run that nothing has scored yet still shows by its loss.
  scored = ~pc.starts_with(pc.field('name'), 'train/')
  scored |= pc.field('name') == 'train/loss'
  frames = [pd.DataFrame({name: [] for name in [*columns, 'part']})]
  for part, table in stored_rows.parts(workdir, columns, scored):
    frames.append(table.to_pandas().assign(part=part))
  return pd.concat([f for f in frames if len(f)] or frames[:1])


def lacking(
  plan: study_plan.Plan, stored: pd.DataFrame
) -> dict[str, frozenset[str]]:
  """Metrics that finished runs have no score of.

  Args:
    plan: names the metrics wanted.
    stored: from `stored_scores`.

  Returns:
    run_id -> names of metric modules; runs that lack none are left out.
  """
  seeds, apart = range(plan.config.scoring.metric_seeds), _over_seeds(plan)
  supplied = {
    run.run_id: group.metrics for group in plan.groups for run in group.runs
  }
  have = stored.groupby('run_id', observed=True)[['name', 'metric_seed']].agg(
    tuple
  )
  missing_of = {}
  for run_id, (names, metric_seeds) in have.iterrows():
    scored = set(zip(names, metric_seeds))
    # 'kl/3' stands for 'kl' too.
    scored |= {(name.rpartition('/')[0], seed) for name, seed in scored}
    missing = {
      module
      for module, keys in plan.metrics.items()
      if module in supplied.get(run_id, ())
      and module not in apart
      and any((key, seed) not in scored for key in keys for seed in seeds)
    }
    if missing:
      missing_of[run_id] = frozenset(missing)
  return missing_of


def check_constants(plan: study_plan.Plan, stored: pd.DataFrame) -> None:
  """Refuses options of a metric that finished runs were scored without.

  Their scores stay as they are, and a study must not hold two kinds.

  Args:
    plan: what is wanted.
    stored: from `stored_scores`.

  Raises:
    ConfigError: names the option, its old value and its new one.
  """
  for group in plan.groups:
    mine = stored[stored['run_id'].isin({run.run_id for run in group.runs})]
    for module, keys in plan.metrics.items():
      if module not in group.metrics:
        continue
      texts = mine.loc[mine['name'].isin(keys), 'constants'].unique()
      if not len(texts):
        continue
      metric = registry.make_metric(
        module, plan.config.scoring, plan.registry, group.dataset
      )
      now = json.loads(json.dumps(metric.constants, default=str))
      for was in map(json.loads, texts):
        # A constant that one of the two lacks came with another version.
        for name in sorted(set(now) & set(was)):
          if now[name] != was[name]:
            where = f'config.metric_options.{module}.{name}'
            rule = (
              f'finished runs were scored with {was[name]!r}; keep that, or '
              'take another --workdir'
            )
            raise errors.value(where, now[name], rule)


def _over_seeds(plan: study_plan.Plan) -> set[str]:
  """Metrics of the plan that compare runs which differ in the seed."""

  def over(name):
    group = next((g for g in plan.groups if name in g.metrics), None)
    if group is None:
      return ''  # none of the chosen runs can be scored by it
    metric = registry.make_metric(
      name, plan.config.scoring, plan.registry, group.dataset
    )
    # Probes have no `over`: they look at one model.
    return getattr(metric, 'over', '')

  return {name for name in plan.metrics if over(name) == 'seeds'}


def add_metrics(
  plan: study_plan.Plan,
  workdir: pathlib.Path,
  mesh: jax.sharding.Mesh,
  say=lambda text: None,
) -> None:
  """Scores finished runs by the metrics that were not asked for before.

  Args:
    plan: what is wanted.
    workdir: the study, locked.
    mesh: ('runs', 'data').
    say: told in one line what is done, and what cannot be.
  """
  stored = stored_scores(workdir)
  missing = lacking(plan, stored)
  first = stored.drop_duplicates('run_id').set_index('run_id')
  in_store = _held(stored)
  over = mesh.shape[devices.RUNS]
  evaluators, with_params = {}, folders.with_params(workdir)
  for group in plan.groups:
    runs = [run for run in group.runs if run.run_id in missing]
    gone = [r for r in runs if r.run_id not in with_params]
    if gone:
      say(
        f'note: {len(gone)} finished runs of {group.method_name} left no '
        'parameters (config.engine.keep_params), so that new metrics cannot '
        'score them'
      )
    runs = [run for run in runs if run not in gone]
    for names in sorted({missing[r.run_id] for r in runs}, key=sorted):
      mine = [run for run in runs if missing[run.run_id] == names]
      if names not in evaluators:
        wanted = {name: plan.metrics[name] for name in sorted(names)}
        evaluators[names] = scoring.Evaluator(plan, mesh, wanted)
      say(
        f'{group.method_name}: scoring {len(mine)} finished runs by '
        f'{", ".join(sorted(names))}'
      )
      size = devices.padded(min(_AT_ONCE, len(mine)), over)
      for i in range(0, len(mine), size):
        chunk = mine[i : i + size]
        state = exported.group_states(workdir, group, chunk, size)
        scores = evaluators[names].scores(group, state)
        part = _part('more', [r.run_id for r in chunk], sorted(names))
        new_rows = [
          row
          for row in _rows(plan, chunk, first, scores)
          # Of a family that was asked for in part, only the rest is new.
          if (row['run_id'], row['name'], row['metric_seed']) not in in_store
        ]
        store.append(workdir, part, new_rows)


def _part(kind: str, *what: Any) -> str:
  text = json.dumps(what, sort_keys=True)
  return f'{kind}-{hashlib.sha256(text.encode()).hexdigest()[:10]}'


def _held(stored: pd.DataFrame) -> set[tuple[str, str, int]]:
  """(run_id, name, metric seed) of every score in the store."""
  columns = ('run_id', 'name', 'metric_seed')
  return set(zip(*(stored[column] for column in columns)))


def _rows(plan, runs, first, scores):
  for place, run in enumerate(runs):
    was = first.loc[run.run_id]
    shared = rows.common(plan.study, run, was['status'], was['seconds'])
    yield from rows.of_scores(shared, place, scores)


def cells(
  group: study_plan.Group, finished: set[str]
) -> dict[str, list[study_plan.Run]]:
  """Finished runs that differ in the seed alone, by what they share."""
  runs_of = {}
  for run in group.runs:
    if run.run_id in finished:
      key = json.dumps([run.method, run.all_hparams()], sort_keys=True)
      runs_of.setdefault(key, []).append(run)
  return runs_of


def score_seeds(
  plan: study_plan.Plan,
  workdir: pathlib.Path,
  say=lambda text: None,
) -> None:
  """Scores that compare runs which differ in the seed alone (UDR).

  They depend on which seeds there are: a cell is scored again, and its old
  scores are replaced, when seeds have been added.

  Args:
    plan: what is wanted.
    workdir: the study, locked.
    say: told in one line what is done, and what cannot be.
  """
  wanted = {name: plan.metrics[name] for name in sorted(_over_seeds(plan))}
  if not wanted:
    return
  stored = stored_scores(workdir)
  first = stored.drop_duplicates('run_id').set_index('run_id')
  in_part = dict(iter(stored.groupby('part')))
  with_params = folders.with_params(workdir)
  seeds = range(plan.config.scoring.metric_seeds)
  score = seed_scores.SeedScores(plan)
  for group in plan.groups:
    for key, runs in cells(group, set(first.index)).items():
      runs = [run for run in runs if run.run_id in with_params]
      setting = [key, study.describe_group(group)]
      for name, keys in wanted.items():
        if name not in group.metrics:
          continue
        part = _part('seeds', setting, name)
        ids, old = {run.run_id for run in runs}, in_part.get(part)
        asked = {(i, key, s) for i in ids for key in keys for s in seeds}
        if old is not None:
          if set(old['run_id']) == ids and asked <= _held(old):
            continue
          # The part is replaced: what it held is scored again with the rest.
          keys = {*keys, *old['name']}
        if len(runs) < 2:
          say(
            f'note: {name} compares runs over seeds, and {group.method_name} '
            f'at {key} has {len(runs)} with parameters: not scored'
          )
          continue
        state = exported.group_states(workdir, group, runs, len(runs))
        scores = score(group, runs, name, keys, state)
        store.append(workdir, part, _rows(plan, runs, first, scores))
