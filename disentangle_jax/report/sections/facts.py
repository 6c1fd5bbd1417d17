"""What was run: numbers of runs, times, devices, versions, the command."""

from collections.abc import Iterator
import json
import math
from typing import Any

import numpy as np

from disentangle_jax.report import markdown, repeat, stored, tables, templates
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section


def duration(seconds: float) -> str:
  """'42 s', '3 min 20 s', '2 h 05 min'."""
  if seconds < 60:
    return f'{seconds:.1f} s' if seconds < 10 else f'{seconds:.0f} s'
  minutes, seconds = divmod(round(seconds), 60)
  if minutes < 60:
    return f'{minutes} min {seconds:02d} s'
  hours, minutes = divmod(minutes, 60)
  return f'{hours:,} h {minutes:02d} min'


def _unique(study: tables.Study, name: str) -> list[str]:
  return [value for value in dict.fromkeys(study.runs[name]) if value != '']


def _runs(study: tables.Study) -> Iterator[tuple[str, str]]:
  """How many runs of what."""
  runs = study.runs
  diverged = int((runs['status'] == 'not_finite').sum())
  yield 'Runs', f'{len(runs):,} finished, {diverged} of them diverged'
  for phase, before in study.earlier.items():
    names = ', '.join(dict.fromkeys(before.cells['method']))
    many = tables.count(len(before.runs), 'run')
    yield f'Before, {phase}', f'{many} of {names}'
  methods = [
    f'{method} ({tables.count(len(group), "strength")})'
    for method, group in study.cells.groupby('method', sort=False)
  ]
  yield 'Methods', ', '.join(methods) or 'none yet'
  seeds = runs.groupby('cell')['seed'].nunique()
  if len(seeds):
    span = sorted({int(seeds.min()), int(seeds.max())})
    yield 'Seeds per setting', ' to '.join(map(str, span))
  yield 'Data', ', '.join(_unique(study, 'dataset')) or 'none yet'


def _workdirs(study: tables.Study) -> Iterator[tuple[str, str]]:
  """Where and when, and the plain settings."""
  for i, info in enumerate(study.infos):
    which = f' ({i + 1})' if len(study.infos) > 1 else ''
    yield f'Store{which}', str(study.workdirs[i])
    if info.get('started'):
      yield f'Started{which}', str(info['started'])
    wall = info.get('wall_seconds')
    if isinstance(wall, int | float) and math.isfinite(wall):
      yield f'Wall time{which}', duration(wall)
    config = info.get('config')
    if isinstance(config, dict):
      short = {
        key: value
        for key, value in config.items()
        if isinstance(value, int | float | str)
        and value != ''
        and key not in ('study', 'description')
      }
      text = ', '.join(f'{key} = {value}' for key, value in short.items())
      yield f'Settings{which}', text or 'see below'


def _machines(study: tables.Study) -> Iterator[tuple[str, str]]:
  """How long it took on what, with which versions."""
  spent = lambda part: np.nansum(part.runs['seconds'].to_numpy(float))
  before = sum(map(spent, study.earlier.values()))
  if spent(study) or before:
    also = f', {duration(before)} over earlier phases' if before else ''
    yield 'Training', f'{duration(spent(study))} summed over the runs{also}'
  devices = _unique(study, 'device') or [
    str(info['devices']) for info in study.infos if info.get('devices')
  ]
  yield 'Devices', ', '.join(dict.fromkeys(devices)) or 'not stored'
  versions: dict[str, list[str]] = {}
  sources = [stored.loads(text) for text in _unique(study, 'versions')]
  sources += [info.get('versions') for info in study.infos]
  for source in sources:
    for name, value in source.items() if isinstance(source, dict) else ():
      versions.setdefault(name, []).append(str(value))
  listed = ', '.join(
    f'{name} {" / ".join(dict.fromkeys(values))}'
    for name, values in versions.items()
  )
  yield 'Versions', listed or 'not stored'


def _set(config: dict[str, Any]) -> dict[str, Any]:
  """The configuration without what was left unset."""
  settings = {}
  for key, value in config.items():
    value = _set(value) if isinstance(value, dict) else value
    if value is not None and value != {}:
      settings[key] = value
  return settings


def _commands(study: tables.Study) -> list[tuple[str, str]]:
  """The command and the configuration, '' if not stored, of each workdir."""
  pairs = []
  for i, info in enumerate(study.infos):
    config = info.get('config')
    text = (
      json.dumps(_set(config), indent=2, default=str)
      if isinstance(config, dict)
      else ''
    )
    pairs.append((repeat.command(study, i), text))
  return pairs


def sections(results: Results) -> Iterator[Section]:
  """One section without a heading."""
  study = results.study
  facts = [*_runs(study), *_workdirs(study), *_machines(study)]
  commands = _commands(study)
  html = templates.render('facts.html.j2', facts=facts, commands=commands)
  lines = (f'{name}: {markdown.plain(value)}' for name, value in facts)
  text = f'What was run:\n\n{markdown.items(lines)}'
  text += ''.join(f'\n\n{markdown.code(command)}' for command, _ in commands)
  yield Section('facts', '', '', Markup(html, text))
