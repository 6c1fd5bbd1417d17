"""The page of all methods, docs/objectives.md, from what their modules say.

`python -m disentangle_jax.methods` prints it.
"""

from collections.abc import Mapping
import dataclasses
from types import ModuleType

from disentangle_jax import requests
from disentangle_jax.methods import contract


def _first(text: str) -> str:
  """The first line of a docstring, without its full stop."""
  return text.strip().splitlines()[0].rstrip('.')


def _row(name: str, module: ModuleType) -> str:
  said = contract.read(module, name)
  strength = f'`{said.strength}`' if said.strength else 'none'
  cells = (f'[`{name}`](#{name})', _first(module.__doc__), strength)
  return f'| {" | ".join((*cells, module.CITATION))} |'.replace('\n', ' ')


def _section(name: str, module: ModuleType) -> list[str]:
  said = contract.read(module, name)
  config = said.config()
  static = {
    field.name: getattr(config, field.name)
    for field in dataclasses.fields(config)
    if field.name != 'net'
  }
  listed = lambda pairs: ', '.join(f'`{k}` = {v}' for k, v in pairs.items())
  asked = [
    type(request).__name__
    for request in said.batch(config)
    if not isinstance(request, requests.Observation)
  ]
  facts = {
    'Hyper-parameters (`config.hparams`)': listed(said.hparams) or 'none',
    'Static fields (`config.static`)': listed(static) or 'none',
    'Source': module.CITATION,
  }
  if asked:
    facts['A batch also holds'] = ', '.join(asked)
  phase = said.after(config)
  if phase is not None:
    facts['Starts from'] = f'a run of `{phase.method}`'
  if not said.splits:
    facts['Batches'] = 'cannot be split over devices'
  lines = [f'## {name}', '', module.__doc__.strip(), '']
  lines += [f'- {key}: {value}' for key, value in facts.items()]
  return [*lines, '']


def to_markdown(methods: Mapping[str, ModuleType]) -> str:
  """The text of docs/objectives.md: a table of all methods, then each.

  Args:
    methods: name -> module.

  Returns:
    Markdown.
  """
  lines = [
    '# Methods and their objectives',
    '',
    'Generated from the modules by',
    '`python -m disentangle_jax.methods > docs/objectives.md`. Losses are',
    'minimised, in nats per observation. A hyper-parameter can be swept',
    'without a new compile; a static field is compiled in. How numbers of',
    'other code bases translate, and which strengths look alike and are not:',
    '[conventions](conventions.md).',
    '',
    '| name | what it is | strength | source |',
    '|---|---|---|---|',
    *(_row(name, module) for name, module in methods.items()),
    '',
  ]
  for name, module in methods.items():
    lines += _section(name, module)
  return '\n'.join(lines).rstrip() + '\n'
