"""The planar system: an agent among six obstacles, seen in two ways.

Watter et al. 2015, "Embed to Control", https://arxiv.org/abs/1506.07365,
section 4.1, with the sizes of a public implementation of Levine et al. 2020
(https://arxiv.org/abs/1909.01506): 40 x 40 pixels; positions p = (x, y) lie in
[1.5, 38.5] x [1.5, 38.5], pixel i is at i; p is legal unless an obstacle's
centre is nearer than 1.5 along both axes. A move u is clipped to [-3, 3] along
both axes,

  p' = clip(p + clip(u)) if that is legal, else p

Two kinds of pictures of the same positions: those of the set with actions show
the agent as `shapes[0]`, those of the set without as `shapes[1]`. Hard pictures
are 0 or 1: the agent at the nearest pixel, a square of 3 x 3 or a plus of 5
pixels, obstacles discs of radius 2.5. Soft ones draw it where it is, a Gaussian
of deviation 2.5 pixels, or two crossing bars of deviations 1.1 and 4.5. Smaller
`resolution`s are means over pixels.

A batch comes from a fixed table of `triples` moves p, u, p' and `others`
positions, the first ones of the table of moves: p is uniform over what is
legal, u is uniform and drawn anew until p + u is legal. Beside 'observation'
(of p) there are the fields

  action               float32 [2], u, pixels
  next_observation     of p'
  other_observation    of one of the `others`, as the set without actions
  paired_observation   of that position as the set with actions; only where
                       `others` is at most `triples`

Factors are the 37 x 37 whole pixels; illegal ones have no probability. A
position of the table counts as its nearest, which is legal too.
`extras['environment']` has positions as its state and pictures of the set with
actions; its reward is -0.01 |p' - goal|^2 - 0.1 |u|^2. `extras['other']` is the
data set of the other pictures, without fields.

Deviation: none of the sources has a second kind of picture; it is ours, after
"Disentangling Dynamics and Content for Control and Planning"
(https://arxiv.org/abs/1711.09165), which does not show its own.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial
from disentangle_jax.ops import per_example

SIDE = 40
LOW, HIGH = 1.5, 38.5
LIMIT = 3.0
OBSTACLES = (
  (20.5, 5.5),
  (20.5, 13.5),
  (20.5, 27.5),
  (20.5, 35.5),
  (10.5, 20.5),
  (30.5, 20.5),
)
# Half side of the square around a centre that is closed to the agent.
CLOSED = 1.5
# Weights of the cost of a path in true positions and moves.
STATE_WEIGHT, ACTION_WEIGHT = 0.01, 0.1
PICTURES = ('hard', 'soft')
SHAPES = ('square', 'plus', 'cross')
FACTORS = ('position_x', 'position_y')
# Whole pixels: every legal position has a legal one nearest.
GRID = np.arange(2.0, 39.0)
_RADIUS = 2.5
_BLOB, _THIN, _LONG = 2.5, 1.1, 4.5
# Candidates among which a start is taken: 4 % of positions are closed.
_TRIES = 16


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    pictures: 'hard' or 'soft'.
    resolution: side of the pictures, a divisor of 40.
    brightness: of the obstacles, 0 to 1.
    shapes: of the agent in the two sets, of SHAPES.
    triples: moves in the table of the set with actions.
    others: positions in the table of the set without.
    noise: standard deviation of what is added to a move, pixels.
    goal: of the environment's reward, (x, y).
    table_seed: of the tables; no seed of a run changes them.
  """

  pictures: str = 'hard'
  resolution: int = SIDE
  brightness: float = 1.0
  shapes: tuple[str, str] = ('square', 'plus')
  triples: int = 8000
  others: int = 2000
  noise: float = 0.0
  goal: tuple[float, float] = (37.0, 37.0)
  table_seed: int = 0


def legal(position):
  """Whether positions are inside of the arena and outside of obstacles.

  Args:
    position: float [..., 2], of NumPy or JAX.

  Returns:
    bool [...].
  """
  inside = ((position >= LOW) & (position <= HIGH)).all(-1)
  centres = np.asarray(OBSTACLES, np.float32)
  near = abs(position[..., None, :] - centres) < CLOSED
  return inside & ~near.all(-1).any(-1)


def move(position: jax.Array, action: jax.Array, push=0.0) -> jax.Array:
  """Where a move leads.

  Args:
    position: float [..., 2], legal.
    action: float [..., 2], pixels.
    push: what is added to the clipped move.

  Returns:
    float [..., 2]; `position` itself where the way ends in an obstacle.
  """
  to = jnp.clip(position + jnp.clip(action, -LIMIT, LIMIT) + push, LOW, HIGH)
  return jnp.where(legal(to)[..., None], to, position)


def blocked(start: np.ndarray, goal: np.ndarray, points: int = 200):
  """Whether the straight line between two positions meets an obstacle.

  Args:
    start: float [..., 2].
    goal: float [..., 2].
    points: at which the line is looked at.

  Returns:
    bool [...].
  """
  share = np.linspace(0.0, 1.0, points, dtype=np.float32)[:, None]
  line = start[..., None, :] * (1 - share) + goal[..., None, :] * share
  return ~legal(line).all(-1)


def _agent(position, shape, soft):
  """The agent alone, float [40, 40] in [0, 1]; rows are y."""
  pixel = jnp.arange(SIDE, dtype=jnp.float32)
  if not soft:
    position = jnp.round(position)
  x, y = pixel[None, :] - position[0], pixel[:, None] - position[1]
  if shape == 'cross' and soft:
    # The plus, turned by 45 degrees.
    x, y = (x - y) / np.sqrt(2.0), (x + y) / np.sqrt(2.0)
  fall = lambda d, width: jnp.exp(-jnp.square(d / width) / 2)
  if soft and shape == 'square':
    return fall(x, _BLOB) * fall(y, _BLOB)
  if soft:
    across = fall(x, _LONG) * fall(y, _THIN)
    return jnp.maximum(across, fall(x, _THIN) * fall(y, _LONG))
  x, y = jnp.abs(x), jnp.abs(y)
  on = {
    'square': jnp.maximum(x, y) <= 1,
    'plus': x + y <= 1,
    'cross': (x == y) & (x <= 1),
  }[shape]
  return on.astype(jnp.float32)


def _obstacles() -> np.ndarray:
  """float32 [40, 40], 1 inside of the discs."""
  pixel = np.arange(float(SIDE))
  inside = [
    np.hypot(pixel[None, :] - x, pixel[:, None] - y) <= _RADIUS
    for x, y in OBSTACLES
  ]
  return np.any(inside, axis=0).astype(np.float32)


def painter(config: Config, shape: str):
  """`(position float [2]) -> picture float32 [resolution, resolution, 1]`.

  Args:
    config: static options.
    shape: of the agent.
  """
  ground = config.brightness * _obstacles()
  size, block = config.resolution, SIDE // config.resolution

  def paint(position):
    agent = _agent(position, shape, config.pictures == 'soft')
    picture = jnp.maximum(jnp.asarray(ground), agent)
    picture = picture.reshape(size, block, size, block).mean((1, 3))
    return picture[..., None]

  return paint


def _uniform(random: np.random.Generator, count: int) -> np.ndarray:
  """Legal positions, float32 [count, 2]."""
  rows = np.zeros((0, 2), np.float32)
  while len(rows) < count:
    more = random.uniform(LOW, HIGH, (2 * count, 2)).astype(np.float32)
    rows = np.concatenate([rows, more[legal(more)]])
  return rows[:count]


def tables(config: Config) -> dict[str, np.ndarray]:
  """The fixed rows: 'state', 'action', 'after' and 'other', float32 [N, 2]."""
  random = np.random.Generator(np.random.PCG64(config.table_seed))
  state = _uniform(random, config.triples)
  action = np.zeros_like(state)
  open_rows = np.arange(len(state))
  while len(open_rows):
    drawn = random.uniform(-LIMIT, LIMIT, (len(open_rows), 2))
    action[open_rows] = drawn.astype(np.float32)
    open_rows = open_rows[~legal(state[open_rows] + action[open_rows])]
  push = config.noise * random.standard_normal(state.shape)
  after = np.asarray(jax.jit(move)(state, action, push.astype(np.float32)))
  further = _uniform(random, max(config.others - config.triples, 1))
  other = np.concatenate([state, further])[: config.others]
  return {'state': state, 'action': action, 'after': after, 'other': other}


def _environment(config: Config, paint) -> types.Environment:
  goal = np.asarray(config.goal, np.float32)

  def reset(key):
    tries = jax.random.uniform(key, (_TRIES, 2), minval=LOW, maxval=HIGH)
    return tries[jnp.argmax(legal(tries))]

  def step(key, position, action):
    push = 0.0
    if config.noise:
      push = config.noise * jax.random.normal(key, (2,))
    after = move(position, action, push)
    used = jnp.clip(action, -LIMIT, LIMIT)
    away = STATE_WEIGHT * jnp.sum(jnp.square(after - goal))
    reward = -away - ACTION_WEIGHT * jnp.sum(jnp.square(used))
    return after, reward, jnp.zeros((), bool)

  return types.Environment(
    reset=reset,
    step=step,
    observe=lambda arrays, position, key: paint(position),
    legal=lambda position: jnp.zeros((0,), bool),
    num_actions=0,
    action_shape=(2,),
  )


def _check(config: Config) -> None:
  of = lambda field: f'config.dataset.{field}'
  checks.choice(of('pictures'), config.pictures, PICTURES)
  checks.integer(of('resolution'), config.resolution, 4, SIDE)
  if SIDE % config.resolution:
    rule = f'must divide {SIDE}'
    raise errors.value(of('resolution'), config.resolution, rule)
  checks.number(of('brightness'), config.brightness, 0.0, 1.0)
  if not isinstance(config.shapes, (tuple, list)) or len(config.shapes) != 2:
    rule = 'must be two shapes, of the set with actions and of the one without'
    raise errors.value(of('shapes'), config.shapes, rule)
  for shape in config.shapes:
    checks.choice(of('shapes'), shape, SHAPES)
  checks.integer(of('triples'), config.triples, 1)
  checks.integer(of('others'), config.others, 1)
  checks.number(of('noise'), config.noise, 0.0, SIDE)
  checks.integer(of('table_seed'), config.table_seed, 0)
  check_position(of('goal'), config.goal)


def check_position(field: str, position) -> None:
  """Refuses what is no legal position.

  Args:
    field: dotted name of the setting.
    position: (x, y).

  Raises:
    ConfigError: outside of the arena, in an obstacle, or no pair of numbers.
  """
  pair = checks.plain(position)
  rule = f'must be (x, y) within [{LOW}, {HIGH}]'
  if (
    not isinstance(pair, tuple)
    or len(pair) != 2
    or not all(map(checks.is_number, pair))
    or not all(LOW <= number <= HIGH for number in pair)
  ):
    raise errors.value(field, position, rule)
  if not legal(np.asarray(pair, np.float32)):
    raise errors.value(field, position, f'{rule} and outside of obstacles')


def _view(config: Config, shape: str) -> types.Dataset:
  """All legal whole pixels, seen with one shape of the agent."""
  paint = painter(config, shape)
  grid = np.asarray(GRID, np.float32)
  sizes = (len(grid), len(grid))
  points = factorial.grid(sizes)
  keep = legal(grid[points])
  numbers = np.flatnonzero(keep).astype(np.int32)
  inside = -np.log(len(numbers)).astype(np.float32)

  def render(arrays, factors, key):
    del arrays, key
    return paint(jnp.asarray(grid)[factors])

  def log_density(factors):
    flat = factorial.flat_index(factors, sizes)
    return jnp.where(jnp.asarray(keep)[flat], inside, -jnp.inf)

  def draw(key, arrays):
    del arrays
    row = factorial.uniform_factors(key, (len(numbers),))[0]
    return factorial.unflatten(jnp.asarray(numbers)[row], sizes)

  whole = factorial.make(
    name='planar',
    factor_names=FACTORS,
    factor_values=(GRID, GRID),
    observation_shape=(config.resolution, config.resolution, 1),
    render=render,
    extras={'environment': _environment(config, paint)},
  )
  return whole._replace(
    sample=factorial.sampler(draw, render, True),
    log_density=log_density,
    num_examples=len(numbers),
  )


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    The pictures of the set with actions; observations are float32 [resolution,
    resolution, 1] in [0, 1].

  Raises:
    ConfigError: an option out of range, a goal outside of the arena.
  """
  _check(config)
  first, second = (_view(config, shape) for shape in config.shapes)
  paint, paint_other = (painter(config, shape) for shape in config.shapes)
  paired = config.others <= config.triples
  # Counts of the whole grid; pixels start at 2.
  nearest = lambda p: (jnp.round(p) - GRID[0]).astype(jnp.int32)

  def one(key, arrays):
    row = factorial.uniform_factors(key, (config.triples,))[0]
    key = jax.random.fold_in(key, 1)
    other = factorial.uniform_factors(key, (config.others,))[0]
    position = arrays['state'][row]
    batch = {
      'factors': nearest(position),
      'observation': paint(position),
      'action': arrays['action'][row],
      'next_observation': paint(arrays['after'][row]),
      'other_observation': paint_other(arrays['other'][other]),
    }
    if paired:
      batch['paired_observation'] = paint(arrays['other'][other])
    return batch

  def sample(key, arrays, index):
    rows = jax.vmap(one, (0, None))(per_example.keys(key, index), arrays)
    return {**rows, 'index': index}

  fields = ['action', 'next_observation', 'other_observation']
  return first._replace(
    arrays=jax.tree.map(jnp.asarray, tables(config)),
    sample=sample,
    fields=tuple(fields + ['paired_observation'] * paired),
    extras={**first.extras, 'other': second},
    num_examples=config.triples,
  )
