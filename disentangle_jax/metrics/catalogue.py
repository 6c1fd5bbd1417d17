"""Names of scores: what a request means, and what each score is.

`python -m disentangle_jax.metrics` prints docs/metrics.md.
"""

from collections.abc import Iterable, Mapping
import dataclasses
from types import ModuleType
from typing import Any, NamedTuple

from disentangle_jax import errors, types
from disentangle_jax.metrics import resampling


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


def _summary(module: ModuleType) -> str:
  # Of anything else it would be the docstring of its class.
  doc = module.__doc__ if isinstance(module, ModuleType) else ''
  return (doc or '').strip().split('\n\n')[0].replace('\n', ' ')


def scores_of(name: str, module: Any) -> Mapping[str, types.Score]:
  """What a metric's module says its scores are.

  Args:
    name: of the metric.
    module: the package's or a user's.

  Returns:
    key -> Score.

  Raises:
    ConfigError: it says nothing, or something else.
  """
  scores = getattr(module, 'SCORES', None)
  if (
    not isinstance(scores, Mapping)
    or not scores
    or not all(isinstance(score, types.Score) for score in scores.values())
  ):
    rule = "must be {'<key>': types.Score(definition, direction, low, high)}"
    raise errors.value(f'metric {name}: SCORES', scores, rule)
  return scores


def of_codes(module: ModuleType) -> bool:
  """Whether a module of the package scores codes, or else whole models."""
  return module.__name__.startswith('disentangle_jax.metrics.codes.')


def is_continuous(module: Any) -> bool:
  """Whether a metric also takes factors that are real numbers."""
  return any(f.name == 'continuous' for f in dataclasses.fields(module.Config))


def describe(metrics: Mapping[str, ModuleType]) -> tuple[Description, ...]:
  """One description per score, in the order of the modules and their SCORES."""
  rows = []
  for metric, module in metrics.items():
    defaults = dataclasses.asdict(module.Config())
    rows.extend(
      Description(
        name=key,
        metric=metric,
        definition=score.definition or _summary(module),
        direction=score.direction,
        range=(score.low, score.high),
        constants=defaults,
        source=getattr(module, 'CITATION', ''),
      )
      for key, score in scores_of(metric, module).items()
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
    module name -> the wanted score names in the order of the module's SCORES;
    modules in the order asked for.

  Raises:
    ConfigError: a name is none of these.
  """
  scores = {name: scores_of(name, module) for name, module in metrics.items()}
  owner = {key: name for name, keys in scores.items() for key in keys}
  wanted: dict[str, set[str]] = {}

  def ask(name):
    if name in metrics:
      wanted.setdefault(name, set()).update(scores[name])
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
    name: tuple(k for k in scores[name] if k in keys)
    for name, keys in wanted.items()
  }


# COST of a module is seconds of one core per run, once compiled: 10,000 points
# (the metric's own default design), 10 codes, factor sizes 3, 6, 40, 32, 32.
COST_MACHINE = 'one core of a two-core virtual machine, JAX 0.10.2 on CPU'


def _number(x: float) -> str:
  if x in (float('inf'), float('-inf')):
    return 'inf' if x > 0 else '-inf'
  return f'{x:g}'


def _table(rows: Iterable[Iterable[str]]) -> list[str]:
  rows = [[cell.replace('|', '\\|') for cell in row] for row in rows]
  first, *rest = [f'| {" | ".join(row)} |' for row in rows]
  return [first, '|' + '---|' * len(rows[0]), *rest]


COUNTS = """\
## What counts

What normalises a score counts what varies in the data, in all metrics alike. K
is the number of factors that take more than one value among the points scored
(the training points where there are some): in means over factors, log K, K - 1
and 1 / K. The log of the number of values is over those that occur. A factor or
a value that a data set declares and the data lack changes no score. D is the
number of all codes, dead ones too, unless a metric says that it counts active
ones. Ceilings are for the declared values. N, where one is meant, is the number
of images: of a grid all its points, of other sets and of given rows their
number. Where few rows are given, the section of a metric says what that does
to chance."""

# Score here -> (elsewhere, how to convert).
ELSEWHERE = (
  (
    '`mig_binned`',
    'divided by the entropy of the code',
    'no formula: the gap of each factor k would be divided by H(z_j*) in the '
    'place of H(f_k); equal for codes that are one to one with their factor',
  ),
  (
    '`sap`',
    'another classifier of single codes (trees, logistic regression), or '
    'balanced accuracy',
    'none: here a linear SVM and plain accuracy',
  ),
  (
    '`explicitness`',
    'balanced over values and rescaled to 2 AUC - 1, 0 at chance',
    'elsewhere = 2 x here - 1, and the same for each value and factor',
  ),
  (
    '`factor_vae_score`, `beta_vae_score`, `beta_vae_score_changed`',
    '0 at chance',
    'elsewhere = (K x here - 1) / (K - 1)',
  ),
  (
    '`irs`, `modularity`',
    'the same in two other libraries',
    'nothing to convert: equal to 3e-7',
  ),
)


def _interval(module: ModuleType) -> str:
  if not of_codes(module):
    return 'none, as it scores models and not given rows'
  return resampling.WAYS[resampling.way(module)]


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
    'Which one to choose: [what each of them sees, and what it does not]'
    '(../experiments/studies/metric_behaviour/README.md), measured on codes',
    'made by noise, rotation, spreading and the like, with few rows and many.',
    '',
    f'Cost: seconds per run on {COST_MACHINE},',
    'compilation excluded, with the default design, 10 codes and factor sizes',
    '3, 6, 40, 32, 32; "-" where it was not measured. Nearest command, on all',
    'cores: `python -m experiments.benchmark --metrics=NAME --runs=1`.',
    '',
    *_table(scores),
    '',
    COUNTS,
    '',
    '## Same name elsewhere',
    '',
    'Names that other code or papers use for other numbers.',
    '',
    *_table([('score here', 'elsewhere', 'to convert'), *ELSEWHERE]),
    '',
    '## Intervals over rows',
    '',
    '`metrics.evaluate(..., resamples=200, confidence=0.95)` gives',
    '`Interval(value, low, high)` for each score.',
    '',
    resampling.__doc__.strip(),
    '',
  ]
  for name, module in metrics.items():
    constants = dataclasses.asdict(module.Config())
    cost = getattr(module, 'COST', None)
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
      f'Interval over rows: {_interval(module)}.',
      '',
    ]
  return '\n'.join(lines)
