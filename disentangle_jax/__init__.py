"""disentangle_jax: hundreds of disentanglement runs at once, in JAX."""

import importlib
from typing import TYPE_CHECKING, Any

from disentangle_jax.engine.outlook import dry_run
from disentangle_jax.engine.plan.algebra import chain, product, zipped
from disentangle_jax.engine.plan.declare import base_config
from disentangle_jax.engine.sweep import sweep
from disentangle_jax.errors import ConfigError, StoreError
from disentangle_jax.runs.trained import TrainedRun, load_run
from disentangle_jax.types import Phase
from disentangle_jax.version import __version__

if TYPE_CHECKING:
  from disentangle_jax import metrics, report
  from disentangle_jax.studies.names import (
    list_datasets,
    list_methods,
    list_metrics,
    list_nets,
    list_studies,
  )
  from disentangle_jax.studies.opened import open_study as open

__all__ = [
  'ConfigError',
  'Phase',
  'StoreError',
  'TrainedRun',
  '__version__',
  'base_config',
  'chain',
  'dry_run',
  'list_datasets',
  'list_methods',
  'list_metrics',
  'list_nets',
  'list_studies',
  'load_run',
  'metrics',
  'open',
  'product',
  'report',
  'sweep',
  'zipped',
]

# Loaded when first used: drawing libraries and tables take a second.
_LATER = {
  'metrics': ('disentangle_jax.metrics', ''),
  'report': ('disentangle_jax.report', ''),
  'open': ('disentangle_jax.studies.opened', 'open_study'),
  **{
    f'list_{kind}': ('disentangle_jax.studies.names', f'list_{kind}')
    for kind in ('datasets', 'methods', 'metrics', 'nets', 'studies')
  },
}


def __getattr__(name: str) -> Any:
  if name not in _LATER:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  place, member = _LATER[name]
  module = importlib.import_module(place)
  return getattr(module, member) if member else module


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
