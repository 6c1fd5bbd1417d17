"""Errors that a user can mend: one line with field, value and legal values."""

from collections.abc import Iterable
import difflib
import errno
from typing import Any

from disentangle_jax import invocation


class ConfigError(ValueError):
  """A setting that cannot be used; the message is one line for the user."""


class StoreError(RuntimeError):
  """A workdir that cannot be read, written or continued; one line."""


# More legal names than these are not listed in an error.
_MOST = 16
# Settings whose names the command `list` prints.
_LISTED = {
  'config.methods': 'methods',
  'config.metrics': 'metrics',
  'config.dataset.name': 'datasets',
  'config.net.name': 'nets',
  'metrics': 'metrics',
  '--config (a file, or a study)': 'studies',
}


def choices(field: str, value: Any, legal: Iterable[str]) -> ConfigError:
  """Says that `value` is not among `legal`, with the nearest legal name.

  Args:
    field: dotted name of the setting, e.g. 'config.methods'.
    value: what the user gave.
    legal: the accepted names.

  Returns:
    The error, to be raised by the caller. Of many names it lists the nearest,
    and says how to see all.
  """
  legal = sorted(map(str, legal))
  text = str(value)
  near = [name for name in legal if text and name.startswith(text)]
  near += difflib.get_close_matches(text, legal, n=1)
  hint = f' (did you mean {near[0]!r}?)' if near else ''
  listed = ', '.join(legal) if legal else 'none'
  if len(legal) > _MOST:
    alike = difflib.get_close_matches(text, legal, n=5, cutoff=0.3)
    names = list(dict.fromkeys([*near[:3], *alike, *legal]))[:5]
    kind = _LISTED.get(field, 'fields')
    listed = (
      f'{len(legal)} names, such as {", ".join(names)}; all: '
      f'{invocation.line("list", kind)}'
    )
  return ConfigError(f'{field}: unknown {value!r}{hint}; legal: {listed}')


def first_line(error: Exception) -> str:
  """What an error says, cut to one line; its kind where it says nothing."""
  return (str(error).strip().splitlines() or [type(error).__name__])[0]


def value(field: str, got: Any, rule: str) -> ConfigError:
  """Says that a value breaks a rule, e.g. 'must be finite and >= 0'."""
  return ConfigError(f'{field} = {got!r}: {rule}')


def disk_full(error: BaseException) -> bool:
  """Whether the system says that there is no room for a file."""
  return getattr(error, 'errno', None) in (errno.ENOSPC, errno.EDQUOT)


def out_of_memory(error: Exception) -> bool:
  """Whether a device, or its compiler, says that memory ran out."""
  return 'RESOURCE_EXHAUSTED' in str(error)
