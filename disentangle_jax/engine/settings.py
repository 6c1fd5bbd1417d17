"""The config of a study: every field that exists, and the sweep algebra.

`base_config` declares every field with its type, so that a misspelt override
fails at once. Hyper-parameters (`hparams`) are traced and static fields
(`static`, `net`, `dataset`) compiled in; None means the method's own default.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import itertools
from typing import Any

from ml_collections import config_dict

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import distributions
from disentangle_jax.engine import phases
from disentangle_jax.nn import nets

Point = dict[str, Any]

REPRESENTATIONS = ('mean', 'sampled')
DEFAULT_METRICS = (
  'mig_binned',
  'factor_vae_score',
  'beta_vae_score',
  'sap',
  'modularity',
  'explicitness',
  'irs',
  'unsupervised',
  'elbo',
  'kl',
  'reconstruction',
)


def fields_of(config_class: type) -> dict[str, Any]:
  """Field name -> default of a frozen Config dataclass."""
  found = {}
  for field in dataclasses.fields(config_class):
    found[field.name] = field.default
  return found


def _placeholder(default: Any) -> Any:
  kind = type(default) if isinstance(default, (bool, int, float, str)) else None
  # Tuples and None take any literal; the dataclass's own checks judge it.
  return config_dict.placeholder(kind or object)


def _declare(options: Iterable[Mapping[str, Any]]) -> config_dict.ConfigDict:
  """Placeholders for the union of the fields."""
  declared = config_dict.ConfigDict()
  kinds = {}
  for mapping in options:
    for name, default in mapping.items():
      kinds.setdefault(name, default)
      if type(kinds[name]) is not type(default):
        kinds[name] = None
  for name, default in kinds.items():
    declared[name] = _placeholder(default)
  return declared


def _unset(declared: config_dict.ConfigDict) -> config_dict.ConfigDict:
  """The same fields, none of them set."""
  out = config_dict.ConfigDict()
  for name, value in declared.items():
    if isinstance(value, config_dict.ConfigDict):
      out[name] = _unset(value)
    else:
      out[name] = config_dict.placeholder(object if value is None else str)
  return out


def base_config(
  methods: Mapping[str, Any] | None = None,
  metrics: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> config_dict.ConfigDict:
  """Every field that a study has, at its default.

  Args:
    methods: your own methods, name -> module, so that their fields exist.
    metrics: your own metrics, name -> module.
    datasets: your own data sets, name -> module or `Dataset`.

  Returns:
    A locked ConfigDict: setting an unknown field is an error.
  """
  methods = {**methods_lib.METHODS, **(methods or {})}
  metrics = {**metrics_lib.METRICS, **(metrics or {})}
  datasets = {**data_lib.DATASETS, **(datasets or {})}
  config = config_dict.ConfigDict()
  config.study = 'study'
  config.description = ''
  config.methods = ('beta_vae',)
  config.seeds = config_dict.placeholder(object)
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.sweep = config_dict.placeholder(object)
  config.only = ''

  classes = [m.Config for m in datasets.values() if hasattr(m, 'Config')]
  classes.append(distributions.Config)
  config.dataset = _declare(fields_of(c) for c in classes)
  config.dataset.name = 'dsprites'

  config.net = config_dict.ConfigDict({'name': 'conv'})
  for name in nets.NETS:
    config.net[name] = _declare([nets.options(name)])

  earlier = phases.declared(methods)
  static = {name: static_fields(m) for name, m in methods.items()}
  config.static = _declare(static.values())
  hparams = {name: dict(m.HPARAMS) for name, m in methods.items()}
  config.hparams = _declare(hparams.values())
  config.phases = config_dict.ConfigDict()
  for name, module in {**earlier, **methods}.items():
    config.static[name] = _declare([static_fields(module)])
    config.hparams[name] = _declare([dict(module.HPARAMS)])
  for name in earlier:
    config.phases[name] = {
      'steps': config_dict.placeholder(int),
      'batch_size': config_dict.placeholder(int),
      'dataset': _unset(config.dataset),
      'net': _unset(config.net),
    }

  config.metrics = DEFAULT_METRICS
  config.primary = ''
  config.metric_seeds = 1
  config.representations = REPRESENTATIONS
  config.metric_options = config_dict.ConfigDict()
  for name, module in metrics.items():
    config.metric_options[name] = _declare([fields_of(module.Config)])

  config.engine = config_dict.ConfigDict(
    {
      'runs_per_chunk': 0,
      'log_every': 0,
      'data_shards': 1,
      'eval_block': 512,
      'eval_memory_mib': 1024,
      'keep_params': True,
      'keep_samples': True,
      'cpu_devices': 0,
      'compile_cache': True,
      'checkpoint_minutes': 10.0,
      'watchdog_minutes': 5.0,
      'tensorboard': False,
      'wandb': '',
    }
  )
  return config.lock()


def static_fields(module: Any) -> dict[str, Any]:
  """Static fields of a method, without its network."""
  found = fields_of(module.Config)
  found.pop('net', None)
  return found


def product(values: Mapping[str, Sequence[Any]]) -> list[Point]:
  """All combinations, the last name varying fastest.

  Args:
    values: dotted name -> values, e.g. {'hparams.beta': [1, 4]}.

  Returns:
    Points: dicts of dotted name -> value.
  """
  names = list(values)
  return [
    dict(zip(names, combination))
    for combination in itertools.product(*values.values())
  ]


def zipped(values: Mapping[str, Sequence[Any]]) -> list[Point]:
  """The i-th values of all names together.

  Args:
    values: dotted name -> values, all of one length.

  Returns:
    Points.

  Raises:
    ConfigError: lengths differ.
  """
  lengths = {name: len(v) for name, v in values.items()}
  if len(set(lengths.values())) > 1:
    raise errors.value(
      'config.sweep', lengths, 'zipped values differ in length'
    )
  return [dict(zip(values, row)) for row in zip(*values.values())]


def chain(*sweeps: Sequence[Point]) -> list[Point]:
  """One sweep after the other."""
  return [point for sweep in sweeps for point in sweep]


def parse_sweep(text: str) -> list[Point]:
  """A sweep from the command line: 'hparams.beta=1,4,16; steps=100,200'.

  Args:
    text: assignments parted by ';', values by ','; the product is taken.

  Returns:
    Points.

  Raises:
    ConfigError: a part that is no assignment.
  """
  values = {}
  for part in filter(None, (p.strip() for p in text.split(';'))):
    name, equals, right = part.partition('=')
    if not equals or not right.strip():
      raise errors.value(
        'config.sweep', part, "write 'name=value,value; name=value,...'"
      )
    try:
      parsed = ast.literal_eval(f'[{right}]')
    except (SyntaxError, ValueError):
      parsed = [v.strip() for v in right.split(',')]
    values[name.strip()] = parsed
  return product(values)


def sweep_points(config: Mapping[str, Any]) -> list[Point]:
  """The points of `config['sweep']`, checked for form and known names.

  Args:
    config: the study's config as a plain dict.

  Returns:
    At least one point.

  Raises:
    ConfigError: not a sweep, an empty one, or a name that does not exist.
  """
  sweep = config['sweep']
  if sweep is None:
    return [{}]
  if isinstance(sweep, str):
    sweep = parse_sweep(sweep)
  elif isinstance(sweep, Mapping):
    sweep = product(sweep)
  if not isinstance(sweep, (list, tuple)) or not all(
    isinstance(point, Mapping) for point in sweep
  ):
    raise errors.value(
      'config.sweep', sweep, 'must be points from product, zipped or chain'
    )
  if not sweep:
    raise errors.value('config.sweep', sweep, 'is empty: nothing would run')
  for point in sweep:
    for name in point:
      check_name(config, name)
  return [dict(point) for point in sweep]


_NOT_SWEPT = ('sweep', 'seeds', 'study', 'description', 'only')


def check_name(config: Mapping[str, Any], dotted: str) -> None:
  """Raises ConfigError unless `dotted` names a field that can be swept."""
  *path, leaf = dotted.split('.')
  where, node = 'config', config
  for part in path:
    if not isinstance(node.get(part), Mapping):
      groups = [k for k, v in node.items() if isinstance(v, Mapping)]
      raise errors.choices(f'config.sweep: {dotted}: {where}', part, groups)
    where, node = f'{where}.{part}', node[part]
  if leaf in node and not isinstance(node[leaf], Mapping):
    if dotted in _NOT_SWEPT or dotted.split('.')[0] in (
      'engine',
      'metrics',
      'metric_options',
    ):
      raise errors.value(
        'config.sweep', dotted, 'cannot be swept: it holds for the whole study'
      )
    return
  raise _misplaced(config, path[0] if path else '', leaf) or errors.choices(
    f'config.sweep: {where}',
    leaf,
    [k for k, v in node.items() if not isinstance(v, Mapping)],
  )


def _misplaced(
  config: Mapping[str, Any], group: str, leaf: str
) -> errors.ConfigError | None:
  """The hint for a traced name among static ones, or the reverse."""
  for other, kind in (
    ('hparams', 'a traced hyper-parameter'),
    ('static', 'a static field'),
  ):
    if other != group and leaf in config[other]:
      given = f'{group}.{leaf}' if group else leaf
      return errors.value(
        'config.sweep', given, f'{leaf} is {kind}; legal: {other}.{leaf}'
      )
  return None


def seeds(config: Mapping[str, Any]) -> list[int]:
  """`config['seeds']`, a count or a list, as a list.

  Raises:
    ConfigError: no seed, a repeated, negative or non-integer one.
  """
  got = config['seeds']
  rule = 'must be a count of at least 1 or a list of distinct integers >= 0'
  listed = list(range(got)) if isinstance(got, int) else got
  if isinstance(got, bool) or not isinstance(listed, (list, tuple)):
    raise errors.value('config.seeds', got, rule)
  listed = list(listed)
  whole = all(type(s) is int and 0 <= s < 2**31 for s in listed)
  if not listed or not whole or len(set(listed)) < len(listed):
    raise errors.value('config.seeds', got, rule)
  return listed
