"""One method at one point of the sweep: its frozen config and its numbers."""

from collections.abc import Mapping
import dataclasses
import json
import math
from typing import Any

from disentangle_jax import checks, errors
from disentangle_jax.engine.plan import (
  declare,
  phases,
  registry,
  study_config,
)
from disentangle_jax.methods import contract
from disentangle_jax.nn import nets

_POSITIVE = ('learning_rate',)


def resolve(
  name: str, merged: Mapping[str, Any], names: registry.Registry
) -> study_config.Setting:
  """One method at one point: everything but the seed."""
  spec = settled(name, merged, names)
  after = phases.before(name, spec, merged, names, settled)
  return dataclasses.replace(spec, after=after)


def settled(
  name: str,
  merged: Mapping[str, Any],
  names: registry.Registry,
  inherited: phases.Inherited | None = None,
) -> study_config.Setting:
  """What a run of a method is made of, its earlier phases and seed aside.

  Args:
    name: of the method; of the phase, for an earlier one.
    merged: the config at one point of the sweep.
    names: what names mean.
    inherited: what a later phase hands down; None for a listed method.

  Returns:
    The setting.

  Raises:
    ConfigError: a name or value that is not legal.
  """
  method, static_above, hparams_above = name, {}, {}
  if inherited:
    method = inherited.method
    static_above, hparams_above = inherited.static, inherited.hparams
    merged = inherited.merged
  module = names.methods[method]
  described = contract.read(module, method)
  net_name = merged['net']['name']
  if net_name not in nets.NETS:
    raise errors.choices('config.net.name', net_name, nets.NETS)
  static = _static(described, name, merged['static'], static_above)
  if inherited:
    phases.check_static(inherited.settled, module, inherited.later)
    static |= inherited.settled
  if 'net' in declare.fields_of(module.Config):
    static['net'] = nets.make_config(net_name, merged['net'][net_name])
  try:
    config = module.Config(**static)
  except (TypeError, ValueError) as error:
    if isinstance(error, errors.ConfigError):
      raise
    raise errors.ConfigError(f'config.static ({name}): {error}') from error
  dataset_name = merged['dataset']['name']
  if dataset_name not in names.datasets:
    raise errors.choices('config.dataset.name', dataset_name, names.datasets)
  options = {
    k: v for k, v in merged['dataset'].items() if k != 'name' and v is not None
  }
  return study_config.Setting(
    method=method,
    config=config,
    hparams=hparams(module, name, merged['hparams'], hparams_above),
    dataset=study_config.DatasetSpec(
      dataset_name, json.dumps(options, sort_keys=True)
    ),
    steps=merged['steps'],
    batch_size=merged['batch_size'],
  )


def is_group(value: Any) -> bool:
  return isinstance(value, Mapping)


def _layered(
  given: Mapping[str, Any],
  name: str,
  known: set[str],
  above: Mapping[str, Any],
) -> dict:
  """Values for one method: for all methods, of a later phase, for it alone."""
  shared = {k: v for k, v in given.items() if not is_group(v)}
  own = given.get(name) or {}
  layered = {k: v for k, v in shared.items() if k in known and v is not None}
  layered.update({k: v for k, v in above.items() if k in known})
  layered.update({k: v for k, v in own.items() if v is not None})
  return layered


def _static(
  described: contract.Contract,
  name: str,
  given: Mapping[str, Any],
  above: Mapping[str, Any],
) -> dict[str, Any]:
  defaults = declare.static_fields(described.module)
  static = _layered(given, name, set(defaults), above)
  for key, value in static.items():
    if isinstance(value, list):
      static[key] = value = tuple(value)
    default = defaults[key]
    if type(default) is int:
      zero = default == 0 or key in described.may_be_zero
      checks.integer(f'config.static.{key}', value, 0 if zero else 1)
  return static


def hparams(
  module: Any,
  name: str,
  given: Mapping[str, Any],
  above: Mapping[str, float] | None = None,
) -> dict[str, float]:
  """A method's hyper-parameters; ConfigError for one out of range.

  Args:
    module: the method's.
    name: under which the config speaks of it.
    given: `config.hparams`.
    above: those of a later phase.

  Returns:
    name -> value, for all of the module's HPARAMS.
  """
  values = {k: float(v) for k, v in module.HPARAMS.items()}
  bounds = contract.read(module, name).bounds
  layered = _layered(given, name, set(values), above or {})
  for key, value in layered.items():
    low, high = bounds.get(key, (0.0, math.inf))
    ok = checks.is_number(value) and low <= value <= high
    positive = key in _POSITIVE
    if not ok or (positive and value == 0):
      span = f'> {low:g}' if positive else f'>= {low:g}'
      upper = '' if math.isinf(high) else f' and <= {high:g}'
      rule = f'must be a finite number {span}{upper}'
      rule += checks.sweep_instead(f'hparams.{key}', value)
      raise errors.value(f'config.hparams.{key}', value, rule)
    values[key] = float(value)
  return values
