"""What the commands share: flags, one-line errors."""

import codecs
from collections.abc import Callable
import logging
import os
import re
import sys
import textwrap

from absl import app, flags
from absl import logging as absl_logging

from disentangle_jax import errors, invocation
from disentangle_jax.commands import configs, mistakes

# A command as docstrings type it.
_TYPED = re.compile(r'python -m experiments\.(\w+)')
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
  source, config, words, notes = configs.overridden(argv, flags.FLAGS)
  _CONFIG.source = source
  if config is not None:
    _CONFIG.value = config
  for note in notes:
    print(f'note: {note}', file=sys.stderr)
  return words


def fail(message: str) -> None:
  """One line on standard error, exit code 2."""
  print(f'error: {message}', file=sys.stderr)
  sys.exit(2)


def parse(argv: list[str]) -> list[str]:
  """What flags leave of the command line; a bad one ends the program."""
  # absl prints INFO lines once it is set up; JAX's search for TPUs is noise,
  # and so is matplotlib's first look for fonts.
  # A bucket that cannot be reached is one line of ours.
  for library, level in (
    ('jax', logging.WARNING),
    ('matplotlib', logging.WARNING),
    ('gcsfs', logging.CRITICAL),
    ('s3fs', logging.CRITICAL),
  ):
    logging.getLogger(library).setLevel(level)
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
  except mistakes.RAISED as error:
    fail(mistakes.one_line(argv, error))
  return argv


def no_words(argv: list[str]) -> None:
  """Raises ConfigError where something is left that no option takes."""
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')


def required(name: str, value: object, example: str) -> None:
  """Raises ConfigError where an option was not given.

  Args:
    name: of the option.
    value: its value; None, '' or [] where it is missing.
    example: of a value.
  """
  if not value:
    raise errors.ConfigError(f'--{name} is missing, e.g. --{name}={example}')


def guarded(main: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
  """`main`, whose users' mistakes end the program with one line."""

  def call(argv):
    try:
      main(argv)
    except (errors.ConfigError, errors.StoreError) as error:
      fail(str(error))
    except BrokenPipeError:
      # Whoever read along, `head` for one, has seen enough.
      os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
      if not errors.disk_full(error):
        raise
      fail(
        f'{error.filename or "output"}: cannot be written ({error.strerror})'
      )
    except KeyboardInterrupt:
      said = 'interrupted; give the same command again to continue'
      print(said, file=sys.stderr)
      sys.exit(2)

  return call


def said(text: str) -> str:
  """A docstring whose commands are typed as they work where the user stands."""

  def here(match):
    return ' '.join(invocation.words(match[1].replace('_', '-')))

  return _TYPED.sub(here, text)


def _default(value) -> str:
  """'=64' of a number or a name; nothing where an option is not set."""
  if value is None or value in ('', []):
    return ''
  if isinstance(value, bool):
    return f'={str(value).lower()}'
  return f'={",".join(value) if isinstance(value, list) else value}'


def usage(doc: str) -> str:
  """What --help prints: what a command is, its options and their defaults.

  Args:
    doc: the command's own text.

  Returns:
    Many lines.
  """
  lines = [said(doc).strip(), '', 'Options, with their defaults:']
  # Defaults as the command defined them, whatever was given.
  for module, own in flags.FLAGS.flags_by_module_dict().items():
    if module.startswith(('disentangle_jax', 'experiments')):
      for flag in own:
        lines.append(f'  --{flag.name}{_default(flag.default)}')
        text = ' '.join((flag.help or '').split())
        lines += textwrap.wrap(
          text, 79, initial_indent=' ' * 6, subsequent_indent=' ' * 6
        )
  if 'config' in flags.FLAGS:
    command = invocation.line('list', 'fields')
    lines += ['', f'Every --config.FIELD with its default: {command}']
  return '\n'.join(lines)


def run(main: Callable[[list[str]], None], doc: str) -> None:
  """`app.run` of `guarded(main)`; bad flags are one line, too.

  Args:
    main: of the words that no flag takes.
    doc: what --help prints above the options.
  """
  if {'--help', '-h', '-help'} & set(sys.argv[1:]):
    print(usage(doc))
    return
  app.run(guarded(main), flags_parser=parse)
