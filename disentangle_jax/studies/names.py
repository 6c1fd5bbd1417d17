"""What there is, by name: methods, metrics, data sets, nets, studies."""

from collections.abc import Mapping
from typing import Any

from disentangle_jax import data, methods, metrics, studies
from disentangle_jax.metrics import catalogue
from disentangle_jax.nn import nets


def first_line(module: Any) -> str:
  """What a module is, in the first line of its docstring."""
  return module.__doc__.strip().splitlines()[0]


def _described(modules: Mapping[str, Any]) -> dict[str, str]:
  return {name: first_line(module) for name, module in modules.items()}


def list_methods() -> dict[str, str]:
  """Name -> what it is, of every method."""
  return _described(methods.METHODS)


def list_metrics() -> dict[str, str]:
  """Name -> what it is and the scores that it gives, of every metric."""
  return {
    name: f'{first_line(module)} Scores: '
    f'{", ".join(catalogue.scores_of(name, module))}.'
    for name, module in metrics.METRICS.items()
  }


def list_datasets() -> dict[str, str]:
  """Name -> what it is, of every data set."""
  return _described(data.DATASETS)


def list_nets() -> dict[str, str]:
  """Name -> what it is, of every network."""
  return _described(nets.NETS)


def list_studies() -> dict[str, str]:
  """Name -> what it asks and its variants, of every packaged study."""
  listed = {}
  for key in studies.folders():
    module = studies.config_module(key)
    variants = ', '.join(f':{v}' for v in module.EXPECTED if v)
    listed[key] = f'{first_line(module)} Variants: {variants}.'
  return listed
