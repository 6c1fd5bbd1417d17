"""What the names in a config stand for: methods, metrics, data sets."""

from collections.abc import Mapping
import json
from typing import Any, NamedTuple

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib


class Registry(NamedTuple):
  """What names mean: the package's own and the user's."""

  methods: Mapping[str, Any]
  metrics: Mapping[str, Any]
  datasets: Mapping[str, Any]


def registry(
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> Registry:
  """The package's names, and yours on top."""
  return Registry(
    {**methods_lib.METHODS, **(methods or {})},
    {**metrics_lib.METRICS, **(metrics or {})},
    {**data_lib.DATASETS, **(datasets or {})},
  )


def load_dataset(dataset: tuple[str, str], names: Registry) -> types.Dataset:
  """The data set of a run.

  Raises:
    ConfigError: unknown options, or options out of range.
  """
  name, options = dataset[0], json.loads(dataset[1])
  module = names.datasets[name]
  if isinstance(module, types.Dataset):
    if options:
      raise errors.choices(f'config.dataset ({name})', next(iter(options)), ())
    return module
  if data_lib.DATASETS.get(name) is module:
    return data_lib.load(name, **options)
  return module.make(module.Config(**options))


def metric_place(
  name: str, names: Registry, data: types.Dataset
) -> tuple[str, Any]:
  """Equal for two data sets exactly if they can share the metric."""
  if getattr(names.metrics[name], 'NEEDS_DATA', False):
    return name, id(data)
  return name, data.factor_sizes


def make_metric(
  name: str, config: Mapping[str, Any], names: Registry, data: types.Dataset
) -> types.Metric | types.Diagnostic | types.Probe:
  """A metric with the constants that the config chose.

  Raises:
    ConfigError: a constant out of range.
  """
  module = names.metrics[name]
  chosen = config['metric_options'].get(name, {})
  options = {
    k: tuple(v) if isinstance(v, list) else v
    for k, v in chosen.items()
    if v is not None
  }
  given = data if getattr(module, 'NEEDS_DATA', False) else data.factor_sizes
  return module.make(module.Config(**options), given)


def check_metric(
  name: str,
  metric: types.Metric | types.Diagnostic | types.Probe,
  config: Mapping[str, Any],
  names: Registry,
  group: Any,
  codes: types.Codes,
) -> None:
  """Refuses a metric that a group's method or data set cannot supply.

  Args:
    name: of the metric.
    metric: as made for the group's data set.
    config: the study's.
    names: what names mean.
    group: a `plan.Group`.
    codes: shapes of what its method's `represent` gives.

  Raises:
    ConfigError: what is missing.
  """
  for part in metric.needs:
    if part not in codes.parts:
      raise errors.value(
        'config.metrics',
        name,
        f'reads {part!r}, which method {group.method_name} does not give; '
        f'it gives {sorted(codes.parts)}',
      )
  discrete = 'class_logits' in codes.parts
  gaussian_only = isinstance(metric, types.Metric) and (
    'logvar' in metric.needs
  )
  if discrete and gaussian_only:
    raise errors.value(
      'config.metrics',
      name,
      f'is defined for Gaussian latents alone, and method '
      f'{group.method_name} has discrete ones; leave it out',
    )
  if (
    isinstance(metric, types.Diagnostic)
    and metric.per_representation
    and 'sampled' in config['representations']
    and 'logvar' not in codes.parts
  ):
    rule = (
      f'method {group.method_name} has no distribution of codes to sample '
      f"from, as {name!r} would; legal: 'mean'"
    )
    raise errors.value('config.representations', 'sampled', rule)
  if isinstance(metric, (types.Diagnostic, types.Probe)):
    offered = {
      *(n for n in ('represent', 'decode') if getattr(group.method, n)),
      *group.method.extras,
    }
    for need in metric.requires:
      if need not in offered:
        raise errors.value(
          'config.metrics',
          name,
          f'needs {need!r}, which method {group.method_name} lacks',
        )
  else:
    _check_factors(name, names.metrics[name], group.dataset)


def _check_factors(name: str, module: Any, data: types.Dataset) -> None:
  """Refuses a metric that the data set's factors cannot supply."""
  if getattr(module, 'FACTORS', True) and not data.factor_sizes:
    rule = f'data set {data.name} has no factors to score against'
    raise errors.value('config.metrics', name, rule)
  # Independent points can be drawn from a stream, chosen ones cannot.
  drawn = getattr(module, 'DESIGN', '') in ('points', 'split')
  if data.render is None and not drawn:
    rule = f'asks for chosen factors, and data set {data.name} has no grid'
    raise errors.value('config.metrics', name, rule)
