"""Policies drawn as arrows on the grid that an agent walks on."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types

# Pixels along a cell, the line around it included.
CELL = 11
_LINE, _WALL = 0.15, 0.5


def planes(data: types.Dataset) -> list[tuple[int, int]]:
  """Pairs of factors (x, y) in which things move, by their names.

  Args:
    data: whose factors may be called '<name>_x' and '<name>_y'.

  Returns:
    Numbers of the factors; [] where actions are not known as moves.
  """
  if 'moves' not in data.extras:
    return []
  names = list(data.factor_names)
  pairs = [(name, f'{name[:-2]}_y') for name in names if name.endswith('_x')]
  return [(names.index(x), names.index(y)) for x, y in pairs if y in names]


def glyph(dx: float, dy: float) -> np.ndarray:
  """float32 [CELL, CELL] in [0, 1]: an arrow, or a dot for no move.

  Args:
    dx: to the right.
    dy: down.
  """
  middle = (CELL - 1) / 2
  rows, columns = np.mgrid[:CELL, :CELL] - middle
  if not dx and not dy:
    return np.float32(np.clip(2.0 - np.hypot(rows, columns), 0, 1))
  along = np.array([dx, dy]) / np.hypot(dx, dy)
  # From the middle on, so that arrows of a spread policy stay apart.
  tip, reach = along * (middle - 0.7), 2.2
  turn = lambda a: np.array(
    [
      along[0] * np.cos(a) - along[1] * np.sin(a),
      along[0] * np.sin(a) + along[1] * np.cos(a),
    ]
  )
  ends = [
    0 * tip,
    *(tip + reach * turn(a) for a in (0.8 * np.pi, -0.8 * np.pi)),
  ]
  picture = np.zeros((CELL, CELL))
  for end in ends:
    step = end - tip
    share = ((columns - tip[0]) * step[0] + (rows - tip[1]) * step[1]) / (
      step @ step
    )
    share = np.clip(share, 0, 1)
    far = np.hypot(
      columns - tip[0] - share * step[0], rows - tip[1] - share * step[1]
    )
    picture = np.maximum(picture, np.clip(1.2 - far, 0, 1))
  return np.float32(picture)


def sheet(
  data: types.Dataset, probabilities: Callable[..., jax.Array]
) -> jax.Array:
  """A map for every plane and policy.

  Every cell shows the arrows of all actions that move in the plane, and a dot
  for those that move nothing, each as bright as it is likely. The other
  factors stand at the middle of their values; states without probability are
  grey.

  Args:
    data: of an environment, with `planes`.
    probabilities: `(observations [M, ...], legal bool [M, A]) -> float [M, n,
      A]`.

  Returns:
    float32 [planes, n, H, W, 1] in [0, 1]; smaller planes are padded.
  """
  environment, moves = data.extras['environment'], data.extras['moves']
  drawn, key = [], jax.random.key(0)
  for x, y in planes(data):
    width, height = data.factor_sizes[x], data.factor_sizes[y]
    points = np.array([size // 2 for size in data.factor_sizes], np.int32)
    points = np.tile(points, (width * height, 1))
    points[:, x] = np.tile(np.arange(width), height)
    points[:, y] = np.repeat(np.arange(height), width)
    wall = ~jnp.isfinite(data.log_density(points))
    legal = jax.vmap(environment.legal)(points)
    seen = jax.vmap(data.render, (None, 0, None))(data.arrays, points, key)
    chances = probabilities(seen, legal)  # [M, n, A]
    moving = moves[:, [x, y]].any(1) | ~moves.any(1)
    glyphs = np.stack([glyph(*move) for move in moves[:, [x, y]]])
    glyphs *= moving[:, None, None]
    cells = jnp.einsum('mna,ahw->nmhw', chances, glyphs)
    cells = jnp.where(wall[:, None, None], _WALL, jnp.minimum(cells, 1.0))
    line = np.zeros((CELL, CELL), np.float32)
    line[0], line[:, 0] = _LINE, _LINE
    cells = jnp.maximum(cells, line)
    cells = cells.reshape(-1, height, width, CELL, CELL).swapaxes(2, 3)
    drawn.append(cells.reshape(-1, height * CELL, width * CELL))
  tall, wide = (max(d.shape[k] for d in drawn) for k in (1, 2))
  padded = [
    jnp.pad(d, ((0, 0), (0, tall - d.shape[1]), (0, wide - d.shape[2])))
    for d in drawn
  ]
  return jnp.stack(padded)[..., None].astype(jnp.float32)
