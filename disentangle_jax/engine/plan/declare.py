"""The config of a study: every field that exists, and the sweep algebra.

`base_config` declares every field with its type, so that a misspelt override
fails at once. Hyper-parameters (`hparams`) are traced and static fields
(`static`, `net`, `dataset`) compiled in; None means the method's own default.
"""

from collections.abc import Iterable, Mapping
import dataclasses
from typing import Any

from ml_collections import config_dict

from disentangle_jax import data as data_lib
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import distributions
from disentangle_jax.engine.plan import phases, study_config
from disentangle_jax.nn import nets

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


class StudyFields(config_dict.ConfigDict):
  """All fields of a study; printed are those that differ from the defaults."""

  def remember(self) -> 'StudyFields':
    """Takes the values of now for the defaults."""
    object.__setattr__(self, '_defaults', self.to_dict())
    return self

  def __str__(self) -> str:
    defaults = self.__dict__.get('_defaults')
    if defaults is None:
      return super().__str__()
    changed = [
      f'  {name} = {value!r}'
      for name, value in _changes(self.to_dict(), defaults)
    ]
    lines = changed or ['  nothing is set: all at the defaults']
    return '\n'.join([f'config of study {self.study!r}:', *lines])

  __repr__ = __str__


def _changes(values: Mapping[str, Any], defaults: Mapping[str, Any], path=''):
  """(dotted name, value) of what differs."""
  for name, value in values.items():
    default = defaults.get(name)
    if isinstance(value, Mapping):
      inner = default if isinstance(default, Mapping) else {}
      yield from _changes(value, inner, f'{path}{name}.')
    elif value != default:
      yield f'{path}{name}', value


def fields_of(config_class: type) -> dict[str, Any]:
  """Field name -> default of a frozen Config dataclass."""
  defaults = {}
  for field in dataclasses.fields(config_class):
    defaults[field.name] = field.default
  return defaults


def _placeholder(default: Any) -> Any:
  kind = type(default) if isinstance(default, (bool, int, float, str)) else None
  # Tuples and None take any literal; the dataclass's own checks judge it.
  return config_dict.placeholder(kind or object)


def _declare(options: Iterable[Mapping[str, Any]]) -> config_dict.ConfigDict:
  """Placeholders for the union of the fields."""
  declared = config_dict.ConfigDict()
  kinds: dict[str, Any] = {}
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
  unset = config_dict.ConfigDict()
  for name, value in declared.items():
    if isinstance(value, config_dict.ConfigDict):
      unset[name] = _unset(value)
    else:
      unset[name] = config_dict.placeholder(object if value is None else str)
  return unset


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
  config = StudyFields()
  config.study = 'study'
  config.description = ''
  config.methods = ('beta_vae',)
  config.seeds = config_dict.placeholder(object)
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.sweep = config_dict.placeholder(object)
  config.only = ''
  config.slice = ''

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
  config.display = config_dict.placeholder(object)
  config.metric_options = config_dict.ConfigDict()
  for name, module in metrics.items():
    config.metric_options[name] = _declare([fields_of(module.Config)])

  config.engine = config_dict.ConfigDict(
    dataclasses.asdict(study_config.Engine())
  )
  return config.remember().lock()


def static_fields(module: Any) -> dict[str, Any]:
  """Static fields of a method, without its network."""
  fields = fields_of(module.Config)
  fields.pop('net', None)
  return fields


def names_read(kind: str, module: Any) -> set[str]:
  """Names of 'hparams' or 'static' that a method's module reads."""
  return set(module.HPARAMS if kind == 'hparams' else static_fields(module))
