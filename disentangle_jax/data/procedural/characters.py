"""Drawn game characters: seven attributes that make an identity, and a pose.

What the Sprites data of Reed et al. 2015, "Deep visual analogy-making", NIPS,
are used for by Ridgeway & Mozer 2018, https://arxiv.org/abs/1802.05312, as far
as words tell it: figures of body, arms, hair, gender, armour, greaves and
weapon, seen from four sides and in steps of a walk. Figures, colours and sizes
here are made up, from circles, capsules and boxes; no picture of theirs is
used, and scores are not scores on their set.

Every combination is an identity: 4 x 2 x 3 x 2 x 4 x 3 x 2 = 1,152 (theirs are
672), with 12 images each. `part` splits identities, never images: training on
'train' sees no image of an identity of 'test'. All images can be rendered
whatever the part; scores of codes are over the whole grid.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial, parts

# Pixels of the frame that lengths are given in, whatever the resolution.
FRAME = 60.0
ATTRIBUTES = {
  'body': 4,
  'arms': 2,
  'hair': 3,
  'gender': 2,
  'armour': 4,
  'greaves': 3,
  'weapon': 2,
}
FACINGS, FRAMES = 4, 3  # front, left, back, right; standing, either step
FACTORS = (*ATTRIBUTES, 'facing', 'frame')
PARTS = ('all', 'train', 'test')
FOLDS = 5

_BODY = (
  (0.96, 0.80, 0.66),
  (0.62, 0.42, 0.28),
  (0.45, 0.68, 0.36),
  (0.62, 0.62, 0.78),
)
_GLOVES = (0.16, 0.16, 0.2)
_HAIR = ((0.95, 0.82, 0.25), (0.42, 0.2, 0.08), (0.75, 0.12, 0.12))
# How far the hair hangs down, and how high it stands, pixels.
_HAIR_LENGTH = (2.0, 11.0, 5.0)
_HAIR_HEIGHT = (0.0, 0.0, 4.0)
_ARMOUR = (
  (0.75, 0.75, 0.8),
  (0.2, 0.35, 0.75),
  (0.7, 0.5, 0.15),
  (0.4, 0.1, 0.4),
)
_GREAVES = ((0.3, 0.3, 0.34), (0.5, 0.3, 0.15), (0.1, 0.5, 0.45))
_SHOULDERS, _HIPS = (8.5, 6.5), (5.0, 7.5)
_BLADE, _SHAFT = (0.9, 0.93, 0.97), (0.45, 0.3, 0.12)
_GROUND = (0.32, 0.4, 0.34)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    fold: which fifth of the identities is 'test', 0 to 4; one fixed order of
      the identities decides.
    part: the identities that training sees: 'all', 'train' or 'test'.
  """

  resolution: int = 60
  fold: int = 0
  part: str = 'all'


class _Look(NamedTuple):
  """A figure in numbers.

  Attributes: colours float32 [3] of skin, arms, hair, armour, greaves; lengths
  in pixels of the frame; `spear` and the views are 0 or 1; `step` is -1, 0, 1.
  """

  skin: jax.Array
  arms: jax.Array
  hair: jax.Array
  hair_length: jax.Array
  hair_height: jax.Array
  shoulders: jax.Array
  hips: jax.Array
  armour: jax.Array
  greaves: jax.Array
  spear: jax.Array
  aside: jax.Array
  back: jax.Array
  mirrored: jax.Array
  step: jax.Array


def _look(factors: jax.Array) -> _Look:
  """The figure of a grid point, int32 [9]."""
  body, arms, hair, gender, armour, greaves, weapon, facing, frame = factors
  of = lambda values, number: jnp.asarray(values, jnp.float32)[number]
  flag = lambda condition: jnp.asarray(condition, jnp.float32)
  skin = of(_BODY, body)
  return _Look(
    skin=skin,
    arms=jnp.where(arms == 0, skin, jnp.asarray(_GLOVES, jnp.float32)),
    hair=of(_HAIR, hair),
    hair_length=of(_HAIR_LENGTH, hair),
    hair_height=of(_HAIR_HEIGHT, hair),
    shoulders=of(_SHOULDERS, gender),
    hips=of(_HIPS, gender),
    armour=of(_ARMOUR, armour),
    greaves=of(_GREAVES, greaves),
    spear=flag(weapon == 1),
    aside=flag((facing == 1) | (facing == 3)),
    back=flag(facing == 2),
    mirrored=flag(facing == 1),
    step=of((0.0, 1.0, -1.0), frame),
  )


class _Canvas:
  """An image of a frame of 60 x 60 that shapes are painted on, in order."""

  def __init__(self, resolution: int, mirrored: jax.Array):
    self.pixel = FRAME / resolution
    middles = (np.arange(resolution, dtype=np.float32) + 0.5) * self.pixel
    across = jnp.asarray(middles)[None, :] - FRAME / 2
    self.x = jnp.where(mirrored > 0, -across, across)  # 0 in the middle
    self.y = jnp.asarray(middles)[:, None]
    ground = jnp.asarray(_GROUND, jnp.float32)
    self.image = jnp.broadcast_to(ground, (resolution, resolution, 3))

  def paint(self, distance, colour, share=1.0):
    """Covers where the signed distance is negative; edges are a pixel wide."""
    cover = share * jnp.clip(0.5 - distance / self.pixel, 0, 1)
    colour = jnp.asarray(colour, jnp.float32)
    self.image = self.image + cover[..., None] * (colour - self.image)

  def circle(self, x, y, radius):
    """Distance to a circle, negative inside, pixels of the frame."""
    return jnp.hypot(self.x - x, self.y - y) - radius

  def box(self, x, y, half_width, half_height, corner=1.5):
    """The same of a box with round corners."""
    u = jnp.abs(self.x - x) - half_width + corner
    v = jnp.abs(self.y - y) - half_height + corner
    outside = jnp.hypot(jnp.maximum(u, 0), jnp.maximum(v, 0))
    return outside + jnp.minimum(jnp.maximum(u, v), 0) - corner

  def capsule(self, start, end, radius):
    """The same of a line with round ends."""
    u, v = end[0] - start[0], end[1] - start[1]
    x, y = self.x - start[0], self.y - start[1]
    along = jnp.clip((x * u + y * v) / (u * u + v * v), 0, 1)
    return jnp.hypot(x - along * u, y - along * v) - radius


def _weapon(canvas: _Canvas, hand, spear, share):
  """A sword or a spear in a hand at (x, y)."""
  x, y = hand
  shaft = canvas.capsule((x, y + 10), (x, y - 20), 0.9)
  canvas.paint(shaft, _SHAFT, share * spear)
  tip = canvas.capsule((x, y - 20), (x, y - 24), 1.8)
  canvas.paint(tip, _BLADE, share * spear)
  blade = canvas.capsule((x, y), (x + 5, y - 13), 1.5)
  canvas.paint(blade, _BLADE, share * (1 - spear))
  hilt = canvas.capsule((x - 2.5, y - 2), (x + 2.5, y), 1.0)
  canvas.paint(hilt, _SHAFT, share * (1 - spear))


def draw(factors: jax.Array, resolution: int = 60) -> jax.Array:
  """One figure.

  Args:
    factors: int32 [9], grid indices in the order of FACTORS.
    resolution: side of the image, pixels.

  Returns:
    float32 [resolution, resolution, 3] in [0, 1].
  """
  look = _look(factors)
  canvas = _Canvas(resolution, look.mirrored)
  aside, step = look.aside, look.step
  # From the side a figure is narrow and its limbs swing along the image.
  narrow = 1 - 0.45 * aside
  width, hips = look.shoulders * narrow, look.hips * narrow
  swing = 4.5 * step * aside
  lift = 2.0 * step * (1 - aside)
  arm = (width + 1.2) * (1 - aside)
  hands = [
    (sign * (arm + 1.0 * (1 - aside)) + sign * swing, 36.0 - sign * lift)
    for sign in (-1.0, 1.0)
  ]
  # From behind, the right hand is on the right of the image.
  held = [
    jnp.where(look.back > 0, near, far) for near, far in zip(hands[1], hands[0])
  ]
  held[0] = held[0] + 3.0 * aside
  _weapon(canvas, held, look.spear, look.back)
  for sign in (-1.0, 1.0):
    hip = (sign * 3.4 * (1 - 0.8 * aside), 39.0)
    foot = (hip[0] - sign * swing, 54.0 + jnp.minimum(0, sign * lift) * 1.5)
    canvas.paint(canvas.capsule(hip, foot, 2.6), look.greaves)
  far, near = hands
  shoulder = lambda sign: (sign * arm, 25.0)
  limb = lambda sign, hand: canvas.capsule(shoulder(sign), hand, 2.1)
  canvas.paint(limb(-1.0, far), look.arms)
  canvas.paint(canvas.box(0.0, 30.5, width, 8.5), look.armour)
  canvas.paint(canvas.box(0.0, 38.5, hips, 2.8), 0.7 * look.armour)
  canvas.paint(limb(1.0, near), look.arms)
  # Long hair hangs behind the shoulders, in view from behind.
  fall = look.hair_length
  hang = canvas.box(
    -3.0 * aside, 12 + fall / 2, 7.2 - 1.5 * aside, 3 + fall / 2
  )
  canvas.paint(hang, look.hair)
  canvas.paint(canvas.circle(0.0, 15.0, 6.6), look.skin, 1 - look.back)
  canvas.paint(canvas.circle(0.0, 15.0, 6.6), look.hair, look.back)
  # Ears: the body shows from every side.
  for sign in (-1.0, 1.0):
    ear = canvas.circle(sign * 7.2 * (1 - aside), 15.5, 2.0)
    canvas.paint(ear, look.skin)
  for sign in (-1.0, 1.0):
    x = sign * 2.5 * (1 - aside) + 3.6 * aside
    canvas.paint(canvas.circle(x, 15.5, 1.0), (0.05,) * 3, 1 - look.back)
  fringe = canvas.box(-0.8 * aside, 10.0, 6.6, 2.4)
  canvas.paint(fringe, look.hair)
  crest = canvas.capsule((0.0, 9.0), (0.0, 8.0 - look.hair_height), 2.2)
  canvas.paint(crest, look.hair)
  _weapon(canvas, held, look.spear, 1 - look.back)
  return jnp.clip(canvas.image, 0, 1)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32 [resolution, resolution, 3]
    in [0, 1]. With a part, the identities of the other part have probability 0
    and `extras['part']` names it.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  checks.integer('config.dataset.fold', config.fold, 0, FOLDS - 1)
  checks.choice('config.dataset.part', config.part, PARTS)
  sizes = (*ATTRIBUTES.values(), FACINGS, FRAMES)
  side = config.resolution

  def render(arrays, factors, key):
    del arrays, key
    return draw(factors, side)

  dataset = factorial.make(
    name='characters',
    factor_names=FACTORS,
    factor_values=tuple(np.arange(float(size)) for size in sizes),
    observation_shape=(side, side, 3),
    render=render,
  )
  return dataset if config.part == 'all' else _part(dataset, config)


def _part(dataset: types.Dataset, config: Config) -> types.Dataset:
  """The same set with the identities of one part alone."""
  shape = tuple(ATTRIBUTES.values())
  count = math.prod(shape)
  train, test = parts.fold(count, config.fold, FOLDS)
  numbers = test if config.part == 'test' else train
  present = np.zeros(count, bool)
  present[numbers] = True
  table = numbers.astype(np.int32)
  density = -math.log(len(numbers) * FACINGS * FRAMES)

  def pick(key, arrays):
    del arrays
    identity_key, pose_key = jax.random.split(key)
    place = factorial.uniform_factors(identity_key, (len(table),))[0]
    identity = factorial.unflatten(jnp.asarray(table)[place], shape)
    pose = factorial.uniform_factors(pose_key, (FACINGS, FRAMES))
    return jnp.concatenate([identity, pose])

  def log_density(factors):
    identity = factorial.flat_index(factors[..., : len(shape)], shape)
    return jnp.where(jnp.asarray(present)[identity], density, -jnp.inf)

  divided = factorial.redistribute(dataset, pick, log_density)
  return divided._replace(extras={**divided.extras, 'part': config.part})
