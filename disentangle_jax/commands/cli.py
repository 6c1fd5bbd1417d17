"""What the commands share: flags, one-line errors."""

import codecs
from collections.abc import Callable
import logging
import os
import sys

from absl import app, flags
from absl import logging as absl_logging
from ml_collections import config_flags

from disentangle_jax import errors
from disentangle_jax.commands import configs
from disentangle_jax.engine.plan import declare

_USER_MISTAKES = (
  flags.Error,
  AttributeError,
  KeyError,
  TypeError,
  ValueError,
)


# For consoles that know ASCII alone; '?' for the rest.
_PLAIN = {
  '\u2013': '-',
  '\u2014': '-',
  '\u2026': '...',
  '\u00d7': 'x',
  '\u00e4': 'ae',
  **dict.fromkeys('\u2501\u2500\u2550\u254c', '-'),
  **dict.fromkeys('\u2502\u2503\u2551', '|'),
}


class Config:
  """The config of the command line, once flags are parsed.

  Attributes:
    value: the ConfigDict with its overrides; None without --config.
    source: where it comes from; None without --config.
  """

  value = None
  source: configs.Source | None = None


_CONFIG = Config()


def _plain(error: UnicodeError) -> tuple[str, int]:
  """What a console shows that lacks a character."""
  if not isinstance(error, UnicodeEncodeError):
    raise error
  lacking = error.object[error.start : error.end]
  text = ''.join(_PLAIN.get(char, '?') for char in lacking)
  return text, error.end


codecs.register_error('disentangle_jax.plain', _plain)


def config_flag() -> Config:
  """--config=FILE.py[:variant] or STUDY[:variant], and --config.field=value."""
  flags.DEFINE_string(
    'config',
    None,
    'Study to run: a Python file with get_config(variant), or the name of a '
    'study of the package; behind it :variant. --config.FIELD=VALUE overrides.',
  )
  return _CONFIG


def _read_config(argv: list[str]) -> list[str]:
  """Loads the config that the command line names, for its overrides."""
  if 'config' not in flags.FLAGS:
    return argv
  text, words = configs.split(argv)
  if text is None:
    return argv
  _CONFIG.source = configs.find(text)
  config = configs.load(_CONFIG.source)
  delattr(flags.FLAGS, 'config')
  words = configs.arguments(words)
  # The words, not sys.argv: that names --config, which is no flag any more.
  config_flags.DEFINE_config_dict(
    'config', config, lock_config=True, sys_argv=words
  )
  _CONFIG.value = flags.FLAGS['config'].value
  return words


def fail(message: str) -> None:
  """One line on standard error, exit code 2."""
  print(f'error: {message}', file=sys.stderr)
  sys.exit(2)


def _one_line(error: BaseException) -> str:
  """What absl or ml_collections say, without config dump and traceback."""
  cause = error
  while cause is not None:
    if isinstance(cause, errors.ConfigError):
      # ml_collections raises an error of the same type around a traceback.
      last = str(cause).strip().splitlines()[-1]
      return last.rpartition('ConfigError: ')[2]
    cause = cause.__cause__ or cause.__context__
  text = str(error.args[0] if error.args else error)
  text = text.split('Other fields present:')[0]
  lines = [line.strip() for line in text.splitlines() if line.strip()]
  if not lines:
    return type(error).__name__
  # A heading that ends in a colon: what matters is the last line under it.
  return f'{lines[0]} {lines[-1]}' if lines[0][-1] == ':' else lines[0]


def parse(argv: list[str]) -> list[str]:
  """What flags leave of the command line; a bad one ends the program."""
  # absl prints INFO lines once it is set up; JAX's search for TPUs is noise,
  # and so is matplotlib's first look for fonts.
  for library in ('jax', 'matplotlib'):
    logging.getLogger(library).setLevel(logging.WARNING)
  # A notebook's backend may not be installed here; commands draw into files.
  os.environ['MPLBACKEND'] = 'agg'
  for stream in (sys.stdout, sys.stderr):
    if hasattr(stream, 'reconfigure'):
      stream.reconfigure(errors='disentangle_jax.plain')
  try:
    rest = flags.FLAGS(_read_config(argv))
    if not flags.FLAGS['verbosity'].present:
      # Orbax tells every step of a checkpoint through absl.
      absl_logging.set_verbosity(absl_logging.WARNING)
    return rest
  except errors.ConfigError as error:
    fail(_one_line(error))
  except _USER_MISTAKES as error:
    fail(_hint(argv) or _one_line(error))
  return argv


def _hint(argv: list[str]) -> str:
  """Nearest and legal names for an override of a field that does not exist."""
  for argument in argv[1:]:
    name = argument.split('=')[0].lstrip('-')
    if not name.startswith('config.'):
      continue
    node, where = declare.base_config(), 'config'
    for part in name.split('.')[1:]:
      if not hasattr(node, 'keys'):
        break
      if part not in node:
        return str(errors.choices(where, part, node.keys()))
      where, node = f'{where}.{part}', node.get_ref(part).get()
  return ''


def guarded(main: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
  """`main`, whose users' mistakes end the program with one line."""

  def call(argv):
    try:
      main(argv)
    except (errors.ConfigError, errors.StoreError) as error:
      fail(str(error))
    except KeyboardInterrupt:
      fail('interrupted; give the same command again to continue')

  return call


def run(main: Callable[[list[str]], None]) -> None:
  """`app.run` of `guarded(main)`; bad flags are one line, too."""
  app.run(guarded(main), flags_parser=parse)
