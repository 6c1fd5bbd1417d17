"""Pairs of encoder and decoder by name, one module each.

A net's module is four names, see `Net`. `Encoder` puts named linear heads on
top of its `encode`; `Decoder` is its `decode`; `apply` runs either of them, and
every other network of the package. Another net is one more file here and one
more line in NETS.
"""

from collections.abc import Callable, Mapping
import dataclasses
import math
from typing import Any, Protocol

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.nn import mlp as dense
from disentangle_jax.nn.nets import (
  burgess,
  conv,
  keras_conv,
  mlp,
  montero,
  pooled_conv,
  spatial_broadcast,
)


class NetConfig(Protocol):
  """The static choices of a net: a frozen dataclass, all with defaults.

  It refuses values out of range when it is made, with a ConfigError. It is
  stored with every run, name and all.

  Attributes:
    name: the net's key in NETS.
  """

  @property
  def name(self) -> str: ...


class Net(Protocol):
  """What a net's module says.

  Layers are made inside `encode` and `decode`, which are called inside a
  compact module: their parameters are named by kind and order, 'Conv_0' first.

  Attributes:
    Config: see NetConfig.
    check: `(config, observation_shape)` raises ConfigError where the net
      cannot take such observations.
    encode: `(config, x [B, *observation]) -> features [B, F]`.
    decode: `(config, observation_shape, z [B, D]) -> raw output of the
      likelihood [B, *observation_shape]`.
  """

  Config: type
  check: Callable[[Any, tuple[int, ...]], None]
  encode: Callable[[Any, jax.Array], jax.Array]
  decode: Callable[[Any, tuple[int, ...], jax.Array], jax.Array]


NETS: dict[str, Net] = {
  'mlp': mlp,
  'conv': conv,
  'keras_conv': keras_conv,
  'pooled_conv': pooled_conv,
  'burgess': burgess,
  'montero': montero,
  'spatial_broadcast': spatial_broadcast,
}
# What products are computed in, see `apply`.
PRECISIONS = ('auto', 'float32', 'tensorfloat32', 'bfloat16')


def options(name: str) -> dict[str, Any]:
  """The options of a net with their defaults.

  Args:
    name: a key of NETS.

  Returns:
    Field of its Config -> default, without 'name'.

  Raises:
    ConfigError: unknown net.
  """
  if name not in NETS:
    raise errors.choices('config.net.name', name, NETS)
  fields = dataclasses.fields(NETS[name].Config)
  return {f.name: f.default for f in fields if f.name != 'name'}


def make_config(name: str, chosen: Mapping[str, Any]) -> NetConfig:
  """The static description of a pair of networks.

  Args:
    name: a key of NETS.
    chosen: options of that net; None keeps a default.

  Returns:
    A frozen, hashable dataclass.

  Raises:
    ConfigError: unknown net or option, or a value out of range.
  """
  legal = options(name)
  values = {}
  for key, value in chosen.items():
    if value is None:
      continue
    if key not in legal:
      raise errors.choices(f'config.net ({name})', key, legal)
    value = tuple(value) if isinstance(value, (list, tuple)) else value
    _check_option(f'config.net.{name}.{key}', value, legal[key])
    values[key] = value
  return NETS[name].Config(**values)


def _check_option(field: str, value: Any, default: Any) -> None:
  """Refuses a number where widths are wanted, and the other way round."""
  if isinstance(default, tuple) and all(map(checks.is_integer, default)):
    widths = isinstance(value, tuple) and all(
      checks.is_integer(width) and width > 0 for width in value
    )
    if not widths:
      near = (value,) if checks.is_integer(value) and value > 0 else (64, 64)
      rule = f'must be a list of integers of at least 1, e.g. {near!r}'
      raise errors.value(field, value, rule)
  elif checks.is_integer(default):
    checks.integer(field, value, 1)


def check(config: NetConfig, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the net cannot take such observations."""
  NETS[config.name].check(config, observation_shape)


class Encoder(nn.Module):
  """Observation -> named linear heads.

  Attributes:
    config: which net.
    heads: (name, width) pairs, e.g. (('mean', 10), ('logvar', 10)).
  """

  config: NetConfig
  heads: tuple[tuple[str, int], ...]

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [B, *observation] -> {head: float [B, width]}."""
    features = NETS[self.config.name].encode(self.config, x)
    return dense.Heads(self.heads)(features)


class Decoder(nn.Module):
  """Code -> raw output of the likelihood (logits), shaped as observations.

  Attributes:
    config: which net.
    observation_shape: of one observation.
  """

  config: NetConfig
  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, z: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, *observation_shape]."""
    net = NETS[self.config.name]
    return net.decode(self.config, self.observation_shape, z)


def apply(
  module: nn.Module,
  params: types.PyTree,
  x: types.PyTree,
  precision: str = 'auto',
  **options: Any,
) -> Any:
  """Runs a network at a chosen precision; parameters stay float32.

  Args:
    module: any of this package: encoder, decoder, critic.
    params: its parameters, float32, without the level 'params'.
    x: float32 input, one array or whatever the network takes as one; integers
      and booleans in it stay as they are.
    precision: one of PRECISIONS. 'float32' asks for products of full precision
      where an accelerator would round their factors; 'tensorfloat32' lets it
      round them to 10 bits; 'bfloat16' also keeps activations in bfloat16;
      'auto' is what JAX does on the backend. Gradients follow.
    **options: what the network takes besides, as it is: running averages.

  Returns:
    The output, float32.
  """
  if precision == 'bfloat16':
    # Tokens are integers, and stay so.
    to = lambda kind: (
      lambda leaf: (
        leaf.astype(kind) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
      )
    )
    low = jax.tree.map(to(jnp.bfloat16), (params, x))
    output = module.apply({'params': low[0]}, low[1], **options)
    return jax.tree.map(to(jnp.float32), output)
  if precision == 'auto':
    return module.apply({'params': params}, x, **options)
  with jax.default_matmul_precision(precision):
    return module.apply({'params': params}, x, **options)


def count_parameters(params: types.PyTree) -> int:
  """Number of scalars in a pytree of arrays or shapes."""
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
