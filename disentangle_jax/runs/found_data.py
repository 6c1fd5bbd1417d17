"""The data set of a stored run, or what is known of it where it is gone."""

from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
from typing import Any
import warnings

from disentangle_jax import errors, types
from disentangle_jax.data import joined, kinds
from disentangle_jax.engine.plan import registry, study_config
from disentangle_jax.engine.workdir import shells


def dataset(
  about: Mapping[str, Any], names: registry.Registry, path: pathlib.Path
) -> tuple[types.Dataset, bool]:
  """What a run was trained on.

  Args:
    about: a run's metadata; 'data' describes the set, older versions left it
      out.
    names: what names mean. A `types.Dataset` of the user stands for the set of
      its name, whatever the options.
    path: of the run, for warnings.

  Returns:
    the set, and whether it is there: False for a shell (`shells.shell`), where
    its files are gone, cannot be downloaded, or hold data of other shapes.

  Raises:
    ConfigError: an unknown set, files that are there and cannot be read, or a
      set of the user that does not fit.
  """
  spec = study_config.DatasetSpec(*about['dataset'])
  described = about.get('data')
  if spec.name not in names.datasets:
    raise errors.choices('datasets', spec.name, names.datasets)
  given = names.datasets[spec.name]
  if isinstance(given, types.Dataset):
    return _given(given, spec, described, path), True
  try:
    data = registry.load_dataset(spec, names)
  except errors.ConfigError as error:
    if described is None or not _is_away(spec, names):
      raise
    return shells.shell(described, str(error)), False
  differs = described and shells.difference(data, described)
  if differs:
    reason = f'{path}: data set {spec.name} {spec.options} now has {differs}'
    warnings.warn(reason, stacklevel=3)
    return shells.shell(described, reason), False
  if spec.fingerprint:
    _compare(spec, registry.fingerprint(spec, names, data), path)
  return data, True


def _given(
  given: types.Dataset,
  spec: study_config.DatasetSpec,
  described: Mapping[str, Any] | None,
  path: pathlib.Path,
) -> types.Dataset:
  """A user's set in place of the stored one."""
  kinds.check(given)
  differs = described and shells.difference(given, described)
  if differs:
    rule = f'does not fit {path}: {differs}'
    raise errors.value('datasets', spec.name, rule)
  if spec.fingerprint and not json.loads(spec.options):
    own = registry.Registry({}, {}, {spec.name: given})
    _compare(spec, registry.fingerprint(spec, own, given), path)
  return given


def _compare(
  spec: study_config.DatasetSpec, content: str, path: pathlib.Path
) -> None:
  """Warns of data that are not those that a run was trained on."""
  if content != spec.fingerprint:
    warnings.warn(
      f'{path}: data set {spec.name} {spec.options} has changed since the run '
      f'was trained: content was {spec.fingerprint} and is now {content}',
      stacklevel=4,
    )


def _is_away(spec: study_config.DatasetSpec, names: registry.Registry) -> bool:
  """Whether a set's files are gone, or it would have to be downloaded."""
  module, options = names.datasets[spec.name], json.loads(spec.options)
  if module is joined:
    config = module.Config(**options)
    parts = [
      study_config.DatasetSpec(name, json.dumps(dict(more)))
      for name, more in (config.first, config.second)
    ]
    return any(
      part.name in names.datasets and _is_away(part, names) for part in parts
    )
  if isinstance(module, types.Dataset):
    return False
  if options.get('source', 'file') != 'file':
    return True
  defaults = {f.name: f.default for f in dataclasses.fields(module.Config)}
  named = [
    options[field]
    for field in getattr(module, 'FILES', ('path',))
    if options.get(field) not in (None, defaults.get(field))
  ]
  return any(not os.path.exists(os.path.expanduser(n)) for n in named)
