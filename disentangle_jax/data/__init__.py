"""Data sets by name: `load(name, **static_options) -> Dataset`."""

import dataclasses
from typing import Any

from disentangle_jax import errors, types
from disentangle_jax.data.procedural import dsprites

DATASETS = {
  'dsprites': dsprites,
}


def load(name: str, **options: Any) -> types.Dataset:
  """A data set by name.

  Args:
    name: a key of DATASETS.
    **options: fields of that module's `Config`; None keeps a default.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown data set or option, or an option out of range.
  """
  if name not in DATASETS:
    raise errors.choices('config.dataset.name', name, DATASETS)
  module = DATASETS[name]
  fields = {f.name for f in dataclasses.fields(module.Config)}
  chosen = {key: got for key, got in options.items() if got is not None}
  for key in chosen:
    if key not in fields:
      raise errors.choices(f'config.dataset ({name})', key, fields)
  return module.make(module.Config(**chosen))
