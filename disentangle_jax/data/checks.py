"""Checks of the static options that data sets share; one clear line each."""

from collections.abc import Iterable
import math
from typing import Any

from disentangle_jax import errors


def integer(field: str, got: Any, least: int, most: int | None = None) -> None:
  """Refuses what is not an integer in a range.

  Args:
    field: the option's name.
    got: what the user gave.
    least: smallest legal value.
    most: largest legal value; None for no bound.

  Raises:
    ConfigError: not an integer, or out of range.
  """
  whole = isinstance(got, int) and not isinstance(got, bool)
  if not whole or got < least or (most is not None and got > most):
    above = '' if most is None else f' and at most {most}'
    rule = f'must be an integer of at least {least}{above}'
    raise errors.value(f'config.dataset.{field}', got, rule)


def number(field: str, got: Any, least: float, most: float) -> None:
  """Refuses what is not a finite number in a range, ends included.

  Args:
    field: the option's name.
    got: what the user gave.
    least: smallest legal value.
    most: largest legal value.

  Raises:
    ConfigError: not a number, or out of range.
  """
  real = isinstance(got, (int, float)) and not isinstance(got, bool)
  if not real or not math.isfinite(got) or not least <= got <= most:
    rule = f'must be a number from {least} to {most}'
    raise errors.value(f'config.dataset.{field}', got, rule)


def choice(field: str, got: Any, legal: Iterable[str]) -> None:
  """Refuses what is not among the legal names.

  Args:
    field: the option's name.
    got: what the user gave.
    legal: the accepted names.

  Raises:
    ConfigError: an unknown name.
  """
  legal = tuple(legal)
  if got not in legal:
    raise errors.choices(f'config.dataset.{field}', got, legal)
