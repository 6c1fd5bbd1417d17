"""Checks of what users give; one clear line each, the same everywhere."""

from collections.abc import Iterable, Mapping
import math
import os
import re
from typing import Any

import numpy as np

from disentangle_jax import errors


def plain(value: Any) -> Any:
  """A value of a config as plain Python, whatever library it came from.

  Args:
    value: numbers of NumPy and JAX, paths, lists, mappings, or plain values.

  Returns:
    Scalars as bool, int, float or str; paths as str; sequences as tuples;
    mappings as dicts. What is none of these stays as it is.
  """
  if isinstance(value, Mapping):
    return {str(key): plain(inner) for key, inner in value.items()}
  if isinstance(value, (list, tuple)):
    return tuple(map(plain, value))
  if isinstance(value, os.PathLike):
    return os.fspath(value)
  if isinstance(value, np.generic) or hasattr(value, '__array__'):
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else tuple(map(plain, array))
  return value


def is_integer(value: Any) -> bool:
  """Whether a value is a whole number, and no truth value."""
  return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
  """Whether a value is a finite real number, and no truth value."""
  real = isinstance(value, (int, float)) and not isinstance(value, bool)
  return real and math.isfinite(value)


def integer(field: str, got: Any, least: int, most: int | None = None) -> None:
  """Refuses what is not an integer in a range.

  Args:
    field: dotted name of the setting.
    got: what the user gave.
    least: smallest legal value.
    most: largest legal value; None for no bound.

  Raises:
    ConfigError: not an integer, or out of range.
  """
  if not is_integer(got) or got < least or (most is not None and got > most):
    above = '' if most is None else f' and at most {most}'
    rule = f'must be an integer of at least {least}{above}'
    raise errors.value(field, got, rule)


_SWEPT = ('hparams', 'static', 'net', 'dataset', 'steps', 'batch_size')


def sweep_instead(field: str, value: Any) -> str:
  """How several values are given, for an error about a field that takes one.

  Args:
    field: dotted name, without 'config'.
    value: what the user gave: a sequence, or text with commas.

  Returns:
    The end of a rule; '' where it is one value, or a field not to be swept.
  """
  parts = value.strip('()[] ').split(',') if isinstance(value, str) else value
  several = isinstance(parts, (list, tuple)) and len(parts) > 1
  if not several or field.partition('.')[0] not in _SWEPT:
    return ''
  listed = ','.join(str(part).strip() for part in parts)
  return f"; several values: --config.sweep='{field}={listed}'"


def number(field: str, got: Any, least: float, most: float) -> None:
  """Refuses what is not a finite number in a range, ends included.

  Args:
    field: dotted name of the setting.
    got: what the user gave.
    least: smallest legal value.
    most: largest legal value.

  Raises:
    ConfigError: not a number, or out of range.
  """
  if not is_number(got) or not least <= got <= most:
    rule = f'must be a number from {least} to {most}'
    raise errors.value(field, got, rule)


def choice(field: str, got: Any, legal: Iterable[str]) -> None:
  """Refuses what is not among the legal names.

  Args:
    field: dotted name of the setting.
    got: what the user gave.
    legal: the accepted names.

  Raises:
    ConfigError: an unknown name.
  """
  legal = tuple(legal)
  if got not in legal:
    raise errors.choices(field, got, legal)


def at_least(config: Any, **least: int) -> None:
  """Refuses fields of a metric's frozen Config that are below their least.

  Args:
    config: of a module; the module's name stands in the error.
    **least: field -> smallest legal value.

  Raises:
    ConfigError: names the field.
  """
  for field, bound in least.items():
    got = getattr(config, field)
    if got < bound:
      name = f'{type(config).__module__.rsplit(".", 1)[-1]}.{field}'
      raise errors.value(name, got, f'must be at least {bound}')


_UNITS = {'GiB': 2**30, 'MiB': 2**20, 'GB': 10**9, 'MB': 10**6}


def memory(field: str, text: str) -> int:
  """Bytes from a size in words.

  Args:
    field: dotted name of the setting, for errors.
    text: a number and one of GiB, MiB, GB, MB, such as '15.75GiB'.

  Returns:
    Bytes, above 0.

  Raises:
    ConfigError: anything else.
  """
  match = re.fullmatch(r'(\d+(?:\.\d+)?) ?(GiB|MiB|GB|MB)', text.strip())
  size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
  if not size:
    raise errors.value(field, text, 'must be a size such as 15.75GiB or 80GB')
  return size
