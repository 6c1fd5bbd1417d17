"""docs/fields.md: every field of a config with default, legal range, meaning.

What a field means is said where it is declared: in the docstrings of the
`Config` classes. This page only collects it.
"""

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import inspect
import math
import re
from typing import Any

from disentangle_jax import data, methods, metrics
from disentangle_jax.data import distributions
from disentangle_jax.engine.plan import declare, study_config
from disentangle_jax.methods import contract
from disentangle_jax.nn import nets

_HEAD = ('field', 'default', 'meaning')
_ATTRIBUTE = re.compile(r'^ {2}(\w+): (.*)$')

STUDY = {
  'study': 'name of the study, in its folder and its page',
  'description': 'a line for the page',
  'methods': 'names; every one is trained at every point of the sweep',
  'seeds': 'a count (0 to n - 1) or a list',
  'steps': 'training steps of a run',
  'batch_size': 'examples per step',
  'sweep': 'points from `dj.product`, `dj.zipped`, `dj.chain`, or text such as '
  "'hparams.beta=1,4; steps=100,200'",
  'only': "runs to be done alone: '17', '3,5-8', beginnings of run_ids",
  'slice': "'k/n': the k-th of n shares of the seeds",
  'dataset.name': 'which data set',
  'net.name': 'which encoder and decoder',
  'metrics': 'names of metrics or of scores',
  'primary': 'the score that ranks runs; empty to let the page choose',
  'metric_seeds': 'draws of every metric',
  'representations': "'mean' of q(z|x), 'sampled', or both",
  'display': 'name -> what figures and tables for a paper print',
  'phases.NAME': 'steps, batch_size, dataset and net of an earlier phase, '
  'where they differ',
}


def meanings(config_class: type) -> dict[str, str]:
  """Field -> what its class's docstring says, base classes included."""
  said: dict[str, str] = {}
  for one in reversed(config_class.__mro__):
    # Python 3.13 takes away what all lines are indented by, others do not.
    lines = inspect.cleandoc(one.__dict__.get('__doc__') or '').splitlines()
    name, inside = '', False
    for line in lines:
      if line.strip() == 'Attributes:':
        inside = True
        continue
      match = _ATTRIBUTE.match(line)
      if inside and match:
        name = match[1]
        said[name] = match[2].strip()
      elif inside and name and line.startswith(' ' * 4):
        said[name] += ' ' + line.strip()
      elif inside and not line.strip():
        name, inside = '', False
  return said


def _value(value: Any) -> str:
  if value is dataclasses.MISSING:
    return '-'
  return f'`{value!r}`'


def _cell(text: str) -> str:
  return text.replace('|', '\\|')


def _table(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
  yield f'| {" | ".join(_HEAD)} |'
  yield '|---|---|---|'
  for row in rows:
    yield f'| {" | ".join(map(_cell, row))} |'
  yield ''


def _of_class(prefix: str, config_class: type) -> list[tuple[str, str, str]]:
  """Rows of a Config's fields, its network aside."""
  said = meanings(config_class)
  return [
    (f'`{prefix}.{name}`', _value(default), said.get(name, ''))
    for name, default in declare.fields_of(config_class).items()
    if name not in ('net', 'name')
  ]


def _shared(
  kind: str, modules: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
  """Fields of all methods, those of the same meaning and default once."""
  owners: dict[tuple[str, str, str], list[str]] = {}
  for name, module in modules.items():
    for row in _of_class(kind, module.Config):
      owners.setdefault(row, []).append(name)
  rows = []
  for (field, default, meaning), names in sorted(owners.items()):
    who = 'all others' if len(names) > 20 else ', '.join(names)
    rows.append((field, default, f'{meaning} ({who})'.strip()))
  return rows


def _hparams() -> list[tuple[str, str, str]]:
  owners: dict[tuple[str, float, str], list[str]] = {}
  for name, module in methods.METHODS.items():
    bounds = contract.read(module, name).bounds
    for field, default in module.HPARAMS.items():
      low, high = bounds.get(field, (0.0, math.inf))
      upper = '' if math.isinf(high) else f' to {high:g}'
      legal = f'from {low:g}{upper}'
      owners.setdefault((field, float(default), legal), []).append(name)
  rows = []
  for (field, default, legal), names in sorted(owners.items()):
    who = 'all others' if len(names) > 20 else ', '.join(names)
    rows.append((f'`hparams.{field}`', f'`{default:g}`', f'{legal}; {who}'))
  return rows


def page() -> str:
  """The page, Markdown."""
  base = declare.base_config()
  study = []
  for field, meaning in STUDY.items():
    node: Any = base
    for part in field.split('.'):
      node = node.get(part, '')
    shown = '' if field == 'phases.NAME' else _value(node)
    study.append((f'`{field}`', shown, meaning))
  lines = [
    '# Every field of a config',
    '',
    'Made by `python -m experiments.list fields --page`; not written by hand.',
    'On a command line each is `--config.FIELD=VALUE`, in a file',
    '`config.FIELD = VALUE`. What is under `hparams` is traced: sweeping it',
    'compiles nothing. What is under `static`, `net` and `dataset` is compiled',
    'in. `static.METHOD.FIELD` and `hparams.METHOD.FIELD` are for one method',
    'alone. None, the default of all of these in a config, means the default',
    'below.',
    '',
    '## Study',
    '',
    *_table(study),
    '## engine',
    '',
    'How a study is run; none of it changes what a run is.',
    '',
    *_table(_of_class('engine', study_config.Engine)),
    '## hparams',
    '',
    'Traced numbers: legal range; the methods that read them, whose docstrings',
    '([methods](objectives.md)) say what they weigh.',
    '',
    *_table(_hparams()),
    '## static',
    '',
    *_table(_shared('static', methods.METHODS)),
    '## net',
    '',
  ]
  for name, module in nets.NETS.items():
    config_class = getattr(module, 'Config', None)
    if config_class is not None:
      lines += _table(_of_class(f'net.{name}', config_class))
  lines += [
    '## dataset',
    '',
    'For all sets that have a grid of factors:',
    '',
    *_table(_of_class('dataset', distributions.Config)),
  ]
  for name, module in data.DATASETS.items():
    rows = _of_class('dataset', module.Config)
    if rows:
      lines += [f'### {name}', '', *_table(rows)]
  lines += ['## metric_options', '']
  for name, module in metrics.METRICS.items():
    rows = _of_class(f'metric_options.{name}', module.Config)
    if rows:
      lines += _table(rows)
  return '\n'.join(lines).rstrip()
