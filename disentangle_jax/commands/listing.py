"""What there is, by name, one line each.

python -m experiments.list methods
python -m experiments.list metrics      with the scores that each gives
python -m experiments.list datasets
python -m experiments.list nets
python -m experiments.list fields       every --config.FIELD, with its default
python -m experiments.list studies
"""

from collections.abc import Callable, Iterator, Mapping
import json

from ml_collections import config_dict

from disentangle_jax import data, errors, methods, metrics, studies
from disentangle_jax.commands import cli
from disentangle_jax.engine.plan import declare
from disentangle_jax.metrics import catalogue
from disentangle_jax.nn import nets


def _first(module) -> str:
  return module.__doc__.strip().splitlines()[0]


def _modules(named: Mapping) -> Callable[[], Iterator[tuple[str, str]]]:
  return lambda: ((name, _first(module)) for name, module in named.items())


def _scores() -> Iterator[tuple[str, str]]:
  for name, module in metrics.METRICS.items():
    keys = ', '.join(catalogue.scores_of(name, module))
    yield name, f'{_first(module)} Scores: {keys}.'


def _fields(node=None, prefix: str = 'config') -> Iterator[tuple[str, str]]:
  node = declare.base_config() if node is None else node
  for name in node:
    value = node[name]
    if isinstance(value, config_dict.ConfigDict):
      yield from _fields(value, f'{prefix}.{name}')
    else:
      shown = '' if value is None else json.dumps(value, default=str)
      yield f'{prefix}.{name}', shown


def _studies() -> Iterator[tuple[str, str]]:
  for key in studies.folders():
    module = studies.config_module(key)
    variants = ', '.join(f':{v}' for v in module.EXPECTED if v)
    yield key, f'{_first(module)} Variants: {variants}.'


KINDS = {
  'methods': _modules(methods.METHODS),
  'metrics': _scores,
  'datasets': _modules(data.DATASETS),
  'nets': _modules(nets.NETS),
  'fields': _fields,
  'studies': _studies,
}


def main(argv):
  """Prints the names of one kind, one per line."""
  if len(argv) != 2 or argv[1] not in KINDS:
    given = ' '.join(argv[1:])
    raise errors.choices('list', given, KINDS)
  lines = list(KINDS[argv[1]]())
  width = min(max(len(name) for name, _ in lines), 48)
  for name, text in lines:
    print(f'{name:<{width}}  {text}'.rstrip())


def run() -> None:
  """The command itself."""
  cli.run(main, __doc__)
