"""What `mvae` and its baseline share: nets, likelihood, schedule, pictures.

Units as everywhere: nats per image, summed over pixels and latents. The rate of
Adam falls from `learning_rate` to `learning_rate_end` by equal factors over
`anneal_steps` steps and stays there.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.nn import nets, scenes
from disentangle_jax.ops import likelihood

HPARAMS = {
  'learning_rate': 1e-3,
  'learning_rate_end': 1e-5,
  'anneal_steps': 3_000_000.0,
  'beta': 1.0,
}
BOUNDS = {'anneal_steps': (1.0, float('inf'))}
MAY_BE_ZERO = ('pools', 'object_doublings')
POOLS = ('max', 'sum')
TEST = {
  'dataset': (
    'multi_shapes',
    {'resolution': 8, 'sprites': 2, 'positions': 4, 'hues': 3},
  ),
  'static': {
    'slots': 2,
    'latents_per_slot': 2,
    'channels': (4,),
    'pools': 1,
    'head_channels': (4,),
    'head_kernel': 1,
    'hidden': (8,),
    'object_channels': 3,
    'base': 2,
    'object_doublings': 1,
    'scene_channels': (4,),
  },
}
# Deviations of the prior that a latent is set to in the pictures.
TRAVERSAL = np.linspace(-2.25, 2.25, 7).astype(np.float32)
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices; the defaults are the paper's, as far as it states them.

  Attributes:
    slots: N, the number of entities.
    latents_per_slot: D.
    channels: of the encoder's convolutions before the coordinates.
    kernel: side of all kernels but those of `head_kernel`.
    pools: how many of these convolutions halve the image.
    downsampling: by 'pool' (2 x 2 maxima behind the convolution) or 'stride'.
    head_channels: of the hidden convolutions behind the coordinates.
    head_kernel: side of the kernels behind the coordinates.
    hidden: widths of the dense layers of the object's decoder.
    object_channels: of an object's map.
    base: side of an object's first map.
    object_layers: convolutions of an object's map.
    object_doublings: how many of them are followed by up-sampling.
    scene_channels: of the hidden convolutions behind the pooling; as many of
      them as the image needs are followed by up-sampling.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  slots: int = 5
  latents_per_slot: int = 12
  channels: tuple[int, ...] = (32, 32, 64, 64)
  kernel: int = 3
  pools: int = 3
  downsampling: str = 'pool'
  head_channels: tuple[int, ...] = (64,)
  head_kernel: int = 3
  hidden: tuple[int, ...] = (256,)
  object_channels: int = 16
  base: int = 8
  object_layers: int = 2
  object_doublings: int = 2
  scene_channels: tuple[int, ...] = (32, 32)
  precision: str = 'auto'


class Networks(NamedTuple):
  """Encoder and decoders as pure functions of the parameters.

  Attributes:
    init: `(key, observation [B, H, W, C]) -> params`.
    grid: `(params, observation) -> float32 [B, h, w, 2 D]`.
    objects: `(params, vector [M, width]) -> float32 [M, side, side, c]`.
    scene: `(params, map [B, side, side, c]) -> logits float32 [B, H, W, C]`.
    side: h = w of the grid.
  """

  init: Callable[..., types.PyTree]
  grid: Callable[..., jax.Array]
  objects: Callable[..., jax.Array]
  scene: Callable[..., jax.Array]
  side: int


def _doublings(config: Config, data: types.Dataset) -> int:
  """How often the scene's decoder doubles; refuses what does not fit."""
  shape, base = data.observation_shape, config.base
  if len(shape) != 3 or shape[0] != shape[1]:
    rule = f'must hold square images, got {tuple(shape)}'
    raise errors.value('config.dataset.name', data.name, rule)
  if shape[0] % 2**config.pools:
    rule = (
      f'the encoder halves the image {config.pools} times; legal: multiples of '
      f'{2**config.pools}, or fewer config.static.pools'
    )
    raise errors.value('config.dataset.resolution', shape[0], rule)
  if config.pools > len(config.channels):
    rule = f'must be at most {len(config.channels)}, the number of channels'
    raise errors.value('config.static.pools', config.pools, rule)
  doublings = config.object_doublings
  if doublings > config.object_layers:
    rule = f'must be at most {config.object_layers}, that of object_layers'
    raise errors.value('config.static.object_doublings', doublings, rule)
  most = len(config.scene_channels)
  sides = [base * 2 ** (doublings + n) for n in range(most + 1)]
  if shape[0] not in sides:
    rule = (
      f'is doubled {doublings} to {doublings + most} times, which gives sides '
      f'of {", ".join(map(str, sides))}; the images have {shape[0]}'
    )
    raise errors.value('config.static.base', base, rule)
  return sides.index(shape[0])


def build(
  config: Config, data: types.Dataset, width: int | None = None
) -> Networks:
  """Networks for the data set's images.

  Args:
    config: static choices.
    data: gives the observation shape.
    width: of the vector that is decoded; None for that of one slot.

  Returns:
    The functions.

  Raises:
    ConfigError: an option out of range, or images that do not fit.
  """
  choice = lambda name, legal: checks.choice(
    f'config.static.{name}', getattr(config, name), legal
  )
  choice('downsampling', scenes.DOWNSAMPLINGS)
  choice('precision', nets.PRECISIONS)
  doublings = _doublings(config, data)
  latents, resolution = config.latents_per_slot, data.observation_shape[0]
  encoder = scenes.GridEncoder(
    config.channels,
    config.kernel,
    config.pools,
    config.downsampling,
    config.head_channels,
    config.head_kernel,
    2 * latents,
  )
  objects = scenes.ObjectDecoder(
    config.hidden,
    config.base,
    config.object_channels,
    config.object_layers,
    config.object_doublings,
    config.kernel,
  )
  scene = scenes.SceneDecoder(
    config.scene_channels,
    doublings,
    config.kernel,
    data.observation_shape[-1],
  )

  def init(key, observation):
    encoder_key, object_key, scene_key = jax.random.split(key, 3)
    vector = jnp.zeros((1, width or latents))
    of_object = objects.init(object_key, vector)['params']
    features = objects.apply({'params': of_object}, vector)
    return {
      'encoder': encoder.init(encoder_key, observation[:1])['params'],
      'object': of_object,
      'scene': scene.init(scene_key, features)['params'],
    }

  run = lambda module, name: (
    lambda params, x: nets.apply(module, params[name], x, config.precision)
  )
  return Networks(
    init,
    run(encoder, 'encoder'),
    run(objects, 'object'),
    run(scene, 'scene'),
    resolution // 2**config.pools,
  )


def adam(hparams: Mapping[str, jax.Array]) -> optax.GradientTransformation:
  """Adam whose rate falls by equal factors.

  Args:
    hparams: 'learning_rate' l0, 'learning_rate_end' l1 and 'anneal_steps' T,
      traced scalars; the rate of step t is l0^(1 - s) l1^s, s = min(1, t / T).
  """

  def rate(count):
    share = training.ramp(count, hparams['anneal_steps'])
    start = hparams['learning_rate'] ** (1 - share)
    return start * hparams['learning_rate_end'] ** share

  return optax.adam(rate)


def log_likelihood_of(decode_logits: Callable[..., jax.Array]) -> Callable:
  """The extra `log_likelihood` of a Bernoulli decoder.

  Args:
    decode_logits: `(params, vector [B, D]) -> logits [B, H, W, C]`.
  """

  def log_likelihood(state, vector, observation):
    logits = decode_logits(state.params, vector)
    return likelihood.bernoulli(logits, observation)

  return log_likelihood


def scalars_of(
  loss: jax.Array, reconstruction: jax.Array, kl: jax.Array
) -> dict[str, jax.Array]:
  """Training scalars, nats.

  Args:
    loss: scalar.
    reconstruction: scalar.
    kl: float32 [N], of the slots, or of the latents.
  """
  return {
    'loss': loss,
    'reconstruction': reconstruction,
    'kl': jnp.sum(kl),
    **{f'kl/{n}': kl[n] for n in range(kl.shape[0])},
  }


def sheet(*columns: Any) -> jax.Array:
  """A sheet of pictures, a row per scene.

  Args:
    *columns: float32 [B, H, W, C] each, or [B, columns, H, W, C].

  Returns:
    float32 [B, columns, H, W, C].
  """
  wide = [x if x.ndim == 5 else x[:, None] for x in columns]
  return jnp.concatenate(wide, axis=1)


def exchanges(
  exchange: Callable[..., Any], state: types.PyTree, observation: jax.Array
) -> jax.Array:
  """Neighbouring scenes and what becomes of them: an entity sheet.

  Args:
    exchange: the extra.
    state: of a run.
    observation: float32 [B, H, W, C]; one without a neighbour is its own.

  Returns:
    float32 [ceil(B / 2), 4, H, W, C]: two scenes, then the two with their first
    entities exchanged.
  """
  first = observation[::2]
  second = observation[1::2]
  second = jnp.concatenate([second, first[len(second) :]])
  return sheet(first, second, *exchange(state, first, second))
