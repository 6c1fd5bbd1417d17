"""What the commands share: flags, one-line errors."""

from collections.abc import Callable
import sys

from absl import app, flags
from ml_collections import config_flags

from disentangle_jax import errors


def config_flag() -> flags.FlagHolder:
  """--config=FILE.py[:variant] and --config.field=value."""
  return config_flags.DEFINE_config_file(
    'config',
    None,
    'Study to run: a Python file with get_config(variant), and :variant.',
    lock_config=True,
  )


def fail(message: str) -> None:
  """One line on standard error, exit code 2."""
  print(f'error: {message}', file=sys.stderr)
  sys.exit(2)


def _one_line(error: Exception) -> str:
  """The first line of what absl or ml_collections say, without the dump."""
  text = str(error).strip() or type(error).__name__
  # ml_collections lists the whole config behind this mark.
  text = text.split('Other fields present:')[0]
  lines = [line.strip() for line in text.splitlines() if line.strip()]
  return lines[0] if lines else type(error).__name__


def _parse(argv: list[str]) -> list[str]:
  try:
    return flags.FLAGS(argv)
  except errors.ConfigError as error:
    fail(str(error))
  except FileNotFoundError as error:
    name = error.filename or _one_line(error)
    fail(f'--config={name}: no such file')
  except (
    flags.Error,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
  ) as error:
    hint = _hint(argv, error)
    fail(_one_line(error) + hint)
  return argv


def _hint(argv: list[str], error: Exception) -> str:
  """Nearest and legal names for an override of a field that does not exist."""
  for argument in argv[1:]:
    name = argument.split('=')[0].lstrip('-')
    if not name.startswith('config.'):
      continue
    from disentangle_jax.engine import settings

    node, path = settings.base_config(), name.split('.')[1:]
    for i, part in enumerate(path):
      if part not in node:
        where = '.'.join(['config', *path[:i]])
        choice = errors.choices(where, part, node.keys())
        return f' ({choice})' if part in str(error) else ''
      node = node[part]
      if not hasattr(node, 'keys'):
        break
  return ''


def run(main: Callable[[list[str]], None]) -> None:
  """`app.run` that turns users' mistakes into one line."""

  def guarded(argv):
    try:
      main(argv)
    except (errors.ConfigError, errors.StoreError) as error:
      fail(str(error))
    except KeyboardInterrupt:
      fail('interrupted; give the same command again to continue')

  app.run(guarded, flags_parser=_parse)
