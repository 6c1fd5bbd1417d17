"""Encoders and decoders by name, with their static options.

'conv' is the network of Locatello et al. 2019 (appendix; Kim & Mnih 2018 use
the same decoder): at 64x64 its encoder has 309,204 parameters for one channel
and 310,228 for three, its decoder 381,313 and 382,339, at 10 latents. 'mlp' is
the fully connected pair of Chen et al. 2018 and Burgess et al. 2018 with free
widths; without hidden layers it is linear. 'keras_conv': see that module.
"""

from collections.abc import Mapping
import dataclasses
import math
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import errors
from disentangle_jax.nn import conv, keras_conv, mlp

_ACTIVATIONS = {'relu': nn.relu, 'tanh': nn.tanh, 'leaky_relu': nn.leaky_relu}


@dataclasses.dataclass(frozen=True)
class MLPConfig:
  """Widths and activations of the fully connected pair."""

  encoder_hidden: tuple[int, ...] = (1200, 1200)
  decoder_hidden: tuple[int, ...] = (1200, 1200, 1200)
  encoder_activation: str = 'relu'
  decoder_activation: str = 'tanh'
  name: str = 'mlp'


@dataclasses.dataclass(frozen=True)
class ConvConfig:
  """Widths of the convolutional pair; kernels and strides are the paper's."""

  channels: tuple[int, ...] = (32, 32, 64, 64)
  kernels: tuple[int, ...] = (4, 4, 2, 2)
  hidden: int = 256
  conv_form: str = 'auto'
  name: str = 'conv'


NetConfig = MLPConfig | ConvConfig | keras_conv.KerasConvConfig
NETS = {
  'mlp': MLPConfig,
  'conv': ConvConfig,
  'keras_conv': keras_conv.KerasConvConfig,
}
# What products are computed in, see `apply`.
PRECISIONS = ('auto', 'float32', 'tensorfloat32', 'bfloat16')


def make_config(name: str, options: Mapping[str, Any]) -> NetConfig:
  """The static description of a pair of networks.

  Args:
    name: a key of NETS.
    options: fields of that network's config; None keeps a default.

  Returns:
    A frozen, hashable dataclass.

  Raises:
    ConfigError: unknown network or option.
  """
  if name not in NETS:
    raise errors.choices('config.net.name', name, NETS)
  fields = {f.name for f in dataclasses.fields(NETS[name])} - {'name'}
  chosen = {}
  for key, got in options.items():
    if got is None:
      continue
    if key not in fields:
      raise errors.choices(f'config.net ({name})', key, fields)
    chosen[key] = tuple(got) if isinstance(got, (list, tuple)) else got
  config = NETS[name](**chosen)
  for field in ('encoder_activation', 'decoder_activation'):
    got = getattr(config, field, 'relu')
    if got not in _ACTIVATIONS:
      raise errors.choices(f'config.net.{field}', got, _ACTIVATIONS)
  form = getattr(config, 'conv_form', 'auto')
  if form not in conv.FORMS:
    raise errors.choices('config.net.conv_form', form, conv.FORMS)
  return config


def check(config: NetConfig, observation_shape: tuple[int, ...]) -> None:
  """Raises ConfigError when the network cannot take such observations."""
  if config.name == 'keras_conv':
    keras_conv.check(config, observation_shape)
  if config.name != 'conv':
    return
  halvings = len(config.channels)
  factor = 2**halvings
  if len(observation_shape) != 3:
    raise errors.value(
      'config.net.name', 'conv', f'needs images, got {observation_shape}'
    )
  if any(size % factor for size in observation_shape[:2]):
    raise errors.value(
      'config.dataset.resolution',
      observation_shape[0],
      f"net 'conv' halves the image {halvings} times; legal: multiples of "
      f"{factor}, or net 'mlp'",
    )


class Heads(nn.Module):
  """One linear layer per named output.

  Attributes:
    sizes: (name, width) pairs.
  """

  sizes: tuple[tuple[str, int], ...]

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [B, F] -> {name: float [B, width]}."""
    return {
      name: nn.Dense(size, kernel_init=mlp.KERNEL_INIT, name=name)(x)
      for name, size in self.sizes
    }


class Encoder(nn.Module):
  """Observation -> named linear heads.

  Attributes:
    config: which network.
    heads: (name, width) pairs, e.g. (('mean', 10), ('logvar', 10)).
  """

  config: NetConfig
  heads: tuple[tuple[str, int], ...]

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [B, *observation] -> {head: float [B, width]}."""
    c = self.config
    if c.name == 'mlp':
      activation = _ACTIVATIONS[c.encoder_activation]
      return Heads(self.heads)(mlp.MLP(c.encoder_hidden, activation)(x))
    if c.name == 'keras_conv':
      return Heads(self.heads)(keras_conv.trunk(c, x))
    for channels, kernel in zip(c.channels, c.kernels):
      x = nn.relu(conv.Conv(channels, kernel, 2, form=c.conv_form)(x))
    return Heads(self.heads)(mlp.MLP((c.hidden,))(x))


class Decoder(nn.Module):
  """Code -> raw output of the likelihood (logits), shaped as observations.

  Attributes:
    config: which network.
    observation_shape: of one observation, (H, W, C) for 'conv'.
  """

  config: NetConfig
  observation_shape: tuple[int, ...]

  @nn.compact
  def __call__(self, z: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, *observation_shape]."""
    c = self.config
    if c.name == 'mlp':
      activation = _ACTIVATIONS[c.decoder_activation]
      x = mlp.MLP(c.decoder_hidden, activation)(z)
      size = math.prod(self.observation_shape)
      x = nn.Dense(size, kernel_init=mlp.KERNEL_INIT)(x)
      return x.reshape(-1, *self.observation_shape)
    if c.name == 'keras_conv':
      return keras_conv.decode(c, self.observation_shape, z)
    height, width, out = self.observation_shape
    factor = 2 ** len(c.channels)
    base = (height // factor, width // factor, c.channels[-1])
    x = mlp.MLP((c.hidden, math.prod(base)))(z).reshape(-1, *base)
    up = lambda n: conv.Conv(n, 4, 2, transpose=True, form=c.conv_form)
    for channels in c.channels[-2::-1]:
      x = nn.relu(up(channels)(x))
    return up(out)(x)


def apply(
  module: nn.Module, params: Any, x: jax.Array, precision: str = 'auto'
) -> Any:
  """Runs a network at a chosen precision; parameters stay float32.

  Args:
    module: of this package.
    params: its parameters, float32.
    x: float32 input.
    precision: one of PRECISIONS. 'float32' asks for products of full precision
      where an accelerator would round their factors; 'tensorfloat32' lets it
      round them to 10 bits; 'bfloat16' also keeps activations in bfloat16;
      'auto' is what JAX does on the backend. Gradients follow.

  Returns:
    The output, float32.
  """
  if precision == 'bfloat16':
    to = lambda kind: lambda leaf: leaf.astype(kind)
    low = jax.tree.map(to(jnp.bfloat16), (params, x))
    out = module.apply({'params': low[0]}, low[1])
    return jax.tree.map(to(jnp.float32), out)
  if precision == 'auto':
    return module.apply({'params': params}, x)
  with jax.default_matmul_precision(precision):
    return module.apply({'params': params}, x)


def count_parameters(params: Any) -> int:
  """Number of scalars in a pytree of arrays or shapes."""
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
