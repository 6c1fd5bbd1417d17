"""What there is, by name, one line each.

python -m experiments.list methods
python -m experiments.list metrics      with the scores that each gives
python -m experiments.list datasets
python -m experiments.list nets
python -m experiments.list fields       every --config.FIELD, with its default
python -m experiments.list studies
"""

from collections.abc import Iterator
import json

from absl import flags
from ml_collections import config_dict

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.engine.plan import declare
from disentangle_jax.studies import fields, names


def _fields(node=None, prefix: str = 'config') -> Iterator[tuple[str, str]]:
  node = declare.base_config() if node is None else node
  for name in node:
    value = node[name]
    if isinstance(value, config_dict.ConfigDict):
      yield from _fields(value, f'{prefix}.{name}')
    else:
      shown = '' if value is None else json.dumps(value, default=str)
      yield f'{prefix}.{name}', shown


KINDS = {
  'methods': lambda: names.list_methods().items(),
  'metrics': lambda: names.list_metrics().items(),
  'datasets': lambda: names.list_datasets().items(),
  'nets': lambda: names.list_nets().items(),
  'fields': _fields,
  'studies': lambda: names.list_studies().items(),
}


def main(argv):
  """Prints the names of one kind, one per line."""
  if len(argv) == 1:
    raise errors.ConfigError(f'list: of what? legal: {", ".join(KINDS)}')
  if len(argv) != 2 or argv[1] not in KINDS:
    given = ' '.join(argv[1:])
    raise errors.choices('list', given, KINDS)
  if flags.FLAGS.page:
    if argv[1] != 'fields':
      raise errors.value('--page', argv[1], 'is a page of fields alone')
    print(fields.page())
    return
  lines = list(KINDS[argv[1]]())
  width = min(max(len(name) for name, _ in lines), 48)
  for name, text in lines:
    print(f'{name:<{width}}  {text}'.rstrip())


def run() -> None:
  """The command itself."""
  flags.DEFINE_bool('page', False, 'Of fields: docs/fields.md, with meanings.')
  cli.run(main, __doc__)
