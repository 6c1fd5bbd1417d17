"""What sets runs apart beside method and strength, for every table and chart.

A row of a table is one setting: runs that differ in their seed alone. Where
runs of one method and strength differ in anything else (steps, a net, the
content of a data file, a second hyper-parameter), they are shown as methods of
their own, 'beta_vae (steps=400)'.
"""

from collections.abc import Mapping, Sequence
import json
from typing import Any

import numpy as np
import pandas as pd

from disentangle_jax.report import stored

# What runs of one row share before anything else is looked at.
ROW = ('phase', 'dataset', 'method', 'variant', 'strength_name', 'strength')
_LENGTH = 24  # characters of a value in a label


def _flat(value: Any, name: str = '') -> dict[str, str]:
  """Nested mappings as dotted name -> JSON of the value."""
  if not isinstance(value, Mapping):
    return {name: json.dumps(value, sort_keys=True, default=str)}
  inner = {}
  for key, part in value.items():
    inner |= _flat(part, f'{name}.{key}' if name else str(key))
  return inner


def fields_of(
  run_id: str, hparams: str, info: Mapping[str, Any]
) -> dict[str, str]:
  """All that a run is made of but method and seed.

  Args:
    run_id: of the run.
    hparams: JSON, as stored.
    info: `study.json` of its workdir.

  Returns:
    Dotted name -> JSON of the value; only the hyper-parameters where study.json
    does not know the run.
  """
  fields = _flat(stored.loads(hparams), 'hparams')
  runs, specs = info.get('runs'), info.get('specs')
  place = runs.get(run_id) if isinstance(runs, dict) else None
  try:
    spec = specs[place[1]]
  except (TypeError, KeyError, IndexError):
    return fields
  fields |= _flat(spec)
  if 'dataset.content' in fields:
    # Where equal files lie makes no other setting.
    for place in ('path', 'cache', 'verify'):
      fields.pop(f'dataset.{place}', None)
  return fields


def _shown(name: str, value: str) -> str:
  """'steps=400', with a long value cut."""
  text = value.strip('"')
  text = text if len(text) <= _LENGTH else f'{text[:_LENGTH]}...'
  return f'{name.rpartition(".")[2]}={text}'


def apart(runs: pd.DataFrame, infos: Sequence[Mapping[str, Any]]) -> np.ndarray:
  """What sets each run apart from others of its row.

  Args:
    runs: one row per run with the columns of ROW, 'run_id', 'hparams',
      'setting' and 'workdir' (index into `infos`).
    infos: `study.json` of every workdir, {} where there is none.

  Returns:
    Text per run, e.g. 'steps=400, num_latents=6'; '' where nothing does.
  """
  texts = np.full(len(runs), '', object)
  place = pd.Series(range(len(runs)))
  keys = [runs[name].astype(str).to_numpy() for name in ROW]
  rows = [part.to_numpy() for _, part in place.groupby(keys, sort=False)]
  varied_of = {}
  fields = {}
  for members in rows:
    own = runs.iloc[members]
    alike = own['hparams'].nunique() == 1 and own['workdir'].nunique() == 1
    known = (own['setting'] != '').all()
    if alike and known and own['setting'].nunique() == 1:
      continue
    for i in members:
      run = runs.iloc[i]
      fields[i] = fields_of(
        run['run_id'], run['hparams'], infos[run['workdir']]
      )
    names = set().union(*(fields[i] for i in members))
    varied = {
      name
      for name in names
      if len({fields[i][name] for i in members if name in fields[i]}) > 1
    }
    hidden = not varied and own['setting'][own['setting'] != ''].nunique() > 1
    where = tuple(own.iloc[0][['dataset', 'method', 'variant']])
    varied_of.setdefault(where, set()).update(
      varied or ({'setting'} if hidden else set())
    )
  # One label for all strengths of a method: a curve is of one setting.
  for i, run in enumerate(runs.itertuples()):
    varied = varied_of.get((run.dataset, run.method, run.variant))
    if not varied:
      continue
    if i not in fields:
      fields[i] = fields_of(run.run_id, run.hparams, infos[run.workdir])
    own = {**fields[i], 'setting': str(run.setting)[:8]}
    texts[i] = ', '.join(
      _shown(name, own[name]) for name in sorted(varied) if own.get(name)
    )
  return texts
