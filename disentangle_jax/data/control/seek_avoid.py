"""Seek discs, avoid squares: a world whose colours change and whose rules stay.

After the seek-avoid task of Higgins et al. 2017, "DARLA: Improving Zero-Shot
Transfer in Reinforcement Learning", https://arxiv.org/abs/1707.08475. An agent
in the middle of its view sees one object at an offset of -4 .. 4 places along
both axes, a disc or a square, on a floor; both have a hue. Its actions, by
their numbers: down, up, right, left, by one place (the object goes the other
way), and stay. Every step costs `step_cost`. An object that is reached gives
+1 (disc) or -1 (square), one that leaves the view nothing, and a new one
comes: a uniform offset other than the middle, either shape, a hue of the
room's set. No state is an end; episodes are of `episode` steps, which only
cuts returns.

Two rooms, told by their floors, and two sets of object hues:

  source             the first set in the first room, the second in the second
  target, shift='conjunction'    the sets exchanged: every hue is known, and no
                                 pair of floor and object is
  target, shift='novel_hue'      objects of the hues of neither set

Factors: offset_x (to the right), offset_y (down), shape (0 disc), object_hue,
floor_hue: a state is a grid point, int32 [5]. What is drawn for eyes to learn
from is uniform over all points (vision_data 'all') or over those of the source.
`extras['environment']` is the source, `extras['task']` a `Task`. Pictures have
hue, saturation and value as channels (colour_space 'hsv': hue is cut open at
red) or red, green and blue.

Deviation: the paper's worlds are three-dimensional and seen from within; this
one is ours, small enough that returns of the best and of a uniform policy are
exact.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import distributions, factorial

ACTIONS = ('down', 'up', 'right', 'left', 'stay')
# What each adds to the offset of the object.
SHIFTS = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0)], np.int32)
REACH = 4
PLACES = 2 * REACH + 1
SHAPES = ('disc', 'square')
FACTORS = ('offset_x', 'offset_y', 'shape', 'object_hue', 'floor_hue')
DOMAINS = ('source', 'target')
CHANGES = ('conjunction', 'novel_hue')
VISION = ('all', 'source')
COLOURS = ('hsv', 'rgb')
# Of the side: a place, and half of an object.
_PLACE, _HALF = 1.25 / 16, 3.0 / 16


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the pictures.
    colour_space: of COLOURS.
    hues: H, of floors and of objects, at h / H of the circle.
    rooms: hues of the two floors.
    object_sets: hues of objects in the two rooms of the source, equally many.
    shift: of CHANGES, from source to target.
    vision_data: of VISION, what batches are drawn from.
    object_value: brightness of objects, 0 to 1.
    floor_value: brightness of floors.
    step_cost: of every step.
    episode: steps of an episode.
    discount: of rewards in returns.
  """

  resolution: int = 64
  colour_space: str = 'hsv'
  hues: int = 6
  rooms: tuple[int, int] = (0, 3)
  object_sets: tuple[tuple[int, ...], tuple[int, ...]] = ((0, 1), (3, 4))
  shift: str = 'conjunction'
  vision_data: str = 'all'
  object_value: float = 1.0
  floor_value: float = 0.5
  step_cost: float = 0.01
  episode: int = 32
  discount: float = 0.95


class Returns(NamedTuple):
  """What policies earn on average in an episode from a random start.

  Attributes:
    optimal: of the best policy.
    random: of the uniform one.
    blind: of the best policy that does not see shapes.
    actions: int [episode, 9, 9, 2], the best action with that many steps left
      less one, by offset_x, offset_y and shape.
  """

  optimal: float
  random: float
  blind: float
  actions: np.ndarray


class Task(NamedTuple):
  """Two domains of one task.

  Attributes:
    source: where an agent learns.
    target: where it is tested.
    episode: steps of an episode.
    discount: of rewards.
    returns: exact ones, the same in both domains.
    states: int32 [81 * 2 * H * H, 5], all grid points.
    points: domain -> bool [81 * 2 * H * H], which of them it has.
    number: `(state int32 [..., 5]) -> int32 [...]`, its row in `states`.
  """

  source: types.Environment
  target: types.Environment
  episode: int
  discount: float
  returns: Returns
  states: np.ndarray
  points: dict[str, np.ndarray]
  number: Callable[[jax.Array], jax.Array]

  def normalised(self, earned):
    """0 for what a uniform policy earns, 1 for the best."""
    low, high = self.returns.random, self.returns.optimal
    return (earned - low) / (high - low)


def returns(config: Config) -> Returns:
  """Exact returns, by value iteration over offsets and shapes.

  With t steps left V_t(s) = f(Q_t(s, .)), f the maximum or the mean, and Q_t(s,
  a) = r(s, a) + discount V_{t-1}(s'), where s' of a new object is the mean over
  starts. An agent blind to shapes has the maximum of the mean over shapes:
  until an object is reached nothing tells which it is.

  Args:
    config: static options.

  Returns:
    Discounted sums of rewards of an episode, means over starts.
  """
  at = np.stack(np.meshgrid(*[np.arange(PLACES)] * 2, indexing='ij'), -1)
  to = at[:, :, None] + SHIFTS  # [9, 9, A, 2]
  gone = ((to < 0) | (to >= PLACES)).any(-1)
  met = (to == REACH).all(-1)
  # An object in the middle is met by going there, not by staying.
  met &= SHIFTS.any(-1)
  x, y = np.clip(to, 0, PLACES - 1).transpose(3, 0, 1, 2)
  start = (at != REACH).any(-1)
  prize = np.array([1.0, -1.0])  # by shape

  def worths(values):
    """Q [9, 9, shapes, A] of values [9, 9, shapes] after the step."""
    fresh = values[start].mean()
    later = np.where(
      (gone | met)[..., None], fresh, values[x, y]
    )  # [9, 9, A, shapes]
    reward = met[..., None] * prize - config.step_cost
    return np.moveaxis(reward + config.discount * later, 3, 2)

  def iterate(improve):
    values, worth = np.zeros((PLACES, PLACES, 2)), []
    for _ in range(config.episode):
      worth.append(worths(values))
      values = improve(worth[-1])
    return float(values[start].mean()), np.array(worth)

  def unseen(worth):
    best = worth.mean(2).max(-1)
    return np.repeat(best[..., None], 2, axis=2)

  optimal, worth = iterate(lambda worth: worth.max(-1))
  random, _ = iterate(lambda worth: worth.mean(-1))
  blind, _ = iterate(unseen)
  return Returns(optimal, random, blind, worth.argmax(-1))


def rooms_of(config: Config, domain: str) -> dict[int, tuple[int, ...]]:
  """Floor hue -> hues of the objects in that room.

  Args:
    config: static options.
    domain: of DOMAINS.
  """
  sets = tuple(map(tuple, config.object_sets))
  if domain == 'target':
    novel = tuple(h for h in range(config.hues) if h not in sets[0] + sets[1])
    sets = sets[::-1] if config.shift == 'conjunction' else (novel, novel)
  return dict(zip(config.rooms, sets))


def make(config: Config) -> types.Dataset:
  """The data set, with its environments.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32 [side, side, 3] in [0, 1].

  Raises:
    ConfigError: an option out of range, sets of objects that overlap, a target
      that is the source, or one that eyes have not seen the hues of.
  """
  _check(config)
  render = _renderer(config)
  sizes = (PLACES, PLACES, 2, config.hues, config.hues)
  points = factorial.grid(sizes)
  inside = {}
  for domain in DOMAINS:
    pairs = np.zeros((config.hues, config.hues), bool)
    for floor, hues in rooms_of(config, domain).items():
      pairs[list(hues), floor] = True
    inside[domain] = pairs[points[:, 3], points[:, 4]]
  source, target = (
    _environment(config, rooms_of(config, domain), render) for domain in DOMAINS
  )
  task = Task(
    source,
    target,
    config.episode,
    config.discount,
    returns(config),
    states=points,
    points=inside,
    number=lambda state: factorial.flat_index(state, sizes),
  )
  offsets = np.arange(-REACH, REACH + 1.0)
  circle = np.arange(config.hues) / config.hues
  dataset = factorial.make(
    name='seek_avoid',
    factor_names=FACTORS,
    factor_values=(offsets, offsets, np.arange(2.0), circle, circle),
    observation_shape=(config.resolution, config.resolution, 3),
    render=render,
    extras={'environment': source, 'task': task},
  )
  if config.vision_data == 'all':
    return dataset
  return distributions.subset(dataset, inside['source'])


def _environment(config, rooms, observe) -> types.Environment:
  """A domain as pure functions of a grid point."""
  floors = np.array(list(rooms), np.int32)
  sets = np.array(list(rooms.values()), np.int32)
  # Floors of no room, which only other data have, take the first one's hues.
  room_of = np.zeros(config.hues, np.int32)
  room_of[floors] = np.arange(len(floors))

  def appear(key, floor):
    """A new object on a floor."""
    place, shape, hue = jax.random.split(key, 3)
    # All places but the one in the middle of C order.
    number = factorial.uniform_factors(place, (PLACES**2 - 1,))[0]
    number += number >= PLACES**2 // 2
    hues = jnp.asarray(sets)[jnp.asarray(room_of)[floor]]
    return jnp.stack(
      [
        number // PLACES,
        number % PLACES,
        factorial.uniform_factors(shape, (2,))[0],
        hues[factorial.uniform_factors(hue, (len(hues),))[0]],
        floor,
      ]
    ).astype(jnp.int32)

  def reset(key):
    room_key, key = jax.random.split(key)
    room = factorial.uniform_factors(room_key, (len(floors),))[0]
    return appear(key, jnp.asarray(floors)[room])

  def step(key, state, action):
    shift = jnp.asarray(SHIFTS)[action]
    offset = state[:2] + shift
    gone = jnp.any((offset < 0) | (offset >= PLACES))
    met = jnp.all(offset == REACH) & jnp.any(shift != 0)
    prize = jnp.where(state[2] == 0, 1.0, -1.0)
    moved = jnp.concatenate([offset, state[2:]])
    after = jnp.where(gone | met, appear(key, state[4]), moved)
    reward = jnp.where(met, prize, 0.0) - config.step_cost
    return after, reward.astype(jnp.float32), jnp.zeros((), bool)

  def legal(state):
    del state
    return jnp.asarray(SHIFTS.any(-1))

  return types.Environment(
    reset=reset,
    step=step,
    observe=observe,
    legal=legal,
    num_actions=len(ACTIONS),
  )


def to_rgb(hue: jax.Array, value: jax.Array) -> jax.Array:
  """Red, green, blue of a saturated colour.

  Args:
    hue: float [...], 0 to 1, red at 0.
    value: float [...], brightness.

  Returns:
    float [..., 3].
  """
  # Distance of the hue from each primary, in sixths of the circle.
  primary = jnp.array([0.0, 2.0, 4.0])
  away = jnp.abs((hue[..., None] * 6 - primary + 3) % 6 - 3)
  return value[..., None] * jnp.clip(2 - away, 0, 1)


def _renderer(config: Config):
  """`(arrays, state, key) -> float32 [side, side, 3]`."""
  side = config.resolution
  ruler = np.arange(side, dtype=np.float32) + 0.5 - side / 2

  def colour(hue, value):
    hue = hue.astype(jnp.float32) / config.hues
    if config.colour_space == 'rgb':
      return to_rgb(hue, jnp.float32(value))
    return jnp.stack([hue, jnp.float32(1.0), jnp.float32(value)])

  def observe(arrays, state, key):
    del arrays, key
    centre = (state[:2] - REACH).astype(jnp.float32) * (_PLACE * side)
    x, y = ruler[None, :] - centre[0], ruler[:, None] - centre[1]
    disc = jnp.sqrt(x * x + y * y)
    square = jnp.maximum(jnp.abs(x), jnp.abs(y))
    outside = jnp.where(state[2] == 0, disc, square) - _HALF * side
    # A pixel is covered by how far its middle lies inside.
    cover = jnp.clip(0.5 - outside, 0.0, 1.0)[..., None]
    near = colour(state[3], config.object_value)
    far = colour(state[4], config.floor_value)
    return cover * near + (1 - cover) * far

  return observe


def _check(config: Config) -> None:
  of = lambda field: f'config.dataset.{field}'
  checks.integer(of('resolution'), config.resolution, 8, 512)
  checks.integer(of('hues'), config.hues, 2, 64)
  checks.integer(of('episode'), config.episode, 1, 10_000)
  for field, legal in (
    ('colour_space', COLOURS),
    ('shift', CHANGES),
    ('vision_data', VISION),
  ):
    checks.choice(of(field), getattr(config, field), legal)
  for field in ('object_value', 'floor_value', 'step_cost'):
    checks.number(of(field), getattr(config, field), 0.0, 1.0)
  checks.number(of('discount'), config.discount, 0.0, 1.0)
  rooms = checks.plain(config.rooms)
  sets = checks.plain(config.object_sets)
  hue = lambda h: checks.is_integer(h) and 0 <= h < config.hues
  pair = lambda x: isinstance(x, tuple) and len(x) == 2
  if not pair(rooms) or not all(map(hue, rooms)):
    rule = f'must be two hues from 0 to {config.hues - 1}'
    raise errors.value(of('rooms'), rooms, rule)
  legal = pair(sets) and all(
    isinstance(one, tuple) and one and all(map(hue, one)) for one in sets
  )
  if not legal or len(sets[0]) != len(sets[1]):
    rule = f'must be two equally long lists of hues, 0 to {config.hues - 1}'
    raise errors.value(of('object_sets'), sets, rule)
  if len({*sets[0], *sets[1]}) < 2 * len(sets[0]):
    rule = 'must not overlap nor name a hue twice'
    raise errors.value(of('object_sets'), sets, rule)
  if rooms[0] == rooms[1]:
    rule = 'must differ: the target would be the source'
    raise errors.value(of('rooms'), rooms, rule)
  if config.shift != 'novel_hue':
    return
  if 2 * len(sets[0]) == config.hues:
    rule = "leaves no hue for the target of shift 'novel_hue'"
    raise errors.value(of('object_sets'), sets, rule)
  if config.vision_data == 'source':
    rule = "shows eyes no hue of the target of shift 'novel_hue'; take 'all'"
    raise errors.value(of('vision_data'), config.vision_data, rule)
