"""Whether the colour of a generated shape stays the same through its clip.

The average content distance of shapes (Tulyakov et al. 2018,
https://arxiv.org/abs/1707.04993, section 4.1), of clips that the method draws
('generate'). The shape is where the brightest channel is above `threshold`; its
colour c_t is the mean RGB there, 0 to 255. Then

  acd            mean over clips of the mean |c_t - c_s| over all pairs of
                 frames t < s; 0 of a shape of constant colour
  acd_relative   acd over the mean |c - c'| between generated clips (c: the
                 mean of a clip's c_t)
  acd_motion     mean way of the mask's centre from frame to frame, over that of
                 clips of the data
  acd_diversity  mean |c - c'| between generated clips, over that of the data
  acd_area       mean area of the mask, over that of the data
  acd_empty      share of generated clips with fewer than two usable frames,
                 which have no acd; 1 of clips of one frame
  acd_real       acd of clips of the data

A frame with fewer than `least_pixels` in its mask is not usable. A score whose
clips, frames or pairs lack is NaN: acd and acd_motion of clips of one frame.

Source: as above; the paper gives neither the mask nor the scale: its 5.02
cannot be on [0, 1], where no distance is above 1.73.

Known failure modes: black, frozen and identical clips have acd 0, so that a
claim about acd alone says nothing: acd_motion, acd_diversity and acd_area must
lie near 1 (0.5 to 2). A wrong colour outside of the mask is not seen.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.metrics import base

SCORES = {
  'acd': types.Score(
    'mean distance between the colours of two frames of a generated clip, RGB '
    'from 0 to 255',
    'lower',
    0.0,
    442.0,
  ),
  'acd_relative': types.Score(
    'acd over the mean distance between the colours of generated clips',
    'lower',
    0.0,
  ),
  'acd_motion': types.Score(
    'how far generated shapes go from frame to frame, over the data', low=0.0
  ),
  'acd_diversity': types.Score(
    'distance between the colours of generated clips, over the data', low=0.0
  ),
  'acd_area': types.Score('area of generated shapes, over the data', low=0.0),
  'acd_empty': types.Score(
    'share of generated clips in which fewer than two frames show a shape',
    'lower',
    0.0,
    1.0,
  ),
  'acd_real': types.Score('acd of clips of the data', 'lower', 0.0, 442.0),
}
CITATION = 'Tulyakov et al. 2018, arXiv:1707.04993, section 4.1'
_SCALE = 255.0
# Clips of the data whose ground is looked at.
_LOOKED_AT = 16


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_clips: drawn clips, and clips of the data; a multiple of `block`.
    block: clips that are in memory at once.
    threshold: of the brightest channel, in [0, 1].
    least_pixels: of a frame's mask.
  """

  num_clips: int = 512
  block: int = 32
  threshold: float = 0.25
  least_pixels: int = 4


class Shapes(NamedTuple):
  """What there is to see in each frame of clips.

  Attributes:
    colour: float32 [N, T, 3], mean RGB of the mask, 0 to 255.
    centre: float32 [N, T, 2], mean row and column, pixels.
    area: float32 [N, T], pixels.
    usable: bool [N, T].
  """

  colour: jax.Array
  centre: jax.Array
  area: jax.Array
  usable: jax.Array


def shapes_of(config: Config, clips: jax.Array) -> Shapes:
  """The shape in each frame.

  Args:
    config: threshold and least_pixels.
    clips: float [N, T, H, W, C] in [0, 1].

  Returns:
    The shapes; without a pixel their colour and centre are 0.
  """
  bright = jnp.max(clips, axis=-1)
  mask = (bright > config.threshold).astype(jnp.float32)
  area = jnp.sum(mask, axis=(2, 3))
  over = lambda x: x / jnp.maximum(area, 1)[..., None]
  colour = over(jnp.sum(mask[..., None] * clips, axis=(2, 3))) * _SCALE
  rows, columns = (jnp.arange(n, dtype=jnp.float32) for n in clips.shape[2:4])
  centre = [
    jnp.sum(mask * rows[:, None], axis=(2, 3)),
    jnp.sum(mask * columns, axis=(2, 3)),
  ]
  usable = area >= config.least_pixels
  shapes = Shapes(colour, over(jnp.stack(centre, -1)), area, usable)
  # What is no number must not pass for dark.
  finite = jnp.all(jnp.isfinite(clips))
  number = lambda x: jnp.where(finite, x, jnp.nan)
  return shapes._replace(colour=number(colour), area=number(area))


def _distances(points: jax.Array) -> jax.Array:
  """float [..., N, D] -> float [..., N, N]."""
  between = points[..., :, None, :] - points[..., None, :, :]
  return jnp.sqrt(jnp.sum(jnp.square(between), axis=-1))


def _mean(x: jax.Array, where: jax.Array) -> jax.Array:
  """Mean over chosen entries; NaN where there are none."""
  total = jnp.sum(jnp.where(where, x, 0))
  return total / jnp.sum(where)


def content_distances(shapes: Shapes) -> tuple[jax.Array, jax.Array]:
  """ACD of each clip.

  Args:
    shapes: of N clips.

  Returns:
    float32 [N], mean distance over all pairs of usable frames, and bool [N],
    whether there is such a pair; 0 where there is none.
  """
  usable = shapes.usable
  before = jnp.triu(jnp.ones((usable.shape[1],) * 2, bool), 1)
  pairs = usable[:, :, None] & usable[:, None, :] & before
  count = jnp.sum(pairs, axis=(1, 2))
  total = jnp.sum(jnp.where(pairs, _distances(shapes.colour), 0), axis=(1, 2))
  return total / jnp.maximum(count, 1), count > 0


def motion(shapes: Shapes) -> jax.Array:
  """Mean way of the centre from a usable frame to the next one, pixels."""
  way = jnp.diff(shapes.centre, axis=1)
  way = jnp.sqrt(jnp.sum(jnp.square(way), axis=-1))
  return _mean(way, shapes.usable[:, 1:] & shapes.usable[:, :-1])


def between_clips(shapes: Shapes) -> jax.Array:
  """Mean distance between the colours of two clips, RGB from 0 to 255."""
  count = jnp.sum(shapes.usable, axis=1)
  seen = jnp.where(shapes.usable[..., None], shapes.colour, 0)
  colour = jnp.sum(seen, axis=1) / jnp.maximum(count, 1)[:, None]
  some = count > 0
  before = jnp.triu(jnp.ones((len(colour),) * 2, bool), 1)
  return _mean(_distances(colour), some[:, None] & some & before)


def scores_of(generated: Shapes, real: Shapes) -> dict[str, jax.Array]:
  """All scores.

  Args:
    generated: of generated clips.
    real: of clips of the data.

  Returns:
    Score -> float32 scalar.
  """
  each, counted = content_distances(generated)
  acd, own = _mean(each, counted), between_clips(generated)
  return {
    'acd': acd,
    'acd_relative': acd / own,
    'acd_motion': motion(generated) / motion(real),
    'acd_diversity': own / between_clips(real),
    'acd_area': jnp.mean(generated.area) / jnp.mean(real.area),
    'acd_empty': jnp.mean(~counted),
    'acd_real': _mean(*content_distances(real)),
  }


def _check_ground(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError unless most of the data's pixels are dark."""
  index = jnp.arange(_LOOKED_AT, dtype=jnp.int32)
  clips = data.sample(jax.random.key(0), data.arrays, index)['observation']
  ground = float(np.median(np.max(np.asarray(clips), axis=-1)))
  if ground > config.threshold:
    rule = (
      f'finds shapes on a black ground; half of the pixels of {data.name} are '
      f'brighter than {ground:.2g}'
    )
    raise errors.value('config.metrics', 'content_distance', rule)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: clips in RGB on a black ground.

  Returns:
    The probe.

  Raises:
    ConfigError: no such data, or a constant out of range.
  """
  base.at_least(config, num_clips=2, block=1, least_pixels=1)
  where = 'config.metric_options.content_distance.{}'.format
  checks.number(where('threshold'), config.threshold, 0.0, 1.0)
  if config.num_clips % config.block:
    rule = f'must be a multiple of block = {config.block}'
    raise errors.value(where('num_clips'), config.num_clips, rule)
  if data.kind == 'video':
    channels = data.observation_shape[-1]
    if channels != 3:
      rule = f'reads colours; channels of {data.name}: {channels}'
      raise errors.value('config.metrics', 'content_distance', rule)
    _check_ground(config, data)

  def in_blocks(key: jax.Array, draw: Callable[..., jax.Array]) -> Shapes:
    blocks = config.num_clips // config.block
    keys = jax.random.split(key, blocks)
    shapes = jax.lax.map(lambda k: shapes_of(config, draw(k)), keys)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), shapes)

  index = jnp.arange(config.block, dtype=jnp.int32)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    draw_key, data_key = jax.random.split(key)
    generated = in_blocks(
      draw_key, lambda k: method.extras['generate'](k, state, config.block)[0]
    )
    real = in_blocks(
      data_key, lambda k: data.sample(k, arrays, index)['observation']
    )
    return scores_of(generated, real)

  return types.Probe(
    fit=None,
    score=score,
    requires=('generate',),
    constants=dataclasses.asdict(config),
    kinds=('video',),
  )
