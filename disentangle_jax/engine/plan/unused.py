"""Settings that no method reads, and settings without an effect."""

from collections.abc import Mapping
from typing import Any

from disentangle_jax import errors
from disentangle_jax.engine.plan import (
  declare,
  phases,
  settings,
)
from disentangle_jax.engine.plan import (
  points as points_lib,
)


def check(config, names, methods, points) -> tuple[str, ...]:
  """Refuses settings that no method has; notes those that have no effect."""
  notes = []
  for kind in ('hparams', 'static'):
    legal = {
      name: set().union(
        *(
          declare.names_read(kind, module)
          for module in phases.modules(name, names.methods).values()
        )
      )
      for name in methods
    }
    everywhere = set().union(*legal.values())
    swept = {
      dotted.partition('.')[2]
      for point in points
      for dotted in point
      if dotted.startswith(f'{kind}.')
    }
    shared = {k: v for k, v in config[kind].items() if not settings.is_group(v)}
    for field, got in shared.items():
      if got is None and field not in swept:
        continue
      if field not in everywhere:
        where = f'config.{kind} (methods {", ".join(methods)})'
        raise errors.choices(where, field, everywhere)
      readers = [name for name in methods if field in legal[name]]
      if got is not None and kind == 'hparams':
        for name in readers:
          settings.hparams(names.methods[name], name, {field: got})
      if got is not None and all(
        f'{kind}.{field}' in point
        for point in points
        for name in readers
        if name in points_lib.methods_at(point, methods)
      ):
        notes.append(
          f'config.{kind}.{field} = {got!r} has no effect: every point of '
          'config.sweep sets it'
        )
  chains = [phases.modules(name, names.methods) for name in methods]
  legal = {label for chain in chains for label in list(chain)[1:]}
  for label, own in config['phases'].items():
    if label not in legal and _is_set(own):
      raise errors.choices('config.phases', label, legal)
  return tuple(notes)


def _is_set(values: Mapping[str, Any]) -> bool:
  """Whether any field of a group is given."""
  return any(
    _is_set(value) if settings.is_group(value) else value is not None
    for value in values.values()
  )
