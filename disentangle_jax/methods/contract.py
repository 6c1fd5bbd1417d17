"""The one reader of a method's module: its names, with their defaults."""

from collections.abc import Callable, Mapping
import dataclasses
import inspect
from typing import Any

from disentangle_jax import errors, requests, types


@dataclasses.dataclass(frozen=True)
class Contract:
  """What a `types.MethodModule` says, defaults filled in.

  Attributes: the module's names in lower case; `module` is the module itself.
  """

  module: Any
  hparams: Mapping[str, float]
  config: type
  make: Callable[..., types.Method]
  strength: str | None
  batch: Callable[[Any], tuple[requests.Request, ...]]
  after: Callable[[Any], types.Phase | None]
  bounds: Mapping[str, tuple[float, float]]
  min_batch: int
  learns: bool
  progress: str | None
  splits: bool
  may_be_zero: tuple[str, ...]
  test: Mapping[str, Any]

  def made(
    self, config: Any, data: types.Dataset, before: types.Method | None
  ) -> types.Method:
    """`make`, with the earlier phase's method where there is one."""
    if before is None:
      return self.make(config, data)
    return self.make(config, data, before)


def _observation_alone(config: Any) -> tuple[requests.Request, ...]:
  del config
  return (requests.Observation(),)


def _no_phase(config: Any) -> None:
  del config


def read(module: Any, name: str = '') -> Contract:
  """Reads a method's module.

  Args:
    module: a module, or anything with its attributes.
    name: what the config calls it, for errors.

  Returns:
    The contract.

  Raises:
    ConfigError: a required name is missing, or one that is no longer read.
  """
  field = f'method {name}' if name else 'method'
  for required in ('HPARAMS', 'Config', 'make'):
    if not hasattr(module, required):
      raise errors.value(field, required, 'is missing from its module')
  for old, new in (
    ('BATCH', 'def batch(config): return (requests.Observation(), ...)'),
    ('BATCH_OPTIONS', 'options stand in the requests that batch(config) gives'),
  ):
    if hasattr(module, old):
      raise errors.value(field, old, f'is no longer read: {new}')
  get = lambda attribute, default: getattr(module, attribute, default)
  after = get('after', _no_phase)
  arguments = inspect.signature(module.make).parameters
  if after is not _no_phase and len(arguments) < 3:
    rule = 'must be (config, data, before=None), for `after` gives a phase'
    raise errors.value(field, 'make', rule)
  return Contract(
    module=module,
    hparams=module.HPARAMS,
    config=module.Config,
    make=module.make,
    strength=get('STRENGTH', None),
    batch=get('batch', _observation_alone),
    after=after,
    bounds=get('BOUNDS', {}),
    min_batch=get('MIN_BATCH', 1),
    learns=get('LEARNS', True),
    progress=get('PROGRESS', 'loss'),
    splits=get('SPLITS', True),
    may_be_zero=get('MAY_BE_ZERO', ()),
    test=get('TEST', {}),
  )
