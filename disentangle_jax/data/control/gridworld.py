"""An agent on a square grid, with blocks that it cannot enter and switches.

After the world of Thomas et al. 2018, "Disentangling the independently
controllable factors of variation by interacting with the world",
https://arxiv.org/abs/1802.09484, section 4: MazeBase, 64 x 64 pixels, an agent
that goes down, up, right and left anywhere but on blocks; in appendix B with
switches. Actions, by their numbers: down, up, right, left; then `more_actions`
in their order; last, where there are switches, 'toggle', which turns the switch
that the agent stands on.

The agent is drawn larger than its step, so that pictures of neighbouring cells
overlap: with cells that share no pixel an encoder may lay them out in any order
(see `methods.control.icf`). Whatever `agent` is, its box has `side` pixels and
moves by `pixels`; the image has `(cells - 1) * pixels + side` of them. Without
blocks and switches there is one channel; with them there are three: agent,
blocks, switches (half bright when off).

A state is a point of the data set's grid, int32 [2 + switches]: position_x (to
the right), position_y (down), and a 0 or 1 per switch. States inside a block
have no probability. No state is an end, and no reward is given.

Deviations: MazeBase's pictures are sprites and its blocks move from episode to
episode; a redundant action of the paper is `up_again`.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import distributions, factorial

# What each adds to (position_x, position_y).
MOVES = {'down': (0, 1), 'up': (0, -1), 'right': (1, 0), 'left': (-1, 0)}
MORE_ACTIONS = {'up_again': (0, -1), 'down_left': (-1, 1), 'stay': (0, 0)}
AGENTS = ('soft', 'square')
_OFF = 0.5


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    cells: along each side of the grid.
    blocks: cells (x, y) that the agent cannot enter.
    switches: cells (x, y) with a switch, which the agent can enter.
    more_actions: keys of MORE_ACTIONS; 'stay' is never legal, for it changes
      nothing, and serves methods that take illegal actions too.
    pixels: of a step, along each side of a cell.
    side: of the agent's box, pixels.
    agent: 'soft', a Gaussian in the middle of the box, or 'square', all of it.
    spread: standard deviation of the Gaussian, pixels.
  """

  cells: int = 8
  blocks: tuple[tuple[int, int], ...] = ()
  switches: tuple[tuple[int, int], ...] = ()
  more_actions: tuple[str, ...] = ()
  pixels: int = 8
  side: int = 8
  agent: str = 'soft'
  spread: float = 6.0


def actions(config: Config) -> tuple[str, ...]:
  """Names of the actions, in the order of their numbers."""
  toggle = ('toggle',) if len(config.switches) else ()
  return (*MOVES, *config.more_actions, *toggle)


def make(config: Config) -> types.Dataset:
  """The data set, with its environment.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32 [side, side, 1 or 3] in [0,
    1], with `extras['environment']` and `extras['moves']`, int32 [actions, K],
    what an action adds to the grid point (toggling not counted).

  Raises:
    ConfigError: an option out of range, cells outside of the grid or named
      twice, or a grid some of whose cells cannot be reached.
  """
  _check(config)
  size, count = config.cells, len(config.switches)
  blocks = _cells(config.blocks)
  free = np.ones((size, size), bool)
  free[blocks[:, 0], blocks[:, 1]] = False
  _check_reachable(config, free)
  environment, moves = _environment(config, free)
  side = (size - 1) * config.pixels + config.side
  dataset = factorial.make(
    name='gridworld',
    factor_names=(
      'position_x',
      'position_y',
      *(f'switch_{k}' for k in range(count)),
    ),
    factor_values=(*(np.arange(float(size)),) * 2, *(np.arange(2.0),) * count),
    observation_shape=(side, side, 3 if len(blocks) or count else 1),
    render=environment.observe,
    extras={'environment': environment, 'moves': moves},
  )
  if not len(blocks):
    return dataset
  inside = lambda points: ~free[points[:, 0], points[:, 1]]
  return distributions.held_out(dataset, inside)


def _cells(given) -> np.ndarray:
  """int [N, 2] of a tuple of pairs."""
  return np.asarray(checks.plain(given), int).reshape(-1, 2)


def _environment(
  config: Config, free: np.ndarray
) -> tuple[types.Environment, np.ndarray]:
  """Pure functions of a state, and what actions add to it."""
  names, size = actions(config), config.cells
  known = {**MOVES, **MORE_ACTIONS, 'toggle': (0, 0)}
  switches = _cells(config.switches)
  moves = np.zeros((len(names), 2 + len(switches)), np.int32)
  moves[:, :2] = [known[name] for name in names]
  walks = moves.any(axis=1)
  can_toggle = np.array([name == 'toggle' for name in names])

  def stands_on(state):
    """bool [switches]."""
    return (state[:2] == jnp.asarray(switches)).all(-1)

  def legal(state):
    target = state[:2] + jnp.asarray(moves[:, :2])
    inside = ((target >= 0) & (target < size)).all(-1)
    x, y = jnp.clip(target, 0, size - 1).T
    possible = jnp.asarray(walks) & inside & jnp.asarray(free)[x, y]
    return possible | (jnp.asarray(can_toggle) & stands_on(state).any())

  def reset(key):
    cells = jnp.asarray(np.argwhere(free), jnp.int32)
    number = factorial.uniform_factors(key, (len(cells),))
    lights = factorial.uniform_factors(
      jax.random.fold_in(key, 1), (2,) * len(switches)
    )
    return jnp.concatenate([cells[number[0]], lights])

  def step(key, state, action):
    del key
    turned = jnp.where(
      jnp.asarray(can_toggle)[action] & stands_on(state),
      1 - state[2:],
      state[2:],
    )
    moved = state[:2] + jnp.asarray(moves)[action, :2]
    after = jnp.where(
      legal(state)[action], jnp.concatenate([moved, turned]), state
    )
    return after, jnp.float32(0.0), jnp.zeros((), bool)

  environment = types.Environment(
    reset=reset,
    step=step,
    observe=_renderer(config),
    legal=legal,
    num_actions=len(names),
  )
  return environment, moves


def _renderer(config: Config):
  """`(arrays, state, key) -> float32 [side, side, C]`."""
  pixels, box = config.pixels, config.side
  side = (config.cells - 1) * pixels + box
  ruler = np.arange(side) + 0.5

  def cell_masks(cells):
    """bool [N, side, side]: the middle of each cell's box, a step wide."""
    start = cells * pixels + (box - pixels) // 2
    along = [
      (ruler > start[:, k, None]) & (ruler < start[:, k, None] + pixels)
      for k in range(2)
    ]
    return along[1][:, :, None] & along[0][:, None, :]

  blocks = cell_masks(_cells(config.blocks)).any(0)
  lamps = cell_masks(_cells(config.switches))

  def agent(state):
    offset = jnp.asarray(ruler, jnp.float32) - (
      state[:2, None] * pixels + box / 2
    )
    if config.agent == 'soft':
      along = jnp.exp(-jnp.square(offset / config.spread) / 2)
    else:
      along = (jnp.abs(offset) < box / 2).astype(jnp.float32)
    return along[1][:, None] * along[0][None, :]

  def observe(arrays, state, key):
    del arrays, key
    image = agent(state)[..., None]
    if not len(lamps) and not blocks.any():
      return image
    bright = jnp.where(state[2:] > 0, 1.0, _OFF)[:, None, None]
    lit = jnp.max(jnp.where(lamps, bright, 0.0), axis=0, initial=0.0)
    walls = jnp.broadcast_to(blocks.astype(np.float32), lit.shape)
    return jnp.concatenate([image, walls[..., None], lit[..., None]], axis=-1)

  return observe


def _check(config: Config) -> None:
  of = lambda field: f'config.dataset.{field}'
  checks.integer(of('cells'), config.cells, 2, 64)
  for field in ('pixels', 'side'):
    checks.integer(of(field), getattr(config, field), 1)
  checks.choice(of('agent'), config.agent, AGENTS)
  if config.side < config.pixels:
    rule = f'must be at least a step, config.dataset.pixels = {config.pixels}'
    raise errors.value(of('side'), config.side, rule)
  checks.number(of('spread'), config.spread, 1e-3, 1e3)
  for name in config.more_actions:
    checks.choice(of('more_actions'), name, MORE_ACTIONS)
  if len(set(config.more_actions)) < len(config.more_actions):
    rule = 'must name each action once'
    raise errors.value(of('more_actions'), config.more_actions, rule)
  taken = []
  for field in ('blocks', 'switches'):
    given = checks.plain(getattr(config, field))
    for cell in given:
      legal = (
        isinstance(cell, tuple)
        and len(cell) == 2
        and all(checks.is_integer(n) and 0 <= n < config.cells for n in cell)
      )
      if not legal or cell in taken:
        rule = (
          f'must hold cells (x, y) from 0 to {config.cells - 1}, none of them '
          'twice or with both a block and a switch'
        )
        raise errors.value(of(field), given, rule)
      taken.append(cell)


def _check_reachable(config: Config, free: np.ndarray) -> None:
  """Refuses a grid whose free cells do not hang together."""
  cells = set(map(tuple, np.argwhere(free).tolist()))
  edge = [min(cells)] if cells else []
  reached = set(edge)
  while edge:
    x, y = edge.pop()
    for dx, dy in MOVES.values():
      cell = (x + dx, y + dy)
      if cell in cells - reached:
        reached.add(cell)
        edge.append(cell)
  if len(cells) < 2 or reached != cells:
    missing = sorted(cells - reached)
    rule = (
      f'leaves cells that cannot be reached, such as {missing[0]}'
      if missing
      else 'leaves fewer than two cells'
    )
    blocks = checks.plain(config.blocks)
    raise errors.value('config.dataset.blocks', blocks, rule)
