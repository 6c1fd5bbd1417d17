"""What a command says of a wrong flag: one line with field, value and cure."""

from collections.abc import Sequence
import re

from absl import flags

from disentangle_jax import checks, errors
from disentangle_jax.engine.plan import declare

# What absl, ml_collections and Python raise while flags are read.
RAISED = (flags.Error, AttributeError, KeyError, TypeError, ValueError)
_NOT_A_NUMBER = re.compile(
  r'flag --(?P<field>[\w.]+)=(?P<value>.*): '
  r'(invalid literal for int|could not convert string to float|Expect argument)'
)


# Of ml_collections, about a config that is changed in Python.
_UNKNOWN = re.compile(r'Key "(\w+)" does not exist')
_MEANT = re.compile(r'Did you mean "(\w+)" instead of "(\w+)"')
_TYPE = re.compile(
  r"override field '(\w+)'.*?\. (.*) is of original type <class '(\w+)'> and "
  r"cannot be casted to type <class '(\w+)'>"
)
_WANTED = {
  'int': 'must be an integer',
  'float': 'must be a number',
  'str': 'must be a text',
  'bool': 'must be True or False',
  'tuple': 'must be a list, with brackets around it',
}


def of_field(error: BaseException) -> str:
  """What a config file did wrong with a field: one line; '' if it is not that.

  Args:
    error: raised by ml_collections, which shows the whole config.
  """
  text = str(error)
  wrong = _TYPE.search(text)
  if wrong:
    field, got, own, wanted = wrong.groups()
    rule = _WANTED.get(wanted, f'must be of type {wanted}')
    if own in ('list', 'tuple') and wanted in ('int', 'float'):
      rule += '; several values: config.sweep = dj.product({...})'
    got = repr(got) if own == 'str' else got
    return f'field {field} = {got}: {rule}'
  if not isinstance(error, AttributeError | KeyError):
    return ''
  unknown, meant = _UNKNOWN.search(text), _MEANT.search(text)
  if meant:
    return f'no field {meant[2]!r} (did you mean {meant[1]!r}?)'
  return f'no field {unknown[1]!r}' if unknown else ''


def one_line(argv: Sequence[str], error: BaseException) -> str:
  """The line that a user reads.

  Args:
    argv: as typed.
    error: raised while flags were read.

  Returns:
    Without config dump and traceback.
  """
  ours = _ours(error)
  if ours:
    return ours
  return _unknown_field(argv) or _number(error) or _theirs(error)


def _ours(error: BaseException) -> str:
  """The message of a ConfigError inside; ''."""
  cause = error
  while cause is not None:
    if isinstance(cause, errors.ConfigError):
      # ml_collections raises an error of the same type around a traceback.
      last = str(cause).strip().splitlines()[-1]
      return last.rpartition('ConfigError: ')[2]
    cause = cause.__cause__ or cause.__context__
  return ''


def _unknown_field(argv: Sequence[str]) -> str:
  """Nearest names for an override of a field that does not exist; ''."""
  for argument in argv[1:]:
    name = argument.split('=')[0].lstrip('-')
    if not name.startswith('config.'):
      continue
    node, where = declare.base_config(), 'config'
    for part in name.split('.')[1:]:
      if not hasattr(node, 'keys'):
        rule = f'is a value, and has no {part!r}'
        return str(errors.value(where, node, rule))
      if part not in node:
        return str(errors.choices(where, part, node.keys()))
      where, node = f'{where}.{part}', node.get_ref(part).get()
    if hasattr(node, 'keys') and '=' in argument:
      keys = sorted(node.keys(), key=lambda key: (key != 'name', key))
      legal = ', '.join(f'{where}.{key}' for key in keys[:3])
      rule = f'is a group of fields; set one of them, such as {legal}'
      return str(errors.value(where, argument.partition('=')[2], rule))
  return ''


def _number(error: BaseException) -> str:
  """Of a text where a number is wanted; ''."""
  match = _NOT_A_NUMBER.search(str(error))
  if not match:
    return ''
  text = match['value'].strip()
  rule = 'must be an integer' if 'int' in match[3] else 'must be a number'
  try:
    number = float(text)
    if rule == 'must be an integer':
      if number.is_integer():
        rule += f'; write {int(number)}'
      elif number == number and abs(number) < 1e15:
        rule += f'; the nearest is {round(number)}'
  except (ValueError, OverflowError):
    rule += checks.sweep_instead(match['field'].removeprefix('config.'), text)
  return str(errors.value(match['field'], text, rule))


def _theirs(error: BaseException) -> str:
  """What absl or ml_collections say, cut to what matters."""
  text = str(error.args[0] if error.args else error)
  text = text.split('Other fields present:')[0]
  lines = [line.strip() for line in text.splitlines() if line.strip()]
  if not lines:
    return type(error).__name__
  # A heading that ends in a colon: what matters is the last line under it.
  return f'{lines[0]} {lines[-1]}' if lines[0][-1] == ':' else lines[0]
