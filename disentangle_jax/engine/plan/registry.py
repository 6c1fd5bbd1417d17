"""What the names in a config stand for: methods, metrics, data sets."""

from collections.abc import Mapping
import dataclasses
import json
import math
from typing import Any, NamedTuple

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import fingerprints, joined, kinds
from disentangle_jax.engine.plan import study_config
from disentangle_jax.metrics import base, catalogue

# How a probe's score is taken over its examples.
REDUCE = ('mean', 'whole')


class Registry(NamedTuple):
  """What names mean: the package's own and the user's."""

  methods: Mapping[str, Any]
  metrics: Mapping[str, Any]
  datasets: Mapping[str, Any]


def of(
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


def load_dataset(
  dataset: study_config.DatasetSpec, names: Registry
) -> types.Dataset:
  """The data set of a run.

  Raises:
    ConfigError: unknown options, or options out of range.
  """
  name, options = dataset.name, json.loads(dataset.options)
  if name not in names.datasets:
    raise errors.choices('config.dataset.name', name, names.datasets)
  module = names.datasets[name]
  if isinstance(module, types.Dataset):
    if options:
      raise errors.choices(f'config.dataset ({name})', next(iter(options)), ())
    kinds.check(module)
    return module
  if data_lib.DATASETS.get(name) is module and module is not joined:
    return data_lib.load(name, **options)
  known = {field.name for field in dataclasses.fields(module.Config)}
  for option in options:
    if option not in known:
      raise errors.choices(f'config.dataset ({name})', option, known)
  config = module.Config(**options)
  if module is joined:  # of sets that may be the user's own
    own = lambda part, **more: load_dataset(
      study_config.DatasetSpec(part, json.dumps(more)), names
    )
    dataset = joined.make(config, own)
  else:
    dataset = module.make(config)
  kinds.check(dataset)
  return dataset


def fingerprint(
  spec: study_config.DatasetSpec, names: Registry, data: types.Dataset
) -> str:
  """What identifies the content of a data set, beside its name and options.

  Args:
    spec: name and options.
    names: what names mean.
    data: the set, loaded.

  Returns:
    Hash of its files, or of a user's arrays; '' where it is drawn from its
    options alone.
  """
  module, options = names.datasets[spec.name], json.loads(spec.options)
  if isinstance(module, types.Dataset):
    return fingerprints.of_arrays(data)
  if module is joined:
    config = module.Config(**options)
    return '+'.join(
      fingerprint(
        study_config.DatasetSpec(name, json.dumps(dict(more))), names, part
      )
      for (name, more), part in (
        (config.first, data),
        (config.second, data.extras['secondary']),
      )
    ).strip('+')
  own = {field.name for field in dataclasses.fields(module.Config)}
  config = module.Config(**{k: v for k, v in options.items() if k in own})
  named = fingerprints.paths(module, config)
  if named:
    return fingerprints.of_files(named)
  downloaded = getattr(config, 'source', 'file') != 'file'
  theirs = data_lib.DATASETS.get(spec.name) is not module
  return fingerprints.of_arrays(data) if downloaded or theirs else ''


def metric_place(name: str, data: types.Dataset) -> tuple[Any, ...]:
  """Equal for two data sets exactly if they can share a metric of codes."""
  renders = data.render is not None
  return name, data.factor_names, data.factor_sizes, data.num_examples, renders


def make_metric(
  name: str,
  scoring: study_config.Scoring,
  names: Registry,
  data: types.Dataset,
) -> types.Metric | types.Probe:
  """A metric with the constants that the config chose.

  Raises:
    ConfigError: a constant out of range, or `make` gives something else.
  """
  module = names.metrics[name]
  chosen = scoring.options.get(name, {})
  options = {
    k: tuple(v) if isinstance(v, list) else v
    for k, v in chosen.items()
    if v is not None
  }
  metric = module.make(module.Config(**options), data)
  if not isinstance(metric, types.Metric | types.Probe):
    rule = 'must give a types.Metric or a types.Probe'
    raise errors.value(f'metric {name}: make', type(metric).__name__, rule)
  if isinstance(metric, types.Probe) and metric.reduce not in REDUCE:
    raise errors.choices(f'metric {name}: reduce', metric.reduce, REDUCE)
  if isinstance(metric, types.Probe):
    return base.with_full_products(metric)
  return metric


def shared_metric(
  known: dict[Any, Any],
  name: str,
  scoring: study_config.Scoring,
  names: Registry,
  data: types.Dataset,
) -> types.Metric | types.Probe:
  """`make_metric`, once per data set that the metric can tell from others.

  Args:
    known: metrics there are already, by place; grows.
    name: of the metric.
    scoring: of the study.
    names: what names mean.
    data: of the runs to score; must outlive `known`.

  Returns:
    The metric.

  Raises:
    ConfigError: a constant out of range.
  """
  own = name, id(data)
  if own not in known:
    metric = make_metric(name, scoring, names, data)
    if isinstance(metric, types.Metric):
      metric = known.setdefault(metric_place(name, data), metric)
    known[own] = metric
  return known[own]


def describe_scores(
  wanted: Mapping[str, tuple[str, ...]], names: Registry
) -> dict[str, dict[str, Any]]:
  """What a study's scores are, for those who have not its metrics at hand.

  Args:
    wanted: metric module -> keys.
    names: what names mean.

  Returns:
    key -> {'direction', 'low', 'high', 'definition'}; an unbounded end is None.
  """
  modules = {name: names.metrics[name] for name in wanted}
  finite = lambda x: float(x) if math.isfinite(x) else None
  return {
    row.name: {
      'direction': row.direction,
      'low': finite(row.range[0]),
      'high': finite(row.range[1]),
      'definition': row.definition,
    }
    for row in catalogue.describe(modules)
    if row.name in {key for keys in wanted.values() for key in keys}
  }
