"""The door: a user's config, read and checked once, as one frozen study."""

from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from disentangle_jax import checks, errors
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.engine.plan import (
  algebra,
  points,
  registry,
  scalars,
  study_config,
  unused,
)
from disentangle_jax.metrics import catalogue


def plain(config: Any) -> dict[str, Any]:
  """A config as nested dicts, tuples and scalars."""
  if isinstance(config, config_dict.ConfigDict):
    config = config.to_dict()
  return checks.plain(config)


def engine(config: Any) -> study_config.Engine:
  """`config.engine` alone, for what must be set before JAX's first use."""
  values = plain(config)
  if 'engine' not in values:
    raise errors.ConfigError('config: must be one of base_config(), changed')
  return study_config.Engine(**values['engine'])


def study(config: Any, names: registry.Registry) -> study_config.StudyConfig:
  """Reads and checks a whole config.

  Args:
    config: from `declare.base_config`, changed to taste.
    names: what names mean.

  Returns:
    The study, frozen.

  Raises:
    ConfigError: anything that is not legal, by field, value and legal values.
  """
  given = plain(config)
  scalars.check(given)
  methods = method_names(given, names)
  wanted = metrics(given, names)
  sweep = algebra.sweep_points(given)
  seeds = algebra.seeds(given)
  settings = points.specs(given, names, methods, sweep)
  notes = unused.check(given, names, methods, sweep)
  return study_config.StudyConfig(
    study=given['study'],
    description=given['description'],
    settings=tuple(settings),
    seeds=tuple(seeds),
    scoring=study_config.Scoring(
      wanted=wanted,
      options=given['metric_options'],
      representations=tuple(given['representations']),
      metric_seeds=given['metric_seeds'],
      primary=given['primary'],
    ),
    engine=engine(given),
    only=str(given['only'] or ''),
    slice=str(given['slice'] or ''),
    given=given,
    notes=notes,
  )


def method_names(
  config: Mapping[str, Any], names: registry.Registry
) -> list[str]:
  """`config['methods']` as a list of known names; ConfigError otherwise."""
  got = config['methods']
  got = [got] if isinstance(got, str) else list(got)
  if not got:
    raise errors.value('config.methods', got, 'is empty: nothing would run')
  for name in got:
    if name not in names.methods:
      raise errors.choices('config.methods', name, names.methods)
  return got


def metrics(
  config: Mapping[str, Any], names: registry.Registry
) -> dict[str, tuple]:
  """`config['metrics']` as metric module -> keys; ConfigError otherwise."""
  got = config['metrics']
  got = [got] if isinstance(got, str) else list(got)
  own = {n: m for n, m in names.metrics.items() if n not in metrics_lib.METRICS}
  wanted = dict(metrics_lib.resolve([n for n in got if n not in own]))
  keys = {n: tuple(catalogue.scores_of(n, own[n])) for n in got if n in own}
  wanted.update(keys)
  return wanted
