"""From `--config=` to a config: files, packaged studies, lists of names."""

from collections.abc import Sequence
import importlib.util
import inspect
import pathlib
import traceback
import types as python_types
from typing import NamedTuple

from absl import flags
from ml_collections import config_dict, config_flags

from disentangle_jax import errors, studies
from disentangle_jax.commands import mistakes, switching

_SUFFIX = '.py'
# Fields that take names with commas between.
_LISTS = ('metrics', 'methods', 'representations')


class Source(NamedTuple):
  """Where a config comes from.

  Attributes:
    path: of the file.
    variant: what follows ':'; ''.
    key: of the packaged study; '' for a user's own file.
  """

  path: pathlib.Path
  variant: str
  key: str


def find(text: str) -> Source:
  """What `--config=TEXT` names.

  Args:
    text: 'FILE.py', 'FILE.py:variant', 'study' or 'study:variant'; a file comes
      before a study of its name.

  Returns:
    The source; the file is there.

  Raises:
    ConfigError: no such file or study.
  """
  path, variant = text, ''
  if not pathlib.Path(text).expanduser().is_file():
    # A folder may have a colon in its name: the variant is behind the suffix.
    end = text.find(f'{_SUFFIX}:')
    if end >= 0:
      path, variant = text[: end + len(_SUFFIX)], text[end + len(_SUFFIX) + 1 :]
    else:
      path, _, variant = text.partition(':')
  file = pathlib.Path(path).expanduser()
  if file.is_file():
    return Source(file, variant, studies.key_of(file))
  known = studies.folders()
  if path in known:
    return Source(known[path] / 'config.py', variant, path)
  if path.endswith(_SUFFIX) or '/' in path:
    raise errors.ConfigError(f'--config={path}: no such file')
  raise errors.choices('--config (a file, or a study)', path, known)


def _imported(source: Source) -> python_types.ModuleType:
  if source.key:
    return studies.config_module(source.key)
  spec = importlib.util.spec_from_file_location('study_config', source.path)
  if spec is None:
    raise errors.value('--config', str(source.path), 'must be a Python file')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def load(source: Source) -> config_dict.ConfigDict:
  """The config that a file gives.

  Args:
    source: from `find`.

  Returns:
    What its `get_config(variant)` returns.

  Raises:
    ConfigError: the file cannot be run; it has no `get_config`, or one that
      takes no variant where one is given, or returns no config. Names file and
      line.
  """
  try:
    module = _imported(source)
    get = getattr(module, 'get_config', None)
    if get is None:
      rule = "must have a function 'get_config(variant)' that returns a config"
      raise errors.value('--config', str(source.path), rule)
    takes = bool(inspect.signature(get).parameters)
    if source.variant and not takes:
      rule = 'has no variants: its get_config takes no argument'
      raise errors.value('--config', f'{source.path}:{source.variant}', rule)
    config = get(source.variant) if takes else get()
  except errors.ConfigError:
    raise
  except Exception as error:
    raise errors.ConfigError(_where(source, error)) from error
  if not isinstance(config, config_dict.ConfigDict):
    rule = f'get_config gives {type(config).__name__}, no config of base_config'
    raise errors.value('--config', str(source.path), rule)
  return config


def _where(source: Source, error: Exception) -> str:
  """'FILE:LINE: what went wrong', of the user's own line."""
  line = getattr(error, 'lineno', None) or 0
  own = str(source.path.resolve())
  for frame in traceback.extract_tb(error.__traceback__):
    if str(pathlib.Path(frame.filename).resolve()) == own:
      line = frame.lineno
  said = mistakes.of_field(error)
  if not said:
    said = f'{type(error).__name__}: {errors.first_line(error)[:300]}'
  return f'{source.path}:{line}: {said}'


def arguments(argv: Sequence[str]) -> list[str]:
  """The command line with lists of names as ml_collections reads them.

  Args:
    argv: as typed, without --config itself.

  Returns:
    `--config.metrics=a,b` became `--config.metrics=("a","b",)`.
  """
  words = []
  for word in argv:
    flag, equals, value = word.partition('=')
    field = flag.lstrip('-').removeprefix('config.')
    if equals and field in _LISTS and not value.strip().startswith(('(', '[')):
      names = [name.strip() for name in value.split(',') if name.strip()]
      value = '(' + ''.join(f'{name!r},' for name in names) + ')'
    words.append(f'{flag}{equals}{value}')
  return words


def split(argv: Sequence[str]) -> tuple[str | None, list[str]]:
  """The value of --config, and the command line without it.

  Args:
    argv: as typed.

  Returns:
    None where --config is not given; the other words.

  Raises:
    ConfigError: --config or an override twice, or without a value.
  """
  words, given = [], []
  rest = iter(argv)
  for word in rest:
    flag, equals, value = word.partition('=')
    if flag in ('--config', '-config'):
      given.append(value if equals else next(rest, ''))
    else:
      words.append(word)
  if len(given) > 1:
    raise errors.value('--config', ', '.join(given), 'must be given once')
  names = [word.partition('=')[0].lstrip('-') for word in words if '=' in word]
  for name in names:
    if names.count(name) > 1 and name.partition('.')[0] == 'config':
      said = ', '.join(
        word.partition('=')[2]
        for word in words
        if word.lstrip('-').startswith(f'{name}=')
      )
      raise errors.value(f'--{name}', said, 'must be given once')
  if given and not given[0]:
    raise errors.ConfigError('--config: needs a value, --config=FILE.py')
  return (given[0] if given else None), words


def overridden(
  argv: Sequence[str], values: flags.FlagValues
) -> tuple[Source | None, config_dict.ConfigDict | None, list[str], list[str]]:
  """Loads the config that a command line names and declares its overrides.

  Args:
    argv: as typed, the program first.
    values: flags so far, 'config' among them; gets one per override. They are
      set when `values` parses the words.

  Returns:
    Where the config comes from, the config, the words without --config, and
    notes on what of the file they leave out; None and None where no config is
    named.

  Raises:
    ConfigError: as `find` and `load`; a flag that is given twice.
  """
  text, words = split(argv)
  if text is None:
    return None, None, words, []
  source = find(text)
  config = load(source)
  words = switching.spelled(arguments(words))
  notes = switching.fit(config, words)
  delattr(values, 'config')
  # The words, not sys.argv: that names --config, which is no flag any more.
  config_flags.DEFINE_config_dict(
    'config', config, flag_values=values, lock_config=True, sys_argv=words
  )
  return source, values['config'].value, words, notes
