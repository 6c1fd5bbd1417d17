"""Names of scores: what a request means, and what each score is.

`python -m disentangle_jax.metrics` prints docs/metrics.md.
"""

from collections.abc import Iterable, Mapping
import dataclasses
import math
from types import ModuleType
from typing import Any, NamedTuple

from disentangle_jax import errors

_UNBOUNDED = (-math.inf, math.inf)


class Description(NamedTuple):
  """What one score is.

  Attributes:
    name: the key that `score` returns.
    metric: the module that computes it.
    definition: one sentence.
    direction: 'higher' or 'lower' is better, or 'none'.
    range: least and greatest value.
    constants: what the number depends on, with the defaults.
    source: paper and equation.
  """

  name: str
  metric: str
  definition: str
  direction: str
  range: tuple[float, float]
  constants: Mapping[str, Any]
  source: str


def _of_key(value: Any, key: str) -> Any:
  return value[key] if isinstance(value, Mapping) else value


def _summary(module: ModuleType) -> str:
  # Of anything else it would be the docstring of its class.
  doc = module.__doc__ if isinstance(module, ModuleType) else ''
  return (doc or '').strip().split('\n\n')[0].replace('\n', ' ')


def describe(metrics: Mapping[str, ModuleType]) -> tuple[Description, ...]:
  """One description per score, in the order of the modules and their KEYS."""
  rows = []
  for metric, module in metrics.items():
    defaults = dataclasses.asdict(module.Config())
    definitions = getattr(module, 'DEFINITIONS', {})
    rows.extend(
      Description(
        name=key,
        metric=metric,
        definition=definitions.get(key, _summary(module)),
        direction=_of_key(getattr(module, 'DIRECTION', 'none'), key),
        range=_of_key(getattr(module, 'RANGE', _UNBOUNDED), key),
        constants=defaults,
        source=getattr(module, 'SOURCE', ''),
      )
      for key in module.KEYS
    )
  return tuple(rows)


def resolve(
  metrics: Mapping[str, ModuleType],
  families: Mapping[str, tuple[str, ...]],
  names: Iterable[str],
  field: str = 'config.metrics',
) -> dict[str, tuple[str, ...]]:
  """Which scores of which modules a request asks for.

  Args:
    metrics: module name -> module.
    families: family name -> names of modules or scores.
    names: module names, family names or single score names.
    field: dotted name of the setting, for the error.

  Returns:
    module name -> the wanted score names in the order of the module's KEYS;
    modules in the order asked for.

  Raises:
    ConfigError: a name is none of these.
  """
  owner = {key: name for name, m in metrics.items() for key in m.KEYS}
  wanted: dict[str, set[str]] = {}

  def ask(name):
    if name in metrics:
      wanted.setdefault(name, set()).update(metrics[name].KEYS)
    elif name in families:
      for member in families[name]:
        ask(member)
    elif name in owner:
      wanted.setdefault(owner[name], set()).add(name)
    else:
      raise errors.choices(field, name, {*metrics, *families, *owner})

  for name in names:
    ask(name)
  return {
    name: tuple(k for k in metrics[name].KEYS if k in keys)
    for name, keys in wanted.items()
  }


# Seconds of one core per run, once compiled: 10,000 points (the metric's own
# default design), 10 codes, factor sizes 3, 6, 40, 32, 32.
COST_MACHINE = 'one core of a two-core virtual machine, JAX 0.10.2 on CPU'
COST = {
  'mig_binned': 0.034,
  'mig_posterior': 1.5,
  'factor_vae_score': 0.082,
  'beta_vae_score': 0.11,
  'beta_vae_score_changed': 0.017,
  'sap': 0.12,
  'modularity': 0.035,
  'explicitness': 0.81,
  'irs': 0.043,
  'dci_gbt': 34,
  'dci_lasso': 0.037,
  'dci_forest': 5,
  'infomec': 1.5,
  'udr': 0.0024,
  'downstream_logistic': 37,
  'downstream_gbt': 42,
  'fairness': 36,
  'single_code_auc': 0.027,
  'independence': 0.017,
  'linear_correlation': 0.0027,
  'active_units': 0.0015,
  'active_units_kl': 0.0021,
  'frobenius_degree': 0.012,
  'clustering_accuracy': 0.0014,
}


def _number(x: float) -> str:
  if x in (float('inf'), float('-inf')):
    return 'inf' if x > 0 else '-inf'
  return f'{x:g}'


def _table(rows: Iterable[Iterable[str]]) -> list[str]:
  rows = [[cell.replace('|', '\\|') for cell in row] for row in rows]
  first, *rest = [f'| {" | ".join(row)} |' for row in rows]
  return [first, '|' + '---|' * len(rows[0]), *rest]


def to_markdown(metrics: Mapping[str, ModuleType]) -> str:
  """The text of docs/metrics.md: a table of all scores, then each metric."""
  scores = [('score', 'definition', 'range', 'better', 'metric')]
  scores += [
    (
      f'`{row.name}`',
      row.definition,
      f'{_number(row.range[0])} to {_number(row.range[1])}',
      {'none': 'neither'}.get(row.direction, row.direction),
      f'[{row.metric}](#{row.metric})',
    )
    for row in describe(metrics)
  ]
  lines = [
    '# Metrics',
    '',
    'Generated from `disentangle_jax.metrics.describe()` by',
    '`python -m disentangle_jax.metrics > docs/metrics.md`.',
    '',
    'A name means one definition; the constants that a number depends on are',
    'stored beside it. Any score, metric or family name can stand in',
    '`config.metrics` or in `metrics.evaluate(codes, factors, metrics=...)`.',
    'Codes with a NaN or an infinite entry score NaN. Metrics with a',
    '`continuous` constant also accept real-valued factors.',
    '',
    f'Cost: seconds per run on {COST_MACHINE},',
    'compilation excluded, with the default design, 10 codes and factor sizes',
    '3, 6, 40, 32, 32; "-" where it was not measured. Nearest command, on all',
    'cores: `python -m experiments.benchmark --metrics=NAME --runs=1`.',
    '',
    *_table(scores),
    '',
  ]
  for name, module in metrics.items():
    constants = dataclasses.asdict(module.Config())
    cost = COST.get(name)
    lines += [
      f'## {name}',
      '',
      module.__doc__.strip(),
      '',
      'Constants: '
      + ', '.join(f'`{key}` = {value}' for key, value in constants.items())
      + '.',
      '',
      f'Cost: {"-" if cost is None else f"{cost:g} s"}.',
      '',
    ]
  return '\n'.join(lines)
