"""What both SD-GANs share: latents in two parts, draws, pictures.

z = [z_I; z_O], all entries U(-1, 1): z_I is to mean the identity, z_O all else.
Images of one z_I and two z_O make a pair of one identity. The code vector is z;
there is no encoder.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, per_example

# Rows and columns of the pictures.
_SHOWN = 8


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: 'generator' and 'statistics', its running averages.
    opt_state: {'generator', 'critic'}: the states of both Adams.
    step: int32 scalar.
    critic: the critic's parameters.
    balance: k of BEGAN, float32 scalar; () without one.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  critic: types.PyTree
  balance: types.PyTree = ()


def batch(config: Any) -> tuple[requests.Request, ...]:
  """Observations, and a second one of each identity."""
  names = config.identity
  names = (names,) if isinstance(names, str) else tuple(names)
  return (requests.Observation(), requests.IdentityPair(identity=names))


def check(
  config: Any, data: types.Dataset, architectures: Mapping[str, int]
) -> None:
  """Raises ConfigError for an option out of range.

  Args:
    config: of one of the methods.
    data: the data set.
    architectures: names that are legal -> what divides an image's sides; 0
      for 'net', which takes `config.net`.
  """
  where = 'config.static.{}'.format
  checks.choice(where('architecture'), config.architecture, architectures)
  divisor = architectures[config.architecture]
  shape = data.observation_shape
  if not divisor:
    nets.check(config.net, shape)
  elif len(shape) != 3 or any(side % divisor for side in shape[:2]):
    rule = (
      f'needs images with sides that are multiples of {divisor}, got {shape}; '
      'or take "net"'
    )
    raise errors.value(where('architecture'), config.architecture, rule)
  for field in ('identity_latents', 'observation_latents', 'width'):
    checks.integer(where(field), getattr(config, field), 1)
  checks.choice(where('precision'), config.precision, nets.PRECISIONS)
  check_identity(where('identity'), config.identity, data)


def check_identity(
  field: str, identity: tuple[str, ...], data: types.Dataset
) -> list[int]:
  """The columns of an identity's factors.

  Args:
    field: dotted name of the setting, for errors.
    identity: names of factors.
    data: the data set.

  Returns:
    Their numbers.

  Raises:
    ConfigError: no name, unknown ones, all factors that vary, or only one
      identity.
  """
  names = (identity,) if isinstance(identity, str) else tuple(identity)
  if not names:
    legal = ', '.join(data.factor_names) or 'none: the set has no factors'
    raise errors.value(field, identity, f'must name factors, of {legal}')
  for name in names:
    checks.choice(field, name, data.factor_names)
  columns = [data.factor_names.index(name) for name in names]
  sizes = data.factor_sizes
  if all(sizes[k] < 2 for k in columns):
    rule = 'makes a single identity: its factors have one value each'
    raise errors.value(field, identity, rule)
  rest = [n for k, n in enumerate(sizes) if k not in columns]
  # Rows of a stream may differ by more than their labels say.
  if (
    data.render is not None and data.deterministic and max(rest, default=1) < 2
  ):
    rule = 'leaves no factor by which images of an identity differ'
    raise errors.value(field, identity, rule)
  return columns


def uniform(key: jax.Array, index: jax.Array, width: int) -> jax.Array:
  """Latents U(-1, 1), float32 [B, width]; row b depends on index[b] alone."""
  return 2 * per_example.uniform(key, index, (width,)) - 1


def draw_pair(
  config: Any, key: jax.Array, index: jax.Array, same: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Latents of two images each.

  Args:
    config: gives the widths.
    key: a typed PRNG key.
    index: int32 [B].
    same: bool [B], whether both share z_I.

  Returns:
    float32 [B, dI + dO] twice; z_O are drawn apart.
  """
  keys = jax.random.split(key, 4)
  first, other = (uniform(k, index, config.identity_latents) for k in keys[:2])
  one, two = (uniform(k, index, config.observation_latents) for k in keys[2:])
  second = jnp.where(same[:, None], first, other)
  join = lambda *parts: jnp.concatenate(parts, axis=-1)
  return join(first, one), join(second, two)


def generated_pair(
  config: Any,
  generate: Callable[..., tuple[jax.Array, Any]],
  key: jax.Array,
  index: jax.Array,
) -> tuple[tuple[jax.Array, jax.Array], Any]:
  """Images of one z_I and two z_O.

  Args:
    config: gives the widths.
    generate: `(vector) -> (images, anything)`.
    key: a typed PRNG key.
    index: int32 [B].

  Returns:
    (first, second), [B, ...] each, and what `generate` told besides. All of
    them are normalised together.
  """
  vectors = draw_pair(config, key, index, jnp.ones(len(index), bool))
  images, told = generate(jnp.concatenate(vectors))
  return tuple(jnp.split(images, 2)), told


def mean_of_pairs(x: jax.Array, batch: Mapping[str, jax.Array]) -> jax.Array:
  """Mean over the real pairs whose images are not copies of each other.

  A grid point drawn twice gives two equal images; a critic that met such pairs
  would learn that copies are real.

  Args:
    x: float [B, ...], a number or more per pair.
    batch: 'observation' and 'identity_pair'.

  Returns:
    float scalar.
  """
  first, second = batch['observation'], batch['identity_pair']
  apart = (first != second).reshape(len(first), -1)
  inner = jnp.mean(x.reshape(len(x), -1), axis=1)
  return axis.masked_mean(inner, jnp.any(apart, axis=1))


def reading(
  config: Any, generate: Callable[[types.PyTree, jax.Array], jax.Array]
) -> tuple[Callable, dict[str, Callable], types.Layout]:
  """`decode`, extras and layout of both methods.

  Args:
    config: gives the widths.
    generate: `(params, vector [B, D]) -> images in [0, 1]`.

  Returns:
    The functions and the layout.
  """
  identity, rest = config.identity_latents, config.observation_latents

  def decode(state, vector):
    return generate(state.params, vector)

  def draws(key, state, count):
    index = jnp.arange(count, dtype=jnp.int32)
    vector = uniform(key, index, identity + rest)
    return decode(state, vector), types.Codes(vector, {})

  def sample_pair(key, state, index, same):
    first, second = draw_pair(config, key, index, same)
    return decode(state, first), decode(state, second)

  def sheet(state, rows, columns):
    """Images of z_I by rows and z_O by columns."""
    shape = (len(rows), len(columns))
    wide = jnp.broadcast_to(rows[:, None], (*shape, identity))
    tall = jnp.broadcast_to(columns[None], (*shape, rest))
    vector = jnp.concatenate([wide, tall], -1).reshape(-1, identity + rest)
    images = decode(state, vector)
    return images.reshape(*shape, *images.shape[1:])

  def pictures(key, state, observation):
    del observation
    index = jnp.arange(_SHOWN, dtype=jnp.int32)
    own_key, other_key = jax.random.split(key)
    rows = uniform(own_key, index, identity)
    columns = uniform(other_key, index, rest)
    weight = jnp.linspace(0.0, 1.0, _SHOWN)[:, None]
    between = lambda z: (1 - weight) * z[0] + weight * z[1]
    return {
      'identities_by_observations': sheet(state, rows, columns),
      'interpolation': sheet(state, between(rows), between(columns)),
    }

  extras = {
    'generate': draws,
    'sample_pair': sample_pair,
    'pictures': pictures,
  }
  return decode, extras, types.Layout(plain=identity + rest)
