"""Names of scores: what a request means, and what each score is."""

from collections.abc import Iterable, Mapping
import dataclasses
from types import ModuleType
from typing import Any, NamedTuple

from disentangle_jax import errors


class Description(NamedTuple):
  """What one score is.

  Attributes:
    name: the key that `score` returns.
    metric: the module that computes it.
    definition: one sentence.
    direction: 'higher' or 'lower' is better, or 'none'.
    range: least and greatest value.
    constants: what the number depends on, with the defaults.
    source: paper and equation.
  """

  name: str
  metric: str
  definition: str
  direction: str
  range: tuple[float, float]
  constants: Mapping[str, Any]
  source: str


def _of_key(value: Any, key: str) -> Any:
  return value[key] if isinstance(value, Mapping) else value


def _summary(module: ModuleType) -> str:
  return (module.__doc__ or '').strip().split('\n\n')[0].replace('\n', ' ')


def describe(metrics: Mapping[str, ModuleType]) -> tuple[Description, ...]:
  """One description per score, in the order of the modules and their KEYS."""
  rows = []
  for metric, module in metrics.items():
    defaults = dataclasses.asdict(module.Config())
    definitions = getattr(module, 'DEFINITIONS', {})
    rows.extend(
      Description(
        name=key,
        metric=metric,
        definition=definitions.get(key, _summary(module)),
        direction=_of_key(module.DIRECTION, key),
        range=_of_key(module.RANGE, key),
        constants=defaults,
        source=getattr(module, 'SOURCE', ''),
      )
      for key in module.KEYS
    )
  return tuple(rows)


def resolve(
  metrics: Mapping[str, ModuleType],
  families: Mapping[str, tuple[str, ...]],
  names: Iterable[str],
  field: str = 'config.metrics',
) -> dict[str, tuple[str, ...]]:
  """Which scores of which modules a request asks for.

  Args:
    metrics: module name -> module.
    families: family name -> names of modules or scores.
    names: module names, family names or single score names.
    field: dotted name of the setting, for the error.

  Returns:
    module name -> the wanted score names in the order of the module's KEYS;
    modules in the order asked for.

  Raises:
    ConfigError: a name is none of these.
  """
  owner = {key: name for name, m in metrics.items() for key in m.KEYS}
  wanted: dict[str, set[str]] = {}

  def ask(name):
    if name in metrics:
      wanted.setdefault(name, set()).update(metrics[name].KEYS)
    elif name in families:
      for member in families[name]:
        ask(member)
    elif name in owner:
      wanted.setdefault(owner[name], set()).add(name)
    else:
      raise errors.choices(field, name, {*metrics, *families, *owner})

  for name in names:
    ask(name)
  return {
    name: tuple(k for k in metrics[name].KEYS if k in keys)
    for name, keys in wanted.items()
  }
