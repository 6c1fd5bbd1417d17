"""Chains of phases: which run a run starts from, as the config settles it.

A phase is a run that another run starts from. What it is made of follows from
the later run and from what the config says under the phase's name; see
`types.Phase` for the order.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

from disentangle_jax import errors, types
from disentangle_jax.engine.plan import study_config
from disentangle_jax.methods import contract


class Inherited(NamedTuple):
  """What a later phase hands down.

  Attributes:
    method: name of the earlier phase's method.
    later: name of the later one, for errors.
    merged: the config with net, data set, steps and batch size of the phase.
    static: static fields of the later run.
    settled: static fields that the later method settles.
    hparams: hyper-parameters of the later run.
  """

  method: str
  later: str
  merged: Mapping[str, Any]
  static: Mapping[str, Any]
  settled: Mapping[str, Any]
  hparams: Mapping[str, float]


def modules(name: str, methods: Mapping[str, Any]) -> dict[str, Any]:
  """A method and the phases before it, by their names in the config.

  Args:
    name: of the method.
    methods: name -> module.

  Returns:
    name -> module, the method itself first; the phases that default configs
    have.

  Raises:
    ConfigError: an unknown method or static field, or a name that comes twice.
  """
  chain, label, method, static = {}, name, name, {}
  while True:
    module = methods[method]
    chain[label] = module
    phase = contract.read(module, method).after(module.Config(**static))
    if phase is None:
      return chain
    later, (method, label) = method, _named(phase, method, methods, chain)
    static = phase.static
    check_static(static, methods[method], later)


def check_static(static: Mapping[str, Any], module: Any, later: str) -> None:
  """Raises ConfigError for a field that an earlier phase's Config lacks."""
  known = {field.name for field in dataclasses.fields(module.Config)}
  for field in static:
    if field not in known:
      where = f'`after` of method {later}: static'
      raise errors.choices(where, field, known)


def _named(
  phase: types.Phase,
  later: str,
  methods: Mapping[str, Any],
  seen: Mapping[str, Any],
) -> tuple[str, str]:
  """(method, name) of an earlier phase, checked."""
  if phase.method not in methods:
    raise errors.choices(f'`after` of method {later}', phase.method, methods)
  name = phase.name or phase.method
  if name in seen:
    rule = f'comes twice in the chain {", ".join(seen)}; name phases apart'
    raise errors.value(f'`after` of method {later}', name, rule)
  return phase.method, name


def declared(methods: Mapping[str, Any]) -> dict[str, Any]:
  """Phases that methods start from: name in the config -> module."""
  return {
    label: module
    for name in methods
    for label, module in list(modules(name, methods).items())[1:]
  }


def before(
  name: str,
  spec: study_config.Setting,
  merged: Mapping[str, Any],
  names: Any,
  settled: Callable[..., study_config.Setting],
  seen: tuple[str, ...] = (),
) -> study_config.Setting | None:
  """The phase before a run, with those before it; None where there is none.

  Args:
    name: of the run in the config.
    spec: what the run is made of.
    merged: the config at one point of the sweep.
    names: what names mean.
    settled: `settings.settled`.
    seen: names of the later phases.

  Returns:
    Its setting, with its name and what it starts from itself.

  Raises:
    ConfigError: a phase that is not known, comes twice or cannot be had.
  """
  seen = (*seen, name)
  described = contract.read(names.methods[spec.method], spec.method)
  phase = described.after(spec.config)
  if phase is None:
    return None
  chain = dict.fromkeys(seen)
  method, label = _named(phase, spec.method, names.methods, chain)
  static = {
    field.name: getattr(spec.config, field.name)
    for field in dataclasses.fields(spec.config)
    if field.name != 'net'
  }
  handed = Inherited(
    method,
    spec.method,
    _overlaid(merged, spec, merged['phases'].get(label) or {}),
    static,
    phase.static,
    spec.hparams,
  )
  earlier = settled(label, merged, names, handed)
  after = before(label, earlier, handed.merged, names, settled, seen)
  return dataclasses.replace(earlier, phase=label, after=after)


def _overlaid(
  merged: Mapping[str, Any], spec: study_config.Setting, own: Mapping[str, Any]
) -> dict[str, Any]:
  """The config as an earlier phase sees it."""
  changed = {**merged, 'steps': spec.steps, 'batch_size': spec.batch_size}
  for field in ('steps', 'batch_size'):
    if own.get(field) is not None:
      changed[field] = own[field]
  given = lambda values: {
    k: given(v) if isinstance(v, Mapping) else v
    for k, v in values.items()
    if v is not None
  }
  net = given(own.get('net') or {})
  if net:
    changed['net'] = {
      key: {**value, **net.get(key, {})}
      if isinstance(value, Mapping)
      else net.get(key, value)
      for key, value in merged['net'].items()
    }
  dataset = given(own.get('dataset') or {})
  if dataset:
    # Options of another set are not those of this one.
    same = dataset.get('name', merged['dataset']['name'])
    base = merged['dataset'] if same == merged['dataset']['name'] else {}
    changed['dataset'] = {**base, **dataset}
  return changed
