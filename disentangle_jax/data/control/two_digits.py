"""Two digits on a grid, each moved by four actions of its own.

After Thomas et al. 2018, https://arxiv.org/abs/1802.09484, appendix B.1: one
digit is always odd and one always even, so that they can be told apart.
Actions, by their numbers: down, up, right, left of the odd digit, then of the
even one. A digit stays on its grid of places and may cover the other.

A state is a point of the data set's grid, int32 [K]: odd_x, odd_y, even_x,
even_y, counted in places to the right and down; where there are several odd
digits to choose from also 'odd', likewise 'even', which no action changes. No
state is an end, and no reward is given.

Deviation: digits are the strokes of `procedural.glyphs`, not MNIST's images.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial
from disentangle_jax.data.control import gridworld
from disentangle_jax.data.procedural import glyphs

POSITIONS = ('odd_x', 'odd_y', 'even_x', 'even_y')
# Of the strokes, as shares of the digit's box.
_THICKNESS, _SIZE = 0.14, 0.95


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    places: along each side of the grid.
    step: pixels between places.
    side: of a digit's box, pixels; the image has `(places - 1) * step + side`.
    odds: odd digits to draw from.
    evens: even digits to draw from.
  """

  places: int = 10
  step: int = 4
  side: int = 28
  odds: tuple[int, ...] = (3,)
  evens: tuple[int, ...] = (4,)


def actions() -> tuple[str, ...]:
  """Names of the actions, in the order of their numbers."""
  return tuple(
    f'{digit}_{move}' for digit in ('odd', 'even') for move in gridworld.MOVES
  )


def make(config: Config) -> types.Dataset:
  """The data set, with its environment.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32 [H, W, 1] in [0, 1], with
    `extras['environment']` and `extras['moves']`, int32 [8, K], what an action
    adds to the grid point.

  Raises:
    ConfigError: an option out of range.
  """
  _check(config)
  digits = {
    'odd': checks.plain(config.odds),
    'even': checks.plain(config.evens),
  }
  chosen = {name: some for name, some in digits.items() if len(some) > 1}
  names = (*POSITIONS, *chosen)
  sizes = (*(config.places,) * 4, *map(len, chosen.values()))
  moves = np.zeros((8, len(names)), np.int32)
  step = list(gridworld.MOVES.values())
  moves[:4, :2], moves[4:, 2:4] = step, step
  # Small enough to be part of the program.
  pictures = {
    name: np.asarray(jax.jit(_drawn(config.side))(np.asarray(some)))
    for name, some in digits.items()
  }
  side = (config.places - 1) * config.step + config.side

  def shown(picture, x, y):
    """float [side, side]: the digit at its place, 0 around it."""
    rows, columns = (jnp.arange(side) - k * config.step for k in (y, x))
    inside = lambda line: (line >= 0) & (line < config.side)
    near = lambda line: jnp.clip(line, 0, config.side - 1)
    image = picture[near(rows)][:, near(columns)]
    return jnp.where(inside(rows)[:, None] & inside(columns), image, 0.0)

  def observe(arrays, state, key):
    del arrays, key
    image = jnp.zeros((side, side))
    for number, (name, drawn) in enumerate(pictures.items()):
      which = state[names.index(name)] if name in chosen else 0
      x, y = state[2 * number], state[2 * number + 1]
      image += shown(jnp.asarray(drawn)[which], x, y)
    return jnp.minimum(image, 1.0)[..., None]

  def legal(state):
    target = state[:4] + jnp.asarray(moves[:, :4])
    return ((target >= 0) & (target < config.places)).all(-1)

  def act(key, state, action):
    del key
    moved = state + jnp.asarray(moves)[action]
    after = jnp.where(legal(state)[action], moved, state)
    return after, jnp.float32(0.0), jnp.zeros((), bool)

  environment = types.Environment(
    reset=lambda key: factorial.uniform_factors(key, sizes),
    step=act,
    observe=observe,
    legal=legal,
    num_actions=len(moves),
  )
  return factorial.make(
    name='two_digits',
    factor_names=names,
    factor_values=(
      *(np.arange(float(config.places)),) * 4,
      *(np.asarray(some, float) for some in chosen.values()),
    ),
    observation_shape=(side, side, 1),
    render=observe,
    extras={'environment': environment, 'moves': moves},
  )


def _drawn(side: int):
  """`(digits int [N]) -> float32 [N, side, side]`."""
  return jax.vmap(
    lambda digit: glyphs.draw(
      digit,
      jnp.float32(0.0),
      jnp.float32(_THICKNESS),
      jnp.float32(_SIZE),
      side,
    )
  )


def _check(config: Config) -> None:
  of = lambda field: f'config.dataset.{field}'
  checks.integer(of('places'), config.places, 2, 64)
  checks.integer(of('step'), config.step, 1)
  checks.integer(of('side'), config.side, 3)
  for field, rest in (('odds', 1), ('evens', 0)):
    some = checks.plain(getattr(config, field))
    legal = isinstance(some, tuple) and some and len(set(some)) == len(some)
    if not legal or any(
      not checks.is_integer(n) or not 0 <= n <= 9 or n % 2 != rest for n in some
    ):
      kind = 'odd' if rest else 'even'
      rule = f'must hold {kind} digits from 0 to 9, none of them twice'
      raise errors.value(of(field), some, rule)
