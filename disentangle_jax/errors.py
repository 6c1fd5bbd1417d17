"""Errors that a user can mend: one line with field, value and legal values."""

from collections.abc import Iterable
import difflib
from typing import Any


class ConfigError(ValueError):
  """A setting that cannot be used; the message is one line for the user."""


class StoreError(RuntimeError):
  """A workdir that cannot be read, written or continued; one line."""


def choices(field: str, value: Any, legal: Iterable[str]) -> ConfigError:
  """Says that `value` is not among `legal`, with the nearest legal name.

  Args:
    field: dotted name of the setting, e.g. 'config.methods'.
    value: what the user gave.
    legal: the accepted names.

  Returns:
    The error, to be raised by the caller.
  """
  legal = sorted(legal)
  near = [name for name in legal if value and name.startswith(str(value))]
  near += difflib.get_close_matches(str(value), legal, n=1)
  hint = f' (did you mean {near[0]!r}?)' if near else ''
  listed = ', '.join(legal) if legal else 'none'
  return ConfigError(f'{field}: unknown {value!r}{hint}; legal: {listed}')


def first_line(error: Exception) -> str:
  """What an error says, cut to one line; its kind where it says nothing."""
  return (str(error).strip().splitlines() or [type(error).__name__])[0]


def value(field: str, got: Any, rule: str) -> ConfigError:
  """Says that a value breaks a rule, e.g. 'must be finite and >= 0'."""
  return ConfigError(f'{field} = {got!r}: {rule}')
