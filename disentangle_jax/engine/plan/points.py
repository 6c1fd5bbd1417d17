"""Methods times points of the sweep: the settings of a study."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
from typing import Any

from disentangle_jax import errors
from disentangle_jax.engine.plan import (
  algebra,
  declare,
  phases,
  registry,
  scalars,
  settings,
  study_config,
)


def _changed(
  config: Mapping[str, Any], dotted: str, value: Any
) -> dict[str, Any]:
  """The config with one field replaced; what is not on its path is shared."""
  head, _, rest = dotted.partition('.')
  inner = _changed(config[head], rest, value) if rest else value
  return {**config, head: inner}


def specs(
  config: Mapping[str, Any],
  names: registry.Registry,
  methods: Sequence[str],
  points: Sequence[algebra.Point],
) -> list[study_config.Setting]:
  """Method x point, without those that are the same run under two points."""
  resolved, seen = [], set()
  for name in methods:
    apart = _apart(name, names, methods, points)
    for point in points:
      chosen = methods_at(point, methods)
      for other in chosen:
        if other not in names.methods:
          raise errors.choices('config.sweep: methods', other, names.methods)
        if other not in methods:
          raise errors.choices('config.sweep: methods', other, methods)
      if name not in chosen:
        continue
      merged = config
      for dotted, value in point.items():
        if dotted != 'methods':
          merged = _changed(merged, dotted, value)
      scalars.check(merged)
      spec = settings.resolve(name, merged, names)
      key = repr(spec)
      if key not in seen:
        seen.add(key)
        variant = _variant(apart, point)
        resolved.append(dataclasses.replace(spec, variant=variant))
  return resolved


def _apart(
  name: str,
  names: registry.Registry,
  methods: Sequence[str],
  points: Sequence[algebra.Point],
) -> tuple[str, ...]:
  """Dotted names, the strength aside, that the sweep varies for a method."""
  module = names.methods.get(name)
  strength = getattr(module, 'STRENGTH', None)
  never_apart = {'methods', 'dataset.name'}
  never_apart |= {f'hparams.{strength}', f'hparams.{name}.{strength}'}
  chain = {} if module is None else phases.modules(name, names.methods)
  for kind in ('hparams', 'static'):
    # Names of other methods, or for one other method alone, change nothing.
    never_apart |= {
      dotted
      for dotted in set().union(*points)
      if dotted.startswith(f'{kind}.') and not _reads(dotted, chain)
    }
  mine = [p for p in points if name in methods_at(p, methods)]
  return tuple(
    dotted
    for dotted in dict.fromkeys(itertools.chain(*mine))
    if dotted not in never_apart
    and len({repr(point.get(dotted)) for point in mine}) > 1
  )


def _reads(dotted: str, chain: Mapping[str, Any]) -> bool:
  """Whether a dotted name of 'hparams' or 'static' concerns a chain of phases.

  Args:
    dotted: e.g. 'hparams.beta', 'static.beta_vae.num_latents'.
    chain: name in the config -> module, the method itself first.
  """
  kind, *owner, leaf = dotted.split('.')
  return any(
    leaf in declare.names_read(kind, module) and (not owner or owner == [name])
    for name, module in chain.items()
  )


def _variant(apart: Sequence[str], point: algebra.Point) -> str:
  """'net=mlp, salt_and_pepper=0.2' for one point."""
  label = lambda dotted: (
    dotted.split('.')[0] if dotted.endswith('.name') else dotted.split('.')[-1]
  )
  return ', '.join(f'{label(d)}={point[d]}' for d in apart if d in point)


def methods_at(point: algebra.Point, methods: Sequence[str]) -> list[str]:
  """The methods that a point of the sweep is for."""
  chosen = point.get('methods', methods)
  return [chosen] if isinstance(chosen, str) else list(chosen)
